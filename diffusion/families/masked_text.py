"""Prompts with a mask of their own, which goes along with them to the denoiser."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import torch


class MaskedText(NamedTuple):
    """A prompt as the denoiser takes it."""

    embedding: torch.Tensor
    """(T, ...)."""
    mask: torch.Tensor
    """(T,): which tokens are there, in the pipeline's own numbers."""


def appended(base: torch.Tensor, texts: Iterable[torch.Tensor]) -> torch.Tensor:
    """Texts (T_r, ...) after every row's own, (B, T, ...)."""
    added = torch.cat(list(texts)).to(base)
    return torch.cat([base, added.expand(len(base), *added.shape)], 1)
