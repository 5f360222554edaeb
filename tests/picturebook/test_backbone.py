"""The shipped weights, in stock pipelines and nothing else."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    StableDiffusionInpaintPipeline,
    StableDiffusionPipeline,
)
from PIL import Image

from muralist.picturebook.backbone import BACKBONE, WEIGHTS, new_tokenizer
from muralist.picturebook.vocabulary import BACKGROUNDS, COLOURS, NOUNS, NUMBERS, plural

SCHEDULERS = [DDIMScheduler, EulerDiscreteScheduler, DPMSolverMultistepScheduler]


@pytest.fixture(scope="module")
def pipe() -> Any:
    torch.set_num_threads(1)
    pipe = StableDiffusionPipeline.from_pretrained(BACKBONE, dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def _near(picture: Image.Image, colour: tuple[int, int, int]) -> float:
    """Share of the picture's pixels within 60 of a colour."""
    return float((np.linalg.norm(np.asarray(picture, dtype=float) - colour, axis=2) < 60).mean())


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_the_stock_pipeline_paints_the_colour_and_the_ground_it_is_told(pipe: Any, scheduler: Any) -> None:
    pipe.scheduler = scheduler.from_config(pipe.scheduler.config)
    generator = torch.Generator().manual_seed(3)
    picture = pipe("a red apple on sky", num_inference_steps=12, guidance_scale=4.0, generator=generator).images[0]
    assert picture.size == (128, 128)
    assert _near(picture, COLOURS["red"]) > 0.02
    assert _near(picture, BACKGROUNDS["sky"]) > 0.3


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_the_stock_inpaint_pipeline_repaints_what_is_masked(pipe: Any, scheduler: Any) -> None:
    inpaint = StableDiffusionInpaintPipeline(**pipe.components, requires_safety_checker=False)
    inpaint.scheduler = scheduler.from_config(pipe.scheduler.config)
    inpaint.set_progress_bar_config(disable=True)
    source = Image.new("RGB", (128, 128), BACKGROUNDS["sky"])
    mask = Image.new("L", (128, 128))
    mask.paste(255, (32, 32, 96, 96))
    picture = inpaint(
        "a red apple on sky", image=source, mask_image=mask, height=128, width=128, num_inference_steps=12,
        guidance_scale=4.0, generator=torch.Generator().manual_seed(3),
    ).images[0]  # fmt: skip
    outside = np.asarray(picture, dtype=float)[:24]
    assert np.abs(outside - np.array(BACKGROUNDS["sky"])).mean() < 12
    assert np.abs(np.asarray(picture, dtype=float)[40:88, 40:88] - np.array(BACKGROUNDS["sky"])).mean() > 12


def test_all_shipped_weights_are_half_precision_safetensors_under_48_megabytes() -> None:
    files = [file for file in WEIGHTS.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) < 48e6
    assert {file.suffix for file in files} <= {".safetensors", ".json", ".txt"}
    for file in files:
        if file.suffix == ".safetensors":
            header = _header(file)
            assert {entry["dtype"] for name, entry in header.items() if name != "__metadata__"} <= {"F16", "I64"}


def _header(file: Path) -> Any:
    content = file.read_bytes()
    return json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])


def test_every_word_of_the_vocabulary_is_one_token(pipe: Any) -> None:
    words = [*NOUNS, *map(plural, NOUNS), *COLOURS, *BACKGROUNDS, *NUMBERS, "left", "right", "above", "below", "more"]
    for tokenizer in (new_tokenizer(), pipe.tokenizer):
        assert [len(tokenizer(word, add_special_tokens=False).input_ids) for word in words] == [1] * len(words)
        assert len({tokenizer(word).input_ids[1] for word in words}) == len(words)


@pytest.mark.slow
def test_the_tokenizer_is_the_same_in_every_process() -> None:
    code = "from muralist.picturebook.backbone import new_tokenizer; print(sorted(new_tokenizer().get_vocab().items()))"
    vocabularies = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout for _ in range(2)
    }
    assert len(vocabularies) == 1
    assert str(sorted(new_tokenizer().get_vocab().items())).encode() + b"\n" in vocabularies
