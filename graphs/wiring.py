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
        from muralist.picturebook.admission import WORDS, admit, gist
        from muralist.picturebook.world import SIZE

        return DiffusionPainter(backbone, admits=admit, gist=gist, vocabulary=WORDS, side=SIZE)
    return DiffusionPainter(backbone)


@cache
def _picturebook_inspector() -> Inspector:
    from muralist.picturebook.inspector import PicturebookInspector

    return PicturebookInspector()


def _mllm_inspector(settings: Settings) -> Inspector:
    from muralist.agent.inspectors.mllm import MllmInspector

    return MllmInspector.of(settings)


@cache
def _grounded_inspector(detector: str, vqa: str | None) -> Inspector:
    from muralist.agent.inspectors.grounded import GroundedInspector
    from muralist.agent.inspectors.looks import Looks
    from muralist.agent.inspectors.open_vocabulary import OpenVocabularyDetector

    return GroundedInspector(OpenVocabularyDetector(detector).detect, Looks(vqa) if vqa else None)


def _caller_inspector(_: Settings) -> Inspector:
    from muralist.agent.inspectors.caller import CallerInspector

    return CallerInspector()


def _offline_model(_: Settings) -> BaseChatModel:
    from muralist.agent import OfflineChatModel

    return OfflineChatModel()


def _offline_drafter(_: Settings) -> Drafter:
    from muralist.agent import OfflineDrafter

    return OfflineDrafter()


PAINTERS: dict[str, Callable[[Settings], Painter]] = {PICTUREBOOK: lambda _: _diffusion_painter(PICTUREBOOK)}
"""Backbones by name; a folder in diffusers format or a hub id needs no entry."""

INSPECTORS: dict[str, Callable[[Settings], Inspector]] = {
    PICTUREBOOK: lambda _: _picturebook_inspector(),
    "mllm": _mllm_inspector,
    "grounded": lambda settings: _grounded_inspector(settings.detector, settings.vqa),
    "caller": _caller_inspector,
}
"""Inspectors by name; several are joined by `+`."""

CHAT_MODELS: dict[str, Callable[[Settings], BaseChatModel]] = {"offline": _offline_model}
"""Chat models by name; any other name is that model behind the environment's endpoint."""

DRAFTERS: dict[str, Callable[[Settings], Drafter]] = {"offline": _offline_drafter}
"""By the chat model's name; a model without one falls back on the offline rules."""

ENDPOINT = "or set OPENAI_BASE_URL or OPENAI_API_KEY for a model behind an endpoint"


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
        inspector=inspector(settings),
        drafter=drafter(settings),
        store=store(settings),
        on_event=on_event,
        cancel=cancel,
    )


def painter(settings: Settings) -> Painter:
    """The painter for the backbone: by name, from a folder in diffusers format, from a file, or by hub id."""
    name = settings.backbone
    if name not in PAINTERS and (Path(name).expanduser().exists() or "/" in name):
        return _diffusion_painter(name)
    return _named("backbone", name, PAINTERS, " or a folder in diffusers format or a hub id like owner/name")(settings)


def inspector(settings: Settings) -> Inspector:
    """The inspector, or several as one. Raises BadSettings for an unknown name."""
    names = dict.fromkeys(name.strip() for name in settings.inspector.split("+"))
    chosen = [_named("inspector", name, INSPECTORS, ", or several joined by +")(settings) for name in names]
    if len(chosen) == 1:
        return chosen[0]
    from muralist.agent.inspectors.combined import CombinedInspector

    return CombinedInspector(chosen)


def chat_model(settings: Settings) -> BaseChatModel:
    """The agent's model: by name, else the one that the environment's endpoint knows by it. Raises BadSettings."""
    from muralist.agent.endpoint import Endpoint, EndpointChatModel

    if settings.model not in CHAT_MODELS and Endpoint.configured():
        return EndpointChatModel(endpoint=Endpoint.of(settings))
    return _named("model", settings.model, CHAT_MODELS, f", {ENDPOINT}")(settings)


def store(settings: Settings) -> Store:
    """The store in the settings' home folder."""
    from muralist.diffusion import FileStore

    return FileStore(Path(settings.home))


def _named(what: str, name: str, table: Mapping[str, T], more: str = "") -> T:
    if name not in table:
        raise BadSettings(f"there is no {what} '{name}': choose {', '.join(sorted(table))}{more}")
    return table[name]
