"""A whole checkpoint in one file, with the names of the original code, paints as the pipeline that it is of.

Its configurations lie beside it; where there are none, diffusers fetches those of the known models from the hub.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from single_files import save_single_file, sdxl
from tiny_pipelines import tiny

from muralist.diffusion import load
from muralist.diffusion.model_files import resolved
from muralist.tools.errors import BackboneError

MAKE: dict[str, Callable[[], Any]] = {"SD": lambda: tiny("SD"), "SDXL": sdxl}
PARTS = ("unet", "vae", "text_encoder", "text_encoder_2")


def published(pipe: Any, folder: Path) -> Path:
    """The file, beside the configurations of its parts, which have no weights."""
    pipe.save_pretrained(folder)
    for weights in folder.glob("*/*.safetensors"):
        weights.unlink()
    save_single_file(pipe, folder / "whole.safetensors")
    return folder / "whole.safetensors"


def paints(pipe: Any) -> np.ndarray[Any, Any]:
    random = torch.Generator().manual_seed(0)
    options = {"width": 64, "height": 64, "num_inference_steps": 2, "output_type": "np"}
    picture: np.ndarray[Any, Any] = pipe("a red car", generator=random, **options).images[0]
    return picture


@pytest.mark.parametrize("family", MAKE)
def test_a_single_file_paints_as_the_pipeline_that_it_is_of(tmp_path: Path, family: str) -> None:
    pipe = MAKE[family]()
    file = published(pipe, tmp_path)
    assert resolved(file).whole
    loaded = load(str(file))
    assert type(loaded) is type(pipe)
    for part in [part for part in PARTS if part in pipe.components]:
        own, found = getattr(pipe, part).state_dict(), getattr(loaded, part).state_dict()
        assert found.keys() == own.keys()
        assert all(torch.equal(found[name], own[name]) for name in own), part
    assert np.allclose(paints(loaded), paints(pipe), atol=1e-5)


LACKING = {
    "middle_block": "could not be loaded",
    "first_stage_model.decoder.mid": "could not be loaded",
    "text_model.final_layer_norm": "could not be loaded",
    "cond_stage_model": "no whole checkpoint|could not be loaded",
}


@pytest.mark.parametrize("part", LACKING)
def test_what_a_single_file_lacks_is_told_and_not_made_up(tmp_path: Path, part: str) -> None:
    file = published(tiny("SD"), tmp_path)
    save_file({name: each for name, each in load_file(file).items() if part not in name}, file)
    with pytest.raises(BackboneError, match=LACKING[part]) as told:
        load(str(file))
    assert "\n" not in str(told.value)


def test_a_single_file_that_is_cut_short_is_told(tmp_path: Path) -> None:
    file = published(tiny("SD"), tmp_path)
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(BackboneError, match=r"is damaged: it has .* bytes"):
        load(str(file))
