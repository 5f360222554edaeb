"""Attention led by regions: cross-attention and joint attention, by slices instead of masks."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F

from .appended import Tokens


class CrossAttention:
    """Image tokens attend texts: `out(p) = (1 - sum_r a_r(p)) * Attn(q_p, base) + sum_r a_r(p) * Attn(q_p, text_r)`."""

    def __init__(self, tokens: Tokens, shares: torch.Tensor) -> None:
        self.tokens = tokens
        self.cells = [torch.nonzero(share).flatten() for share in shares]
        self.shares = [share[cells] for share, cells in zip(shares, self.cells, strict=True)]
        self.keep = 1 - shares.sum(0)

    def takes(self, query: torch.Tensor, key: torch.Tensor) -> bool:
        return (query.shape[2], key.shape[2]) == (self.tokens.image, self.tokens.text)

    def __call__(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None
    ) -> torch.Tensor:
        """(B, heads, N, D), (B, heads, T + sum_r T_r, D) twice -> (B, heads, N, D); the mask is the base prompt's."""
        start = self.tokens.base
        mask = None if mask is None else mask[..., :start]
        out = F.scaled_dot_product_attention(query, key[:, :, :start], value[:, :, :start], attn_mask=mask)
        out = out * self.keep[:, None].to(out)
        for length, cells, share in zip(self.tokens.texts, self.cells, self.shares, strict=True):
            cells, chosen = cells.to(out.device), slice(start, start + length)
            attended = F.scaled_dot_product_attention(query[:, :, cells], key[:, :, chosen], value[:, :, chosen])
            out[:, :, cells] += share[:, None].to(out) * attended  # no cell twice: deterministic
            start += length
        return out


@dataclass(frozen=True)
class _Slice:
    """Queries that attend the same keys: token numbers, and the logarithms of the keys' weights if they are not 1."""

    queries: torch.Tensor
    keys: torch.Tensor
    bias: torch.Tensor | None
    """(Q or 1, keys)"""


class JointAttention:
    """Image and texts in one sequence: `out(i) = sum_j W_ij e^(q_i k_j) v_j / sum_j W_ij e^(q_i k_j)`.

    For an image token p, W is a_r(p) for the tokens of region r's text, 1 - sum_r a_r(p) for the base prompt's and 1
    for all the image's. For a token of region r's text it is 1 for that text and the image tokens of the region; for
    one of the base prompt 1 for that and all the image; elsewhere 0. The shares are those of cross-attention, put as
    weights into the one softmax: share 1 for a text is that text alone, as if it had been the prompt.
    """

    def __init__(self, tokens: Tokens, shares: torch.Tensor, image_first: bool) -> None:
        self.tokens, self.length = tokens, tokens.image + tokens.text
        text_start, image_start = (tokens.image, 0) if image_first else (0, tokens.text)
        image = torch.arange(tokens.image) + image_start
        starts = torch.tensor([tokens.base, *tokens.texts]).cumsum(0).tolist()
        texts = [torch.arange(tokens.base) + text_start]
        texts += [torch.arange(a, b) + text_start for a, b in pairwise(starts)]
        weights = torch.cat([1 - shares.sum(0, keepdim=True), shares]).clamp(min=0)  # (1 + K, image)
        weights = torch.where(weights < 1e-6, torch.zeros(()), weights)  # what rounding leaves of the base prompt
        self.slices = [_Slice(texts[0], torch.cat([texts[0], image]), None)]
        for text, share in zip(texts[1:], shares, strict=True):
            self.slices.append(_Slice(text, torch.cat([text, image[share > 0]]), None))
        held = weights > 0
        for pattern in torch.unique(held, dim=1).unbind(1):  # which texts are attended
            cells = torch.nonzero((held == pattern[:, None]).all(0)).flatten()
            chosen = torch.nonzero(pattern).flatten().tolist()
            keys = torch.cat([*(texts[number] for number in chosen), image])
            self.slices.append(_Slice(image[cells], keys, self._bias(weights[:, cells], chosen)))
        order = torch.cat([each.queries for each in self.slices])
        self.back = torch.argsort(order)

    def _bias(self, weights: torch.Tensor, chosen: list[int]) -> torch.Tensor | None:
        """Of some image tokens, (1 + K, Q): the logarithms for the keys of the chosen texts and the image."""
        if (weights[chosen] == 1).all():
            return None
        weights = weights[:, :1] if (weights == weights[:, :1]).all() else weights
        lengths = torch.tensor([self.tokens.base, *self.tokens.texts])[chosen]
        texts = weights[chosen].log().repeat_interleave(lengths, 0).T
        return torch.cat([texts, texts.new_zeros(len(texts), self.tokens.image)], 1)

    def takes(self, query: torch.Tensor, key: torch.Tensor) -> bool:
        return query.shape[2] == key.shape[2] == self.length

    def __call__(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None
    ) -> torch.Tensor:
        """(B, heads, S, D) three times -> (B, heads, S, D); a mask (B or 1, 1, 1, S) says which keys there are."""
        outputs = []
        for number, each in enumerate(self.slices):
            if each.queries.device != query.device or (each.bias is not None and each.bias.dtype != query.dtype):
                bias = None if each.bias is None else each.bias.to(query)
                each = _Slice(each.queries.to(query.device), each.keys.to(query.device), bias)
                self.slices[number] = each
            bias = None if each.bias is None else each.bias[None, None]
            if mask is not None:
                keys = mask[..., each.keys]
                absent = torch.zeros_like(keys, dtype=query.dtype).masked_fill_(~keys, float("-inf"))
                bias = absent if bias is None else bias + absent
            if bias is not None:
                bias = bias.expand(len(query), -1, len(each.queries), -1)
            chosen = (query[:, :, each.queries], key[:, :, each.keys], value[:, :, each.keys])
            outputs.append(F.scaled_dot_product_attention(*chosen, attn_mask=bias))
        self.back = self.back.to(query.device)
        return torch.cat(outputs, 2)[:, :, self.back]
