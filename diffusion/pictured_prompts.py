"""Prompts that a text encoder reads beside the picture that is to be edited, as Qwen-Image-Edit's does."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar

from .families import known
from .overlay import overlaid

T = TypeVar("T")


@contextmanager
def encoded_beside(pipe: Any, encode: Callable[[], T]) -> Iterator[Callable[[], T]]:
    """What `encode` makes of prompts by the pipeline's `encode_prompt`; the function yielded gives it.

    Of most pipelines it is made at once. Where `encode_prompt` takes a picture, that is the one of the call: prompts
    are encoded once the pipeline has shown it to its text encoder, and again when it shows another one.
    """
    plain = getattr(pipe, "encode_prompt", None)
    # Pipelines of families that are not known are encoded for by calling the whole pipeline.
    if known(pipe) is None or plain is None or "image" not in inspect.signature(plain).parameters:
        made = encode()
        yield lambda: made
        return
    shown: Any = None
    kept: list[T] = []
    ours = False

    @wraps(plain)
    def encode_prompt(*args: Any, **kwargs: Any) -> Any:
        nonlocal shown
        given = inspect.signature(plain).bind(*args, **kwargs)
        if ours:
            given.arguments["image"] = shown
        elif given.arguments.get("image") is not shown:
            shown = given.arguments.get("image")
            kept.clear()
        return plain(*given.args, **given.kwargs)

    def beside() -> T:
        nonlocal ours
        if not kept:
            ours = True
            try:
                kept.append(encode())
            finally:
                ours = False
        return kept[0]

    with overlaid(pipe, "encode_prompt", encode_prompt):
        yield beside
