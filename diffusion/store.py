"""The store on disk: runs, pictures and verdicts in one SQLite file, the pictures' bytes beside it."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import re
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from pydantic import ValidationError

from muralist.tools.errors import NotFound, StoreError
from muralist.tools.ports import Kept
from muralist.tools.run import Run
from muralist.tools.verdict import Verdict

RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
IMAGE_ID = re.compile(rf"({RUN_ID.pattern})-([1-9][0-9]{{0,8}})")

BUSY_SECONDS = 30
"""How long a writer waits for another process's transaction."""

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS runs ("
    "run_id TEXT PRIMARY KEY, owner TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS images ("
    "run_id TEXT NOT NULL, ordinal INTEGER NOT NULL, sha256 TEXT NOT NULL, metadata TEXT NOT NULL, "
    "PRIMARY KEY (run_id, ordinal), UNIQUE (run_id, sha256, metadata))",
    "CREATE TABLE IF NOT EXISTS verdicts ("
    "seq INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL, ordinal INTEGER NOT NULL, body TEXT NOT NULL)",
)


class FileStore:
    """Keeps everything under one folder: `muralist.sqlite` and `blobs/`, made at the first write.

    Pictures are PNG files named by the SHA-256 of their bytes, written beside their place and moved into it, never
    edited. A row refers to a blob only once the blob is whole. Several processes may share the folder. Every method
    raises StoreError if the folder cannot be read or written.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self._database = self.root / "muralist.sqlite"

    async def put_image(self, run_id: str, image: Image.Image, metadata: Mapping[str, Any]) -> str:
        """Keep a picture (lossless) with its metadata (JSON); ordinals count from 1 within a run."""
        return await asyncio.to_thread(self._put_image, run_id, image, metadata)

    async def get_image(self, image_id: str) -> Image.Image:
        """The picture as it was given. Raises NotFound, and StoreError if its file is damaged."""
        return await asyncio.to_thread(self._get_image, image_id)

    async def metadata(self, image_id: str) -> dict[str, Any]:
        """What was given to `put_image`, with the blob's `sha256`. Raises NotFound."""
        sha256, text = await asyncio.to_thread(self._image_row, image_id)
        return {**json.loads(text), "sha256": sha256}

    async def images(self, owner: str, limit: int, before: int | None = None) -> list[Kept]:
        """The owner's pictures, newest first, `limit` at most; `before`: only those kept before that number."""
        return await asyncio.to_thread(self._images, owner, limit, before)

    async def append_verdicts(self, image_id: str, verdicts: Sequence[Verdict]) -> None:
        """Add verdicts beside a picture. Raises NotFound."""
        await asyncio.to_thread(self._append_verdicts, image_id, verdicts)

    async def verdicts(self, image_id: str) -> list[Verdict]:
        """Every verdict ever appended, oldest first. Raises NotFound."""
        return await asyncio.to_thread(self._verdicts, image_id)

    async def load_run(self, run_id: str, owner: str) -> tuple[Run, int]:
        """A run and its version. Raises NotFound, also when the owner is another."""
        return await asyncio.to_thread(self._load_run, run_id, owner)

    async def save_run(self, run: Run, version: int) -> int:
        """Write if the stored version is `version` (0: not yet there); StoreError if someone else was faster."""
        return await asyncio.to_thread(self._save_run, run, version)

    def _put_image(self, run_id: str, image: Image.Image, metadata: Mapping[str, Any]) -> str:
        if not RUN_ID.fullmatch(run_id):
            raise StoreError(f"run id {run_id!r} is no run id: letters, digits, '_' and '-' make one, 64 at most")
        try:
            text = json.dumps(metadata, sort_keys=True, ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise StoreError(f"the metadata of a picture of run {run_id} is not JSON: {error}") from None
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        data = buffer.getvalue()
        sha256 = hashlib.sha256(data).hexdigest()
        with self._trouble():
            self._write_blob(sha256, data)
        with self._transaction(write=True) as db:
            same = (run_id, sha256, text)
            found = db.execute("SELECT ordinal FROM images WHERE run_id=? AND sha256=? AND metadata=?", same).fetchone()
            if found is None:
                found = db.execute(
                    "INSERT INTO images SELECT ?1, COALESCE(MAX(ordinal), 0) + 1, ?2, ?3 FROM images WHERE run_id=?1 "
                    "RETURNING ordinal",
                    same,
                ).fetchone()
        return f"{run_id}-{found[0]}"

    def _get_image(self, image_id: str) -> Image.Image:
        sha256, _ = self._image_row(image_id)
        path = self._blob(sha256)
        with self._trouble():
            data = path.read_bytes() if path.is_file() else b""
        if hashlib.sha256(data).hexdigest() != sha256:
            raise StoreError(f"the file of picture {image_id} is missing or damaged: paint it again")
        image = Image.open(io.BytesIO(data))
        image.load()
        return image

    def _image_row(self, image_id: str) -> tuple[str, str]:
        run_id, ordinal = _parts(image_id)
        with self._transaction() as db:
            row = db.execute(
                "SELECT sha256, metadata FROM images WHERE run_id=? AND ordinal=?", (run_id, ordinal)
            ).fetchone()
        if row is None:
            raise NotFound(f"there is no picture {image_id}")
        return row[0], row[1]

    def _images(self, owner: str, limit: int, before: int | None) -> list[Kept]:
        with self._transaction() as db:
            rows = db.execute(
                "SELECT images.run_id, ordinal, images.rowid, json_extract(body, '$.scene.prompt'), metadata "
                "FROM images JOIN runs USING (run_id) WHERE owner=?1 AND (?2 IS NULL OR images.rowid < ?2) "
                "ORDER BY images.rowid DESC LIMIT ?3",
                (owner, before, limit),
            ).fetchall()
        return [
            Kept(f"{run_id}-{ordinal}", number, prompt or "", json.loads(metadata))
            for run_id, ordinal, number, prompt, metadata in rows
        ]

    def _append_verdicts(self, image_id: str, verdicts: Sequence[Verdict]) -> None:
        self._image_row(image_id)
        run_id, ordinal = _parts(image_id)
        with self._transaction(write=True) as db:
            db.executemany(
                "INSERT INTO verdicts (run_id, ordinal, body) VALUES (?, ?, ?)",
                [(run_id, ordinal, verdict.model_dump_json()) for verdict in verdicts],
            )

    def _verdicts(self, image_id: str) -> list[Verdict]:
        self._image_row(image_id)
        with self._transaction() as db:
            rows = db.execute(
                "SELECT body FROM verdicts WHERE run_id=? AND ordinal=? ORDER BY seq", _parts(image_id)
            ).fetchall()
        return [Verdict.model_validate_json(body) for (body,) in rows]

    def _load_run(self, run_id: str, owner: str) -> tuple[Run, int]:
        with self._transaction() as db:
            row = db.execute("SELECT body, version FROM runs WHERE run_id=? AND owner=?", (run_id, owner)).fetchone()
        if row is None:
            raise NotFound(f"there is no run {run_id}")
        try:
            return Run.model_validate_json(row[0]), row[1]
        except ValidationError:
            raise StoreError(f"run {run_id} was written by another version of muralist: start a new run") from None

    def _save_run(self, run: Run, version: int) -> int:
        if not RUN_ID.fullmatch(run.run_id):
            raise StoreError(f"run id {run.run_id!r} is no run id: letters, digits, '_' and '-' make one, 64 at most")
        row = {"run_id": run.run_id, "owner": run.owner, "body": run.model_dump_json(), "version": version}
        with self._transaction(write=True) as db:
            if version == 0:
                written = db.execute("INSERT OR IGNORE INTO runs VALUES (:run_id, :owner, 1, :body)", row)
            else:
                written = db.execute(
                    "UPDATE runs SET body=:body, version=version + 1 "
                    "WHERE run_id=:run_id AND owner=:owner AND version=:version",
                    row,
                )
        if written.rowcount != 1:
            raise StoreError(f"run {run.run_id} is no longer at version {version}: load it again and repeat the change")
        return version + 1

    def _blob(self, sha256: str) -> Path:
        return self.root / "blobs" / sha256[:2] / f"{sha256}.png"

    def _write_blob(self, sha256: str, data: bytes) -> None:
        path = self._blob(sha256)
        if path.is_file() and path.read_bytes() == data:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        _sync(path.parent)

    @contextmanager
    def _transaction(self, *, write: bool = False) -> Iterator[sqlite3.Connection]:
        """One connection and one transaction: all or nothing, also across processes."""
        with self._trouble():
            path: Path | str = self._database
            empty = not self._database.is_file() or self._database.stat().st_size == 0
            if write:
                self.root.mkdir(parents=True, exist_ok=True)
            elif empty:
                path = ":memory:"  # to read from what is not there yet finds nothing, and makes nothing
            with closing(sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)) as db:
                db.execute("BEGIN IMMEDIATE" if write else "BEGIN")
                try:
                    for statement in SCHEMA if write or empty else ():
                        db.execute(statement)
                    yield db
                except BaseException:
                    if db.in_transaction:  # after a full disk SQLite has rolled back by itself
                        db.execute("ROLLBACK")
                    raise
                db.execute("COMMIT")

    @contextmanager
    def _trouble(self) -> Iterator[None]:
        """What the disk and SQLite have to say, as one line."""
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            raise StoreError.of(error) from error


def _parts(image_id: str) -> tuple[str, int]:
    """Run id and ordinal; NotFound if it is no image id at all."""
    match = IMAGE_ID.fullmatch(image_id)
    if match is None:
        raise NotFound(f"{image_id[:80]!r} is no picture's id: a run id, '-' and a number make one")
    return match[1], int(match[2])


def _sync(folder: Path) -> None:
    """Make a rename last through a power cut, where the system allows to open folders."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
