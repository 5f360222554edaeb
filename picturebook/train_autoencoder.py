"""Training of the autoencoder: 128x128 pictures to 16x16 latents of four channels and back."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from torch import Tensor

from .training import Schedule, Trainer
from .world import SIZE, render, sample_still

CROP = 64
KL_WEIGHT = 1e-5


def new_autoencoder() -> AutoencoderKL:
    """An untrained `AutoencoderKL`: factor 8, four latent channels, 0.9 M parameters."""
    return AutoencoderKL(
        sample_size=SIZE,
        latent_channels=4,
        block_out_channels=(16, 32, 64, 64),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        norm_num_groups=8,
        mid_block_add_attention=False,
    )


def crops(rng: np.random.Generator, batch: int) -> Tensor:
    """Random CROP-sided cuts of fresh stills, biased towards things: (batch, 3, CROP, CROP) in [-1, 1]."""
    cuts = []
    while len(cuts) < batch:
        still = sample_still(rng, int(rng.integers(1, 7)))
        picture = render(still, rng)
        for thing in still.things[:3]:
            cx, cy = thing.centre
            x = int(np.clip(cx + rng.integers(-24, 25) - CROP / 2, 0, SIZE - CROP))
            y = int(np.clip(cy + rng.integers(-24, 25) - CROP / 2, 0, SIZE - CROP))
            cuts.append(picture[y : y + CROP, x : x + CROP])
    stacked = torch.from_numpy(np.stack(cuts[:batch])).permute(0, 3, 1, 2)
    return stacked.float() / 127.5 - 1


def reconstruction_loss(output: Tensor, target: Tensor) -> Tensor:
    """L1 over pixels and over horizontal and vertical differences, which keeps the ink lines sharp."""
    loss = F.l1_loss(output, target)
    for dim in (2, 3):
        loss = loss + F.l1_loss(output.diff(dim=dim), target.diff(dim=dim))
    return loss


class AutoencoderTrainer(Trainer):
    """See `Trainer`; one iteration sees `batch` crops."""

    def __init__(self, schedule: Schedule, seed: int) -> None:
        self.model = new_autoencoder()
        super().__init__(self.model, schedule, seed)

    def loss(self, batch: int) -> Tensor:
        pictures = crops(self.rng, batch)
        with torch.autocast(self.device.type, torch.bfloat16):
            posterior = self.model.encode(pictures.to(self.device)).latent_dist
            output = self.model.decode(posterior.sample()).sample
        return reconstruction_loss(output.float(), pictures.to(self.device)) + KL_WEIGHT * posterior.kl().mean()


