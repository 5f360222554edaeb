"""Editing by families other than Stable Diffusion, and by models made for editing, behind the same call."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from exactness import EXACT, assert_same, difference
from PIL import Image
from tiny_adapters import CONTROLNETS, with_controlnet
from tiny_editors import EDITORS, a_megapixel_is_little, tiny_editor
from tiny_pipelines import tiny

from muralist.diffusion import Region, edit_region, regional
from muralist.diffusion.dense_reference import dense
from muralist.tools.errors import BadSettings

pytestmark = pytest.mark.slow

PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (101, 75, 3), np.uint8))
"""Of no multiples of a latent cell."""
INPAINTING = ("SD3", "FLUX.1", "FLUX.2", "Qwen-Image", "Z-Image", "Chroma")
OPTIONS: dict[str, dict[str, Any]] = {
    "FLUX.1 Kontext": {"max_area": 80 * 112, "_auto_resize": False},
    "Qwen-Image-Edit Inpaint": {"mask_image": Image.new("L", PICTURE.size, 255)},
}
SLOW = [("FLUX.1 Kontext", None)]  # it paints a megapixel, whatever it is given
QWEN = [name for name in EDITORS if name.startswith("Qwen")]


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    a_megapixel_is_little(monkeypatch)


@pytest.mark.parametrize(
    ("editor", "scene"),
    [
        (editor, scene)
        for editor in (*INPAINTING, *EDITORS)
        for scene in (None, "a room")
        if (editor, scene) not in SLOW
    ],
)
def test_only_what_is_inside_changes_and_the_same_seed_gives_the_same_bytes(editor: str, scene: str | None) -> None:
    pipe = tiny(editor) if editor in INPAINTING else tiny_editor(editor)
    before = set(vars(pipe)), pipe.scheduler, pipe.transformer.config
    first, second = (
        edit_region(pipe, PICTURE, (0.1, 0.1, 0.95, 0.75), "a red cup", steps=2, seed=3, scene=scene, native_side=88)
        for _ in range(2)
    )
    changed = (np.asarray(first) != np.asarray(PICTURE)).any(2)
    assert first.size == PICTURE.size
    assert first.tobytes() == second.tobytes()
    assert changed[11:75, 8:70].mean() > 0.5
    changed[10:76, 7:72] = False
    assert not changed.any()
    assert (set(vars(pipe)), pipe.scheduler, pipe.transformer.config) == before
    assert not {"forward", "cache_context"} & set(vars(pipe.transformer)), "something is still in their place"


@pytest.mark.parametrize("family", INPAINTING)
def test_a_weak_edit_stays_closer_to_the_picture(family: str) -> None:
    """By the model's own size, on which nothing is resized."""
    pipe, plain = tiny(family), Image.new("RGB", (96, 96), (120, 60, 30))
    nothing, weak, strong = (
        np.asarray(edit_region(pipe, plain, (0, 0, 1, 1), "a red cup", strength, steps=8, native_side=96), int)
        for strength in (0.13, 0.3, 1.0)
    )
    assert np.abs(weak - nothing).mean() < np.abs(strong - nothing).mean()


@pytest.mark.parametrize("family", ["Qwen-Image-2.1", "FIBO 2"])
def test_a_picture_that_a_pipeline_refers_to_is_no_picture_that_it_edits(family: str) -> None:
    with pytest.raises(BadSettings, match=r"^diffusers cannot repaint parts of a picture with a"):
        edit_region(tiny(family), PICTURE, (0, 0, 1, 1), "a red cup", steps=2)


@pytest.mark.parametrize("family", CONTROLNETS)
def test_a_picture_that_controls_is_no_picture_that_is_edited(family: str) -> None:
    pipe = with_controlnet(family, tiny(family))
    with pytest.raises(BadSettings, match=f"^edit_region has no picture to control {type(pipe).__name__} by: use"):
        edit_region(pipe, PICTURE, (0, 0, 1, 1), "a red cup", steps=2)


@pytest.mark.parametrize("editor", ["Qwen-Image", *QWEN])
def test_guidance_is_heard_without_a_negative_prompt(editor: str) -> None:
    pipe = tiny(editor) if editor in INPAINTING else tiny_editor(editor)
    weak, strong = (
        edit_region(pipe, PICTURE, (0, 0, 1, 1), "a red cup", steps=2, guidance=guidance, native_side=88)
        for guidance in (1, 8)
    )
    assert weak.tobytes() != strong.tobytes()


@pytest.mark.parametrize("editor", ["FLUX.1 Kontext", *QWEN])
def test_regions_are_those_of_the_formula_for_whichever_picture_is_edited(editor: str) -> None:
    pipe = tiny_editor(editor)
    regions = [Region("a cat", 0, 0, 0.6, 1), Region("a dog", 0.4, 0.2, 1, 1, negative_prompt="a hat")]

    def paint(picture: Image.Image) -> torch.Tensor:
        options = OPTIONS.get(editor, {"width": 80, "height": 112})
        latents: torch.Tensor = pipe(
            image=picture, prompt="a room", negative_prompt="rain", true_cfg_scale=3.0, num_inference_steps=2,
            generator=torch.Generator().manual_seed(0), output_type="latent", **options,
        ).images  # fmt: skip
        return latents

    other = PICTURE.transpose(Image.Transpose.ROTATE_180)
    with dense(pipe, regions, 0.3):
        expected = [paint(PICTURE), paint(other)]
    with regional(pipe, regions, 0.3):
        got = [paint(PICTURE), paint(other)]
    for one, reference in zip(got, expected, strict=True):
        assert_same(one, reference)
    assert difference(paint(PICTURE), got[0]) > 10 * EXACT, "the regions changed nothing"
