"""A run is painted at the model's own size, steps and guidance, and with what its settings put on the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from block_world import BlockInspector, BlockPainter
from tiny_pipelines import tiny

import muralist
from muralist.agent.settings import load
from muralist.runs.parts import settings_of
from muralist.runs.service import RunService
from muralist.tools.errors import BadSettings
from muralist.tools.profile import Profile

PROMPT = "a red cup to the left of a blue book"


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MURALIST_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MURALIST_THREADS", "1")
    monkeypatch.setenv("MURALIST_INSPECTOR", "caller")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    place = tmp_path_factory.mktemp("models") / "xl"
    tiny("SDXL").save_pretrained(place)
    return str(place)


async def opened(**settings: Any) -> muralist.Run:
    return await RunService(load(**settings)).open(PROMPT)


async def test_what_is_left_out_is_the_models_own_and_is_frozen(folder: str) -> None:
    options = (await opened(backbone=folder)).options
    assert (options.width, options.height, options.steps, options.guidance) == (128, 128, 30, 5.0)


async def test_what_is_said_goes_first(folder: str) -> None:
    options = (await opened(backbone=folder, width=64, steps=7, guidance=0)).options
    assert (options.width, options.height, options.steps, options.guidance) == (64, 128, 7, 0.0)


async def test_the_shipped_model_is_painted_as_ever() -> None:
    options = (await opened()).options
    assert (options.width, options.height, options.steps, options.guidance) == (128, 128, 20, 4.0)


async def test_what_changes_the_bytes_stays_with_a_run_and_where_it_is_loaded_does_not(folder: str) -> None:
    said = {"scheduler": "ddim", "dtype": "float32", "vae": f"{folder}/vae", "offload": "none", "device": "cpu"}
    run = await opened(backbone=folder, **said)
    assert {name: run.parts.get(name) for name in said} == {**said, "offload": None, "device": None}
    today = settings_of(run, load(backbone="picturebook", scheduler="euler"))
    assert (today.backbone, today.scheduler, today.vae, today.steps) == (folder, "ddim", said["vae"], 30)


async def test_a_painter_that_is_plugged_in_says_how_it_paints_best() -> None:
    painter = BlockPainter()
    painter.profile = Profile(width=96, height=64, steps=2, guidance=1.5, base_ratio=0.2)  # type: ignore[attr-defined]
    result = await muralist.adraw(PROMPT, painter=painter, inspector=BlockInspector(), images=1)
    options = result.run.options
    assert (result.image.size, options.steps, options.guidance) == ((96, 64), 2, 1.5)
    assert result.layout.base_ratio == 0.2


async def test_a_run_is_painted_to_its_end_with_what_was_put_on_the_model(folder: str) -> None:
    how: dict[str, Any] = {"backbone": folder, "steps": 2, "width": 64, "height": 64, "images": 1}
    plain = await muralist.adraw(PROMPT, **how)
    other = await muralist.adraw(PROMPT, scheduler="euler-ancestral", **how)
    again = await muralist.adraw(PROMPT, **how)
    assert plain.image.tobytes() == again.image.tobytes()
    assert plain.image.tobytes() != other.image.tobytes()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"scheduler": "best"}, "there is no scheduler 'best'"),
        ({"quantize": "tiny"}, "quantize is 'tiny': input should be 'bnb-8bit'"),
        ({"lora": "a:0.5,a"}, "name each lora once"),
        ({"offload": "far"}, "offload is 'far'"),
    ],
)
async def test_what_is_no_setting_is_told_before_there_is_a_run(
    folder: str, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadSettings, match=message):
        await opened(backbone=folder, **settings)


async def test_a_negative_prompt_that_would_do_nothing_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "tiny-turbo"
    tiny("SDXL").save_pretrained(place)
    service = RunService(load(backbone=str(place)))
    with pytest.raises(BadSettings, match=r"\(SDXL Turbo\) heeds no negative prompt at guidance 0: leave it out"):
        await service.open(PROMPT, negative_prompt="rain")
    guided = RunService(load(backbone=str(place), guidance=2.0))
    assert (await guided.open(PROMPT, negative_prompt="rain")).options.guidance == 2.0
