"""What can be swapped, each by its name: backbone, inspector, chat model, drafter; and the store.

A name is one of the tables here, an entry point of the group `muralist.painters`, `.inspectors`, `.chat_models` or
`.drafters`, or `module:factory`; a factory takes the settings. Factories import what they need only when they are
called, and are called once per step: they have to be cheap.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from muralist.tools.errors import BadSettings, MuralistError
from muralist.tools.painting_settings import PaintingSettings
from muralist.tools.ports import Drafter, Inspector, Painter, Ports, Store

from .plugs import NONE, Plugs

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from muralist.agent import Settings
    from muralist.tools.abilities import Placement

log = logging.getLogger(__name__)
T = TypeVar("T")
PICTUREBOOK = "picturebook"
HOSTED = "openai:"
"""Begins the name of a backbone that is a model behind the OpenAI images protocol."""
OnEvent = Callable[[str, dict[str, Any]], None]
Factory = Callable[["Settings"], T]
GROUPS = {"backbone": "painters", "inspector": "inspectors", "model": "chat_models", "drafter": "drafters"}
"""Of entry points, by what they name."""


@cache
def _diffusion_painter(backbone: str, painting: PaintingSettings, placement: Placement = "auto") -> Painter:
    from muralist.diffusion import DiffusionPainter

    if backbone == PICTUREBOOK:
        from muralist.picturebook.admission import WORDS, admit, short_caption
        from muralist.picturebook.world import SIZE

        return DiffusionPainter(
            backbone, admits=admit, short_caption=short_caption, vocabulary=WORDS, side=SIZE, painting=painting,
            placement=placement,
        )  # fmt: skip
    return DiffusionPainter(backbone, painting=painting, placement=placement)


def _hosted_painter(model: str, settings: Settings) -> Painter:
    from muralist.diffusion.hosted import HostedPainter

    return HostedPainter.of(model, seconds=settings.call_seconds, prices=settings.prices, money=settings.money)


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
    from muralist.agent.inspectors.open_vocabulary import OpenVocabularyDetector
    from muralist.agent.inspectors.vqa import VqaModel

    return GroundedInspector(OpenVocabularyDetector(detector).detect, VqaModel(vqa) if vqa else None)


def _caller_inspector(_: Settings) -> Inspector:
    from muralist.agent.inspectors.caller import CallerInspector

    return CallerInspector()


def _offline_model(_: Settings) -> BaseChatModel:
    from muralist.agent import OfflineChatModel

    return OfflineChatModel()


def _offline_drafter(_: Settings) -> Drafter:
    from muralist.agent import OfflineDrafter

    return OfflineDrafter()


PAINTERS: dict[str, Callable[[Settings], Painter]] = {
    PICTUREBOOK: lambda settings: _diffusion_painter(PICTUREBOOK, PaintingSettings.of(settings), settings.placement)
}
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
        known = sorted(Settings.model_fields, key=lambda name: name in PaintingSettings.model_fields)
        raise BadSettings(f"there is no setting '{unknown[0]}': there are {', '.join(known)}")
    return load(**changes)


def ports(settings: Settings, store: Store, on_event: OnEvent, cancel: threading.Event, plugs: Plugs = NONE) -> Ports:
    """The ports that the settings name, or that are plugged in; loads no weights. Raises BadSettings."""
    return Ports(
        painter=plugs.painter or painter(settings),
        inspector=plugs.inspector or inspector(settings),
        drafter=plugs.drafter or drafter(settings),
        store=store,
        on_event=on_event,
        cancel=cancel,
    )


def is_diffusion(backbone: str) -> bool:
    """Whether it is painted with here by diffusers, and not by a part of somebody's own."""
    return backbone == PICTUREBOOK or Path(backbone).expanduser().exists() or ("/" in backbone and ":" not in backbone)


def painter(settings: Settings) -> Painter:
    """The painter for the backbone: by name, from a folder in diffusers format, from a file, by hub id, or hosted."""
    name = settings.backbone
    if name.startswith(HOSTED) and name != HOSTED:
        return _hosted_painter(name.removeprefix(HOSTED), settings)
    if name not in PAINTERS and is_diffusion(name):
        return _diffusion_painter(name, PaintingSettings.of(settings), settings.placement)
    return _named(
        "backbone", name, PAINTERS, f", {HOSTED}MODEL, or a folder in diffusers format or a hub id like owner/name"
    )(settings)


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
    try:
        factory = _named("model", settings.model, CHAT_MODELS, f", {ENDPOINT}")
    except BadSettings:
        from muralist.agent.endpoint import Endpoint, EndpointChatModel

        if not Endpoint.configured():
            raise
        return EndpointChatModel(endpoint=Endpoint.of(settings))
    return factory(settings)


def drafter(settings: Settings) -> Drafter:
    """What fills in scenes and layouts: the model's own drafter, if it has one, else the offline rules."""
    name = settings.model if settings.model in {*DRAFTERS, *_plugged("drafter")} else "offline"
    return _named("drafter", name, DRAFTERS)(settings)


def store(settings: Settings) -> Store:
    """The store in the settings' home folder."""
    return _file_store(Path(settings.home))


@cache
def _file_store(home: Path) -> Store:
    from muralist.storage import FileStore

    return FileStore(home)


@cache
def _plugged(what: str) -> dict[str, EntryPoint]:
    """The entry points by name; reading them takes longer than all else about a run's parts."""
    return {point.name: point for point in entry_points(group=f"muralist.{GROUPS[what]}")}


def _named(what: str, name: str, table: Mapping[str, Factory[T]], more: str = "") -> Factory[T]:
    """The factory of that name. Raises BadSettings."""
    if name in table:
        return table[name]
    plugged = _plugged(what)
    if name in plugged:
        return _loaded(what, name, plugged[name].load)
    module, colon, attribute = name.partition(":")
    if colon and module and attribute.isidentifier() and "/" not in module and "\\" not in module:
        return _loaded(what, name, lambda: getattr(import_module(module), attribute))
    known = ", ".join(sorted({*table, *plugged}))
    raise BadSettings(f"there is no {what} '{name}': choose {known}{more}")


def _loaded(what: str, name: str, load: Callable[[], Any]) -> Factory[Any]:
    """Somebody else's factory: whatever goes wrong in it is a BadSettings, and what it gives is there."""
    found = _tried(f"{what} '{name}' cannot be loaded", load)
    if not callable(found):
        raise BadSettings(f"{what} '{name}' is no factory: it has to take the settings and give the {what}")

    def make(settings: Settings) -> Any:
        made = _tried(f"{what} '{name}' cannot be made", lambda: found(settings))
        if made is None:
            raise BadSettings(f"{what} '{name}' is not there: its factory gave None, and has to give the {what}")
        return made

    return make


def _tried(wrong: str, work: Callable[[], T]) -> T:
    """What foreign code gives; all that it raises is a BadSettings of one line, and logged."""
    try:
        return work()
    except MuralistError:
        raise
    except Exception as error:
        log.info("%s", wrong, exc_info=error)
        raise BadSettings(f"{wrong}: {str(error) or type(error).__name__}") from None
