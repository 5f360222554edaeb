"""Training of the detectors, on stills of up to eight things, spoilt the way a painter would spoil them."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderTiny
from torch import Tensor

from .detector import CELLS, CHANNELS, COLOUR_LIST, NOUN_LIST, STRIDE, Detector, Shape
from .train_denoiser import to_tensor
from .training import Schedule, Trainer
from .world import Still, render, sample_still

ROUND_TRIPS = 0.25
"""Share of pictures that go through the autoencoder and back."""


def targets(stills: list[Still]) -> Tensor:
    """What the heads should say: (B, 1 + 2 + 4, 16, 16) of heat, noun and colour numbers, offsets and log sizes."""
    target = torch.zeros(len(stills), 7, CELLS, CELLS)
    rows, columns = torch.meshgrid(torch.arange(CELLS), torch.arange(CELLS), indexing="ij")
    for heat, still in zip(target, stills, strict=True):
        for thing in still.things:
            cx, cy = (coordinate / STRIDE for coordinate in thing.centre)
            column, row = int(cx), int(cy)
            width, height = (thing.box[2] - thing.box[0]) / STRIDE, (thing.box[3] - thing.box[1]) / STRIDE
            spread = max(width, height) / 8
            bump = torch.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * spread**2))
            heat[0] = torch.maximum(heat[0], bump)
            heat[1:, row, column] = torch.tensor(
                [NOUN_LIST.index(thing.noun), COLOUR_LIST.index(thing.colour),
                 cx - column - 0.5, cy - row - 0.5, np.log(width), np.log(height)]
            )  # fmt: skip
    return target


def detection_loss(output: Tensor, target: Tensor) -> Tensor:
    """Penalty-reduced focal loss on the heat (CenterNet, equation 1), cross-entropies and L1 at the centres."""
    heat, truth = output[:, 0].float(), target[:, 0]
    p = heat.sigmoid().clamp(1e-4, 1 - 1e-4)
    centre = truth == 1
    focal = torch.where(centre, -((1 - p) ** 2) * p.log(), -((1 - truth) ** 4) * p**2 * (1 - p).log())
    things = centre.sum().clamp(min=1)
    at = output.float().permute(0, 2, 3, 1)[centre]
    wanted = target.permute(0, 2, 3, 1)[centre]
    nouns = F.cross_entropy(at[:, 1 : 1 + len(NOUN_LIST)], wanted[:, 1].long(), label_smoothing=0.05, reduction="sum")
    colours = F.cross_entropy(at[:, 1 + len(NOUN_LIST) : CHANNELS - 4], wanted[:, 2].long(), label_smoothing=0.05,
                              reduction="sum")  # fmt: skip
    boxes = F.l1_loss(at[:, CHANNELS - 4 :], wanted[:, 3:], reduction="sum")
    return (focal.sum() + nouns + colours + boxes) / things


class DetectorTrainer(Trainer):
    """See `Trainer`; batch normalisation's statistics are averaged with the weights."""

    def __init__(self, shape: Shape, schedule: Schedule, seed: int, vae: AutoencoderTiny) -> None:
        self.model = Detector(shape)
        super().__init__(self.model, schedule, seed)
        self.vae = vae.to(self.device).eval().requires_grad_(False)

    def loss(self, batch: int) -> Tensor:
        stills = [sample_still(self.rng, int(self.rng.integers(0, 9))) for _ in range(batch)]
        pictures = to_tensor(np.stack([render(still, self.rng) for still in stills])).to(self.device)
        pictures = self.spoil(pictures)
        with torch.autocast(self.device.type, torch.bfloat16):
            output = self.model(pictures)
        return detection_loss(output, targets(stills).to(self.device))

    @torch.no_grad()
    def spoil(self, pictures: Tensor) -> Tensor:
        """Round trips through noisy latents for some, then blur, tint and noise for about half each."""
        batch = len(pictures)
        tripped = int(batch * ROUND_TRIPS)
        with torch.autocast(self.device.type, torch.bfloat16):
            latents = self.vae.encoder(pictures[:tripped])
            spread = torch.rand(tripped, 1, 1, 1, device=self.device) * 0.35 * latents.std()
            decoded = self.vae.decoder(latents + spread * torch.randn_like(latents))
        pictures = torch.cat([decoded.float().clamp(-1, 1), pictures[tripped:]])
        blurred = F.avg_pool2d(F.pad(pictures, (1, 1, 1, 1), mode="replicate"), 3, 1)
        some = torch.rand(batch, 1, 1, 1, device=self.device)
        pictures = torch.where(some < 0.4, blurred, pictures)
        tint = 1 + 0.08 * torch.randn(batch, 3, 1, 1, device=self.device)
        noise = torch.rand(batch, 1, 1, 1, device=self.device).clamp(min=0.5) - 0.5
        return (pictures * tint + 0.2 * noise * torch.randn_like(pictures)).clamp(-1, 1)
