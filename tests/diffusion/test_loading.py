"""Every layout of files that models come in is loaded, and what cannot be is told in one line with nothing kept."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from tiny_adapters import save_lora
from tiny_pipelines import tiny, vae

from muralist.diffusion import load
from muralist.diffusion.loading_ladder import Memory
from muralist.diffusion.location import on_disk
from muralist.diffusion.model_files import resolved
from muralist.tools.errors import BackboneError, BadSettings, MuralistError
from muralist.tools.painting_settings import PaintingSettings


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A family's tiny pipeline in a folder of its own, as it is published."""

    def save(family: str = "SD", **how: Any) -> Path:
        folder = tmp_path_factory.mktemp("models") / "model"
        tiny(family).save_pretrained(folder, **how)
        return folder

    return save


def paints(pipe: Any) -> np.ndarray[Any, Any]:
    random = torch.Generator().manual_seed(0)
    picture: np.ndarray[Any, Any] = pipe(
        "a red car", width=64, height=64, num_inference_steps=2, output_type="np", generator=random
    ).images[0]
    return picture


LAYOUTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "fp16 variant only": {"variant": "fp16"},
    "sharded": {"max_shard_size": "60KB"},
    "sharded fp16 variant only": {"variant": "fp16", "max_shard_size": "60KB"},
}


@pytest.mark.parametrize("how", LAYOUTS.values(), ids=LAYOUTS.keys())
@pytest.mark.parametrize("family", ["SD", "FLUX.1"])
def test_a_folder_paints_as_the_pipeline_that_was_saved(
    saved: Callable[..., Path], family: str, how: dict[str, Any]
) -> None:
    folder = saved(family, **how)
    if "max_shard_size" in how:
        assert len(resolved(folder).denoiser.weights) > 1  # type: ignore[union-attr]
    assert np.allclose(paints(load(str(folder))), paints(tiny(family)), atol=1e-5)


def test_an_index_that_names_a_checker_which_is_not_there_is_loaded(saved: Callable[..., Path]) -> None:
    folder = saved()
    index = json.loads((folder / "model_index.json").read_text())
    index |= {
        "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
        "feature_extractor": ["transformers", "CLIPImageProcessor"],
    }
    (folder / "model_index.json").write_text(json.dumps(index))
    assert load(str(folder)).safety_checker is None


def test_a_latent_consistency_model_is_painted_with_by_the_stock_pipeline(saved: Callable[..., Path]) -> None:
    folder = saved()
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps(index | {"_class_name": "LatentConsistencyModelPipeline"}))
    assert type(load(str(folder))) is StableDiffusionPipeline


@pytest.mark.parametrize("family", ["SD", "SDXL", "SD3", "FLUX.1", "Z-Image"])
def test_a_denoiser_in_one_file_takes_the_place_of_the_folders_own(saved: Callable[..., Path], family: str) -> None:
    folder = saved(family)
    name = resolved(folder).denoiser.name  # type: ignore[union-attr]
    (weights,) = (folder / name).glob("*.safetensors")
    tensors = load_file(weights)
    weights.rename(folder / "tuned.safetensors")
    pipe = load(str(folder / "tuned.safetensors"))
    assert {key: value.shape for key, value in getattr(pipe, name).state_dict().items()} == {
        key: value.shape for key, value in tensors.items()
    }
    assert np.allclose(paints(pipe), paints(tiny(family)), atol=1e-5)


def test_gguf_without_its_library_is_told(saved: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = saved("FLUX.1")
    (folder / "model.gguf").write_bytes(b"GGUF")
    monkeypatch.setattr("muralist.diffusion.opening.importlib.util.find_spec", lambda name: None)
    with pytest.raises(BadSettings, match=r"needs gguf>=0.10: pip install 'gguf>=0.10'"):
        load(str(folder / "model.gguf"))


MISSING: dict[str, tuple[str, str]] = {
    "unet/diffusion_pytorch_model.safetensors": ("SD", "lacks unet/diffusion_pytorch_model.safetensors"),
    "text_encoder/model.safetensors": ("SD", "lacks text_encoder/model.safetensors"),
    "vae": ("SD", "lacks vae"),
    "tokenizer": ("SD", "lacks tokenizer"),
    "transformer": ("FLUX.1", "lacks transformer"),
}


@pytest.mark.parametrize("gone", MISSING)
def test_what_is_missing_is_named_by_load_and_by_doctor_alike(
    saved: Callable[..., Path], gone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from muralist.cli.doctor import examine

    family, message = MISSING[gone]
    folder = saved(family)
    (folder / gone).rename(folder.parent / "gone")
    with pytest.raises(BackboneError, match=message) as told:
        load(str(folder))
    assert "\n" not in str(told.value)
    monkeypatch.setenv("MURALIST_BACKBONE", str(folder))
    (check,) = [check for check in examine() if check.name == f"backbone {folder}"]
    assert check.ok is False
    assert message in check.detail


def test_a_shard_that_is_missing_is_named(saved: Callable[..., Path]) -> None:
    folder = saved(max_shard_size="60KB")
    shard = sorted((folder / "unet").glob("*-of-*.safetensors"))[1]
    shard.unlink()
    with pytest.raises(BackboneError, match=f"lacks unet/{shard.name}"):
        load(str(folder))


def test_a_variant_that_is_not_there_is_told_with_those_that_are(saved: Callable[..., Path]) -> None:
    folder = saved(variant="fp16")
    assert load(str(folder), PaintingSettings(variant="fp16")).unet is not None
    with pytest.raises(BackboneError, match="has no weights of variant 'ema': there is fp16"):
        load(str(folder), PaintingSettings(variant="ema"))


def test_a_denoiser_of_another_model_is_refused_and_not_made_up(saved: Callable[..., Path]) -> None:
    folder = saved("FLUX.1")
    save_file({"double_blocks.0.img_mod.lin.weight": torch.zeros(4, 4)}, folder / "other.safetensors")
    with pytest.raises(MuralistError) as told:
        load(str(folder / "other.safetensors"))
    assert "\n" not in str(told.value)


def test_another_autoencoder_a_solver_and_a_type_are_taken(saved: Callable[..., Path], tmp_path: Path) -> None:
    other = vae()
    other.save_pretrained(tmp_path / "vae")
    painting = PaintingSettings(vae=str(tmp_path / "vae"), scheduler="ddim", dtype="bfloat16")
    pipe = load(str(saved()), painting)
    assert torch.equal(pipe.vae.encoder.conv_in.weight, other.encoder.conv_in.weight.bfloat16())
    assert type(pipe.scheduler).__name__ == "DDIMScheduler"
    assert pipe.unet.dtype == torch.bfloat16


@pytest.fixture
def loras(tmp_path: Path) -> Callable[[str, str], Path]:
    pytest.importorskip("peft")

    def make(family: str, name: str) -> Path:
        """A LoRA on the family's attention, with random weights."""
        save_lora(tiny(family), tmp_path / name)
        return tmp_path / name

    return make


def test_several_loras_are_put_on_at_their_scales(
    saved: Callable[..., Path], loras: Callable[[str, str], Path]
) -> None:
    first, second = loras("SD", "a.safetensors"), loras("SD", "b.safetensors")
    folder = str(saved())
    plain, none, both = (
        paints(load(folder, PaintingSettings(lora=lora))) for lora in (None, f"{first}:0", f"{first}:0.5,{second}")
    )
    assert np.allclose(none, plain, atol=1e-5)
    assert np.abs(both - plain).max() > 1e-3


REFUSED: dict[str, tuple[Callable[[Path, Callable[[str, str], Path]], dict[str, Any]], str]] = {
    "LoRA that is not there": (lambda at, _: {"lora": str(at / "no.safetensors")}, "there is no LoRA"),
    "LoRA that is a pickle": (lambda at, _: {"lora": str(at / "no.bin")}, "is a pickle"),
    "solver of a flow": (lambda *_: {"scheduler": "flow-euler"}, "does not fit a StableDiffusionPipeline"),
    "offload without a GPU": (lambda *_: {"offload": "model"}, "moves parts off a GPU, and there is none"),
    "device that is not there": (lambda *_: {"device": "cuda:7"}, "there is no device 'cuda:7'"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused_in_one_line_and_nothing_is_left_in_memory(
    saved: Callable[..., Path], loras: Callable[[str, str], Path], tmp_path: Path, case: str
) -> None:
    settings, message = REFUSED[case]
    folder, painting = saved(), PaintingSettings(**settings(tmp_path, loras))
    gc.collect()
    before = denoisers()
    with pytest.raises(BadSettings, match=message) as told:
        load(str(folder), painting)
    assert "\n" not in str(told.value)
    gc.collect()
    assert denoisers() == before, "a half-loaded pipeline stays alive while its error is held"


def test_memory_that_runs_out_on_the_way_to_the_device_leaves_nothing_behind(
    saved: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_out(*_: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    folder = str(saved())
    gc.collect()
    before = denoisers()
    monkeypatch.setattr("diffusers.DiffusionPipeline.to", run_out)
    with pytest.raises(BackboneError, match="needs more memory than there is") as told:
        load(folder)
    assert told.value.__cause__ is None
    assert told.value.__context__ is None
    gc.collect()
    assert denoisers() == before


def test_a_model_that_is_too_large_is_told_before_anything_is_loaded(
    saved: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diffusers.StableDiffusionPipeline.from_pretrained", lambda *_, **__: pytest.fail("loaded"))
    with pytest.raises(BackboneError, match=r"could not be loaded: it takes \d+ MB, and 1 MB are free"):
        load(str(saved()), memory=lambda _: Memory(None, 1 << 20))


def test_a_place_is_told_by_the_same_function_for_everybody(saved: Callable[..., Path]) -> None:
    folder = saved()
    assert on_disk(str(folder)) == folder.resolve()


def denoisers() -> int:
    return sum(type(each) is UNet2DConditionModel for each in gc.get_objects())
