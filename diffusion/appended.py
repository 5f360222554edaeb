"""Regional attention in transformers: regions' prompts appended to the base prompt, and attention led by regions.

The denoiser is called once for each group of rows that follow the same; its own code and processors (with LoRA,
IP-Adapter, ControlNet) stay, only the attention between tokens is another function of queries, keys and values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode

from muralist.tools.errors import BadSettings

from .by_rows import Call, Denoising, led_by_rows
from .control import Following


@dataclass(frozen=True)
class Tokens:
    """What attention sees: N image tokens, of which the first are the canvas's cells, and the texts' tokens."""

    grid: tuple[int, int]
    """(height, width) of the canvas in tokens."""
    image: int
    """N; what goes beyond the grid is a reference picture, which follows the base prompt, or registers."""
    base: int
    """Tokens of the base prompt."""
    texts: tuple[int, ...]
    """Tokens of each region's prompt."""

    @property
    def text(self) -> int:
        """Tokens of all prompts."""
        return self.base + sum(self.texts)


class Attention(Protocol):
    """Attention led by regions, for some tokens and shares (K, image)."""

    def __call__(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None
    ) -> torch.Tensor:
        """(B, heads, Q, D), (B, heads, S, D) twice -> (B, heads, Q, D)."""

    def takes(self, query: torch.Tensor, key: torch.Tensor) -> bool:
        """Whether this is an attention between these very tokens."""


def one_sequence(call: Call, texts: Sequence[torch.Tensor]) -> tuple[Call, list[int]]:
    """Texts (T_r, C) after the base prompt, (B, T, C); and how many tokens each of all has, the base prompt first."""
    base = call["encoder_hidden_states"]
    appended = torch.cat([base, torch.cat(list(texts)).to(base).expand(len(base), -1, -1)], 1)
    return {"encoder_hidden_states": appended}, [base.shape[1], *map(len, texts)]


@dataclass(frozen=True)
class Family:
    """How a family of transformers takes its texts and lays out its tokens."""

    attention: Callable[[Tokens, torch.Tensor], Attention]
    """Given the tokens and the shares, (K, image) on the denoiser's device."""
    canvas: Callable[[Any, Call], tuple[tuple[int, int], int]]
    """Of the denoiser and a call: (height, width) in tokens, and how many image tokens there are in all."""
    beside: Callable[[Call, Tokens], Call] = lambda call, tokens: {}
    """What else in a call goes by the texts' tokens, with the regions' appended: their places, their mask."""
    whole: frozenset[str] = frozenset()
    """Arguments that all rows share."""
    during: Callable[[Any, Tokens], AbstractContextManager[Any]] = lambda transformer, tokens: nullcontext()
    """What else has to be in place for a call with appended texts."""
    texts: Callable[[Call, Sequence[torch.Tensor]], tuple[Call, list[int]]] = one_sequence
    """What in a call holds the prompts, with the regions' appended; and the tokens of each, the base prompt first."""
    registers: bool = False
    """Whether the image tokens beyond the grid are no picture of their own: they follow each text by its mean share."""


@contextmanager
def attached(transformer: Any, family: Family) -> Iterator[Denoising]:
    """Lead the transformer's calls; leave it as it was at the end."""
    attentions: dict[tuple[Following, Tokens], Attention] = {}

    def lead(plain: Callable[..., Any], row: Following, call: Call, rows: int) -> Any:
        appended, (base, *texts) = family.texts(call, row.texts.embeddings)
        tokens = Tokens(*family.canvas(transformer, call), base, tuple(texts))
        if (row, tokens) not in attentions:
            for old in [held for held in attentions if held[0].texts is row.texts and held[0] != row]:
                del attentions[old]  # of a base ratio that is past
            shares = row.shares(tokens.grid)
            beyond = shares.mean(1, keepdim=True) * family.registers
            shares = torch.cat([shares, beyond.expand(-1, tokens.image - shares.shape[1])], 1)
            attentions[row, tokens] = family.attention(tokens, shares)
        with family.during(transformer, tokens), Rerouted(attentions[row, tokens]) as rerouted:
            out = plain(**call | appended | family.beside(call, tokens))
        if not rerouted.count:
            raise BadSettings(
                f"regional attention met no attention of {type(transformer).__name__} that it knows: set its attention "
                "backend to 'native'"
            )
        return out

    with led_by_rows(transformer, lead, family.whole) as denoising:
        yield denoising


class Rerouted(TorchFunctionMode):
    """Leads every attention that `attention` takes through it; all others stay."""

    def __init__(self, attention: Attention) -> None:
        super().__init__()
        self.attention = attention
        self.count = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is not F.scaled_dot_product_attention:
            return func(*args, **kwargs)
        given = dict(zip(("query", "key", "value", "attn_mask"), args, strict=False)) | kwargs
        if not self.attention.takes(given["query"], given["key"]):
            return func(*args, **kwargs)
        self.count += 1
        return self.attention(given["query"], given["key"], given["value"], given.get("attn_mask"))
