"""Regional cross-attention and joint attention, computed on token slices instead of with attention masks."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F

from .dit import TokenSpans
from .partial_attention import merged, partial_attention


class RegionalCrossAttention:
    """Image tokens attend texts: `out(p) = (1 - sum_r a_r(p)) * Attn(q_p, base) + sum_r a_r(p) * Attn(q_p, text_r)`.

    Texts have a mask; self-attention, which may be of as many tokens, has none.
    """

    def __init__(self, tokens: TokenSpans, shares: torch.Tensor, holds: bool = True) -> None:
        self.tokens = tokens
        shares = shares * holds
        self.cells = [torch.nonzero(share).flatten() for share in shares]
        self.shares = [share[cells] for share, cells in zip(shares, self.cells, strict=True)]
        self.keep = 1 - shares.sum(0)

    def takes(self, query: torch.Tensor, key: torch.Tensor, mask: torch.Tensor | None) -> bool:
        return (query.shape[2], key.shape[2]) == (self.tokens.image, self.tokens.text) and mask is not None

    def __call__(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None
    ) -> torch.Tensor:
        """(B, heads, N, D), (B, heads, T + sum_r T_r, D) twice -> (B, heads, N, D); the mask is the base prompt's."""
        start = self.tokens.base
        mask = None if mask is None else mask[..., :start]
        out = F.scaled_dot_product_attention(query, key[:, :, :start], value[:, :, :start], attn_mask=mask)
        out = out * self.keep[:, None].to(out)
        for length, cells, share in zip(self.tokens.texts, self.cells, self.shares, strict=True):
            chosen = slice(start, start + length)
            start += length
            if not len(cells):
                continue
            cells = cells.to(out.device)
            attended = F.scaled_dot_product_attention(query[:, :, cells], key[:, :, chosen], value[:, :, chosen])
            out[:, :, cells] += share[:, None].to(out) * attended  # no cell twice: deterministic
        return out


class RegionalJointAttention:
    """Image and texts in one sequence: `out(p) = sum_j a_j(p) * Attn(q_p, [image, text_j])` for an image token p.

    a_r is region r's share and a_0 = 1 - sum_r a_r that of the base prompt, text_0: in a region with base ratio b,
    `b * Attn(q_p, [image, base]) + (1 - b) * Attn(q_p, [image, text_r])`, whatever the lengths of the two. A share of
    1 is that text alone, as if it had been the prompt. Text tokens of region r attend that text and the image tokens
    of the region, those of the base prompt that and all the image. In a block where regions do not hold, every image
    token follows the base prompt, and the texts of the regions go on as before, for the blocks to come.

    The image is attended once and each text by the cells that follow it; the parts are merged by the logarithms of
    their sums (see `partial_attention`).
    """

    def __init__(self, tokens: TokenSpans, shares: torch.Tensor, image_first: bool, holds: bool = True) -> None:
        self.tokens = tokens
        text_start, image_start = (tokens.image, 0) if image_first else (0, tokens.text)
        self.image = slice(image_start, image_start + tokens.image)
        edges = [text_start + edge for edge in torch.tensor([0, tokens.base, *tokens.texts]).cumsum(0).tolist()]
        self.texts = [slice(a, b) for a, b in pairwise(edges)]
        weights = torch.cat([1 - shares.sum(0, keepdim=True), shares]).clamp(min=0)  # (1 + K, image)
        weights = torch.where(weights < 1e-6, torch.zeros(()), weights)  # what rounding leaves of the base prompt
        self.cells = [torch.nonzero(weight).flatten() for weight in weights]
        if holds:
            self.weights = [weight[cells] for weight, cells in zip(weights, self.cells, strict=True)]
        else:
            self.cells[0] = torch.arange(tokens.image)
            self.weights = [torch.ones(tokens.image)]
        self.image_first = image_first

    def takes(self, query: torch.Tensor, key: torch.Tensor, mask: torch.Tensor | None) -> bool:
        return query.shape[2] == key.shape[2] == self.tokens.image + self.tokens.text

    def __call__(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None
    ) -> torch.Tensor:
        """(B, heads, S, D) three times -> (B, heads, S, D).

        A mask (B or 1, 1, 1 or S, S) says which keys there are, or is added to the scores.
        """
        image = self.of_image(query[:, :, self.image], key, value, _queries(mask, self.image))
        keys, values, texts = key[:, :, self.image], value[:, :, self.image], []
        for number, text in enumerate(self.texts):
            where = slice(None) if number == 0 else self.cells[number]
            own = (key[:, :, text], value[:, :, text])
            both = [torch.cat([mine, of_all[:, :, where]], 2) for mine, of_all in zip(own, (keys, values), strict=True)]
            of_text = _queries(mask, text)
            held = None if mask is None else torch.cat([of_text[..., text], of_text[..., self.image][..., where]], -1)
            texts.append(F.scaled_dot_product_attention(query[:, :, text], both[0], both[1], attn_mask=held))
        return torch.cat([image, *texts] if self.image_first else [*texts, image], 2)

    def of_image(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None
    ) -> torch.Tensor:
        """(B, heads, image, D), (B, heads, S, D) twice -> (B, heads, image, D): what image tokens attend."""
        seen, sums = partial_attention(query, key[:, :, self.image], value[:, :, self.image], _keys(mask, self.image))
        image = seen.clone()
        for number, text in enumerate(self.texts):
            cells = self.cells[number] = self.cells[number].to(query.device)
            if len(cells) and number < len(self.weights):
                share = self.weights[number] = self.weights[number].to(query)
                told = partial_attention(
                    query[:, :, cells], key[:, :, text], value[:, :, text], _keys(_queries(mask, cells), text)
                )
                further, weight = merged((seen[:, :, cells], sums[:, :, cells]), told)
                image[:, :, cells] += share[:, None] * weight * further  # no cell twice: deterministic
        return image


class RegionalCausalTextAttention(RegionalJointAttention):
    """The same for an image token, where texts come first and each of their tokens attends those before it alone."""

    def __init__(self, tokens: TokenSpans, shares: torch.Tensor, holds: bool = True) -> None:
        super().__init__(tokens, shares, image_first=False, holds=holds)

    def takes(self, query: torch.Tensor, key: torch.Tensor, mask: torch.Tensor | None) -> bool:
        text, every = self.tokens.text, self.tokens.text + self.tokens.image
        return (query.shape[2], key.shape[2]) in {(text, text), (self.tokens.image, every)}

    def __call__(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None
    ) -> torch.Tensor:
        """(B, heads, image or texts, D), (B, heads, S, D) twice -> as the queries; the texts' own mask is causal."""
        if key.shape[2] > self.tokens.text:
            return self.of_image(query, key, value, mask)
        parts = [
            F.scaled_dot_product_attention(
                query[:, :, text], key[:, :, text], value[:, :, text], attn_mask=_keys(_queries(mask, text), text)
            )
            for text in self.texts
        ]
        return torch.cat(parts, 2)


def _queries(mask: torch.Tensor | None, part: slice | torch.Tensor) -> Any:
    """The mask's rows for some queries; one row is for all."""
    return mask if mask is None or mask.shape[2] == 1 else mask[:, :, part]


def _keys(mask: torch.Tensor | None, part: slice) -> torch.Tensor | None:
    return None if mask is None else mask[..., part]
