"""Loading models of transformers that look at pictures, by folder or hub id."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

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


def load(use: Use, name: str) -> tuple[Any, Any]:
    """Processor and model, on the GPU if there is one; float32, safetensors only, no code from the hub.

    Raises BackboneError in one line if it is missing, damaged, unreachable, or of another kind.
    """
    place = locate(use, name)
    import torch
    import transformers

    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    with trouble(use, name, "could not be loaded", LOAD_AGAIN):
        config = transformers.AutoConfig.from_pretrained(place)
        family = _auto_class(use, config)
        if family is None:
            raise BackboneError(f"{use} '{name}' is a model of type {config.model_type}: give {WANTED[use]}")
        model = family.from_pretrained(place, use_safetensors=True, dtype=torch.float32)
        processor = transformers.AutoProcessor.from_pretrained(place)
    return processor, model.to("cuda" if torch.cuda.is_available() else "cpu").eval()


@contextmanager
def trouble(use: Use, name: str, what: str, instead: str) -> Iterator[None]:
    """Whatever the libraries raise inside, on a broken file or connection or for want of memory, as a BackboneError."""
    try:
        yield
    except BackboneError:
        raise
    except ImportError as error:
        missing = re.search(r"pip install ([\w-]+)", str(error))
        raise BackboneError(
            f"{use} '{name}' needs {missing[1] if missing else error}: pip install 'muralist[grounded]'"
        ) from error
    except Exception as error:
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
