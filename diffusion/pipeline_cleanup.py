"""Leaves a diffusers pipeline as it was after whatever was painted with its components, or failed half-way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def cleaned_up(pipe: Any) -> Iterator[None]:
    """Afterwards, offload the modules again; after an exception, restore the autoencoder's dtype, too.

    A pipeline made over the components of another, as for inpainting, knows nothing of its offloading. SDXL decodes in
    float32 and goes back to float16 afterwards; if memory runs out between, every later picture of the pipeline would
    fail.
    """
    vae = getattr(pipe, "vae", None)
    dtype = None if vae is None else vae.dtype
    try:
        yield
    finally:
        if vae is not None and vae.dtype != dtype:
            vae.to(dtype)
        pipe.maybe_free_model_hooks()
