"""The store on disk: runs, events, jobs and verdicts in one SQLite file, the bytes of pictures and masks beside it."""

from __future__ import annotations

import asyncio
import io
import json
import sqlite3
import time
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from PIL import Image
from pydantic import ValidationError

from muralist.tools.errors import NotFound, StoreError
from muralist.tools.png import png
from muralist.tools.ports import ImageRecord, Lease
from muralist.tools.run import IMAGE_ID, Event, Run
from muralist.tools.verdict import Verdict

from .blobs import Blobs
from .database import Database
from .jobs import Jobs
from .leases import Leases, check_held, check_id
from .processes import Processes
from .schema import masks_in

PICTURE, MASK = ".png", ".mask"


class FileStore(Jobs, Leases):
    """Keeps everything under one folder: `muralist.sqlite`, `blobs/` and `processes/`, made at the first write.

    Pictures are PNG files named by the SHA-256 of their bytes. A row refers to a blob only once the blob is whole.
    Several processes may share the folder. Every method raises StoreError if the folder cannot be read or written.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self.blobs = Blobs(self.root)
        self.database = Database(self.root)
        self.processes = Processes(self.root)

    def close(self) -> None:
        """Let go of the folder."""
        self.processes.leave()
        self.database.close()

    # Pictures, masks and verdicts.

    async def put_image(
        self, run_id: str, image: Image.Image, metadata: Mapping[str, Any], lease: Lease | None = None
    ) -> str:
        """Keep a picture (lossless) with its metadata (JSON); ordinals count from 1 within a run."""
        return await asyncio.to_thread(self._put_image, run_id, image, metadata, lease)

    async def find_image(self, run_id: str, metadata: Mapping[str, Any]) -> str | None:
        """The run's latest picture with exactly that metadata, if there is one."""
        return await asyncio.to_thread(self._find_image, run_id, metadata)

    async def get_image(self, image_id: str) -> Image.Image:
        """The picture as it was given. Raises NotFound, and StoreError if its file is damaged."""
        return await asyncio.to_thread(self._get_image, image_id)

    async def path_of(self, image_id: str) -> Path:
        """The absolute path of a picture's PNG file, to be read and never written. Raises NotFound."""
        sha256, _ = await asyncio.to_thread(self._image_row, image_id)
        return self.blobs.path(sha256, PICTURE).absolute()

    async def metadata(self, image_id: str) -> dict[str, Any]:
        """What was given to `put_image`, with the blob's `sha256`. Raises NotFound."""
        sha256, text = await asyncio.to_thread(self._image_row, image_id)
        return {**json.loads(text), "sha256": sha256}

    async def images(self, owner: str, limit: int, before: int | None = None) -> list[ImageRecord]:
        """The owner's pictures, newest first, `limit` at most; `before`: only those kept before that number."""
        return await asyncio.to_thread(self._images, owner, limit, before)

    async def put_mask(self, data: bytes) -> str:
        """Keep a mask's bytes; gives its id."""
        return await asyncio.to_thread(self.blobs.put, data, MASK)

    async def get_mask(self, mask_id: str) -> bytes:
        """A mask's bytes. Raises NotFound if its file is missing or damaged."""
        data = await asyncio.to_thread(self.blobs.get, mask_id, MASK) if mask_id.isalnum() else None
        if data is None:
            raise NotFound(f"the mask {mask_id[:16]} is missing or damaged: plan again, with the mask")
        return data

    async def append_verdicts(self, image_id: str, verdicts: Sequence[Verdict]) -> None:
        """Add verdicts beside a picture. Raises NotFound."""
        await asyncio.to_thread(self._append_verdicts, image_id, verdicts)

    async def verdicts(self, image_id: str) -> list[Verdict]:
        """Every verdict ever appended, oldest first. Raises NotFound."""
        return await asyncio.to_thread(self._verdicts, image_id)

    # Runs, what was done once in them, and their events.

    async def load_run(self, run_id: str, owner: str) -> tuple[Run, int]:
        """A run and its version. Raises NotFound, also when the owner is another."""
        return await asyncio.to_thread(self._load_run, run_id, owner)

    async def owner_of(self, run_id: str) -> str:
        """Whose run it is. Raises NotFound."""
        return await asyncio.to_thread(self._owner_of, run_id)

    async def changed_at(self, run_id: str) -> float:
        """When the run was last saved, in seconds since the epoch. Raises NotFound."""
        return await asyncio.to_thread(self._changed_at, run_id)

    async def runs(self, owner: str, limit: int) -> list[Run]:
        """The owner's runs, the latest changed first; those of another version are left out."""
        return await asyncio.to_thread(self._runs, owner, limit)

    async def run_ids(self, owner: str, limit: int, beginning: str = "") -> list[str]:
        """Ids of the owner's runs that begin so, of any version: the id that is just that, then the latest changed."""
        return await asyncio.to_thread(self._run_ids, owner, limit, beginning)

    async def save_run(
        self,
        run: Run,
        version: int,
        lease: Lease | None = None,
        *,
        journal: Mapping[str, Any] | None = None,
        events: Sequence[Event] = (),
        snapshot: bool = False,
    ) -> int:
        """Write if the stored version is `version` (0: not yet there) and the lease is still held; all or nothing.

        `journal`: what to record (None: forget) by key; `snapshot`: keep this version, to be forked from. Gives the
        new version. Raises StoreError if someone else was faster, or has taken the run over.
        """
        return await asyncio.to_thread(self._save_run, run, version, lease, journal or {}, events, snapshot)

    async def snapshot(self, run_id: str, version: int) -> Run:
        """The run as it was at that version. Raises NotFound if it was not kept."""
        return await asyncio.to_thread(self._snapshot, run_id, version)

    async def recall(self, run_id: str, *keys: str) -> dict[str, Any]:
        """What was recorded in the run's journal under those keys that are there."""
        return await asyncio.to_thread(self._recall, run_id, keys)

    async def record(self, run_id: str, key: str, body: Any, lease: Lease) -> None:
        """Record in the run's journal. Raises StoreError if the lease was taken over."""
        await asyncio.to_thread(self._record, run_id, key, body, lease)

    async def events(self, run_id: str) -> list[Event]:
        """The run's events, in order."""
        return await asyncio.to_thread(self._events, run_id)

    async def remove_run(self, run_id: str, owner: str) -> None:
        """Delete a run with its pictures. Raises NotFound, and PreconditionFailed while it is being worked on."""
        await asyncio.to_thread(self._remove_run, run_id, owner)

    async def copy_images(self, run_id: str, to: str) -> None:
        """Give another run the same pictures, at the same ordinals. Raises NotFound if the first is gone."""
        await asyncio.to_thread(self._copy_images, run_id, to)

    def _put_image(self, run_id: str, image: Image.Image, metadata: Mapping[str, Any], lease: Lease | None) -> str:
        check_id(run_id)
        text, data = _as_text(metadata, run_id), png(image)
        with self.database.transaction(write=True) as db:
            check_held(db, lease)
            # Within the transaction: a run that goes now takes no file with it that this one counts on.
            same = (run_id, self.blobs.put(data, PICTURE), text)
            found = db.execute("SELECT ordinal FROM images WHERE run_id=? AND sha256=? AND metadata=?", same).fetchone()
            if found is None:
                found = db.execute(
                    "INSERT INTO images SELECT ?1, COALESCE(MAX(ordinal), 0) + 1, ?2, ?3 FROM images WHERE run_id=?1 "
                    "RETURNING ordinal",
                    same,
                ).fetchone()
        return f"{run_id}-{found[0]}"

    def _find_image(self, run_id: str, metadata: Mapping[str, Any]) -> str | None:
        wanted = (run_id, _as_text(metadata, run_id))
        with self.database.transaction() as db:
            row = db.execute("SELECT MAX(ordinal) FROM images WHERE run_id=? AND metadata=?", wanted).fetchone()
        return None if row[0] is None else f"{run_id}-{row[0]}"

    def _get_image(self, image_id: str) -> Image.Image:
        sha256, _ = self._image_row(image_id)
        data = self.blobs.get(sha256, PICTURE)
        if data is None:
            raise StoreError(f"the file of picture {image_id} is missing or damaged: paint it again")
        image = Image.open(io.BytesIO(data))
        image.load()
        return image

    def _image_row(self, image_id: str) -> tuple[str, str]:
        run_id, ordinal = _parts(image_id)
        with self.database.transaction() as db:
            row = db.execute(
                "SELECT sha256, metadata FROM images WHERE run_id=? AND ordinal=?", (run_id, ordinal)
            ).fetchone()
        if row is None:
            raise NotFound(f"there is no picture {image_id}")
        return row[0], row[1]

    def _images(self, owner: str, limit: int, before: int | None) -> list[ImageRecord]:
        with self.database.transaction() as db:
            rows = db.execute(
                "SELECT images.run_id, ordinal, images.rowid, json_extract(body, '$.prompt'), metadata "
                "FROM images JOIN runs USING (run_id) WHERE owner=?1 AND (?2 IS NULL OR images.rowid < ?2) "
                "ORDER BY images.rowid DESC LIMIT ?3",
                (owner, before, limit),
            ).fetchall()
        return [
            ImageRecord(f"{run_id}-{ordinal}", number, prompt or "", json.loads(metadata))
            for run_id, ordinal, number, prompt, metadata in rows
        ]

    def _append_verdicts(self, image_id: str, verdicts: Sequence[Verdict]) -> None:
        self._image_row(image_id)
        run_id, ordinal = _parts(image_id)
        with self.database.transaction(write=True) as db:
            db.executemany(
                "INSERT INTO verdicts (run_id, ordinal, body) VALUES (?, ?, ?)",
                [(run_id, ordinal, verdict.model_dump_json()) for verdict in verdicts],
            )

    def _verdicts(self, image_id: str) -> list[Verdict]:
        self._image_row(image_id)
        with self.database.transaction() as db:
            rows = db.execute(
                "SELECT body FROM verdicts WHERE run_id=? AND ordinal=? ORDER BY seq", _parts(image_id)
            ).fetchall()
        return [Verdict.model_validate_json(body) for (body,) in rows]

    def _load_run(self, run_id: str, owner: str) -> tuple[Run, int]:
        with self.database.transaction() as db:
            row = db.execute("SELECT body, version FROM runs WHERE run_id=? AND owner=?", (run_id, owner)).fetchone()
        if row is None:
            raise NotFound(f"there is no run {run_id[:80]}")
        return _run(run_id, row[0]), row[1]

    def _owner_of(self, run_id: str) -> str:
        return str(self._column("owner", run_id))

    def _changed_at(self, run_id: str) -> float:
        return float(self._column("updated", run_id))

    def _column(self, name: str, run_id: str) -> Any:
        with self.database.transaction() as db:
            row = db.execute(f"SELECT {name} FROM runs WHERE run_id=?", (run_id,)).fetchone()
        if row is None:
            raise NotFound(f"there is no run {run_id[:80]}")
        return row[0]

    def _runs(self, owner: str, limit: int) -> list[Run]:
        found: list[Run] = []
        with self.database.transaction() as db:
            rows = db.execute("SELECT run_id, body FROM runs WHERE owner=? ORDER BY updated DESC, rowid DESC", (owner,))
            while len(found) < limit and (row := rows.fetchone()) is not None:
                with suppress(StoreError):  # all others stay usable
                    found.append(_run(*row))
        return found

    def _run_ids(self, owner: str, limit: int, beginning: str) -> list[str]:
        with self.database.transaction() as db:
            rows = db.execute(
                "SELECT run_id FROM runs WHERE owner=?1 AND substr(run_id, 1, ?2)=?3 "
                "ORDER BY run_id=?3 DESC, updated DESC, rowid DESC LIMIT ?4",
                (owner, len(beginning), beginning, limit),
            ).fetchall()
        return [run_id for (run_id,) in rows]

    def _save_run(  # noqa: PLR0917 - called with all of them, in a thread
        self,
        run: Run,
        version: int,
        lease: Lease | None,
        journal: Mapping[str, Any],
        events: Sequence[Event],
        snapshot: bool,
    ) -> int:
        check_id(run.run_id)
        ledger = run.model_dump_json()
        row = {"run_id": run.run_id, "owner": run.owner, "body": ledger, "version": version, "now": time.time()}
        with self.database.transaction(write=True) as db:
            check_held(db, lease)
            if version == 0:
                written = db.execute(
                    "INSERT OR IGNORE INTO runs (run_id, owner, version, body, updated) "
                    "VALUES (:run_id, :owner, 1, :body, :now)",
                    row,
                )
            else:
                written = db.execute(
                    "UPDATE runs SET body=:body, version=version + 1, updated=:now "
                    "WHERE run_id=:run_id AND owner=:owner AND version=:version",
                    row,
                )
            if written.rowcount != 1:
                raise StoreError(
                    f"run {run.run_id} is no longer at version {version}: load it again and repeat the change"
                )
            for key, body in journal.items():
                _write(db, run.run_id, key, body)
            for mask in masks_in(run.run_id, ledger):
                new = db.execute("INSERT OR IGNORE INTO masks VALUES (?, ?)", mask).rowcount == 1
                if new and not self.blobs.has(mask[1], MASK):
                    raise StoreError(f"the mask {mask[1][:16]} went with another run: plan again, with the mask")
            db.executemany(
                "INSERT OR REPLACE INTO events VALUES (?, ?, ?, ?)",
                [(each.run_id, each.seq, each.kind, json.dumps(each.data, ensure_ascii=False)) for each in events],
            )
            if snapshot:
                packed = zlib.compress(ledger.encode())
                db.execute("INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?)", (run.run_id, version + 1, packed))
        return version + 1

    def _snapshot(self, run_id: str, version: int) -> Run:
        with self.database.transaction() as db:
            row = db.execute(
                "SELECT body FROM snapshots WHERE run_id=? AND version=?", (run_id, version)
            ).fetchone()  # fmt: skip
        if row is None:
            raise NotFound(f"run {run_id} was not kept as it was at version {version}")
        return _run(run_id, zlib.decompress(row[0]).decode())

    def _recall(self, run_id: str, keys: Sequence[str]) -> dict[str, Any]:
        marks = ", ".join("?" * len(keys))
        with self.database.transaction() as db:
            rows = db.execute(
                f"SELECT key, body FROM journal WHERE run_id=? AND key IN ({marks})", (run_id, *keys)
            ).fetchall()
        return {key: json.loads(body) for key, body in rows}

    def _record(self, run_id: str, key: str, body: Any, lease: Lease) -> None:
        with self.database.transaction(write=True) as db:
            check_held(db, lease)
            _write(db, run_id, key, body)

    def _events(self, run_id: str) -> list[Event]:
        with self.database.transaction() as db:
            rows = db.execute("SELECT seq, kind, data FROM events WHERE run_id=? ORDER BY seq", (run_id,)).fetchall()
        return [Event(run_id=run_id, seq=seq, kind=kind, data=json.loads(data)) for seq, kind, data in rows]

    def _remove_run(self, run_id: str, owner: str) -> None:
        with self.database.transaction(write=True) as db:
            if db.execute("SELECT 1 FROM runs WHERE run_id=? AND owner=?", (run_id, owner)).fetchone() is None:
                raise NotFound(f"there is no run {run_id[:80]}")
            self.check_free(db, run_id)
            kept = {("images", "sha256"): PICTURE, ("masks", "mask_id"): MASK}
            blobs = {
                (table, column): db.execute(f"SELECT {column} FROM {table} WHERE run_id=?", (run_id,)).fetchall()
                for table, column in kept
            }
            for table in ("runs", "images", "masks", "verdicts", "journal", "snapshots", "events", "jobs", "leases"):
                db.execute(f"DELETE FROM {table} WHERE run_id=?", (run_id,))
            for (table, column), rows in blobs.items():
                for (blob,) in set(rows):  # within the transaction, as the files that others count on are looked for
                    if db.execute(f"SELECT 1 FROM {table} WHERE {column}=?", (blob,)).fetchone() is None:
                        self.blobs.drop(blob, kept[table, column])

    def _copy_images(self, run_id: str, to: str) -> None:
        with self.database.transaction(write=True) as db:
            if db.execute("SELECT 1 FROM runs WHERE run_id=?", (run_id,)).fetchone() is None:
                raise NotFound(f"there is no run {run_id[:80]}")
            db.execute(
                "INSERT OR IGNORE INTO images SELECT ?2, ordinal, sha256, metadata FROM images WHERE run_id=?1",
                (run_id, to),
            )


def _run(run_id: str, body: str) -> Run:
    try:
        return Run.model_validate_json(body)
    except ValidationError:
        raise StoreError(f"run {run_id} was written by another version of muralist: start a new run") from None


def _write(db: sqlite3.Connection, run_id: str, key: str, body: Any) -> None:
    if body is None:
        db.execute("DELETE FROM journal WHERE run_id=? AND key=?", (run_id, key))
    else:
        text = json.dumps(body, ensure_ascii=False)
        db.execute("INSERT OR REPLACE INTO journal VALUES (?, ?, ?)", (run_id, key, text))


def _as_text(metadata: Mapping[str, Any], run_id: str) -> str:
    try:
        return json.dumps(metadata, sort_keys=True, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise StoreError(f"the metadata of a picture of run {run_id} is not JSON: {error}") from None


def _parts(image_id: str) -> tuple[str, int]:
    """Run id and ordinal; NotFound if it is no image id at all."""
    match = IMAGE_ID.fullmatch(image_id)
    if match is None:
        raise NotFound(f"{image_id[:80]!r} is no picture's id: a run id, '-' and a number make one")
    return match[1], int(match[2])
