"""Loading the diffusion model that paints."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from muralist.tools.device_health import is_fatal, lost
from muralist.tools.device_memory import empty_cache
from muralist.tools.errors import BackboneError, DeviceLost, MuralistError
from muralist.tools.painting_settings import PaintingSettings

from .opening import opened

if TYPE_CHECKING:
    from .loading_ladder import Memory


def load(backbone: str, painting: PaintingSettings | None = None, memory: Callable[[str], Memory] | None = None) -> Any:
    """The text-to-image pipeline, on the best device there is; takes seconds to minutes.

    Safetensors and GGUF only, no code from the hub, no safety checker. `painting` says what is not as the model has it;
    `memory` tells what is free on a device, by which `loading_ladder` decides how to load. Raises BackboneError and
    BadSettings in one line if it is missing, damaged, too large, unreachable or of an unsupported family; nothing is
    left in memory then.
    """
    _quieten()
    try:
        return opened(backbone, painting or PaintingSettings(), **({"memory": memory} if memory else {}))
    except Exception as error:  # whatever the libraries raise on a broken file or connection
        trouble = _in_one_line(backbone, error, painting)
    # Only here are the frames gone that hold what was loaded by then.
    empty_cache()
    raise trouble


def _in_one_line(backbone: str, error: Exception, painting: PaintingSettings | None) -> MuralistError:
    """An error that holds on to nothing of what was loaded."""
    from .engine.device import chosen
    from .engine.memory import is_out_of_memory

    if is_fatal(error):
        return lost(chosen(painting.device if painting else None).place, error)
    if is_out_of_memory(error):
        return BackboneError(
            f"backbone '{backbone}' needs more memory than there is: free some, or choose a smaller one"
        )
    if isinstance(error, DeviceLost) or (isinstance(error, MuralistError) and not isinstance(error, BackboneError)):
        return type(error)(str(error))
    reason = str(error).strip().splitlines()[0][:400] if str(error).strip() else type(error).__name__
    if isinstance(error, BackboneError):  # says itself what would be right
        return BackboneError(
            reason if reason.startswith("backbone ") else f"backbone '{backbone}' could not be loaded: {reason}"
        )
    return BackboneError(
        f"backbone '{backbone}' could not be loaded ({reason}): check that it is complete, in safetensors, and that "
        "the hub can be reached if it is not a folder"
    )


def _quieten() -> None:
    """No progress bars, no warnings of what nobody here needs, and no errors in logs that are raised anyway."""
    import diffusers
    import transformers

    for library in (diffusers, transformers):
        logging = library.utils.logging
        logging.disable_progress_bar()
        logging.set_verbosity(logging.CRITICAL)
