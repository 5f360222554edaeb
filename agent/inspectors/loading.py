"""Loading models of transformers that look at pictures, by folder or hub id."""

from __future__ import annotations

import json
import re
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from muralist.tools.device_health import check_device, is_fatal, lost
from muralist.tools.device_memory import MEMORY, bytes_on, empty_cache
from muralist.tools.errors import BackboneError

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")

Use = Literal["detector", "vqa"]
"""What a model is for: the name of the setting that names it."""

AUTO_CLASSES: dict[Use, tuple[str, ...]] = {
    "detector": ("AutoModelForZeroShotObjectDetection",),
    "vqa": ("AutoModelForVisualQuestionAnswering", "AutoModelForZeroShotImageClassification"),
}
WANTED: dict[Use, str] = {
    "detector": "a zero-shot object detector such as google/owlv2-base-patch16-ensemble or "
    "IDEA-Research/grounding-dino-tiny",
    "vqa": "a model that answers questions about pictures, such as dandelin/vilt-b32-finetuned-vqa, or compares them "
    "with texts, such as openai/clip-vit-base-patch32",
}

WORKING = 1 << 30
"""Bytes that a model takes besides its weights while it looks at a picture, at most, as estimated."""
LOAD_AGAIN = "check that it is complete, in safetensors, and that the hub can be reached if it is not a folder"
RUN_AGAIN = "take a smaller picture or model, or another one"


def locate(use: Use, name: str) -> Path | str:
    """The folder of a model, or its hub id. Cheap: looks at the disk only. Raises BackboneError."""
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if not HUB_ID.fullmatch(name):
        raise BackboneError(f"{use} '{name}' is neither a folder nor a hub id (owner/name): give {WANTED[use]}")
    return name


class SeeingModel:
    """A model that is loaded when it is first asked, and unloaded whenever others need its memory: a `Holder`.

    Cheap to make. Raises BackboneError if there can be no such model.
    """

    def __init__(self, use: Use, name: str) -> None:
        locate(use, name)
        self.use: Use = use
        self.name = name
        self._lock = threading.Lock()
        self._loaded: tuple[Any, Any] | None = None
        MEMORY.used(self)

    @contextmanager
    def used(self) -> Iterator[tuple[Any, Any]]:
        """Processor and model, which nobody else uses meanwhile; loads it if need be.

        Raises BackboneError for whatever the libraries raise.
        """
        with self._lock, trouble(self.use, self.name, "failed", RUN_AGAIN):
            MEMORY.used(self)
            if self._loaded is None:
                self._loaded = load(self.use, self.name, self._device())
            yield self._loaded

    def _device(self) -> str:
        """The GPU, if there is one, and room on it once others that are not at work have given way."""
        gpu = _best()
        check_device(gpu)
        MEMORY.make_room(gpu, needed := self.needs(gpu), self)
        return gpu if gpu == "cpu" or MEMORY.free(gpu) >= needed else "cpu"

    def held(self, device: str) -> int:
        """Bytes of its weights on that device."""
        return 0 if (loaded := self._loaded) is None else bytes_on(device, [loaded[1]])

    def needs(self, device: str) -> int:
        """Bytes that it takes while it looks, by the size of its files; 0 on other devices, and before it is here."""
        return 0 if device != _best() or not (weights := weight_of(self.name)) else weights + WORKING

    def unload(self, wait: bool) -> bool:
        """Give its memory back; False if it looks at something, unless that may be waited for."""
        if not self._lock.acquire(blocking=wait):
            return False
        try:
            self._loaded = None
        finally:
            self._lock.release()
        empty_cache()
        return True


def _best() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def weight_of(name: str) -> int:
    """Bytes of a model's weights in float32, by the size of its files; 0 if it is not on this machine."""
    from huggingface_hub import try_to_load_from_cache

    folder = Path(name).expanduser()
    if not folder.is_dir() and isinstance(config := try_to_load_from_cache(name, "config.json"), str):
        folder = Path(config).parent
    try:
        read = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        half = str(read.get("dtype") or read.get("torch_dtype")).removeprefix("torch.") in ("float16", "bfloat16")
    except (OSError, ValueError, AttributeError):
        return 0
    return sum(file.stat().st_size for file in folder.glob("*.safetensors")) * (2 if half else 1)


def load(use: Use, name: str, device: str = "cpu") -> tuple[Any, Any]:
    """Processor and model on that device; float32, safetensors only, no code from the hub.

    Raises BackboneError in one line if it is missing, damaged, unreachable, or of another kind.
    """
    place = locate(use, name)
    import transformers

    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    with trouble(use, name, "could not be loaded", LOAD_AGAIN):
        return _load(use, name, place, device)


def _load(use: Use, name: str, place: Path | str, device: str) -> tuple[Any, Any]:
    import torch
    import transformers

    config = transformers.AutoConfig.from_pretrained(place)
    family = _auto_class(use, config)
    if family is None:
        raise BackboneError(f"{use} '{name}' is a model of type {config.model_type}: give {WANTED[use]}")
    model = family.from_pretrained(place, use_safetensors=True, dtype=torch.float32)
    processor = transformers.AutoProcessor.from_pretrained(place)
    return processor, model.to(device).eval()


@contextmanager
def trouble(use: Use, name: str, what: str, instead: str) -> Iterator[None]:
    """Whatever the libraries raise inside, on a broken file or connection or for want of memory, as a BackboneError."""
    try:
        yield
    except BackboneError:
        raise
    except ImportError as error:
        traceback.clear_frames(error.__traceback__)  # they hold what was loaded by then
        missing = re.search(r"pip install ([\w-]+)", str(error))
        raise BackboneError(
            f"{use} '{name}' needs {missing[1] if missing else error}: pip install 'muralist[grounded]'"
        ) from error
    except Exception as error:
        traceback.clear_frames(error.__traceback__)
        if is_fatal(error):
            raise lost(_best(), error) from None
        reason = str(error).strip().splitlines()
        raise BackboneError(
            f"{use} '{name}' {what} ({reason[0][:200] if reason else type(error).__name__}): {instead}"
        ) from error


def _auto_class(use: Use, config: Any) -> Any:
    """The class that the model's configuration names, or else the first that has one of its type; None if none has."""
    import transformers

    classes = [getattr(transformers, name) for name in AUTO_CLASSES[use]]
    fitting = [each for each in classes if type(config) in each._model_mapping]
    named = config.architectures or []
    for each in fitting:
        if each._model_mapping[type(config)].__name__ in named:
            return each
    return fitting[0] if fitting else None
