"""Muon for weight matrices, AdamW for everything else."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

NARROW = 16
"""A matrix with a shorter side below this is left to AdamW: there is little to orthogonalise."""


class MuonAdamW:
    """Muon (arXiv 2502.16982: updates orthogonalised, their size matched to AdamW's) and AdamW under one rate.

    Convolutions (out, in, h, w) are taken as matrices (out, in * h * w); embeddings, biases, norms, depthwise and
    narrow weights go to AdamW. On the denoiser it needs half the samples that AdamW alone does
    (`picturebook/README.md`).
    """

    def __init__(self, module: nn.Module, decay: float = 0.05) -> None:
        embeddings = {id(each.weight) for each in module.modules() if isinstance(each, nn.Embedding)}
        parameters = [each for each in module.parameters() if each.requires_grad]
        self.matrices = [each for each in parameters if id(each) not in embeddings and _is_matrix(each)]
        chosen = {id(each) for each in self.matrices}
        self.rest = [each for each in parameters if id(each) not in chosen]
        self.views = [nn.Parameter(each.data.view(len(each), -1)) for each in self.matrices]  # of the same memory
        self.parts: list[torch.optim.Optimizer] = []
        if self.views:
            self.parts.append(torch.optim.Muon(self.views, lr=0.0, weight_decay=decay, adjust_lr_fn="match_rms_adamw"))
        if self.rest:
            self.parts.append(torch.optim.AdamW(self.rest, lr=0.0, weight_decay=0.0, betas=(0.9, 0.99)))

    def step(self, rate: float) -> None:
        """One update with the gradients of the last backward pass, which are dropped."""
        for view, matrix in zip(self.views, self.matrices, strict=True):
            view.grad = None if matrix.grad is None else matrix.grad.reshape(view.shape)
        for part in self.parts:
            for group in part.param_groups:
                group["lr"] = rate
            part.step()
            part.zero_grad(set_to_none=True)
        for matrix in self.matrices:
            matrix.grad = None

    def state_dict(self) -> list[dict[str, Any]]:
        """What a checkpoint keeps."""
        return [part.state_dict() for part in self.parts]

    def load_state_dict(self, state: list[dict[str, Any]]) -> None:
        """Go on from what `state_dict` gave."""
        for part, kept in zip(self.parts, state, strict=True):
            part.load_state_dict(kept)


def _is_matrix(weight: Tensor) -> bool:
    return weight.ndim >= 2 and min(len(weight), weight[0].numel()) >= NARROW and weight.shape[1] > 1
