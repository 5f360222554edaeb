"""How the client gets the picture at full size: its file over stdio, a download link over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from muralist.server.application import Application
from muralist.tools.ports import InFiles


class Delivery(NamedTuple):
    """Where the client finds the picture, as fields and as a sentence; empty if neither file nor link reaches it."""

    path: str | None = None
    download: str | None = None

    @property
    def sentence(self) -> str:
        """The same for clients that read only text."""
        if self.path:
            return f"The picture at full size is the file {self.path} (copy it, and leave it as it is)."
        return f"The picture at full size, for an hour: {self.download}." if self.download else ""


async def delivery_of(application: Application, image_id: str, owner: str) -> Delivery:
    """A file over stdio, where the client shares the server's disk; a link over HTTP with a public URL."""
    path = await _file(application, image_id) if application.shares_files else None
    return Delivery(str(path) if path else None, application.link(f"/images/{image_id}.png", owner))


async def _file(application: Application, image_id: str) -> Path | None:
    """None if the store keeps pictures elsewhere than in files."""

    store = application.service.store
    return await store.path_of(image_id) if isinstance(store, InFiles) else None
