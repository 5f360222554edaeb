"""`muralist doctor`: what is installed, what the settings name, and what is missing."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rich.text import Text

from muralist.agent.settings import Settings, load
from muralist.runs.checkpoints import kept
from muralist.runs.wiring import HOSTED
from muralist.storage import check_database
from muralist.tools.errors import BackboneError, MuralistError
from muralist.tools.painting_settings import PaintingSettings
from muralist.tools.value import Value

from .folders import check_writable
from .terminal import Terminal
from .weights import sound, summed

PACKAGES = (
    "torch",
    "accelerate",
    "diffusers",
    "transformers",
    "safetensors",
    "langgraph",
    "langchain-core",
    "mcp",
    "pillow",
)
EXTRAS = {
    "langgraph-cli": ("dev", "`langgraph dev`"),
    "matplotlib": ("dev", "the figures of `muralist eval`"),
    "scipy": ("grounded", "the inspector `grounded`"),
}
"""What is not always needed: the extra that installs it, and what for."""

HOSTED_FIX = "set MURALIST_IMAGES_BASE_URL, MURALIST_IMAGES_KEY, MURALIST_BACKBONE"

PATIENCE = 20.0
"""Seconds that a model may take to answer this command."""


class Check(Value):
    """One finding: `ok` is None for what is only worth knowing."""

    name: str
    ok: bool | None
    detail: str
    fix: str = ""


def examine() -> list[Check]:
    """Look at everything that the environment's settings need; loads no backbone and changes nothing."""
    checks = [Check(name="muralist", ok=True, detail=version("muralist")), _python(), *map(_package, PACKAGES)]
    checks += [_device(), *_variables()]
    try:
        settings = load()
    except MuralistError as error:
        return [*checks, Check(name="settings", ok=False, detail=str(error), fix="correct or unset that variable")]
    checks += [_backbone(settings), _model(settings), *_inspectors(settings), _home(settings)]
    return [*checks, *map(_extra, EXTRAS)]


def working(checks: list[Check]) -> bool:
    """True if nothing that is needed is missing."""
    return all(check.ok is not False for check in checks)


def print_checks(checks: list[Check]) -> None:
    """A line per finding, and how to mend what is wrong."""
    console = Terminal()
    for check in checks:
        mark = {True: ("ok       ", "green"), False: ("missing  ", "bold red"), None: ("-        ", "dim")}[check.ok]
        console.print(Text.assemble(mark, f"{check.name}: {check.detail}"), soft_wrap=True)
        if check.fix:
            console.print(Text(f"         -> {check.fix}"), soft_wrap=True)
    console.print("everything that is needed is there" if working(checks) else "something is missing: see above")


def _python() -> Check:
    return Check(name="python", ok=True, detail=f"{platform.python_version()} on {platform.platform(terse=True)}")


def _package(name: str) -> Check:
    try:
        return Check(name=name, ok=True, detail=version(name))
    except PackageNotFoundError:
        return Check(name=name, ok=False, detail="not installed", fix="pip install muralist")


def _extra(name: str) -> Check:
    extra, use = EXTRAS[name]
    try:
        return Check(name=name, ok=None, detail=f"{version(name)}, for {use}")
    except PackageNotFoundError:
        fix = f"pip install 'muralist[{extra}]'"
        return Check(name=name, ok=None, detail=f"not installed; only needed for {use}", fix=fix)


def _device() -> Check:
    """What torch paints on, and with how many threads, since they change a picture's bytes."""
    try:
        from muralist.diffusion.engine import device, settings, threads

        best = device.chosen(load().device)
        device.check_works(best)
    except BackboneError as error:
        return Check(
            name="device", ok=False, detail=str(error), fix="set MURALIST_DEVICE to one that works, such as cpu"
        )
    except MuralistError as error:
        return Check(name="device", ok=False, detail=str(error), fix="correct or unset that variable")
    except Exception as error:
        # A broken build of torch fails in many ways, and this command is there to say so.
        return Check(name="device", ok=False, detail=f"torch cannot be imported: {error}", fix="pip install torch")
    try:
        count, engine = threads(load().backbone), settings.load()
    except MuralistError as error:
        return Check(name="device", ok=False, detail=str(error), fix="correct or unset that variable")
    used = "as many CPU threads as the first picture finds fastest" if count is None else f"{count} CPU threads"
    together = "one picture at a time" if engine.batch == 1 else f"up to {engine.batch} pictures together"
    detail = f"{best.kind} ({best.name}), {used} of {os.cpu_count()}, {together}"
    return Check(name="device", ok=True, detail=detail)


def _variables() -> list[Check]:
    """Those that nothing reads."""
    from muralist.server.variables import unknown

    fix = "correct or unset that variable: `muralist serve` does not start with it"
    return [Check(name="settings", ok=False, detail=line, fix=fix) for line in unknown()]


def _hosted(name: str, settings: Settings) -> Check:
    """Whether the images service answers and has the model; nothing is painted."""
    from muralist.diffusion.hosted.probe import probe
    from muralist.diffusion.hosted.settings import load as hosted_settings
    from muralist.runs.wiring import painter

    model = settings.backbone.removeprefix(HOSTED)
    try:
        painter(settings)
        found = asyncio.run(asyncio.wait_for(probe(model, hosted_settings(), PATIENCE), PATIENCE))
        return Check(name=name, ok=found.has_model, detail=found.summary, fix="" if found.has_model else HOSTED_FIX)
    except TimeoutError:
        trouble = f"it did not answer within {PATIENCE:g} seconds"
    except MuralistError as error:
        trouble = str(error)
    return Check(name=name, ok=False, detail=trouble, fix=HOSTED_FIX)


def _backbone(settings: Settings) -> Check:
    """By the very functions that say what is loaded, and how; or whether the service answers that paints."""
    from muralist.diffusion.location import on_disk
    from muralist.diffusion.model_files import resolved
    from muralist.diffusion.opening import prepare
    from muralist.runs.wiring import is_diffusion, painter

    backbone, name = settings.backbone, f"backbone {settings.backbone}"
    if backbone.startswith(HOSTED):
        return _hosted(name, settings)
    try:
        painter(settings)
        if not is_diffusion(backbone):
            return Check(name=name, ok=True, detail="registered")
        place = on_disk(backbone, settings.revision)
    except MuralistError as error:
        return Check(name=name, ok=False, detail=str(error), fix="set MURALIST_BACKBONE, or pass --backbone")
    if place is None:
        return _not_downloaded(name, backbone)
    try:
        files = resolved(place, settings.variant)
        found = prepare(backbone, files, PaintingSettings.of(settings))
    except MuralistError as error:
        return Check(name=name, ok=False, detail=str(error), fix=_install(settings))
    detail = f"{place}, {summed(files.weights)}; {found.dtype}; {found.plan}; {found.profile}"
    return Check(name=name, ok=True, detail=detail)


def _not_downloaded(name: str, hub_id: str) -> Check:
    return Check(name=name, ok=None, detail=f"{hub_id} is not downloaded yet", fix="the first picture downloads it")


def _cached(name: str, hub_id: str, file: str) -> Check:
    """Whether the hub's cache has a model, by the file that names its parts."""
    from huggingface_hub import try_to_load_from_cache

    if isinstance(try_to_load_from_cache(hub_id, file), str):
        return Check(name=name, ok=True, detail=f"{hub_id} is in the hub's cache")
    return _not_downloaded(name, hub_id)


def _install(settings: Settings) -> str:
    if settings.backbone == "picturebook":
        return "install muralist anew, or train the weights: python -m muralist.picturebook.train --help"
    return "give a complete folder in diffusers format, or mend the setting that it names"


def _model(settings: Settings) -> Check:
    from muralist.agent.endpoint import EndpointChatModel
    from muralist.runs.wiring import chat_model

    name = f"model {settings.model}"
    try:
        model = chat_model(settings)
    except MuralistError as error:
        return Check(name=name, ok=False, detail=str(error), fix="set MURALIST_MODEL")
    if isinstance(model, EndpointChatModel):
        return _endpoint(name, settings, settings.model)
    detail = "built-in rules, no key needed" if settings.model == "offline" else "configured"
    return Check(name=name, ok=True, detail=detail)


def _endpoint(name: str, settings: Settings, model: str, has_to_see: bool = False) -> Check:
    """What a model can do, by asking it for one small thing."""
    from muralist.agent.endpoint import Endpoint
    from muralist.agent.endpoint.probe import probe

    try:
        found = asyncio.run(asyncio.wait_for(probe(Endpoint.of(settings, model)), PATIENCE))
        ok = found.sees or not has_to_see
        return Check(name=name, ok=ok, detail=found.summary, fix="" if ok else "set MURALIST_INSPECTOR_MODEL")
    except TimeoutError:
        trouble = f"it did not answer within {PATIENCE:g} seconds"
    except MuralistError as error:
        trouble = str(error)
    return Check(name=name, ok=False, detail=trouble, fix="set OPENAI_BASE_URL, OPENAI_API_KEY, MURALIST_MODEL")


def _inspectors(settings: Settings) -> Iterator[Check]:
    """Each of those that are joined by `+`."""
    from muralist.runs.wiring import inspector

    parts = dict.fromkeys(part.strip() for part in settings.inspector.split("+"))
    for part in parts:
        name = f"inspector {part}"
        try:
            inspector(settings.model_copy(update={"inspector": part}))
        except (MuralistError, ImportError) as error:
            yield Check(name=name, ok=False, detail=str(error), fix="set MURALIST_INSPECTOR")
            continue
        match part:
            case "picturebook":
                yield _detector(name)
            case "mllm":
                yield _endpoint(name, settings, settings.inspector_model or settings.model, has_to_see=True)
            case "grounded":
                yield _open_vocabulary(name, settings.detector)
            case _:
                yield Check(name=name, ok=True, detail="configured")


def _detector(name: str) -> Check:
    weights = _shipped() / "detector.safetensors"
    if trouble := sound(weights):
        fix = "install muralist anew, or train it: python -m muralist.picturebook.train --help"
        return Check(name=name, ok=False, detail=trouble, fix=fix)
    return Check(name=name, ok=True, detail=f"{weights}, {summed([weights])}")


def _open_vocabulary(name: str, detector: str) -> Check:
    if importlib.util.find_spec("scipy") is None:
        return Check(name=name, ok=False, detail="scipy is not installed", fix="pip install 'muralist[grounded]'")
    if Path(detector).expanduser().is_dir():
        return Check(name=name, ok=True, detail=detector)
    return _cached(name, detector, "config.json")


def _home(settings: Settings) -> Check:
    try:
        check_writable(settings.home, "home folder")
        check_database(settings.home)
        asyncio.run(kept(settings.home, ""))
    except MuralistError as error:
        return Check(name="home folder", ok=False, detail=str(error), fix="set MURALIST_HOME")
    return Check(name="home folder", ok=True, detail=str(settings.home))


def _shipped() -> Path:
    """Where the picturebook's weights are installed."""
    spec = importlib.util.find_spec("muralist.picturebook")
    return Path(spec.origin if spec and spec.origin else ".").parent / "weights"
