"""Whether a picture could be painted now: what a load balancer asks before it sends anybody here."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from muralist.agent.settings import Settings
from muralist.tools.device_health import check_devices
from muralist.tools.errors import BadSettings, StoreError

ROOM = 64 << 20
"""Bytes that the disk has to have left, for pictures and the database's journal."""


def check_ready(settings: Settings) -> None:
    """Raise MuralistError if the home folder takes no pictures, a part cannot be had, or a GPU is lost.

    Loads no weights and asks no endpoint. Anybody may read the message: neither paths nor values are in it.
    """
    check_devices()
    _check_home(Path(settings.home))
    _check_parts(settings)


def _check_home(home: Path) -> None:
    """Of a folder that is not there yet, the nearest above it, in which it would be made."""
    nearest = home.absolute()
    try:
        while not nearest.exists() and nearest != nearest.parent:
            nearest = nearest.parent
        with tempfile.TemporaryFile(dir=nearest) as file:
            file.write(b"\0" * 4096)
        free = shutil.disk_usage(nearest).free
    except OSError as error:
        raise StoreError.of(error) from None
    if free < ROOM:
        raise StoreError(f"the disk of MURALIST_HOME has less than {ROOM >> 20} MB left: make room")


def _check_parts(settings: Settings) -> None:
    from muralist.runs.wiring import chat_model, inspector, painter

    parts = {"MURALIST_BACKBONE": painter, "MURALIST_INSPECTOR": inspector, "MURALIST_MODEL": chat_model}
    for variable, part in parts.items():
        try:
            part(settings)
        except Exception:
            # An unknown name, a package that is not installed, whatever a factory of somebody's own raises.
            raise BadSettings(f"what {variable} names cannot be had: `muralist doctor` says why") from None
