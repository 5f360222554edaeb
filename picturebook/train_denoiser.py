"""Training of the denoiser with its text encoder, on latents of the finished autoencoder."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderTiny, DPMSolverMultistepScheduler, StableDiffusionPipeline
from diffusers.models.attention_processor import AttnProcessor
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from transformers import CLIPTokenizer

from .backbone import assemble, new_scheduler, new_text_encoder, new_unet
from .training import Schedule, Trainer
from .world import SIZE, caption, render, sample_still

COUNTS = (0.02, 0.4, 0.25, 0.12, 0.1, 0.06, 0.05)
"""Share of training stills with 0, 1, … 6 things."""

DROPOUT = 0.1
"""Share of captions left empty, for classifier-free guidance."""

FIRST = 1024
"""Stills in the pool before the first iteration; it grows from there."""

SAMPLE_PROMPTS = (
    "a red apple on sand",
    "a blue car on snow",
    "a yellow bird",
    "a black cat on grass",
    "a green umbrella to the left of a pink cake on sky",
    "a purple train above an orange boat on snow",
    "a white elephant and a brown key on grass",
    "two blue butterflies on stone",
)


def to_tensor(pictures: NDArray[np.uint8]) -> Tensor:
    """(B, H, W, 3) uint8 to (B, 3, H, W) in [-1, 1]."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1


class DenoiserTrainer(Trainer):
    """v-prediction (Salimans and Ho, arXiv 2202.00512) with the plain squared error of v.

    Weights that favour little noise teach texture first; what a thing is gets decided under much noise.

    Encoded stills are kept in a pool; every iteration an eighth of its batch is drawn and encoded afresh and takes the
    place of the pool's oldest, so a still is seen about eight times and most of the time goes into the denoiser.
    """

    def __init__(
        self, schedule: Schedule, seed: int, vae: AutoencoderTiny, tokenizer: CLIPTokenizer, pool: int = 8192
    ) -> None:
        self.unet = new_unet()
        if not torch.cuda.is_available():
            self.unet.set_attn_processor(AttnProcessor())  # a third faster than fused attention on a CPU
        self.text_encoder = new_text_encoder(tokenizer)
        super().__init__(nn.ModuleDict({"unet": self.unet, "text_encoder": self.text_encoder}), schedule, seed)
        self.vae = vae.to(self.device).eval().requires_grad_(False)
        self.tokenizer = tokenizer
        self.empty = tokenizer("", padding="max_length", return_tensors="pt").input_ids.to(self.device)
        alphas = new_scheduler().alphas_cumprod.to(self.device)
        self.signal, self.noise = alphas.sqrt(), (1 - alphas).sqrt()
        self.capacity = pool
        self.latents = torch.zeros(0)
        self.ids = torch.zeros(0, dtype=torch.long)
        self.oldest = 0

    @torch.no_grad()
    def draw(self, count: int) -> tuple[Tensor, Tensor]:
        """Fresh stills as scaled latents (count, 4, 32, 32) and token ids (count, TOKENS)."""
        stills = [sample_still(self.rng, int(self.rng.choice(len(COUNTS), p=COUNTS))) for _ in range(count)]
        pictures = to_tensor(np.stack([render(still, self.rng) for still in stills])).to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16):
            latents = self.vae.encoder(pictures).float() * self.vae.config.scaling_factor
        texts = [caption(still, self.rng) for still in stills]
        ids = self.tokenizer(texts, padding="max_length", truncation=True, return_tensors="pt").input_ids
        return latents, ids

    def _refresh(self, batch: int) -> None:
        if not len(self.latents):
            drawn = [self.draw(64) for _ in range(min(self.capacity, FIRST) // 64)]
            self.latents = torch.cat([latents for latents, _ in drawn])
            self.ids = torch.cat([ids for _, ids in drawn])
            return
        fresh = max(1, batch // 8)
        latents, ids = self.draw(fresh)
        if len(self.latents) + fresh <= self.capacity:
            self.latents, self.ids = torch.cat([self.latents, latents]), torch.cat([self.ids, ids])
            return
        rows = (torch.arange(fresh) + self.oldest) % len(self.latents)
        self.latents[rows], self.ids[rows] = latents, ids
        self.oldest = (self.oldest + fresh) % len(self.latents)

    def loss(self, batch: int) -> Tensor:
        self._refresh(batch)
        rows = torch.from_numpy(self.rng.integers(0, len(self.latents), batch))
        latents, ids = self.latents[rows], self.ids[rows].to(self.device)
        dropped = torch.from_numpy(self.rng.random(batch) < DROPOUT).to(self.device)
        ids = torch.where(dropped[:, None], self.empty, ids)
        t = torch.from_numpy(self.rng.integers(0, len(self.signal), batch)).to(self.device)
        epsilon = torch.randn_like(latents)
        a, s = self.signal[t, None, None, None], self.noise[t, None, None, None]
        with torch.autocast(self.device.type, torch.bfloat16):
            states = self.text_encoder(ids).last_hidden_state
            v = self.unet(a * latents + s * epsilon, t, states).sample
        return F.mse_loss(v.float(), a * epsilon - s * latents)

    def pipeline(self) -> StableDiffusionPipeline:
        """The averaged weights as a pipeline of their own."""
        unet, text_encoder = new_unet(), new_text_encoder(self.tokenizer)
        nn.ModuleDict({"unet": unet, "text_encoder": text_encoder}).load_state_dict(self.ema.shadow)
        return assemble(unet.eval(), self.vae, text_encoder.eval(), self.tokenizer)


def sample_sheet(pipe: StableDiffusionPipeline, path: Path, steps: int = 16, guidance: float = 4.0) -> None:
    """Paint the sample prompts, four to a row, and save them as one PNG."""
    pipe.scheduler = DPMSolverMultistepScheduler.from_config(pipe.scheduler.config)
    pictures = pipe(
        list(SAMPLE_PROMPTS),
        num_inference_steps=steps,
        guidance_scale=guidance,
        generator=torch.Generator().manual_seed(0),
    ).images
    sheet = Image.new("RGB", (4 * SIZE, math.ceil(len(pictures) / 4) * SIZE))
    for number, picture in enumerate(pictures):
        sheet.paste(picture, (number % 4 * SIZE, number // 4 * SIZE))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)
