"""Holding a run: one holder at a time, who says that it is alive for as long as it works."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar

import anyio

from muralist.tools.errors import MuralistError, StoreError
from muralist.tools.ports import Lease, Store

RENEWED = 3.0
"""Seconds between two signs of life."""

log = logging.getLogger(__name__)
_held: ContextVar[dict[str, Lease]] = ContextVar("held", default={})  # noqa: B039 - replaced, never changed


def is_held(run_id: str) -> bool:
    """Whether this work goes on inside of `holding` that run."""
    return run_id in _held.get()


@asynccontextmanager
async def holding(store: Store, run_id: str, lost: Callable[[], None]) -> AsyncIterator[Lease]:
    """Hold the run while inside; whoever already does, further out, holds on.

    `lost` is called, from another thread, if another process takes the run over. Raises PreconditionFailed if somebody
    else works on it.
    """
    held = _held.get()
    if run_id in held:
        yield held[run_id]
        return
    lease = await _acquired(store, run_id)
    over = threading.Event()
    threading.Thread(target=_renew, args=(store, lease, over, lost), name="lease", daemon=True).start()
    token = _held.set({**held, run_id: lease})
    try:
        yield lease
    finally:
        _held.reset(token)
        over.set()
        with suppress(StoreError):  # it is taken over once it is old enough
            await asyncio.shield(store.release(lease))


async def _acquired(store: Store, run_id: str) -> Lease:
    """The lease; whoever is cancelled while it is taken lets go of it again."""
    taking = asyncio.ensure_future(store.acquire(run_id))
    try:
        return await asyncio.shield(taking)
    except asyncio.CancelledError:
        with anyio.CancelScope(shield=True), suppress(MuralistError):
            await asyncio.wait([taking])
            await store.release(taking.result())
        raise


def _renew(store: Store, lease: Lease, over: threading.Event, lost: Callable[[], None]) -> None:
    """On a thread of its own, since an event loop may be kept busy."""
    while not over.wait(RENEWED):
        try:
            if not asyncio.run(store.renew(lease)) and not over.is_set():
                lost()
                return
        except StoreError as error:
            log.warning("run %s: %s", lease.run_id, error)
