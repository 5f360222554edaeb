"""`python -m muralist.picturebook.train PART`: train a part of the picturebook and ship its averaged weights."""

from __future__ import annotations

import argparse
import json
import math
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from diffusers import AutoencoderTiny, StableDiffusionPipeline
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import CLIPTokenizer

from .backbone import BACKBONE, WEIGHTS, new_autoencoder, new_tokenizer
from .detector import Shape, load_detector
from .train_autoencoder import AutoencoderTrainer
from .train_denoiser import DenoiserTrainer, sample_sheet
from .train_detector import DetectorTrainer
from .training import Schedule, Trainer

DETECTORS: dict[str, tuple[Shape, int]] = {"detector": ("residual", 1), "judge": ("separable", 2)}
"""Part to network shape and seed: the judge shares neither with the loop's detector."""


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(prog="python -m muralist.picturebook.train", description=__doc__)
    parser.add_argument("part", choices=["autoencoder", "denoiser", *DETECTORS])
    parser.add_argument("--iterations", type=int, default=20_000, help="length of the learning-rate schedule")
    parser.add_argument("--batch", type=int, default=None, help="samples an iteration; each part has its own default")
    parser.add_argument("--rate", type=float, default=None, help="peak learning rate; each part has its own default")
    parser.add_argument("--minutes", type=float, default=math.inf, help="stop, resumably, after this long")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1, help="CPU threads; one is often fastest")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where checkpoints and sample sheets go")
    parser.add_argument("--ship", action="store_true", help="write the averaged weights into the package when done")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    trainer, ship = prepare(options.part, options)
    checkpoint = options.runs / f"{options.part}.pt"
    if checkpoint.exists():
        trainer.resume(checkpoint)
        print(f"going on from {checkpoint}: {trainer.samples} samples seen", flush=True)

    def on_save() -> None:
        if isinstance(trainer, DenoiserTrainer):
            sample_sheet(trainer.pipeline(), options.runs / "sheets" / f"{trainer.samples:08d}.png")

    trainer.run(checkpoint, minutes=options.minutes, on_save=on_save)
    if options.ship:
        ship()
        print(f"shipped to {WEIGHTS} after {trainer.samples} samples", flush=True)


def prepare(part: str, options: argparse.Namespace) -> tuple[Trainer, Callable[[], None]]:
    """A part's trainer, started from the shipped weights where there are any, and what ships its result."""
    if part == "autoencoder":
        autoencoder = AutoencoderTrainer(_schedule(options, 6, 2e-3), options.seed)
        return autoencoder, lambda: _ship_autoencoder(autoencoder)
    vae = AutoencoderTiny.from_pretrained(BACKBONE / "vae", torch_dtype=torch.float32)
    if part == "denoiser":
        shipped = BACKBONE / "tokenizer"
        tokenizer = CLIPTokenizer.from_pretrained(shipped) if shipped.exists() else new_tokenizer()
        denoiser = DenoiserTrainer(_schedule(options, 32, 6e-4), options.seed, vae, tokenizer)
        if (BACKBONE / "unet").exists():
            pipe = StableDiffusionPipeline.from_pretrained(BACKBONE, torch_dtype=torch.float32)
            denoiser.start_from(nn.ModuleDict({"unet": pipe.unet, "text_encoder": pipe.text_encoder}).state_dict())
        return denoiser, lambda: ship_pipeline(denoiser.pipeline())
    shape, seed = DETECTORS[part]
    detector = DetectorTrainer(shape, _schedule(options, 16, 1e-3), options.seed + seed, vae)
    path = WEIGHTS / f"{part}.safetensors"
    if path.exists():
        detector.start_from(load_detector(path, shape).state_dict())
    return detector, lambda: _ship_detector(detector, path)


def _schedule(options: argparse.Namespace, batch: int, rate: float) -> Schedule:
    return Schedule(options.iterations, options.batch or batch, options.rate or rate)


def _ship_autoencoder(trainer: AutoencoderTrainer) -> None:
    """Ship the autoencoder with the scaling factor that gives its latents unit variance."""
    vae = new_autoencoder()
    vae.load_state_dict(trainer.ema.shadow)
    vae.register_to_config(scaling_factor=1 / trainer.spread(vae))
    with _whole(BACKBONE / "vae") as folder:
        vae.half().save_pretrained(folder)


def ship_pipeline(pipe: StableDiffusionPipeline) -> None:
    """Save a pipeline as the shipped backbone: fp16 safetensors in diffusers' format."""
    pipe.to(dtype=torch.float16)
    with _whole(BACKBONE) as folder:
        pipe.save_pretrained(folder, safe_serialization=True)
        for file in folder.rglob("config.json"):
            config = json.loads(file.read_text(encoding="utf-8"))
            config.pop("_name_or_path", None)  # where it was loaded from is nobody's business
            file.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


@contextmanager
def _whole(folder: Path) -> Iterator[Path]:
    """A sibling to write to, which takes the folder's place once it is whole."""
    fresh, old = folder.with_name(folder.name + ".new"), folder.with_name(folder.name + ".old")
    for leftover in (fresh, old):
        shutil.rmtree(leftover, ignore_errors=True)
    fresh.parent.mkdir(parents=True, exist_ok=True)
    yield fresh
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _ship_detector(trainer: DetectorTrainer, path: Path) -> None:
    partial = path.with_suffix(".new")
    save_file(halved(trainer.ema.shadow), partial)
    partial.replace(path)


def halved(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Floating-point tensors in fp16, contiguous."""
    return {name: (value.half() if value.is_floating_point() else value).contiguous() for name, value in state.items()}


if __name__ == "__main__":
    main()
