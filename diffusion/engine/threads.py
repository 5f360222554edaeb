"""How many CPU threads paint: a picture's bytes depend on the number, so it is chosen once and kept."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from muralist.diffusion.location import PICTUREBOOK
from muralist.tools.errors import BadSettings

GAIN = 1.1
"""More threads are taken if they are at least this much faster."""
CELLS = 32
"""Latent cells along the side of the picture that is timed."""
GUIDANCE = 4.0
"""By which it is guided."""


def threads(backbone: str) -> int | None:
    """Threads for that backbone: MURALIST_THREADS, else what was measured on this machine; None: not measured yet.

    Picturebook has 1 everywhere: its networks are too small for more to be faster, and so its bytes are the same on
    machines with more or fewer cores. Raises BadSettings.
    """
    if text := os.environ.get("MURALIST_THREADS"):
        if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 1024:
            raise BadSettings(f"MURALIST_THREADS is '{text}': give a number of threads from 1 to 1024")
        return int(text)
    return 1 if backbone == PICTUREBOOK else _recorded(_record(backbone))


def set_threads(backbone: str, pipe: Any) -> None:
    """Have torch use that many on this thread; what is not known yet is measured, and recorded for good.

    With an accelerator it is 1: the CPU has little to do.
    """
    import torch

    count = threads(backbone)
    if count is None and pipe._execution_device.type != "cpu":  # its parts may be offloaded to the CPU meanwhile
        count = 1
    torch.set_num_threads(count or kept(_record(backbone), lambda: fastest(_timing(pipe), _candidates())))


def fastest(seconds: Callable[[int], float], counts: Iterable[int]) -> int:
    """The first of the counts (rising) that no later one beats by `GAIN`."""
    best, least = 1, float("inf")
    for count in counts:
        taken = seconds(count)
        if taken * GAIN < least:
            best, least = count, taken
    return best


def kept(record: Path, measure: Callable[[], int]) -> int:
    """What the record says; where there is none, it is made. Of two processes that measure, the first one's counts."""
    known = _recorded(record)
    if known is not None:
        return known
    count = measure()
    with suppress(
        OSError
    ):  # a home that cannot be written to is the store's to report; it costs a measurement each time
        record.parent.mkdir(parents=True, exist_ok=True)
        try:
            with record.open("x", encoding="utf-8") as file:
                json.dump({"threads": count}, file)
        except FileExistsError:
            if (known := _recorded(record)) is not None:
                return known
            record.write_text(json.dumps({"threads": count}), encoding="utf-8")  # it was damaged
    return count


def _record(backbone: str) -> Path:
    """Where it is noted for this backbone, machine and version of torch."""
    import platformdirs

    home = Path(os.environ.get("MURALIST_HOME") or platformdirs.user_data_dir("muralist")).expanduser()
    path = Path(backbone).expanduser()
    what = [str(path.resolve()) if path.exists() else backbone, platform.machine(), platform.node()]
    digest = hashlib.sha256("\n".join([*what, str(os.cpu_count()), version("torch")]).encode()).hexdigest()
    return home / "threads" / f"{digest[:16]}.json"


def _recorded(record: Path) -> int | None:
    try:
        count = json.loads(record.read_text(encoding="utf-8"))["threads"]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return count if isinstance(count, int) and 1 <= count <= 1024 else None


def _candidates() -> list[int]:
    """1, 2, 4 and so on, and the number of cores."""
    cores = os.cpu_count() or 1
    return sorted({*(2**power for power in range(cores.bit_length()) if 2**power <= cores), cores})


def _timing(pipe: Any) -> Callable[[int], float]:
    """Seconds that one step of a small picture takes with so many threads; the best of two, after one to warm up."""
    import copy

    import torch

    from muralist.diffusion.guidance import guided

    def step() -> float:
        started = time.perf_counter()
        side = CELLS * getattr(pipe, "vae_scale_factor", 8)
        options = guided(pipe, GUIDANCE)  # a pipeline's own may be for its own number of steps
        copy.copy(pipe)("a wall", height=side, width=side, num_inference_steps=1, output_type="latent", **options)
        return time.perf_counter() - started

    def seconds(count: int) -> float:
        torch.set_num_threads(count)
        step()
        return min(step(), step())

    return seconds
