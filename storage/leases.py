"""Who works on a run: one holder at a time, whose fence every write is checked against."""

from __future__ import annotations

import asyncio
import sqlite3
import time

from muralist.tools.errors import PreconditionFailed, StoreError, TakenOver
from muralist.tools.ports import Lease
from muralist.tools.run import RUN_ID

from .database import Database
from .processes import Processes

FROZEN = 15.0
"""Seconds after which a lease that its holder has not renewed may be taken over."""


class Leases:
    """The part of a store by which a run is held."""

    database: Database
    processes: Processes

    async def acquire(self, run_id: str) -> Lease:
        """Hold the run. Raises PreconditionFailed while a live holder has it."""
        return await asyncio.to_thread(self._acquire, run_id)

    async def renew(self, lease: Lease) -> bool:
        """Say that the holder is alive; False if the run was taken over."""
        return await asyncio.to_thread(self._renew, lease)

    async def check_held(self, lease: Lease) -> None:
        """Raise TakenOver if another holder has the run: one that was renewed just now cannot have been taken over."""
        if time.time() - lease.renewed > FROZEN / 2:
            await asyncio.to_thread(self._check, lease)

    async def release(self, lease: Lease) -> None:
        """Let go of the run."""
        await asyncio.to_thread(self._release, lease)

    async def held(self, run_id: str) -> bool:
        """Whether somebody alive works on the run."""
        return await asyncio.to_thread(self._held, run_id)

    def _acquire(self, run_id: str) -> Lease:
        check_id(run_id)
        holder, now = self.processes.enter(), time.time()
        with self.database.transaction(write=True) as db:
            self.check_free(db, run_id)
            ((fence,),) = db.execute(
                "INSERT INTO leases VALUES (?1, 1, ?2, ?3) ON CONFLICT (run_id) DO UPDATE SET "
                "fence=fence + 1, holder=?2, renewed=?3 RETURNING fence",
                (run_id, holder, now),
            ).fetchall()
            ((seq,),) = db.execute("SELECT COALESCE(MAX(seq), -1) + 1 FROM events WHERE run_id=?", (run_id,)).fetchall()
        return Lease(run_id, fence, seq, now)

    def check_free(self, db: sqlite3.Connection, run_id: str) -> None:
        """Raise PreconditionFailed while a live holder has the run: one that is dead or frozen has lost it."""
        row = db.execute("SELECT holder, renewed FROM leases WHERE run_id=?", (run_id,)).fetchone()
        if row is not None and row[0] and time.time() - row[1] < FROZEN and self.processes.alive(row[0]):
            raise PreconditionFailed(
                f"run {run_id} is being worked on: wait until that is finished, or stop it where it runs"
            )

    def _renew(self, lease: Lease) -> bool:
        now = time.time()
        with self.database.transaction(write=True) as db:
            written = db.execute(
                "UPDATE leases SET renewed=? WHERE run_id=? AND fence=?", (now, lease.run_id, lease.fence)
            )
        if written.rowcount == 1:
            lease.renewed = now
        return written.rowcount == 1

    def _check(self, lease: Lease) -> None:
        with self.database.transaction() as db:
            check_held(db, lease)

    def _release(self, lease: Lease) -> None:
        with self.database.transaction(write=True) as db:
            db.execute("UPDATE leases SET holder='' WHERE run_id=? AND fence=?", (lease.run_id, lease.fence))

    def _held(self, run_id: str) -> bool:
        with self.database.transaction() as db:
            try:
                self.check_free(db, run_id)
            except PreconditionFailed:
                return True
        return False


def check_id(run_id: str) -> None:
    if not RUN_ID.fullmatch(run_id):
        raise StoreError(f"run id {run_id!r} is no run id: letters, digits, '_' and '-' make one, 64 at most")


def check_held(db: sqlite3.Connection, lease: Lease | None) -> None:
    """Raise TakenOver if the run was taken over: what a holder that was frozen would write is refused."""
    if lease is None:
        return
    row = db.execute("SELECT fence FROM leases WHERE run_id=?", (lease.run_id,)).fetchone()
    if row is None or row[0] != lease.fence:
        lease.renewed = 0.0  # from now on it is looked up whenever it is asked about
        raise TakenOver(
            f"run {lease.run_id} was taken over by another process, which goes on with it: nothing of this one is kept"
        )
