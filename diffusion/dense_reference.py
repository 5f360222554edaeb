"""Regional attention written straight from the formulas: what the fast way is tested and timed against.

Every prompt attends over the whole canvas at every layer and step, and every token over all others, under a full table
of weights. Slow, short, and with nothing clever in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F

from muralist.tools.layout import BASE_RATIO

from . import dit, unet_attention
from .dit import TokenSpans
from .families import denoiser, family_of
from .regional import Regions, checked, scheduled
from .regional_attention import RegionalCausalTextAttention, RegionalJointAttention


class DenseProcessor:
    """out(p) = (1 - sum_r a_r(p)) * Attn(q_p, base) + sum_r a_r(p) * Attn(q_p, text_r), row by row, in a UNet."""

    def __init__(self, state: unet_attention.ConditioningState, plain: Any, block: int) -> None:
        self.state, self.plain, self.block = state, plain, block

    def __call__(  # noqa: PLR0917 - as diffusers calls it
        self, attn: Any, hidden_states: torch.Tensor, encoder_hidden_states: Any,
        attention_mask: torch.Tensor | None = None, temb: torch.Tensor | None = None, ip_adapter_masks: Any = None,
    ) -> torch.Tensor:  # fmt: skip
        """(B, N, C), (B, T, C') -> (B, N, C); IP-Adapter's pictures come with the text, for all prompts."""
        pictures = {"ip_adapter_masks": ip_adapter_masks} if isinstance(encoder_hidden_states, tuple) else {}
        base: torch.Tensor = self.plain(attn, hidden_states, encoder_hidden_states, attention_mask, temb, **pictures)
        height, width = self.state.size
        while height * width > hidden_states.shape[1]:
            height, width = (height + 1) // 2, (width + 1) // 2
        out = base.clone()
        for number, row in enumerate(self.state.rows):
            if row is None or not row.holds_in(self.block):
                continue
            a = row.shares((height, width)).to(base)  # (K, N)
            one = slice(number, number + 1)
            out[one] = (1 - a.sum(0))[:, None] * base[one]
            for share, embedding in zip(a, row.prompts.embeddings, strict=True):
                text: Any = embedding[None].to(base)
                if pictures:
                    text = (text, [each[one] for each in encoder_hidden_states[1]])
                out[one] += share[:, None] * self.plain(attn, hidden_states[one], text, None, temb, **pictures)
        return out


class DenseCross:
    """The same formula in a transformer."""

    def __init__(self, tokens: TokenSpans, shares: torch.Tensor, holds: bool = True) -> None:
        shares = shares * holds
        self.tokens, self.shares = tokens, torch.cat([1 - shares.sum(0, keepdim=True), shares])

    def takes(self, query: torch.Tensor, key: torch.Tensor, mask: torch.Tensor | None) -> bool:
        return (query.shape[2], key.shape[2]) == (self.tokens.image, self.tokens.text) and mask is not None

    def __call__(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None
    ) -> torch.Tensor:
        out = torch.zeros_like(query)
        lengths = [self.tokens.base, *self.tokens.texts]
        parts = zip(self.shares, torch.split(key, lengths, 2), torch.split(value, lengths, 2), strict=True)
        for number, (share, keys, values) in enumerate(parts):
            bias = mask[..., : self.tokens.base] if mask is not None and number == 0 else None
            out += share[:, None] * F.scaled_dot_product_attention(query, keys, values, attn_mask=bias)
        return out


class DenseJoint:
    """out(p) = sum_j a_j(p) * Attn(q_p, [image, text_j]) for image tokens, every attention over all tokens, masked."""

    def __init__(self, tokens: TokenSpans, shares: torch.Tensor, image_first: bool, holds: bool = True) -> None:
        texts = torch.cat([torch.full((n,), t) for t, n in enumerate([tokens.base, *tokens.texts])])
        image = torch.full((tokens.image,), -1)
        self.owner = torch.cat([image, texts] if image_first else [texts, image])  # the text of each token
        followed = shares * holds
        self.weights = torch.cat([1 - followed.sum(0, keepdim=True), followed])  # (1 + K, image)
        self.sees = torch.cat([torch.ones(1, tokens.image), shares]) > 0  # the image tokens that each text attends

    def takes(self, query: torch.Tensor, key: torch.Tensor, mask: torch.Tensor | None) -> bool:
        return query.shape[2] == key.shape[2] == len(self.owner)

    def __call__(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None
    ) -> torch.Tensor:
        bias = torch.zeros(1, 1, 1, len(self.owner)) if mask is None else mask.to(query.device)
        if bias.dtype == torch.bool:
            bias = torch.zeros(bias.shape).to(bias.device).masked_fill(~bias, float("-inf"))
        out, image = torch.zeros_like(query), self.owner == -1
        for number, weight in enumerate(self.weights):
            own = self.owner == number
            out[:, :, image] += (
                weight[:, None].to(query) * self._attended(query, key, value, bias, own | image)[:, :, image]
            )
            seen = own.clone()
            seen[image] = self.sees[number]
            out[:, :, own] = self._attended(query, key, value, bias, seen)[:, :, own]
        return out

    @staticmethod
    def _attended(
        query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, bias: torch.Tensor, seen: torch.Tensor
    ) -> torch.Tensor:
        scores = query @ key.transpose(2, 3) / query.shape[3] ** 0.5 + bias.to(query)
        attended: torch.Tensor = scores.masked_fill(~seen.to(scores.device), float("-inf")).softmax(3) @ value
        return attended


class DenseCausalText(DenseJoint):
    """The same where a text's tokens attend those before them alone, by a mask that is given."""

    def __init__(self, tokens: TokenSpans, shares: torch.Tensor, holds: bool = True) -> None:
        super().__init__(tokens, shares, image_first=False, holds=holds)
        self.tokens = tokens

    def takes(self, query: torch.Tensor, key: torch.Tensor, mask: torch.Tensor | None) -> bool:
        text, every = self.tokens.text, len(self.owner)
        return (query.shape[2], key.shape[2]) in {(text, text), (self.tokens.image, every)}

    def __call__(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None
    ) -> torch.Tensor:
        owner, out = self.owner[: key.shape[2]], torch.zeros_like(query)
        bias = torch.zeros(1, 1, 1, len(owner)).to(query)
        if mask is not None:
            bias = bias.masked_fill(~mask, float("-inf"))
        if query.shape[2] == len(owner):
            for number in range(len(self.weights)):
                own = owner == number
                out[:, :, own] = self._attended(query, key, value, bias, own)[:, :, own]
            return out
        for number, weight in enumerate(self.weights):
            seen = (owner == number) | (owner == -1)
            out += weight[:, None].to(query) * self._attended(query, key, value, bias, seen)
        return out


def dense_family(family: dit.DiTFamily) -> dit.DiTFamily:
    """The same family of transformers, its attention over all tokens."""
    if getattr(family.attention, "func", None) is RegionalJointAttention:
        return replace(family, attention=partial(DenseJoint, **family.attention.keywords))  # type: ignore[attr-defined]
    if family.attention is RegionalCausalTextAttention:
        return replace(family, attention=DenseCausalText)
    return replace(family, attention=DenseCross)


@contextmanager
def dense(
    pipe: Any,
    regions: Regions,
    base_ratio: float | Sequence[float] = BASE_RATIO,
    *,
    since: float = 0,
    until: float = 1,
    feather: float = 0,
    blocks: range | None = None,
) -> Iterator[None]:
    """The same as `regional`, the slow way."""
    family = family_of(pipe)

    @contextmanager
    def attached(pipe: Any) -> Iterator[Any]:
        known = getattr(family, "FAMILY", None)
        if known is None:
            with unet_attention.attached(pipe.unet, DenseProcessor) as state:
                yield state
            return
        # Inside of the family's own, for what it may hear of the pipeline; of two, the inner one leads.
        with family.attached(pipe), dit.attached(denoiser(pipe), dense_family(known)) as state:
            yield state

    layouts, schedule = checked(regions, base_ratio, since=since, until=until, feather=feather, blocks=blocks)
    with scheduled(pipe, family, layouts, schedule, attached):
        yield
