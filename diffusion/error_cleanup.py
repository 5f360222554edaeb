"""Restores a diffusers pipeline whose call failed half-way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def cleaned_up_on_error(pipe: Any) -> Iterator[None]:
    """After an exception, restore the autoencoder's dtype and offload the modules again.

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
