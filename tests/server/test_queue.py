"""Owners take turns: whoever has many jobs waiting keeps nobody else behind all of them."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muralist.server.jobs import Jobs
from muralist.server.jobs.queue import Queue
from muralist.storage import FileStore
from muralist.tools.errors import Busy
from muralist.tools.job import Job


async def ignore(_: Job) -> None: ...


async def test_of_twenty_jobs_of_ann_and_one_of_bob_bobs_is_the_second(tmp_path: Path) -> None:
    begun: list[str] = []
    gate = asyncio.Event()
    loop = asyncio.get_running_loop()
    jobs = Jobs(FileStore(tmp_path), at_once=1, waiting=100, per_owner=100)

    def work(owner: str) -> Any:
        async def paint(*_: Any) -> dict[str, Any]:
            begun.append(owner)
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(gate.wait(), loop))
            return {}

        return paint

    for number in range(20):
        await jobs.start(f"ann{number}", "ann", "generate_image", work("ann"))
    last = await jobs.start("bob0", "bob", "generate_image", work("bob"))
    assert re.match("waiting behind [12] jobs", jobs.wait_for(last)), "not behind all of ann's"
    gate.set()
    assert (await jobs.wait("bob0", "bob", 30, ignore)).status == "done"
    assert begun.index("bob") <= 2
    assert (await jobs.wait("ann19", "ann", 30, ignore)).status == "done"
    await asyncio.to_thread(jobs.close)


async def test_nobody_has_more_unfinished_jobs_than_an_owner_may(tmp_path: Path) -> None:
    gate = asyncio.Event()
    loop = asyncio.get_running_loop()
    jobs = Jobs(FileStore(tmp_path), at_once=1, waiting=100, per_owner=2)

    async def work(*_: Any) -> dict[str, Any]:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(gate.wait(), loop))
        return {}

    for number in range(2):
        await jobs.start(f"ann{number}", "ann", "generate_image", work)
    with pytest.raises(Busy, match="2 of your jobs are not finished, and no more may be: wait for one with get_job"):
        await jobs.start("ann2", "ann", "generate_image", work)
    await jobs.start("bob0", "bob", "generate_image", work)
    gate.set()
    assert (await jobs.wait("bob0", "bob", 30, ignore)).status == "done"
    await asyncio.to_thread(jobs.close)


@given(st.lists(st.sampled_from("abc")))
def test_items_leave_in_the_order_that_was_told_and_first_come_first_served_within_an_owner(owners: list[str]) -> None:
    queue: Queue[tuple[str, int]] = Queue()
    for number, owner in enumerate(owners):
        queue.append(owner, (owner, number))
    told = queue.all()
    taken = []
    while queue:
        assert queue.place(lambda item: item == told[len(taken)]) == 0
        taken.append(queue.pop())
    assert taken == told
    for owner in set(owners):
        own = [number for who, number in taken if who == owner]
        assert own == sorted(own)
    # Nobody waits longer than one round of all owners.
    for at, (owner, _) in enumerate(taken):
        between = [who for who, _ in taken[:at][::-1]]
        before = between[: between.index(owner)] if owner in between else between
        assert all(before.count(who) <= 1 for who in set(before) if owner in between)
