"""What is put into the store comes out again, once, whole, and to its owner only."""

from __future__ import annotations

import asyncio
import hashlib
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from muralist.diffusion import FileStore
from muralist.tools.errors import NotFound, StoreError
from muralist.tools.run import Run
from muralist.tools.verdict import Verdict


def noise(seed: int = 0, side: int = 32) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (side, side, 3), np.uint8))


def files(folder: Path, *suffixes: str) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.name.endswith(suffixes))


def verdict(question: str) -> Verdict:
    return Verdict(question_id=question, status="pass", p=0.9, source="test")


async def test_a_picture_comes_back_pixel_by_pixel_with_its_metadata(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    image_id = await store.put_image("run", noise(), {"seed": 3, "action": "paint"})
    assert image_id == "run-1"
    again = FileStore(tmp_path)
    assert (await again.get_image(image_id)).tobytes() == noise().tobytes()
    metadata = await again.metadata(image_id)
    blob = files(tmp_path, ".png")[0]
    assert metadata == {"seed": 3, "action": "paint", "sha256": hashlib.sha256(blob.read_bytes()).hexdigest()}


async def test_the_same_picture_with_the_same_metadata_keeps_its_id(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    ids = [await store.put_image("run", noise(seed), {"b": 1, "a": a}) for seed, a in [(0, 1), (0, 1), (0, 2), (1, 1)]]
    ids.append(await store.put_image("run", noise(0), {"a": 1, "b": 1}))
    ids.append(await store.put_image("other", noise(0), {"a": 1, "b": 1}))
    assert ids == ["run-1", "run-1", "run-2", "run-3", "run-1", "other-1"]
    assert len(files(tmp_path, ".png")) == 2


async def test_pictures_put_at_once_get_different_ids(tmp_path: Path) -> None:
    stores = [FileStore(tmp_path) for _ in range(2)]
    ids = await asyncio.gather(*(stores[i % 2].put_image("run", noise(i), {}) for i in range(12)))
    assert sorted(ids) == sorted(f"run-{i}" for i in range(1, 13))


async def test_verdicts_are_added_and_never_replaced(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    image_id = await store.put_image("run", noise(), {})
    assert await store.verdicts(image_id) == []
    await store.append_verdicts(image_id, [verdict("a"), verdict("b")])
    await store.append_verdicts(image_id, [verdict("a")])
    assert [each.question_id for each in await store.verdicts(image_id)] == ["a", "b", "a"]


async def test_a_run_is_saved_only_over_the_version_that_was_loaded(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    run = Run.open(owner="ann")
    assert await store.save_run(run, 0) == 1
    assert await store.save_run(run.changed(reason="first"), 1) == 2
    with pytest.raises(StoreError, match="no longer at version 1"):
        await store.save_run(run.changed(reason="late"), 1)
    with pytest.raises(StoreError, match="no longer at version 0"):
        await store.save_run(run, 0)
    loaded, version = await store.load_run(run.run_id, "ann")
    assert (loaded.reason, version) == ("first", 2)


async def test_of_many_writers_at_once_exactly_one_wins(tmp_path: Path) -> None:
    store, run = FileStore(tmp_path), Run.open()
    await store.save_run(run, 0)
    results = await asyncio.gather(
        *(store.save_run(run.changed(reason=str(i)), 1) for i in range(8)), return_exceptions=True
    )
    assert [result for result in results if not isinstance(result, StoreError)] == [2]


async def test_another_owner_finds_no_run_and_cannot_write_it(tmp_path: Path) -> None:
    store, run = FileStore(tmp_path), Run.open(owner="ann")
    await store.save_run(run, 0)
    with pytest.raises(NotFound):
        await store.load_run(run.run_id, "bob")
    with pytest.raises(StoreError):
        await store.save_run(run.changed(owner="bob"), 1)
    assert (await store.load_run(run.run_id, "ann"))[0].owner == "ann"


@pytest.mark.parametrize(
    "image_id", ["run-9", "run", "run-0", "run-01", "../../etc/passwd-1", "run/../x-1", "run-1\n", "", "-1", "a" * 99]
)
async def test_an_id_that_names_nothing_is_not_found(tmp_path: Path, image_id: str) -> None:
    store = FileStore(tmp_path)
    await store.put_image("run", noise(), {})
    for question in (store.get_image, store.metadata, store.verdicts):
        with pytest.raises(NotFound):
            await question(image_id)
    with pytest.raises(NotFound):
        await store.append_verdicts(image_id, [verdict("a")])


@pytest.mark.parametrize("run_id", ["../up", "a/b", "", ".", "a" * 65, "run\n", "a b"])
async def test_a_run_id_that_could_be_a_path_is_refused(tmp_path: Path, run_id: str) -> None:
    store = FileStore(tmp_path / "store")
    with pytest.raises(StoreError, match="no run id"):
        await store.put_image(run_id, noise(), {})
    with pytest.raises(StoreError, match="no run id"):
        await store.save_run(Run(run_id=run_id), 0)
    assert not files(tmp_path, "")


async def test_an_empty_store_says_so_and_makes_no_folder(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        await FileStore(tmp_path / "none").load_run("run", "local")
    assert not files(tmp_path, "")


async def test_a_folder_that_cannot_be_made_is_a_one_line_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = FileStore(tmp_path / "file" / "store")
    with pytest.raises(StoreError, match="choose a folder that can be written") as caught:
        await store.put_image("run", noise(), {})
    assert "\n" not in str(caught.value)
    with pytest.raises(StoreError):
        await store.save_run(Run.open(), 0)


@contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    """The kernel refuses to write beyond: what a full disk looks like to a program."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_disk_that_fills_up_leaves_nothing_half_written(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    await store.put_image("run", noise(), {})
    before = files(tmp_path, ".png", ".part")
    with files_limited_to(100_000), pytest.raises(StoreError, match="cannot use the folder"):
        await store.put_image("run", noise(1, side=256), {})
    assert files(tmp_path, ".png", ".part") == before
    assert await store.put_image("run", noise(2), {}) == "run-2"


async def test_a_run_that_does_not_fit_leaves_the_old_one(tmp_path: Path) -> None:
    store, run = FileStore(tmp_path), Run.open()
    await store.save_run(run, 0)
    size = (tmp_path / "muralist.sqlite").stat().st_size
    with files_limited_to(size), pytest.raises(StoreError, match="cannot use the folder"):
        await store.save_run(run.changed(reason="x" * 200_000), 1)
    assert await store.load_run(run.run_id, "local") == (run, 1)


async def test_a_damaged_picture_is_told_from_a_good_one(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    image_id = await store.put_image("run", noise(), {})
    blob = files(tmp_path, ".png")[0]
    blob.write_bytes(blob.read_bytes()[:-20])
    with pytest.raises(StoreError, match="damaged"):
        await store.get_image(image_id)
    assert await store.put_image("run", noise(), {}) == image_id, "putting it again mends it"
    assert (await store.get_image(image_id)).tobytes() == noise().tobytes()


async def test_a_file_that_is_no_database_is_a_one_line_error(tmp_path: Path) -> None:
    (tmp_path / "muralist.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError, match="not a database"):
        await FileStore(tmp_path).load_run("run", "local")


async def test_a_ledger_of_another_version_is_told(tmp_path: Path) -> None:
    store, run = FileStore(tmp_path), Run.open()
    await store.save_run(run, 0)
    with sqlite3.connect(tmp_path / "muralist.sqlite") as db:
        db.execute("UPDATE runs SET body='{}'")
    db.close()
    with pytest.raises(StoreError, match="another version"):
        await store.load_run(run.run_id, "local")


async def test_metadata_that_is_not_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="not JSON"):
        await FileStore(tmp_path).put_image("run", noise(), {"when": object()})
    with pytest.raises(StoreError, match="not JSON"):
        await FileStore(tmp_path).put_image("run", noise(), {"p": float("nan")})
