"""Region prompts, encoded as a call of the pipeline encodes its own: with its picture, clip skip and LoRA scale."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import update_wrapper
from typing import Any, Generic, TypeVar

import torch

from muralist.tools.errors import BadSettings

from .families import family_info
from .long_prompts import Lengths, Padding
from .patching import patched
from .region_schedule import Side
from .weight_state import WeightState, weight_state

T = TypeVar("T")

OF_THE_CALL = ("image", "clip_skip", "lora_scale")
"""Arguments of `encode_prompt` that hold for the regions' prompts as well as for the call's own."""
OF_THE_PROMPT = ("clip_skip",)
"""Those that pipelines do not heed for negative prompts."""
TEXT_ENCODERS = ("text_encoder", "text_encoder_2", "text_encoder_3", "text_encoder_4")
TOKENIZERS = ("tokenizer", "tokenizer_2", "tokenizer_3", "tokenizer_4")


class CallEncoding(Generic[T]):
    """Takes the place of `pipe.encode_prompt`: the regions' prompts are encoded as a call encodes its own.

    Only again if what they depend on has changed: an argument in `OF_THE_CALL`, a text encoder's weights, or, where
    `lengths` are given, what they are padded to.
    """

    def __init__(
        self, pipe: Any, plain: Callable[..., Any], encode: Callable[..., T], lengths: Lengths | None = None
    ) -> None:
        # Inner regions take the place of outer ones.
        self.plain: Callable[..., Any] = vars(plain)["plain"] if isinstance(plain, CallEncoding) else plain
        self.side: Side = "positive"
        self.guided = True
        """Whether the call that encodes its prompts guides by a negative one."""
        self._pipe, self._encode, self._lengths = pipe, encode, lengths
        self._signature = inspect.signature(self.plain)
        self._options: dict[str, Any] = {}
        self._made: dict[int | None, tuple[dict[str, Any], WeightState, T]] = {}
        self._ours = False
        update_wrapper(self, self.plain)

    @property
    def waits(self) -> bool:
        """Whether nothing can be encoded before a call: prompts are read with its picture, or padded as its own."""
        return "image" in self._signature.parameters or self._lengths is not None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        given = self._signature.bind(*args, **kwargs)
        if self._ours:
            dropped = OF_THE_PROMPT if self.side == "negative" else ()
            given.arguments |= {name: each for name, each in self._options.items() if name not in dropped}
            return self.plain(*given.args, **given.kwargs)
        self.guided = bool(given.arguments.get("do_classifier_free_guidance", True))
        self._options = {name: given.arguments[name] for name in OF_THE_CALL if given.arguments.get(name) is not None}
        if self._lengths is None:
            found = self.plain(*given.args, **given.kwargs)
            self.texts()
            return found
        given.apply_defaults()
        given.arguments["max_sequence_length"] = self._lengths.of_prompts(given.arguments)
        self._made = {length: made for length, made in self._made.items() if self._holds(made)}
        return self.plain(*given.args, **given.kwargs)

    def texts(self, length: int | None = None) -> T:
        """The regions' prompts for the latest call, padded to so many tokens."""
        made = self._made.get(length)
        if made is None or not self._holds(made):
            self._ours = True
            try:
                with encoders_needed(self._pipe):
                    encoded = self._encode() if length is None else self._encode(length=length)
            finally:
                self._ours = False
            made = self._made[length] = self._options, self._weights(), encoded
        return made[2]

    def kept(self, call: dict[str, Any]) -> T:
        """The same within a call of the pipeline, in which nothing changes, for one of the denoiser."""
        length = None if self._lengths is None else self._lengths.beside(call)
        return self._made[length][2] if length in self._made else self.texts(length)

    def _holds(self, made: tuple[dict[str, Any], WeightState, T]) -> bool:
        return _same(made[0], self._options) and made[1] == self._weights()

    def _weights(self) -> WeightState:
        return weight_state(self._text_encoders(), located=False)

    def _text_encoders(self) -> list[Any]:
        encoders = (getattr(self._pipe, name, None) for name in TEXT_ENCODERS)
        return [each for each in encoders if isinstance(each, torch.nn.Module)]


@contextmanager
def encoders_needed(pipe: Any) -> Iterator[None]:
    """Raises BadSettings for what fails within, where text encoders or tokenizers are not loaded."""
    try:
        yield
    except (AttributeError, TypeError):
        missing = [name for name in (*TEXT_ENCODERS, *TOKENIZERS) if getattr(pipe, name, pipe) is None]
        if not missing:
            raise
        raise BadSettings(
            f"regions' prompts are encoded by the pipeline, and its {' and '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} not loaded: load {type(pipe).__name__} with all of its parts"
        ) from None


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Of pictures, the very same; of numbers, equal ones."""
    numbers = [{name: each for name, each in options.items() if name != "image"} for options in (one, other)]
    return one.get("image") is other.get("image") and numbers[0] == numbers[1]


@contextmanager
def encoded_as_called(
    pipe: Any, encode: Callable[..., T], padding: Padding | None, prompts: Sequence[str]
) -> Iterator[Callable[[dict[str, Any]], T]]:
    """What `encode` makes of the regions' `prompts` by the pipeline's `encode_prompt`, for a call of the denoiser.

    It is made at once where it can be, so that mistakes are told at once, and again for a call that encodes prompts in
    another way. With a `padding`, `encode` is given the `length` to pad to.
    """
    plain = getattr(pipe, "encode_prompt", None)
    # Pipelines of families that are not known are encoded for by calling the whole pipeline.
    if family_info(pipe) is None or plain is None:
        made = encode()
        yield lambda call: made
        return
    with encoders_needed(pipe):
        encoding = CallEncoding(pipe, plain, encode, Lengths(pipe, padding, prompts) if padding else None)
    with patched(pipe, "encode_prompt", encoding):
        if not encoding.waits:
            encoding.texts()
        yield encoding.kept


@contextmanager
def encoding_side(pipe: Any, side: Side) -> Iterator[None]:
    """Within, region prompts are encoded for that side of the guidance."""
    encoding = vars(pipe).get("encode_prompt")
    if not isinstance(encoding, CallEncoding):
        yield
        return
    encoding.side = side
    try:
        yield
    finally:
        encoding.side = "positive"
