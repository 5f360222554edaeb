"""Training of the decoder on what the denoiser makes of latents, so that it draws the glyph that was meant.

The encoder stays as it is, and so do the latents: a denoiser that was trained on them need not know.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderTiny, DPMSolverMultistepScheduler, StableDiffusionPipeline
from torch import Tensor

from muralist.picturebook.backbone import BACKBONE, new_autoencoder
from muralist.picturebook.world import SIZE, Still, caption, render, sample_still

from .autoencoder import reconstruction_loss, shipped_autoencoder
from .denoiser import COUNTS, to_tensor
from .schedule import Schedule
from .shipping import whole
from .trainer import Trainer

STEPS = 10
"""Of the solver over the whole schedule; a repainting runs through the last few."""
REPAINTED = (1, 5)
"""Steps of a repainting, least and most: half of the noise schedule at the most, after which a thing is another one."""
PLAIN = 0.25
"""Share of stills that are decoded from their own latents."""
NOISE = 0.05
"""Standard deviation of the noise on scaled latents."""
GUIDANCE = 4.0
GROUND = 0.2
"""Weight of the loss outside of all things."""
POOL = 1536
FIRST = 128
HELD_OUT = 64


class DecoderTrainer(Trainer):
    """See `Trainer`; the denoiser whose latents it learns from is the best of its own training, or the shipped one.

    Each still is encoded, noised and denoised again over a few steps with its caption; what it then differs in is what
    the denoiser cannot draw. Latents are kept in a pool, of which a part is new in every iteration.
    """

    def __init__(self, schedule: Schedule, seed: int, denoiser: Path) -> None:
        self.model = new_autoencoder().decoder
        super().__init__(self.model, schedule, seed)
        self.source = denoiser if denoiser.exists() else BACKBONE
        self.pipe = StableDiffusionPipeline.from_pretrained(self.source, dtype=torch.float32).to(self.device)
        self.encoder = shipped_autoencoder().encoder.to(self.device).eval().requires_grad_(False)
        self.scale = float(self.pipe.vae.config.scaling_factor)
        self.pool: tuple[Tensor, Tensor, Tensor] | None = None
        self.oldest = 0

    @torch.no_grad()
    def draw(self, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """Scaled latents (count, 4, 32, 32), pictures (count, 3, 128, 128), where things are (count, 1, 128, 128)."""
        stills = [sample_still(self.rng, int(self.rng.choice(len(COUNTS), p=COUNTS))) for _ in range(count)]
        pictures = to_tensor(np.stack([render(still, self.rng) for still in stills])).to(self.device)
        with self.precision.cast(self.device):
            latents = self.encoder(pictures).float() * self.scale
            if self.rng.random() >= PLAIN:
                latents = self.repainted(latents, [caption(still, self.rng) for still in stills])
        latents = latents + NOISE * torch.randn_like(latents)
        return latents, pictures, torch.stack([_things(still) for still in stills]).to(self.device)

    def repainted(self, latents: Tensor, captions: list[str]) -> Tensor:
        """Noised and denoised again over some of the solver's last steps, with guidance."""
        solver = DPMSolverMultistepScheduler.from_config(self.pipe.scheduler.config)
        solver.set_timesteps(STEPS)
        steps = int(self.rng.integers(REPAINTED[0], REPAINTED[1] + 1))
        solver.set_begin_index(STEPS - steps)
        times = solver.timesteps[-steps:]
        latents = solver.add_noise(latents, torch.randn_like(latents), times[:1].repeat(len(latents)))
        ids = self.pipe.tokenizer(
            [""] * len(captions) + captions, padding="max_length", truncation=True, return_tensors="pt"
        )
        states = self.pipe.text_encoder(ids.input_ids.to(self.device)).last_hidden_state
        for time in times:
            both = self.pipe.unet(latents.repeat(2, 1, 1, 1), time, states).sample.float()
            unconditional, conditional = both.chunk(2)
            latents = solver.step(unconditional + GUIDANCE * (conditional - unconditional), time, latents).prev_sample
        return latents

    def loss(self, batch: int) -> Tensor:
        if self.pool is None:
            drawn = [self.draw(16) for _ in range(FIRST // 16)]
            latents, pictures, things = (torch.cat(parts) for parts in zip(*drawn, strict=True))
        else:
            fresh = self.draw(max(1, batch // 4))
            latents, pictures, things = (torch.cat(pair)[-POOL:] for pair in zip(self.pool, fresh, strict=True))
        self.pool = latents, pictures, things
        rows = torch.from_numpy(self.rng.integers(0, len(latents), batch))
        weight = GROUND + (1 - GROUND) * things[rows]
        with self.precision.cast(self.device):
            output = self.model(self.precision.laid(latents[rows] / self.scale))
        return reconstruction_loss(weight * output.float(), weight * pictures[rows])

    def shipped(self) -> dict[str, Tensor] | None:
        state: dict[str, Tensor] = shipped_autoencoder().decoder.state_dict()
        return state

    def averaged(self) -> AutoencoderTiny:
        """The shipped encoder with the averaged decoder."""
        vae = new_autoencoder()
        vae.encoder.load_state_dict(self.encoder.state_dict())
        vae.decoder.load_state_dict(self.ema.shadow)
        vae.register_to_config(scaling_factor=self.scale)
        return vae.eval()

    @torch.no_grad()
    def evaluate(self, sheet: Path) -> tuple[float, list[str]]:
        """Decibels on things, between held-out stills and what is decoded of their repainted latents."""
        kept, self.rng = self.rng, np.random.default_rng(99)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(99)
            drawn = [self.draw(16) for _ in range(HELD_OUT // 16)]
        self.rng = kept
        decibels = {}
        for name, vae in {"now": self.averaged(), "shipped": shipped_autoencoder()}.items():
            errors = [
                (F.mse_loss(vae.decoder(latents / self.scale).clamp(-1, 1), pictures, reduction="none") * things).sum()
                / (3 * things.sum())
                for latents, pictures, things in drawn
            ]
            decibels[name] = float(10 * torch.log10(4 / torch.stack(errors).mean()))
        return decibels["now"], [
            f"{decibels['now']:.2f} dB on repainted things; the shipped decoder {decibels['shipped']:.2f}"
        ]

    def ship(self, weights: Path) -> None:
        with whole(weights / "backbone" / "vae") as folder:
            self.averaged().half().save_pretrained(folder)


def _things(still: Still) -> Tensor:
    """(1, 128, 128): 1 in the boxes of things."""
    where = torch.zeros(1, SIZE, SIZE)
    for thing in still.things:
        x0, y0, x1, y1 = thing.box
        where[:, y0:y1, x0:x1] = 1
    return where
