"""Regional attention in diffusion transformers (DiT): regions' prompt tokens are appended to the base prompt's.

The denoiser is called once per group of rows with equal conditioning. Its own code and processors (LoRA, IP-Adapter,
ControlNet) stay; only `scaled_dot_product_attention` between image and text tokens is replaced.
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

from .batch_grouping import Call, ConditioningState, grouped_by_conditioning
from .region_schedule import RegionConditioning

BLOCKS = ("transformer_blocks", "single_transformer_blocks", "layers")
"""Where transformers keep the blocks that attend texts, once each, in the order of the calls."""


@dataclass(frozen=True)
class TokenSpans:
    """The token counts of one attention: N image tokens, the canvas first, and each prompt's text tokens."""

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
    """Regional attention for given token spans and region weights (K, image)."""

    def __call__(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None
    ) -> torch.Tensor:
        """(B, heads, Q, D), (B, heads, S, D) twice -> (B, heads, Q, D)."""

    def takes(self, query: torch.Tensor, key: torch.Tensor, mask: torch.Tensor | None) -> bool:
        """Whether this is an attention between these very tokens."""


def append_to_sequence(call: Call, texts: Sequence[torch.Tensor]) -> tuple[Call, list[int]]:
    """Texts (T_r, C) after the base prompt, (B, T, C); and how many tokens each of all has, the base prompt first."""
    base = call["encoder_hidden_states"]
    appended = torch.cat([base, torch.cat(list(texts)).to(base).expand(len(base), -1, -1)], 1)
    return {"encoder_hidden_states": appended}, [base.shape[1], *map(len, texts)]


@dataclass(frozen=True)
class DiTFamily:
    """How a family of diffusion transformers takes its prompts and lays out its tokens."""

    attention: Callable[..., Attention]
    """Given the tokens and the shares, (K, image); with `holds=False` for blocks where image tokens follow the base."""
    canvas: Callable[[Any, Call], tuple[tuple[int, int], int]]
    """Of the denoiser and a call: (height, width) in tokens, and how many image tokens there are in all."""
    token_arguments: Callable[[Call, TokenSpans], Call] = lambda call, tokens: {}
    """The other per-token arguments of a call, extended to the appended prompts: position ids, attention mask."""
    shared: frozenset[str] = frozenset()
    """Arguments that all rows share."""
    context: Callable[[Any, TokenSpans], AbstractContextManager[Any]] = lambda transformer, tokens: nullcontext()
    """A context for the call, such as a patched positional embedding."""
    append_prompts: Callable[[Call, Sequence[Any]], tuple[Call, list[int]]] = append_to_sequence
    """The prompt arguments of a call with the regions' appended, and the tokens of each prompt, the base first."""
    attentions_a_block: int = 1
    """Calls of attention in a block that these are to take the place of."""
    registers: bool = False
    """Whether the image tokens beyond the grid are no picture of their own: they follow each text by its mean share."""


@contextmanager
def attached(transformer: Any, family: DiTFamily) -> Iterator[ConditioningState]:
    """Regional attention on the transformer; restored at the end."""
    attentions: dict[tuple[RegionConditioning, TokenSpans], tuple[Attention, Attention | None]] = {}

    def forward_group(plain: Callable[..., Any], row: RegionConditioning, call: Call, rows: int) -> Any:
        appended, (base, *texts) = family.append_prompts(call, row.prompts.embeddings)
        tokens = TokenSpans(*family.canvas(transformer, call), base, tuple(texts))
        if (row, tokens) not in attentions:
            for old in [held for held in attentions if held[0].prompts is row.prompts and held[0] != row]:
                del attentions[old]  # of a base ratio that is past
            shares = row.shares(tokens.grid)
            beyond = shares.mean(1, keepdim=True) * family.registers
            shares = torch.cat([shares, beyond.expand(-1, tokens.image - shares.shape[1])], 1)
            without = None if row.prompts.schedule.blocks is None else family.attention(tokens, shares, holds=False)
            attentions[row, tokens] = family.attention(tokens, shares), without
        held, without = attentions[row, tokens]
        each = [block for block in blocks_called(call) for _ in range(family.attentions_a_block)]
        called = held if without is None else [held if row.holds_in(block) else without for block in each]
        with family.context(transformer, tokens), AttentionOverride(called) as override:
            out = plain(**call | appended | family.token_arguments(call, tokens))
        if not override.count:
            raise BadSettings(
                f"regional attention met no attention of {type(transformer).__name__} that it knows: set its attention "
                "backend to 'native'"
            )
        return out

    def blocks_called(call: Call) -> list[int]:
        """Those that attend texts in a call; skip-layer guidance leaves some out."""
        return [block for block in range(state.blocks) if block not in (call.get("skip_layers") or ())]

    with grouped_by_conditioning(transformer, forward_group, family.shared) as state:
        state.blocks = sum(len(getattr(transformer, name, ())) for name in BLOCKS)
        yield state


class AttentionOverride(TorchFunctionMode):
    """Replaces the `scaled_dot_product_attention` calls between image and text tokens; all others pass through."""

    def __init__(self, attention: Attention | Sequence[Attention]) -> None:
        """One for every call that it takes, or one for each."""
        super().__init__()
        self.each = attention if isinstance(attention, Sequence) else None
        self.attention: Attention = attention[0] if isinstance(attention, Sequence) else attention
        self.count = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is not F.scaled_dot_product_attention:
            return func(*args, **kwargs)
        given = dict(zip(("query", "key", "value", "attn_mask"), args, strict=False)) | kwargs
        if not self.attention.takes(given["query"], given["key"], given.get("attn_mask")):
            return func(*args, **kwargs)
        attention = self.attention if self.each is None else self.each[self.count]
        self.count += 1
        return attention(given["query"], given["key"], given["value"], given.get("attn_mask"))
