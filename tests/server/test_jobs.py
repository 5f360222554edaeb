"""Painting outlives the call that began it: jobs, as an assistant meets them."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from pathlib import Path
from typing import Any

import anyio
import pytest
from block_world import BlockPainter, install
from held_painter import HeldPainter
from mcp import Client
from mcp_client import PROMPT, served, structure, text

import muralist
from muralist.server.jobs import Jobs
from muralist.storage import FileStore
from muralist.tools.errors import NotFound, PreconditionFailed
from muralist.tools.job import Job


class Gate:
    """Holds the painter at its first step until it is opened."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()

    def __call__(self, *_: Any) -> None:
        self.reached.set()
        assert self.opened.wait(60), "nobody opened the gate"


@pytest.fixture
def gate() -> Gate:
    gate = Gate()
    install(BlockPainter(faults={1: [1]}, on_paint=gate))
    return gate


@pytest.fixture
def second_begun() -> threading.Event:
    """Set once the painter is at seed 2, where it holds its brush until it is told to stop; at seed 1 it errs."""
    reached = threading.Event()
    install(HeldPainter(faults={1: [1]}, holds_at=2, on_hold=reached.set))
    return reached


async def begun(client: Client, **arguments: Any) -> str:
    working = structure(await client.call_tool("generate_image", {"prompt": PROMPT, "wait_seconds": 0, **arguments}))
    assert working["status"] in ("queued", "working")
    assert working["job_id"] == working["run_id"]
    assert "get_job" in working["next"]
    return str(working["job_id"])


async def got(client: Client, job_id: str, wait_seconds: float = 20) -> dict[str, Any]:
    return structure(await client.call_tool("get_job", {"job_id": job_id, "wait_seconds": wait_seconds}))


async def test_a_picture_that_takes_longer_than_the_call_may_wait_is_fetched_later(gate: Gate) -> None:
    async with served() as client:
        job_id = await begun(client)
        still = await got(client, job_id, 0)
        assert still["status"] in ("queued", "working")
        gate.opened.set()
        done = await got(client, job_id)
        assert (done["status"], done["passed"], done["run_id"]) == ("done", True, job_id)
        # It is the same when it is asked for once more.
        again = await got(client, job_id, 0)
        assert again["image_id"] == done["image_id"]


async def test_a_call_that_its_client_gives_up_leaves_the_job_alone(gate: Gate) -> None:
    async with served() as client:
        job_id = await begun(client)
        with anyio.move_on_after(0.2) as scope:
            await client.call_tool("get_job", {"job_id": job_id})
        assert scope.cancelled_caught
        gate.opened.set()
        assert (await got(client, job_id))["status"] == "done"


async def test_a_job_whose_id_got_lost_is_the_latest_one(gate: Gate) -> None:
    async with served() as client:
        assert "there is no job yet" in text(await client.call_tool("get_job", {}))
        job_id = await begun(client)
        gate.opened.set()
        found = structure(await client.call_tool("get_job", {}))
        assert (found["job_id"], found["status"]) == (job_id, "done")


async def test_progress_only_grows_and_goes_on_while_nothing_happens(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("muralist.server.jobs.jobs.HEARTBEAT", 0.02)
    reports: list[float] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        assert total is not None
        assert progress <= total
        reports.append(progress)
        if len(reports) == 5:
            gate.opened.set()

    async with served() as client:
        result = await client.call_tool("generate_image", {"prompt": PROMPT}, progress_callback=note)
        assert structure(result)["passed"]
    assert reports == sorted(set(reports))
    assert reports[-1] >= 0.9


@pytest.mark.parametrize("tool", ["generate_image", "regional_diffuse"])
async def test_a_job_that_is_cancelled_keeps_the_pictures_that_were_finished(
    tool: str, second_begun: threading.Event
) -> None:
    async with served() as client:
        arguments: dict[str, Any] = {"wait_seconds": 0, "seed": 1}
        if tool == "generate_image":
            job_id = structure(await client.call_tool(tool, {"prompt": PROMPT, **arguments}))["job_id"]
        else:
            run = {"run_id": structure(await client.call_tool("recaption", {"prompt": PROMPT}))["run_id"]}
            structure(await client.call_tool("plan", run))
            job_id = structure(await client.call_tool(tool, {**run, **arguments, "candidates": 2}))["job_id"]
        assert await asyncio.to_thread(second_begun.wait, 30)
        stopped = structure(await client.call_tool("cancel_job", {"job_id": job_id}))
        assert stopped["status"] == "cancelled"
        assert stopped["image_id"] == f"{job_id}-1"
        again = structure(await client.call_tool("cancel_job", {"job_id": job_id}))
        assert again["status"] == "cancelled"
        findings = structure(await client.call_tool("inspect_and_edit", {"run_id": job_id}))["findings"]
        assert findings["candidate_id"] == f"{job_id}-1"
        assert findings["images_left"] == 7


async def test_one_that_waits_is_cancelled_at_once_and_says_how_many_are_before_it(gate: Gate) -> None:
    async with served(jobs_at_once=1) as client:
        first = await begun(client)
        second = await client.call_tool("generate_image", {"prompt": PROMPT, "wait_seconds": 0})
        assert structure(second)["status"] == "queued"
        assert "behind 1 jobs" in text(second)
        job_id = structure(second)["job_id"]
        stopped = structure(await client.call_tool("cancel_job", {"job_id": job_id}))
        assert stopped["status"] == "cancelled"
        assert "image_id" not in stopped
        gate.opened.set()
        assert (await got(client, first))["status"] == "done"


async def test_a_full_queue_says_how_long_it_will_take(gate: Gate) -> None:
    async with served(jobs_at_once=1, jobs_waiting=0) as client:
        job_id = await begun(client)
        refused = await client.call_tool("generate_image", {"prompt": PROMPT})
        assert refused.is_error
        assert "the server is busy: 1 jobs are not finished" in text(refused)
        gate.opened.set()
        await got(client, job_id)
        assert structure(await client.call_tool("generate_image", {"prompt": PROMPT}))["passed"]


async def test_several_pictures_are_painted_and_the_best_is_shown() -> None:
    async with served(rounds=0) as client:
        result = await client.call_tool("generate_image", {"prompt": PROMPT, "seed": 1, "images": 2})
        found = structure(result)
        assert [(each["seed"], each["passed"]) for each in found["pictures"]] == [(1, False), (1001, True)]
        assert found["image_id"] == found["pictures"][1]["image_id"]
        assert found["passed"]
        assert "2 pictures, of which 1 passed" in text(result)
        # The run to go on with is that of the picture which is shown.
        assert structure(await client.call_tool("inspect_and_edit", {"run_id": found["run_id"]}))["passed"]
        assert (await got(client, found["job_id"], 0))["image_id"] == found["image_id"]


async def test_a_job_that_fails_says_why_now_and_later() -> None:
    async with served() as client:
        failed = await client.call_tool("generate_image", {"prompt": "a car"})
        assert failed.is_error
        job = await begun(client, prompt="a car")
        told = await got(client, job)
        assert told["status"] == "failed"
        assert "'car' has no colour" in told["error"]


async def test_a_finished_job_is_known_to_the_next_server() -> None:
    async with served() as client:
        done = structure(await client.call_tool("generate_image", {"prompt": PROMPT}))
    async with served() as client:
        assert await got(client, done["job_id"], 0) == done


async def test_a_job_of_another_server_is_followed_and_cancelled_through_the_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("muralist.server.jobs.jobs.KEPT", 0.02)
    reached = threading.Event()
    install(HeldPainter(holds_at=0, on_hold=reached.set))
    async with served() as one, served() as other:
        job_id = await begun(one)
        assert await asyncio.to_thread(reached.wait, 30)
        assert (await got(other, job_id, 0))["status"] == "working"
        stopped = structure(await other.call_tool("cancel_job", {"job_id": job_id}))
        assert stopped["status"] == "cancelled"
        assert (await got(one, job_id, 0))["status"] == "cancelled"


async def test_a_job_whose_server_is_gone_was_interrupted(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    store.put_job(Job(job_id="abc", owner="me", tool="generate_image", status="working", created=time.time()))
    assert FileStore(tmp_path).get_job("abc", "me").live, "its server is still there"
    store.close()
    found = FileStore(tmp_path).get_job("abc", "me")
    assert found.status == "failed"
    assert "the server was stopped while it was at work" in found.error


async def test_nobody_else_learns_of_a_job(tmp_path: Path) -> None:
    jobs = Jobs(FileStore(tmp_path), at_once=1, waiting=1)
    await jobs.start("abc", "me", "regional_diffuse", work)
    assert (await jobs.wait("abc", "me", 10, ignore)).result == {"text": "done"}
    for stranger in (jobs.get("abc", "you"), jobs.cancel("abc", "you"), jobs.wait("abc", "you", 1, ignore)):
        with pytest.raises(NotFound, match="no job abc"):
            await stranger
    assert await jobs.ids("you", "", 10) == []
    await asyncio.to_thread(jobs.close)


async def work(*_: Any) -> dict[str, Any]:
    return {"text": "done"}


async def ignore(_: Job) -> None: ...


class SlowStore(FileStore):
    """Writes jobs of one status only once another one has ended, once it is let, or after a while."""

    def __init__(self, home: Path, status: str, patience: float) -> None:
        super().__init__(home)
        self.status = status
        self.patience = patience
        self.reached = threading.Event()
        self.let = threading.Event()

    def put_job(self, job: Job) -> bool:
        if job.status == self.status:
            self.reached.set()
            self.let.wait(self.patience)
        cancel = super().put_job(job)
        if not job.live:
            self.let.set()
        return cancel


async def test_a_job_whose_caller_gives_up_while_it_is_written_down_is_worked_at_all_the_same(tmp_path: Path) -> None:
    store = SlowStore(tmp_path, "queued", 30)
    jobs = Jobs(store, at_once=1, waiting=0)
    starting = asyncio.create_task(jobs.start("abc", "me", "regional_diffuse", work))
    assert await asyncio.to_thread(store.reached.wait, 30)
    starting.cancel()
    await asyncio.wait([starting])
    store.let.set()
    assert (await jobs.wait("abc", "me", 5, ignore)).status == "done"
    await asyncio.to_thread(jobs.close)


async def test_a_late_write_of_its_progress_does_not_undo_the_end_of_a_job(tmp_path: Path) -> None:
    store = SlowStore(tmp_path, "working", 0.2)

    async def short(*_: Any) -> dict[str, Any]:
        assert await asyncio.to_thread(store.reached.wait, 30)
        return {"text": "done"}

    jobs = Jobs(store, at_once=1, waiting=0)
    await jobs.start("abc", "me", "regional_diffuse", short)
    assert (await jobs.wait("abc", "me", 5, ignore)).status == "done"
    await asyncio.to_thread(jobs.close)
    assert FileStore(tmp_path).get_job("abc", "me").status == "done"


async def test_two_servers_of_one_folder_do_not_work_on_one_run(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    await asyncio.to_thread(
        store.put_job, Job(job_id="abc", owner="me", tool="regional_diffuse", status="working", created=time.time())
    )
    jobs = Jobs(FileStore(tmp_path), at_once=1, waiting=0)
    with pytest.raises(PreconditionFailed, match="being worked on by regional_diffuse: call get_job"):
        await jobs.start("abc", "me", "inspect_and_edit", work)
    await asyncio.to_thread(store.close)
    await jobs.start("abc", "me", "inspect_and_edit", work)
    assert (await jobs.wait("abc", "me", 5, ignore)).status == "done"
    await asyncio.to_thread(jobs.close)


async def test_a_run_that_is_being_painted_is_not_planned_anew(second_begun: threading.Event) -> None:
    async with served() as client:
        job_id = await begun(client, seed=1)
        assert await asyncio.to_thread(second_begun.wait, 30)
        refused = await client.call_tool("plan", {"run_id": job_id})
        assert "is being worked on by generate_image: call get_job" in text(refused)
        stopped = structure(await client.call_tool("cancel_job", {"job_id": job_id}))
        assert stopped["image_id"] == f"{job_id}-1"
        structure(await client.call_tool("plan", {"run_id": job_id}))


async def test_a_job_of_several_pictures_that_is_cancelled_begins_no_other_one(second_begun: threading.Event) -> None:
    async with served() as client:
        job_id = await begun(client, seed=1, images=3)
        assert await asyncio.to_thread(second_begun.wait, 30)
        stopped = await client.call_tool("cancel_job", {"job_id": job_id})
        assert (structure(stopped)["status"], structure(stopped)["image_id"]) == ("cancelled", f"{job_id}-1")
        assert len(structure(await client.call_tool("list_images", {}))["images"]) == 1


async def test_a_job_of_several_pictures_says_why_some_are_missing() -> None:
    install(BlockPainter(breaks_at=1001))
    async with served(rounds=0) as client:
        result = await client.call_tool("generate_image", {"prompt": PROMPT, "seed": 1, "images": 3})
        assert structure(result)["image_id"] == f"{structure(result)['job_id']}-1"
        assert "2 of 3 pictures were not painted, from seed 1001 on (the paint ran dry at seed 1001)." in text(result)


async def test_of_several_pictures_the_one_that_was_cancelled_can_be_gone_on_with_and_no_other_one_was_begun() -> None:
    reached = threading.Event()
    install(HeldPainter(holds_at=1001, on_hold=reached.set))
    async with served() as client:
        job_id = await begun(client, seed=1, images=4)
        assert await asyncio.to_thread(reached.wait, 30)
        stopped = await client.call_tool("cancel_job", {"job_id": job_id})
        assert (structure(stopped)["status"], structure(stopped)["image_id"]) == ("cancelled", f"{job_id}-1")
        assert "3 of 4 pictures were not painted, from seed 1001 on" in text(stopped)
        assert len(muralist.list_runs()) == 2
        found = re.search(r"generate_image with run_id (\w+), which goes on", structure(stopped)["next"])
        assert found is not None
        assert found[1] != job_id
        install(BlockPainter())
        assert structure(await client.call_tool("generate_image", {"run_id": found[1]}))["passed"]


async def test_a_run_that_a_job_of_several_pictures_is_at_is_not_planned_anew() -> None:
    reached = threading.Event()
    install(HeldPainter(holds_at=1001, on_hold=reached.set))
    async with served() as client:
        job_id = await begun(client, seed=1, images=2)
        assert await asyncio.to_thread(reached.wait, 30)
        (other,) = {run.run_id for run in muralist.list_runs()} - {job_id}
        refused = await client.call_tool("plan", {"run_id": other})
        assert f"is being worked on by generate_image: call get_job with job_id {job_id}" in text(refused)
        await client.call_tool("cancel_job", {"job_id": job_id})


async def test_of_several_pictures_that_are_refused_one_run_is_left() -> None:
    install(BlockPainter(breaks_at=1))
    async with served() as client:
        refused = await client.call_tool("generate_image", {"prompt": PROMPT, "seed": 1, "images": 4})
        assert refused.is_error
        assert len(muralist.list_runs()) == 1


async def test_a_busy_server_keeps_nothing_of_what_it_refuses(gate: Gate) -> None:
    async with served(jobs_at_once=1, jobs_waiting=0) as client:
        gate.opened.set()
        given = structure(await client.call_tool("generate_image", {"prompt": PROMPT}))["image_id"]
        gate.opened.clear()
        job_id = await begun(client, seed=5)
        refused = await client.call_tool("generate_image", {"prompt": PROMPT, "image_id": given, "images": 4})
        assert "the server is busy" in text(refused)
        gate.opened.set()
        await got(client, job_id)
        listed = structure(await client.call_tool("list_images", {}))["images"]
        assert [each["action"] for each in listed] == ["painted", "painted"]


async def test_a_folder_that_cannot_be_used_is_told_without_its_path(tmp_path: Path) -> None:
    (tmp_path / "home" / "muralist.sqlite").mkdir(parents=True)
    async with served() as client:
        told = text(await client.call_tool("generate_image", {"prompt": PROMPT}))
        assert "cannot use the folder of MURALIST_HOME" in told
        assert str(tmp_path) not in told


async def test_a_job_that_was_interrupted_says_so_beside_its_picture(second_begun: threading.Event) -> None:
    async with served() as client:
        job_id = await begun(client, seed=1)
        assert await asyncio.to_thread(second_begun.wait, 30)
    async with served() as client:
        told = await client.call_tool("get_job", {"job_id": job_id})
        assert structure(told)["image_id"] == f"{job_id}-1"
        assert "the server was stopped while it was at work" in text(told)


async def test_four_pictures_are_four_different_ones_whose_loops_never_meet() -> None:
    install(BlockPainter(faults={seed: [1] for start in (1, 1001, 2001) for seed in range(start, start + 3)}))
    async with served(rounds=2) as client:
        found = structure(await client.call_tool("generate_image", {"prompt": PROMPT, "seed": 1, "images": 4}))
        runs = {each["image_id"].rpartition("-")[0] for each in found["pictures"]}
        assert len(runs) == 4
        seeds = [each["seed"] for each in found["pictures"]]
        assert [seed // 1000 for seed in seeds] == [0, 1, 2, 3]
        assert found["passed"]
