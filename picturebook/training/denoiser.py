"""Training of the denoiser with its text encoder, on latents of the finished autoencoder."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderTiny, DPMSolverMultistepScheduler, StableDiffusionPipeline
from diffusers.models.attention_processor import AttnProcessor
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from transformers import CLIPTokenizer

from muralist.picturebook.backbone import BACKBONE, assemble, new_scheduler, new_text_encoder, new_unet
from muralist.picturebook.evaluation import EvaluationPrompt, Metrics, evaluated, sampled, summary
from muralist.picturebook.vocabulary import BACKGROUNDS, COLOURS, NOUNS
from muralist.picturebook.world import SIZE, Still, caption, render, sample_still

from .schedule import Schedule
from .shipping import ship_pipeline
from .trainer import Trainer

COUNTS = (0.05, 0.38, 0.25, 0.12, 0.09, 0.06, 0.05)
"""Share of training stills with 0, 1, … 6 things."""

DROPOUT = 0.1
"""Share of captions left empty, for classifier-free guidance."""

NOISINESS = 0.65
"""Exponent below 1 that pushes uniform draws of the step towards much noise."""

NAMING = 0.1
"""Weight of the naming loss beside the squared error of v."""

EXAMINED = 48
"""Held-out prompts of each number of things by which it marks itself."""

FIRST = 1024
"""Stills in the pool before the first iteration; it grows from there."""

CELL = 8
"""Pixels along a side of the cells that are named: two latent cells."""

CLASSES = [1 + len(NOUNS), 1 + len(COLOURS)]
"""How many nouns and colours can stand in a cell, each with `none`."""

CROWDS = [EvaluationPrompt(f"many things on {ground}", (), number) for number, ground in enumerate([*BACKGROUNDS] * 5)]
"""Painted for the detectors besides."""

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
    return torch.tensor(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1


def names(still: Still) -> Tensor:
    """(2, 16, 16) index of the noun and of the colour whose box covers a cell, counted from 1; 0 is ground."""
    cells = torch.zeros(2, SIZE // CELL, SIZE // CELL, dtype=torch.long)
    for thing in still.things:
        x0, y0, x1, y1 = (round(edge / CELL) for edge in thing.box)
        cells[0, y0:y1, x0:x1] = 1 + list(NOUNS).index(thing.noun)
        cells[1, y0:y1, x0:x1] = 1 + list(COLOURS).index(thing.colour)
    return cells


class DenoiserTrainer(Trainer):
    """v-prediction (Salimans and Ho, arXiv 2202.00512) with the plain squared error of v.

    What a thing is gets decided under much noise, so steps of much noise are drawn more often; weights that favour
    little noise teach texture first.

    A head reads off the denoiser's features, cell by cell, which noun and which colour stands there. At much noise only
    the caption tells, so naming teaches to read it long before the squared error would; the head is not shipped. (Its
    kin is the alignment of representations, arXiv 2410.06940; here the renderer knows the labels.)

    Encoded stills are kept in a pool; every iteration an eighth of its batch is drawn and encoded afresh and takes the
    place of the pool's oldest, so a still is seen about eight times and most of the time goes into the denoiser.
    """

    def __init__(
        self, schedule: Schedule, seed: int, vae: AutoencoderTiny, tokenizer: CLIPTokenizer, *,
        paintings: Path | None = None, pool: int = 8192,
    ) -> None:  # fmt: skip
        self.paintings = paintings
        self.unet = new_unet()
        if not torch.cuda.is_available():
            self.unet.set_attn_processor(AttnProcessor())  # a third faster than fused attention on a CPU
        self.text_encoder = new_text_encoder(tokenizer)
        self.naming = nn.Conv2d(self.unet.config.block_out_channels[2], sum(CLASSES), 1)
        self.unet.up_blocks[-3].register_forward_hook(self._keep_features)
        parts = {"unet": self.unet, "text_encoder": self.text_encoder, "naming": self.naming}
        super().__init__(nn.ModuleDict(parts), schedule, seed)
        self.vae = vae.to(self.device).eval().requires_grad_(False)
        self.tokenizer = tokenizer
        self.empty = tokenizer("", padding="max_length", return_tensors="pt").input_ids.to(self.device)
        alphas = new_scheduler().alphas_cumprod.to(self.device)
        self.signal, self.noise = alphas.sqrt(), (1 - alphas).sqrt()
        self.capacity = pool
        self.features = torch.zeros(0)
        self.pool: tuple[Tensor, ...] = ()
        self.oldest = 0

    def _keep_features(self, module: nn.Module, inputs: object, output: Tensor) -> None:
        self.features = output

    def shipped(self) -> dict[str, Tensor] | None:
        """The backbone's weights; the naming head, which it does not have, begins at random."""
        if not (BACKBONE / "unet").exists():
            return None
        pipe = StableDiffusionPipeline.from_pretrained(BACKBONE, dtype=torch.float32)
        weights = nn.ModuleDict({"unet": pipe.unet, "text_encoder": pipe.text_encoder}).state_dict()
        head = {name: value for name, value in self.module.state_dict().items() if name.startswith("naming.")}
        return {**head, **weights}

    @torch.no_grad()
    def draw(self, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """Fresh stills: scaled latents (count, 4, 32, 32), token ids (count, TOKENS), names (count, 2, 16, 16)."""
        stills = [sample_still(self.rng, int(self.rng.choice(len(COUNTS), p=COUNTS))) for _ in range(count)]
        pictures = to_tensor(np.stack([render(still, self.rng) for still in stills])).to(self.device)
        with self.precision.cast(self.device):
            latents = self.vae.encoder(pictures).float() * self.vae.config.scaling_factor
        texts = [caption(still, self.rng) for still in stills]
        ids = self.tokenizer(texts, padding="max_length", truncation=True, return_tensors="pt").input_ids
        return latents, ids.to(self.device), torch.stack([names(still) for still in stills]).to(self.device)

    def _refresh(self, batch: int) -> None:
        if not self.pool:
            drawn = [self.draw(64) for _ in range(min(self.capacity, FIRST) // 64)]
            self.pool = tuple(torch.cat(parts) for parts in zip(*drawn, strict=True))
            return
        fresh = self.draw(max(1, batch // 8))
        count, held = len(fresh[0]), len(self.pool[0])
        if held + count <= self.capacity:
            self.pool = tuple(torch.cat(pair) for pair in zip(self.pool, fresh, strict=True))
            return
        rows = (torch.arange(count) + self.oldest) % held
        for kept, new in zip(self.pool, fresh, strict=True):
            kept[rows] = new
        self.oldest = (self.oldest + count) % held

    def loss(self, batch: int) -> Tensor:
        self._refresh(batch)
        rows = torch.from_numpy(self.rng.integers(0, len(self.pool[0]), batch))
        latents, ids, named = (part[rows] for part in self.pool)
        dropped = torch.from_numpy(self.rng.random(batch) < DROPOUT).to(self.device)
        ids = torch.where(dropped[:, None], self.empty, ids)
        t = torch.from_numpy((len(self.signal) * self.rng.random(batch) ** NOISINESS).astype(np.int64)).to(self.device)
        epsilon = torch.randn_like(latents)
        a, s = self.signal[t, None, None, None], self.noise[t, None, None, None]
        with self.precision.cast(self.device):
            states = self.text_encoder(ids).last_hidden_state
            v = self.unet(a * latents + s * epsilon, t, states).sample
            nouns, colours = self.naming(self.features).float().split(CLASSES, dim=1)
        self.features = torch.zeros(0)
        error = F.mse_loss(v.float(), a * epsilon - s * latents)
        return error + NAMING * (F.cross_entropy(nouns, named[:, 0]) + F.cross_entropy(colours, named[:, 1]))

    def pipeline(self) -> StableDiffusionPipeline:
        """The averaged weights as a pipeline of their own."""
        unet, text_encoder = new_unet(), new_text_encoder(self.tokenizer)
        parts = nn.ModuleDict({"unet": unet, "text_encoder": text_encoder})
        parts.load_state_dict({name: self.ema.shadow[name] for name in parts.state_dict()})
        return assemble(unet.eval(), self.vae, text_encoder.eval(), self.tokenizer)

    def evaluate(self, sheet: Path) -> tuple[float, list[str]]:
        """The share of pictures that are all right, over prompts of one and of two things."""
        pipe = self.pipeline()
        sample_sheet(pipe, sheet)
        marks: list[Metrics] = []
        lines = []
        for number in (1, 2):
            pictures, each = evaluated(pipe, number, EXAMINED)
            self._keep(pictures, str(number))
            marks += each
            lines.append(summary(number, each))
        self._keep(sampled(pipe, CROWDS), "many")
        return fmean(each.right for each in marks), lines

    def _keep(self, pictures: Sequence[Image.Image], name: str) -> None:
        """What it paints at this stage of its training, for the detectors to learn from."""
        if self.paintings is None:
            return
        folder = self.paintings / f"{self.samples:08d}"
        folder.mkdir(parents=True, exist_ok=True)
        for number, picture in enumerate(pictures):
            picture.save(folder / f"{name}-{number:02d}.png")

    def ship(self, weights: Path) -> None:
        ship_pipeline(self.pipeline(), weights / "backbone")


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
