"""The parts of the picturebook that are trained, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from transformers import CLIPTokenizer

from muralist.picturebook.backbone import BACKBONE, new_tokenizer

from .autoencoder import AutoencoderTrainer, shipped_autoencoder
from .background import TrainingFiles
from .decoder import DecoderTrainer
from .denoiser import DenoiserTrainer
from .detector import NETWORKS, DetectorTrainer
from .schedule import Schedule
from .trainer import Trainer


@dataclass(frozen=True)
class Part:
    """What makes a part's trainer from a schedule, a seed and the folder of its files; and what its schedule is if
    nobody says otherwise."""

    trainer: Callable[[Schedule, int, Path], Trainer]
    batch: int
    rate: float


def _decoder(schedule: Schedule, seed: int, folder: Path) -> Trainer:
    return DecoderTrainer(schedule, seed, TrainingFiles(folder, "denoiser").best / "backbone")


def _denoiser(schedule: Schedule, seed: int, folder: Path) -> Trainer:
    shipped = BACKBONE / "tokenizer"
    tokenizer = CLIPTokenizer.from_pretrained(shipped) if shipped.exists() else new_tokenizer()
    return DenoiserTrainer(schedule, seed, shipped_autoencoder(), tokenizer, paintings=folder / "paintings")


PARTS = {
    "autoencoder": Part(lambda schedule, seed, _: AutoencoderTrainer(schedule, seed), batch=6, rate=1e-3),
    "decoder": Part(_decoder, batch=8, rate=1e-3),
    "denoiser": Part(_denoiser, batch=32, rate=1e-3),
    **{name: Part(partial(DetectorTrainer, name), batch=16, rate=1e-3) for name in NETWORKS},
}
