"""What is put into the store comes out again, once, whole, and to its owner only."""

from __future__ import annotations

import asyncio
import hashlib
import resource
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from muralist.runs.leases import holding
from muralist.storage import FileStore, check_database
from muralist.storage.processes import Processes
from muralist.storage.schema import FIRST
from muralist.tools.errors import NotFound, PreconditionFailed, StoreError
from muralist.tools.job import Job
from muralist.tools.layout import Layout
from muralist.tools.ports import Lease
from muralist.tools.run import Event, Run
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


async def test_a_picture_has_a_file_that_others_can_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = FileStore(Path("home"))
    path = await store.path_of(await store.put_image("run", noise(), {}))
    assert path.is_absolute()
    with Image.open(path) as picture:
        assert (picture.format, picture.tobytes()) == ("PNG", noise().tobytes())
    with pytest.raises(NotFound):
        await store.path_of("run-2")


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


async def test_only_its_owner_may_read_the_files(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    await store.put_image("run", noise(), {})
    for file in files(tmp_path, ".sqlite", ".png"):
        assert file.stat().st_mode & 0o077 == 0


async def test_what_is_done_once_is_written_with_the_ledger_or_not_at_all(tmp_path: Path) -> None:
    store, run = FileStore(tmp_path), Run.open()
    event = Event(run_id=run.run_id, seq=0, kind="opened", data={"prompt": "a cat"})
    await store.save_run(run, 0, journal={"call": {"text": "done"}}, events=[event], snapshot=True)
    with pytest.raises(StoreError):
        await store.save_run(run, 0, journal={"other": {}}, events=[event.model_copy(update={"seq": 1})])
    assert await store.recall(run.run_id, "call", "other") == {"call": {"text": "done"}}
    assert await store.events(run.run_id) == [event]
    assert await store.snapshot(run.run_id, 1) == run
    await store.save_run(run, 1, journal={"call": None})
    assert await store.recall(run.run_id, "call") == {}


async def test_a_run_has_one_holder_until_that_one_lets_go_or_dies(tmp_path: Path) -> None:
    store, other, run = FileStore(tmp_path), FileStore(tmp_path), Run.open()
    await store.save_run(run, 0)
    lease = await store.acquire(run.run_id)
    for second in (store, other):
        with pytest.raises(PreconditionFailed, match="is being worked on"):
            await second.acquire(run.run_id)
    with pytest.raises(PreconditionFailed):
        await other.remove_run(run.run_id, "local")
    await store.release(lease)
    later = await other.acquire(run.run_id)
    assert later.fence > lease.fence
    other.processes.leave()  # as the system does for one that dies
    assert (await store.acquire(run.run_id)).fence > later.fence


async def test_whoever_is_cancelled_while_it_takes_a_run_lets_go_of_it(tmp_path: Path) -> None:
    store, taken = FileStore(tmp_path), threading.Event()
    acquire = store._acquire

    def slowly(run_id: str) -> Lease:
        lease = acquire(run_id)
        taken.set()
        time.sleep(0.1)
        return lease

    store._acquire = slowly  # type: ignore[method-assign]

    async def work() -> None:
        async with holding(store, "run", lambda: None):
            raise AssertionError("it was cancelled before")

    working = asyncio.ensure_future(work())
    await asyncio.to_thread(taken.wait)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert not await store.held("run")


def test_what_dead_processes_have_left_is_cleared_away_and_the_living_stay(tmp_path: Path) -> None:
    alive, new = Processes(tmp_path), Processes(tmp_path)
    alive.enter()
    (tmp_path / "processes" / "killed.lock").touch()
    new.enter()
    assert {file.stem for file in (tmp_path / "processes").glob("*.lock")} == {alive.own, new.own}
    assert new.alive(alive.own)
    for each in (alive, new):
        each.leave()


async def test_a_holder_that_was_frozen_cannot_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frozen, other, run = FileStore(tmp_path), FileStore(tmp_path), Run.open()
    await frozen.save_run(run, 0)
    lease = await frozen.acquire(run.run_id)
    monkeypatch.setattr("muralist.storage.leases.FROZEN", 0.0)
    taken = await other.acquire(run.run_id)
    assert not await frozen.renew(lease)
    for write in (
        frozen.save_run(run.changed(reason="late"), 1, lease),
        frozen.put_image(run.run_id, noise(), {}, lease),
        frozen.record(run.run_id, "key", {}, lease),
    ):
        with pytest.raises(StoreError, match="was taken over by another process"):
            await write
    await frozen.release(lease)
    assert await other.renew(taken)
    assert await other.save_run(run, 1, taken) == 2


def masked(run: Run, mask_id: str) -> Run:
    """The run with a layout whose one region has that mask."""
    region = {"prompt": "a cup", "x0": 0, "y0": 0, "x1": 1, "y1": 1, "mask_id": mask_id}
    return run.changed(layout=Layout.model_validate({"regions": [region], "base_prompt": "a cup"}))


async def test_a_removed_run_takes_its_pictures_with_it_but_no_one_elses(tmp_path: Path) -> None:
    store, run, child = FileStore(tmp_path), Run.open(), Run.open()
    for each in (run, child):
        await store.save_run(each, 0)
    for seed in (0, 1):
        await store.put_image(run.run_id, noise(seed), {})
    own, shared = [await store.put_mask(data) for data in (b"own", b"shared")]
    await store.save_run(masked(run, own), 1)
    await store.save_run(masked(run, shared), 2)
    await store.save_run(masked(child, shared), 1)
    await store.copy_images(run.run_id, child.run_id)
    alone = await store.put_image(run.run_id, noise(2), {})
    await store.remove_run(run.run_id, "local")
    with pytest.raises(NotFound):
        await store.load_run(run.run_id, "local")
    with pytest.raises(NotFound):
        await store.get_image(alone)
    assert len(files(tmp_path, ".png")) == 2
    assert (await store.get_image(f"{child.run_id}-2")).tobytes() == noise(1).tobytes()
    assert await store.get_mask(shared) == b"shared"
    with pytest.raises(NotFound):
        await store.get_mask(own)
    await store.remove_run(child.run_id, "local")
    assert not files(tmp_path, ".png") + files(tmp_path, ".mask")


async def test_a_run_that_goes_takes_no_picture_that_another_is_about_to_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, other, run = FileStore(tmp_path), FileStore(tmp_path), Run.open()
    await other.save_run(run, 0)
    await other.put_image(run.run_id, noise(), {})
    put = store.blobs.put
    removal = threading.Thread(target=lambda: asyncio.run(other.remove_run(run.run_id, "local")))

    def slowly(data: bytes, suffix: str) -> str:
        sha256 = put(data, suffix)
        removal.start()
        removal.join(0.3)
        return sha256

    monkeypatch.setattr(store.blobs, "put", slowly)
    image_id = await store.put_image("mine", noise(), {})
    await asyncio.to_thread(removal.join)
    assert (await store.get_image(image_id)).tobytes() == noise().tobytes()


async def test_a_run_whose_mask_went_with_another_is_not_saved(tmp_path: Path) -> None:
    store, gone, run = FileStore(tmp_path), Run.open(), Run.open()
    mask_id = await store.put_mask(b"weights")
    await store.save_run(masked(gone, mask_id), 0)
    assert await store.put_mask(b"weights") == mask_id
    await store.remove_run(gone.run_id, "local")
    with pytest.raises(StoreError, match="went with another run: plan again, with the mask"):
        await store.save_run(masked(run, mask_id), 0)
    with pytest.raises(NotFound):
        await store.load_run(run.run_id, "local")
    await store.save_run(masked(run, await store.put_mask(b"weights")), 0)


async def test_the_pictures_of_a_run_that_is_gone_cannot_be_copied(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no run gone"):
        await FileStore(tmp_path).copy_images("gone", "child")


async def test_a_mask_is_kept_by_its_bytes(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    mask_id = await store.put_mask(b"weights")
    assert (await store.put_mask(b"weights"), await store.get_mask(mask_id)) == (mask_id, b"weights")
    for wrong in ("0" * 64, "../../etc/passwd", ""):
        with pytest.raises(NotFound):
            await store.get_mask(wrong)


async def test_an_older_home_is_carried_over(tmp_path: Path) -> None:
    run = Run.open()
    with closing(sqlite3.connect(tmp_path / "muralist.sqlite")) as db, db:
        for statement in FIRST:
            db.execute(statement)
        db.execute("INSERT INTO runs VALUES (?, 'local', 3, ?)", (run.run_id, run.model_dump_json()))
    jobs = [
        Job(job_id=name, owner="local", tool="generate_image", status=status, created=1.0)
        for name, status in (("done", "done"), ("live", "working"))
    ]  # fmt: skip
    with closing(sqlite3.connect(tmp_path / "jobs.sqlite")) as db, db:
        db.execute("CREATE TABLE jobs (job_id TEXT, owner TEXT, server TEXT, cancel INTEGER, created REAL, body TEXT)")
        db.execute("INSERT INTO jobs VALUES ('older', 'local', '', 0, 1.0, '{}')")
        for job in jobs:
            db.execute("INSERT INTO jobs VALUES (?, 'local', '', 0, 1.0, ?)", (job.job_id, job.model_dump_json()))
    store = FileStore(tmp_path)
    assert await store.load_run(run.run_id, "local") == (run, 3)
    assert await store.save_run(run, 3) == 4
    assert [store.get_job(job.job_id, "local").status for job in jobs] == ["done", "failed"]


async def test_a_home_of_before_masks_were_counted_is_carried_over(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    run, mask_id = Run.open(), await store.put_mask(b"weights")
    await store.save_run(masked(run, mask_id), 0)
    await store.save_run(run, 1, snapshot=True)
    store.close()
    with closing(sqlite3.connect(tmp_path / "muralist.sqlite")) as db, db:
        db.execute("UPDATE runs SET body=?", (masked(run, mask_id).model_dump_json(),))
        db.execute("DROP TABLE masks")
        db.execute("PRAGMA user_version=2")
    store = FileStore(tmp_path)
    assert (await store.load_run(run.run_id, "local"))[1] == 2
    with closing(sqlite3.connect(tmp_path / "muralist.sqlite")) as db:
        assert db.execute("SELECT run_id, mask_id FROM masks").fetchall() == [(run.run_id, mask_id)]


@pytest.mark.parametrize("version", [0, 1, 3])
async def test_a_database_of_another_program_is_refused_and_left_as_it_was(tmp_path: Path, version: int) -> None:
    path = tmp_path / "muralist.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE recipes (name TEXT)")
        db.execute(f"PRAGMA user_version={version}")
    before = path.read_bytes()
    told = r"is damaged or not muralist's \(it has other tables\): move it away, or choose another folder"
    for use in (lambda: FileStore(tmp_path).runs("local", 9), lambda: FileStore(tmp_path).save_run(Run.open(), 0)):
        with pytest.raises(StoreError, match=told):
            await use()
    with pytest.raises(StoreError, match=told):
        check_database(tmp_path)
    assert path.read_bytes() == before


async def test_a_database_that_lacks_a_table_is_told(tmp_path: Path) -> None:
    await FileStore(tmp_path).save_run(Run.open(), 0)
    with closing(sqlite3.connect(tmp_path / "muralist.sqlite")) as db:
        db.execute("DROP TABLE images")
    with pytest.raises(StoreError, match=r"not muralist's \(no such table: images\): move it away"):
        await FileStore(tmp_path).images("local", 9)


async def test_a_home_of_a_newer_version_is_told(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "muralist.sqlite")) as db:
        db.execute("PRAGMA user_version=99")
        db.execute("CREATE TABLE runs (x)")
    with pytest.raises(StoreError, match="was written by a newer version of muralist: upgrade"):
        await FileStore(tmp_path).load_run("run", "local")


async def test_a_folder_that_is_deleted_meanwhile_is_made_anew(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "home")
    await store.save_run(Run(run_id="one"), 0)
    shutil.rmtree(tmp_path / "home")
    with pytest.raises(NotFound):
        await store.load_run("one", "local")
    await store.save_run(Run(run_id="two"), 0)
    assert [run.run_id for run in await FileStore(tmp_path / "home").runs("local", 9)] == ["two"]


async def test_a_run_that_cannot_be_read_leaves_the_others_usable(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    for name in ("good", "bad"):
        await store.save_run(Run(run_id=name), 0)
    with closing(sqlite3.connect(tmp_path / "muralist.sqlite", isolation_level=None)) as db:
        db.execute("UPDATE runs SET body='{}' WHERE run_id='bad'")
    assert [run.run_id for run in await store.runs("local", 9)] == ["good"]
