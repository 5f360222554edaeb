"""Muon for weight matrices, AdamW for everything else."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

NARROW = 16
"""A matrix with a shorter side below this is left to AdamW: there is little to orthogonalise."""


QUINTIC = (3.4445, -4.775, 2.0315)
"""Coefficients of the Newton-Schulz iteration, which leaves singular values between about 0.7 and 1.2 (Jordan et al.,
Muon, 2024)."""
ITERATIONS = 5


def orthogonal(matrix: Tensor) -> Tensor:
    """The nearest matrix whose singular values are all about 1, in the arithmetic of the given one."""
    a, b, c = QUINTIC
    x = matrix.T if len(matrix) > matrix.shape[1] else matrix
    x = x / x.norm().clamp(min=1e-7)
    for _ in range(ITERATIONS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if len(matrix) > matrix.shape[1] else x


class Muon(torch.optim.Muon):
    """Torch's, but for the arithmetic: torch orthogonalises in bfloat16, which is thirty times slower if emulated."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Momentum as Nesterov has it, orthogonalised (in bfloat16 if the group says `half`), and made as large as
        AdamW's updates are (arXiv 2502.16982, equation 4)."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                momentum = state.setdefault("momentum_buffer", torch.zeros_like(weight))
                momentum.lerp_(weight.grad, 1 - group["momentum"])
                ahead = weight.grad.lerp(momentum, group["momentum"])
                update = orthogonal(ahead.bfloat16() if group["half"] else ahead).to(weight.dtype)
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                weight.sub_(update, alpha=0.2 * max(weight.shape) ** 0.5 * group["lr"])


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
            self.parts.append(Muon(self.views, lr=0.0, weight_decay=decay))
        if self.rest:
            self.parts.append(torch.optim.AdamW(self.rest, lr=0.0, weight_decay=0.0, betas=(0.9, 0.99)))

    def step(self, rate: float, half: bool = False) -> None:
        """One update with the gradients of the last backward pass, which are dropped; `half`: bfloat16 is fast here."""
        for view, matrix in zip(self.views, self.matrices, strict=True):
            view.grad = None if matrix.grad is None else matrix.grad.reshape(view.shape)
        for part in self.parts:
            for group in part.param_groups:
                group.update(lr=rate, half=half)
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
