"""What can be swapped, each by its name: backbone, inspector, chat model, drafter; and the store.

To add one, put a factory into its table: `PAINTERS["mine"] = lambda settings: MyPainter()`; then `backbone="mine"`.
Factories import what they need only when they are called, and are called once per node: they have to be cheap.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from muralist.tools.errors import BadSettings
from muralist.tools.ports import Drafter, Inspector, Painter, Ports, Store

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from muralist.agent import Settings

T = TypeVar("T")
PICTUREBOOK = "picturebook"
OnEvent = Callable[[str, dict[str, Any]], None]


@cache
def _diffusion_painter(backbone: str) -> Painter:
    from muralist.diffusion import DiffusionPainter

    if backbone == PICTUREBOOK:
        from muralist.picturebook.admission import admit, gist

        return DiffusionPainter(backbone, admits=admit, gist=gist)
    return DiffusionPainter(backbone)


@cache
def _picturebook_inspector() -> Inspector:
    from muralist.picturebook.inspector import PicturebookInspector

    return PicturebookInspector()


def _offline_model(_: Settings) -> BaseChatModel:
    from muralist.agent import OfflineChatModel

    return OfflineChatModel()


def _offline_drafter(_: Settings) -> Drafter:
    from muralist.agent import OfflineDrafter

    return OfflineDrafter()


PAINTERS: dict[str, Callable[[Settings], Painter]] = {PICTUREBOOK: lambda _: _diffusion_painter(PICTUREBOOK)}
"""Backbones by name; a folder in diffusers format or a hub id needs no entry."""

INSPECTORS: dict[str, Callable[[Settings], Inspector]] = {PICTUREBOOK: lambda _: _picturebook_inspector()}

CHAT_MODELS: dict[str, Callable[[Settings], BaseChatModel]] = {"offline": _offline_model}

DRAFTERS: dict[str, Callable[[Settings], Drafter]] = {"offline": _offline_drafter}
"""By the chat model's name; a model without one falls back on the offline rules."""


def settings(**changes: Any) -> Settings:
    """The environment's settings with `changes` over them, those that are None left out. Raises BadSettings."""
    from muralist.agent.settings import Settings, load

    if unknown := sorted(set(changes) - set(Settings.model_fields)):
        raise BadSettings(f"there is no setting '{unknown[0]}': there are {', '.join(Settings.model_fields)}")
    return load(**changes)


def ports(settings: Settings, on_event: OnEvent, cancel: threading.Event) -> Ports:
    """The ports that the settings name. Raises BadSettings for an unknown name; loads no weights."""
    drafter = DRAFTERS.get(settings.model, DRAFTERS["offline"])
    return Ports(
        painter=painter(settings),
        inspector=_named("inspector", settings.inspector, INSPECTORS)(settings),
        drafter=drafter(settings),
        store=store(settings),
        on_event=on_event,
        cancel=cancel,
    )


def painter(settings: Settings) -> Painter:
    """The painter for the backbone: by name, from a folder in diffusers format, or by hub id."""
    name = settings.backbone
    if name not in PAINTERS and (Path(name).expanduser().is_dir() or "/" in name):
        return _diffusion_painter(name)
    return _named("backbone", name, PAINTERS, " or a folder in diffusers format or a hub id like owner/name")(settings)


def chat_model(settings: Settings) -> BaseChatModel:
    """The agent's model. Raises BadSettings for an unknown name."""
    return _named("model", settings.model, CHAT_MODELS)(settings)


def store(settings: Settings) -> Store:
    """The store in the settings' home folder."""
    from muralist.diffusion import FileStore

    return FileStore(Path(settings.home))


def _named(what: str, name: str, table: Mapping[str, T], more: str = "") -> T:
    if name not in table:
        raise BadSettings(f"there is no {what} '{name}': choose {', '.join(sorted(table))}{more}")
    return table[name]
