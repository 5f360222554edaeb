"""What loading takes on each rung; what is left by a backbone that cannot be loaded, and on the device: nothing.

`pytest -s tests/diffusion/test_loading_memory.py` prints modules and bytes before and after, and the peaks.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from accelerate.hooks import CpuOffload
from diffusers.hooks.group_offloading import ModuleGroup
from PIL import Image
from safetensors.torch import load_file, save_file
from tiny_pipelines import tiny, vae

from muralist.diffusion import Region, edit_region, load
from muralist.diffusion.engine.picture import paint
from muralist.diffusion.loading_ladder import RESERVE, Memory
from muralist.diffusion.model_files import resolved
from muralist.runs.wiring import settings
from muralist.tools.errors import MuralistError
from muralist.tools.layout import Layout
from muralist.tools.painting_settings import PaintingSettings
from muralist.tools.ports import PaintSpec

PLENTY = 1 << 50


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("backbone")
    tiny("SD").save_pretrained(folder)
    load(str(folder))  # what the libraries keep for good is there
    return folder


def alive() -> tuple[int, int]:
    """Modules, and bytes of tensors, that anything refers to."""
    gc.collect()
    found = gc.get_objects()
    tensors = [each for each in found if issubclass(type(each), torch.Tensor)]
    storages = {each.untyped_storage().data_ptr(): each.untyped_storage().nbytes() for each in tensors}
    return sum(issubclass(type(each), torch.nn.Module) for each in found), sum(storages.values())


def unknown_quantisation(backbone: Path, at: Path) -> None:
    load(str(backbone), PaintingSettings.of(settings(quantize="int3")))


def quantisation_without_a_gpu(backbone: Path, at: Path) -> None:
    load(str(backbone), PaintingSettings(quantize="bnb-4bit"))


def lora(file: Path, name: str, width: int) -> str:
    """Its path; nobody keeps its weights."""
    down, up = torch.ones(4, width), torch.ones(width, 4)
    save_file({f"{name}.lora_A.weight": down, f"{name}.lora_B.weight": up}, file)
    return str(file)


def lora_of_another_family(backbone: Path, at: Path) -> None:
    name = "transformer.transformer_blocks.0.attn.to_q"
    load(str(backbone), PaintingSettings(lora=lora(at / "flux.safetensors", name, 4)))


def lora_of_another_width(backbone: Path, at: Path) -> None:
    name = "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
    load(str(backbone), PaintingSettings(lora=lora(at / "wide.safetensors", name, 640)))


def vae_of_other_channels(backbone: Path, at: Path) -> None:
    vae(16).save_pretrained(at / "vae")
    load(str(backbone), PaintingSettings(vae=str(at / "vae")))


def file_of_a_vae_of_other_channels(backbone: Path, at: Path) -> None:
    vae(16).save_pretrained(at / "vae")
    load(str(backbone), PaintingSettings(vae=str(at / "vae" / "diffusion_pytorch_model.safetensors")))


def missing_file(backbone: Path, at: Path) -> None:
    tiny("SD").save_pretrained(at / "model")
    (at / "model" / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    load(str(at / "model"))


def missing_weights(backbone: Path, at: Path) -> None:
    tiny("SD").save_pretrained(at / "model")
    file = at / "model" / "unet" / "diffusion_pytorch_model.safetensors"
    save_file({name: each for name, each in load_file(file).items() if "mid_block" not in name}, file)
    load(str(at / "model"))


def too_large_for_every_rung(backbone: Path, at: Path) -> None:
    load(str(backbone), memory=lambda _: Memory(1 << 20, PLENTY))


def too_large_for_the_machine(backbone: Path, at: Path) -> None:
    load(str(backbone), memory=lambda _: Memory(None, 1 << 10))


def memory_runs_out_on_the_way(backbone: Path, at: Path) -> None:
    def run_out(*_: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("diffusers.DiffusionPipeline.to", run_out)
        load(str(backbone))


BAD: dict[Callable[[Path, Path], None], str] = {
    unknown_quantisation: "int3.*bnb-8bit",
    quantisation_without_a_gpu: "quantize 'bnb-4bit' needs a GPU: leave it out, or give torchao",
    lora_of_another_family: "LoRA .* is not for a StableDiffusionPipeline",
    lora_of_another_width: "LoRA .* is not for a StableDiffusionPipeline",
    vae_of_other_channels: "has 16 latent channels, and the backbone's has 4",
    file_of_a_vae_of_other_channels: "VAE|could not be loaded",
    missing_file: "lacks unet/diffusion_pytorch_model.safetensors",
    missing_weights: "could not be loaded",
    too_large_for_every_rung: "on the GPU at least",
    too_large_for_the_machine: "it takes .* are free",
    memory_runs_out_on_the_way: "needs more memory than there is",
}


def words(case: Any) -> str:
    return str(case.__name__).replace("_", " ")


@pytest.mark.parametrize("case", BAD, ids=words)
def test_what_cannot_be_loaded_leaves_nothing_while_its_error_is_held(
    case: Callable[[Path, Path], None], backbone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("peft" if "lora" in case.__name__ else "torch")
    before = alive()
    with pytest.raises(MuralistError, match=BAD[case]) as told:
        case(backbone, tmp_path)
    assert "\n" not in str(told.value)
    after = alive()
    with capsys.disabled():
        print(f"\n{words(case):36} modules {before[0]:4} -> {after[0]:4}, bytes {before[1]:8} -> {after[1]:8}", end="")
    assert after == before


def weights_of(parts: Any) -> int:
    return sum(each.nbytes for part in parts for each in chain(part.parameters(), part.buffers()))


class Meter:
    """Bytes of weights on the device that is painted on, at once, at most, as the hooks bring them and take them."""

    def __init__(self) -> None:
        self.there: dict[int, int] = {}
        self.peak = 0

    def bring(self, what: object, size: int) -> None:
        self.there[id(what)] = size
        self.peak = max(self.peak, sum(self.there.values()))

    def take(self, what: object) -> None:
        self.there.pop(id(what), None)


@contextmanager
def metered() -> Iterator[Meter]:
    """Where it is painted on the CPU nothing is moved, but the hooks run all the same."""
    meter, forward, onload, offload = Meter(), CpuOffload.pre_forward, ModuleGroup.onload_, ModuleGroup.offload_

    def part_comes(hook: Any, module: Any, *args: Any, **kwargs: Any) -> Any:
        if hook.prev_module_hook is not None:
            meter.take(hook.prev_module_hook.model)
        meter.bring(module, weights_of([module]))
        return forward(hook, module, *args, **kwargs)

    def layer_comes(group: Any) -> None:
        meter.bring(group, weights_of(group.modules) + sum(each.nbytes for each in [*group.parameters, *group.buffers]))
        onload(group)

    def layer_goes(group: Any) -> None:
        meter.take(group)
        offload(group)

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(CpuOffload, "pre_forward", part_comes)
        monkeypatch.setattr(ModuleGroup, "onload_", layer_comes)
        monkeypatch.setattr(ModuleGroup, "offload_", layer_goes)
        yield meter


@pytest.mark.parametrize("family", ["SD", "SD3", "FLUX.1", "Qwen-Image"])
def test_no_rung_brings_more_weights_than_it_was_planned_for_and_all_paint_the_same(
    family: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Sequential offload is left out: accelerate's hooks for it cannot paint on a CPU."""
    tiny(family).save_pretrained(tmp_path)
    peaks, pictures = {}, []
    for rung in ("full", "model", "group"):
        painting = PaintingSettings(offload="none" if rung == "full" else rung)  # type: ignore[arg-type]
        with metered() as meter:
            pipe = load(str(tmp_path), painting, memory=lambda _: Memory(PLENTY, PLENTY))
            assert pipe.loading_plan.rung == rung
            options = {"width": 64, "height": 64, "num_inference_steps": 2, "output_type": "np"}
            random = torch.Generator().manual_seed(0)
            pictures.append(pipe("a red car", generator=random, **options).images[0])
        parts = [part for part in pipe.components.values() if hasattr(part, "parameters")]
        peaks[rung] = meter.peak if rung != "full" else weights_of(parts)
        assert peaks[rung] <= pipe.loading_plan.peak - RESERVE
    total, denoiser = peaks["full"], weights_of([pipe.components[resolved(tmp_path).denoiser.name]])  # type: ignore[union-attr]
    with capsys.disabled():
        print(f"\n{family:12}", *(f"{rung} {peak / 1e3:.0f} kB" for rung, peak in peaks.items()), sep="  ", end="")
    assert peaks["group"] < peaks["model"] < total
    assert denoiser <= peaks["model"]
    for picture in pictures[1:]:
        assert np.allclose(picture, pictures[0], atol=1e-5)


@pytest.mark.parametrize("way", ["edit_region", "a painter's retouch", "a painter's picture"])
def test_after_a_picture_nothing_of_an_offloaded_pipeline_stays_on_the_device(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever pipeline was made over its components for that."""
    there: set[str] = set()
    come, go = CpuOffload.pre_forward, CpuOffload.init_hook

    def comes(hook: Any, module: Any, *args: Any, **kwargs: Any) -> Any:
        there.add(type(module).__name__)
        return come(hook, module, *args, **kwargs)

    def goes(hook: Any, module: Any) -> Any:
        there.discard(type(module).__name__)
        return go(hook, module)

    monkeypatch.setattr(CpuOffload, "pre_forward", comes)
    monkeypatch.setattr(CpuOffload, "init_hook", goes)
    pipe, source = tiny("SD"), Image.new("RGB", (64, 64), "red")
    pipe.enable_model_cpu_offload(device="cpu")
    seen: list[set[str]] = []
    if way == "edit_region":
        pipe.unet.register_forward_pre_hook(lambda *_: seen.append(set(there)))
        edit_region(pipe, source, (0, 0, 0.5, 1), "a cup", steps=1)
    else:
        layout = Layout(regions=[Region("a cup", 0, 0, 0.5, 1)], base_prompt="a cup")
        spec = PaintSpec(layout, 0, 64, 64, 2, source=source if "retouch" in way else None)
        paint(pipe, spec, lambda *_: seen.append(set(there)))
    assert all(seen)
    assert not there
