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

from . import appended, cross_attention
from .appended import Tokens
from .families import denoiser, family_of
from .regional import Regions, checked, led
from .routes import JointAttention


class DenseProcessor:
    """out(p) = (1 - sum_r a_r(p)) * Attn(q_p, base) + sum_r a_r(p) * Attn(q_p, text_r), row by row, in a UNet."""

    def __init__(self, denoising: cross_attention.Denoising, plain: Any) -> None:
        self.denoising, self.plain = denoising, plain

    def __call__(  # noqa: PLR0917 - as diffusers calls it
        self, attn: Any, hidden_states: torch.Tensor, encoder_hidden_states: Any,
        attention_mask: torch.Tensor | None = None, temb: torch.Tensor | None = None, ip_adapter_masks: Any = None,
    ) -> torch.Tensor:  # fmt: skip
        """(B, N, C), (B, T, C') -> (B, N, C); IP-Adapter's pictures come with the text, for all prompts."""
        pictures = {"ip_adapter_masks": ip_adapter_masks} if isinstance(encoder_hidden_states, tuple) else {}
        base: torch.Tensor = self.plain(attn, hidden_states, encoder_hidden_states, attention_mask, temb, **pictures)
        height, width = self.denoising.size
        while height * width > hidden_states.shape[1]:
            height, width = (height + 1) // 2, (width + 1) // 2
        out = base.clone()
        for number, row in enumerate(self.denoising.rows):
            if row is None:
                continue
            a = row.shares((height, width)).to(base)  # (K, N)
            one = slice(number, number + 1)
            out[one] = (1 - a.sum(0))[:, None] * base[one]
            for share, embedding in zip(a, row.texts.embeddings, strict=True):
                text: Any = embedding[None].to(base)
                if pictures:
                    text = (text, [each[one] for each in encoder_hidden_states[1]])
                out[one] += share[:, None] * self.plain(attn, hidden_states[one], text, None, temb, **pictures)
        return out


class DenseCross:
    """The same formula in a transformer."""

    def __init__(self, tokens: Tokens, shares: torch.Tensor) -> None:
        self.tokens, self.shares = tokens, torch.cat([1 - shares.sum(0, keepdim=True), shares])

    def takes(self, query: torch.Tensor, key: torch.Tensor) -> bool:
        return (query.shape[2], key.shape[2]) == (self.tokens.image, self.tokens.text)

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
    """out(i) = sum_j W_ij e^(q_i k_j) v_j / sum_j W_ij e^(q_i k_j), with the whole table W."""

    def __init__(self, tokens: Tokens, shares: torch.Tensor, image_first: bool) -> None:
        owner = torch.cat([torch.full((n,), t) for t, n in enumerate([tokens.base, *tokens.texts])])  # of text tokens
        weights = torch.cat([1 - shares.sum(0, keepdim=True), shares])  # (1 + K, image)
        sees = torch.cat([torch.ones(1, tokens.image), (shares > 0).float()])
        from_image = [weights[owner].T, torch.ones(tokens.image, tokens.image)]  # to texts, to the image
        from_text = [(owner[:, None] == owner[None, :]).float(), sees[owner]]
        blocks = [from_image[::-1], from_text[::-1]] if image_first else [from_text, from_image]
        self.table = torch.cat([torch.cat(row, 1) for row in blocks])

    def takes(self, query: torch.Tensor, key: torch.Tensor) -> bool:
        return query.shape[2] == key.shape[2] == len(self.table)

    def __call__(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None
    ) -> torch.Tensor:
        scores = query @ key.transpose(2, 3) / query.shape[3] ** 0.5
        if mask is not None:
            scores = scores.masked_fill(~mask, float("-inf"))
        weighted = self.table.to(query) * (scores - scores.amax(3, keepdim=True)).exp()
        attended: torch.Tensor = weighted / weighted.sum(3, keepdim=True) @ value
        return attended


def densely(family: appended.Family) -> appended.Family:
    """The same family of transformers, its attention over all tokens."""
    if getattr(family.attention, "func", None) is JointAttention:
        return replace(family, attention=partial(DenseJoint, **family.attention.keywords))  # type: ignore[attr-defined]
    return replace(family, attention=DenseCross)


@contextmanager
def dense(
    pipe: Any,
    regions: Regions,
    base_ratio: float | Sequence[float] = BASE_RATIO,
    *,
    until: float = 1,
    feather: float = 0,
) -> Iterator[None]:
    """The same as `regional`, the slow way."""
    family = family_of(pipe)

    @contextmanager
    def attached(pipe: Any) -> Iterator[Any]:
        known = getattr(family, "FAMILY", None)
        if known is None:
            with cross_attention.attached(pipe.unet, DenseProcessor) as denoising:
                yield denoising
            return
        # Inside of the family's own, for what it may hear of the pipeline; of two, the inner one leads.
        with family.attached(pipe), appended.attached(denoiser(pipe), densely(known)) as denoising:
            yield denoising

    layouts, control = checked(regions, base_ratio, until, feather)
    with led(pipe, family, layouts, control, attached):
        yield
