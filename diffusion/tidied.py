"""What diffusers leaves behind when a call of a pipeline fails half-way, put right."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def tidied(pipe: Any) -> Iterator[None]:
    """After an exception the autoencoder has its precision again, and offloaded parts are off the accelerator.

    SDXL decodes in float32 and goes back to float16 afterwards; if memory runs out between, every later picture of the
    pipeline would fail.
    """
    vae = getattr(pipe, "vae", None)
    dtype = None if vae is None else vae.dtype
    try:
        yield
    except BaseException:
        if vae is not None and vae.dtype != dtype:
            vae.to(dtype)
        pipe.maybe_free_model_hooks()
        raise
