"""Attention to a part of the keys, and how to put parts together: the logarithm of the sum of weights goes along.

Of parts with outputs o_i and logarithms l_i of their sums of e^(q k), the attention to all their keys together is
`sum_i e^l_i o_i / sum_i e^l_i` (as in FlashAttention, arXiv 2205.14135, section 3.1).
"""

from __future__ import annotations

import math
from typing import Any

import torch

CHUNK = 1024
"""Queries at a time where no kernel gives the logarithms, and all weights have to be written down."""


def partial_attention(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """(B, heads, Q, D), (B, heads, S, D) twice -> outputs (B, heads, Q, D), logarithms (B, heads, Q) in float32.

    `mask` (B or 1, heads or 1, Q or 1, S) is added to the scores, or says which keys there are. By the kernels that
    scaled_dot_product_attention uses, where they tell the logarithms.
    """
    if mask is not None and mask.dtype == torch.bool:
        mask = torch.zeros_like(mask, dtype=query.dtype).masked_fill_(~mask, -math.inf)
    kernel = {"cpu": _on_cpu, "cuda": _on_cuda}.get(query.device.type)
    if kernel is None or not query.shape[2]:
        return _written_down(query, key, value, mask)
    return kernel(query, key, value, mask)


def merged(
    part: tuple[torch.Tensor, torch.Tensor], other: tuple[torch.Tensor, torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor]:
    """The other part's output (B, heads, Q, D) less the first's, and its weight (B, heads, Q, 1) in the two together.

    The first's output and their product make the attention to the keys of both.
    """
    weight = torch.sigmoid(other[1] - part[1])[..., None]
    return other[0] - part[0], weight.to(part[0])


def _on_cpu(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor]:
    kernel: Any = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    out, logarithms = kernel(query, key, value, attn_mask=mask)
    return out, logarithms.to(torch.promote_types(torch.float32, query.dtype))


def _on_cuda(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """By the flash kernel, where there is one for the numbers; else by the memory-efficient one."""
    aten: Any = torch.ops.aten
    try:
        if mask is None and query.dtype in {torch.float16, torch.bfloat16} and query.shape[3] % 8 == 0:
            out, logarithms, *_ = aten._scaled_dot_product_flash_attention(query, key, value)
        else:
            bias = None if mask is None else _aligned(mask.to(query), query.shape[2])
            out, logarithms, *_ = aten._scaled_dot_product_efficient_attention(query, key, value, bias, True)
    except RuntimeError as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        return _written_down(query, key, value, mask)  # neither has a kernel for this card or these shapes
    return out, logarithms[..., : query.shape[2]]


def _aligned(mask: torch.Tensor, queries: int) -> torch.Tensor:
    """A bias as the memory-efficient kernel takes it: (B, heads, Q, S), its rows beginning at multiples of 16."""
    length = mask.shape[-1]
    padded = torch.nn.functional.pad(mask, (0, -length % 16))
    return padded.expand(-1, -1, queries, -1)[..., :length]


def _written_down(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor]:
    outputs, logarithms = [], []
    for start in range(0, max(1, query.shape[2]), CHUNK):
        scores = (query[:, :, start : start + CHUNK] @ key.transpose(2, 3)).float() / math.sqrt(query.shape[3])
        if mask is not None:
            scores = scores + (mask[:, :, start : start + CHUNK] if mask.shape[2] > 1 else mask)
        logarithms.append(scores.logsumexp(3))
        outputs.append(scores.softmax(3).to(value) @ value)
    return torch.cat(outputs, 2), torch.cat(logarithms, 2)
