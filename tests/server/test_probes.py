"""What a load balancer is told, without a login and by whatever name it asks."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from in_process import asking

from muralist.agent.settings import Settings
from muralist.server.application import Application
from muralist.server.http.app import http_app
from muralist.server.settings import ServerSettings
from muralist.tools import device_health

GUARDED = ServerSettings(bearer_tokens={"ann": "a-token-of-ann-0123"})


async def asked(path: str, application: Application, host: str = "10.0.0.7") -> httpx.Response:
    async with asking(http_app(application)) as client:
        return await client.get(path, headers={"Host": host})


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


def assert_refused(answer: httpx.Response, said: str, *hidden: str) -> None:
    assert answer.status_code == 503
    assert answer.text.startswith("not ready: ")
    assert said in answer.text
    assert len(answer.text.splitlines()) == 1
    assert not any(each in answer.text for each in hidden)


@pytest.mark.parametrize("host", ["10.0.0.7", "10.0.0.7:8321", "paint.internal", ""])
@pytest.mark.parametrize(("path", "said"), [("/healthz", "ok"), ("/readyz", "ready")])
async def test_it_says_that_it_lives_and_can_paint_by_whatever_name_it_is_asked(
    path: str, said: str, host: str
) -> None:
    answer = await asked(path, Application(Settings(), GUARDED), host)
    assert (answer.status_code, answer.text) == (200, said)
    assert answer.headers["cache-control"] == "no-store"


async def test_to_ask_makes_nothing(tmp_path: Path) -> None:
    application = Application(Settings(), GUARDED)
    async with asking(http_app(application)) as client:
        before = files(tmp_path)
        assert (await client.get("/readyz")).text == "ready"
        assert files(tmp_path) == before


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"backbone": "nosuch-secret"}, "MURALIST_BACKBONE"),
        ({"inspector": "nosuch-secret"}, "MURALIST_INSPECTOR"),
        ({"inspector": "mllm"}, "MURALIST_INSPECTOR"),
        ({"model": "nosuch-secret"}, "MURALIST_MODEL"),
    ],
)
async def test_a_part_that_cannot_be_had_makes_it_unready_and_its_name_is_not_told(
    part: dict[str, str], said: str
) -> None:
    application = Application(Settings(**part), GUARDED)
    assert_refused(await asked("/readyz", application), said, "secret")
    assert (await asked("/healthz", application)).text == "ok"


async def test_a_home_folder_that_is_full_makes_it_unready(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "much").write_bytes(bytes(2 << 20))
    application = Application(Settings(), GUARDED.model_copy(update={"disk_mb": 1}))
    assert_refused(await asked("/readyz", application), "MURALIST_DISK_MB", str(tmp_path))


async def test_a_home_folder_that_cannot_be_written_makes_it_unready(tmp_path: Path) -> None:
    async with asking(http_app(Application(Settings(), GUARDED))) as client:
        (tmp_path / "home").rename(tmp_path / "elsewhere")
        (tmp_path / "home").write_text("a file")
        assert_refused(await client.get("/readyz"), "MURALIST_HOME", str(tmp_path))


async def test_a_gpu_that_is_lost_makes_it_unready_until_it_is_restarted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_health, "_lost", {})
    application = Application(Settings(), GUARDED)
    assert (await asked("/readyz", application)).text == "ready"
    device_health.lost("cuda", RuntimeError("CUDA error: an illegal memory access was encountered\nmore"))
    for _ in range(2):
        assert_refused(await asked("/readyz", application), "'cuda' went wrong for good", "\nmore")
    assert (await asked("/healthz", application)).text == "ok"
