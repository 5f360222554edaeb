"""Training of the autoencoder: 128x128 pictures to 32x32 latents of four channels and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderTiny
from numpy.typing import NDArray
from torch import Tensor

from muralist.picturebook.backbone import BACKBONE, new_autoencoder
from muralist.picturebook.world import SIZE, render, sample_still

from .schedule import Schedule
from .shipping import whole
from .trainer import Trainer

CROP = 64
PRIOR_WEIGHT = 1e-3
"""Weight of the latents' mean square, which keeps them small."""
CENTRE_WEIGHT = 0.05
"""Weight of the squared channel means: a denoiser starts from noise without any."""
NOISE = 0.03
"""Standard deviation of the noise on latents, which keeps neighbours in latent space alike."""


def crops(rng: np.random.Generator, batch: int) -> Tensor:
    """Random CROP-sided cuts of fresh stills, biased towards things: (batch, 3, CROP, CROP) in [-1, 1]."""
    cuts: list[NDArray[np.uint8]] = []
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
    """L1 and L2 over pixels, L1 over horizontal and vertical differences, which keeps the ink lines sharp."""
    loss = F.l1_loss(output, target) + F.mse_loss(output, target)
    for dim in (2, 3):
        loss = loss + 0.5 * F.l1_loss(output.diff(dim=dim), target.diff(dim=dim))
    return loss


def shipped_autoencoder() -> AutoencoderTiny:
    """In float32."""
    return AutoencoderTiny.from_pretrained(BACKBONE / "vae", dtype=torch.float32)


class AutoencoderTrainer(Trainer):
    """See `Trainer`; one iteration sees `batch` crops."""

    def __init__(self, schedule: Schedule, seed: int) -> None:
        self.model = new_autoencoder()
        super().__init__(self.model, schedule, seed)

    def loss(self, batch: int) -> Tensor:
        pictures = crops(self.rng, batch)
        pictures = pictures.to(self.device)
        with self.precision.cast(self.device):
            latents = self.model.encoder(pictures)
            output = self.model.decoder(latents + NOISE * torch.randn_like(latents))
        latents = latents.float()
        prior = PRIOR_WEIGHT * latents.square().mean() + CENTRE_WEIGHT * latents.mean(dim=(0, 2, 3)).square().sum()
        loss: Tensor = reconstruction_loss(output.float(), pictures) + prior
        return loss

    def shipped(self) -> dict[str, Tensor] | None:
        if not (BACKBONE / "vae").exists():
            return None
        state: dict[str, Tensor] = shipped_autoencoder().state_dict()
        return state

    def averaged(self) -> AutoencoderTiny:
        """The averaged weights as an autoencoder of their own."""
        vae = new_autoencoder()
        vae.load_state_dict(self.ema.shadow)
        return vae.eval()

    @torch.no_grad()
    def evaluate(self, sheet: Path) -> tuple[float, list[str]]:
        """Decibels between fixed pictures and their round trips."""
        vae, pictures = self.averaged(), crops(np.random.default_rng(99), 64)
        error = F.mse_loss(vae.decoder(vae.encoder(pictures)).clamp(-1, 1), pictures)
        decibels = float(10 * torch.log10(4 / error))
        return decibels, [f"{decibels:.1f} dB after a round trip"]

    def ship(self, weights: Path) -> None:
        """With the scaling factor that gives the latents unit variance."""
        vae = self.averaged()
        vae.register_to_config(scaling_factor=1 / self.spread(vae))
        with whole(weights / "backbone" / "vae") as folder:
            vae.half().save_pretrained(folder)

    @torch.no_grad()
    def spread(self, vae: AutoencoderTiny) -> float:
        """Standard deviation of the latents of fresh crops."""
        return float(vae.encoder(crops(self.rng, 256)).std())
