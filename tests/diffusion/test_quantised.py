"""Backbones with quantised weights paint nearly as those without: GGUF files, and torchao on the CPU.

bitsandbytes and torchao's int4 are not among them: they quantise on a GPU only.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tiny_pipelines import tiny
from torch.nn import Parameter

from muralist.diffusion import load
from muralist.diffusion.engine import Engine, EngineSettings, Request
from muralist.diffusion.loading_ladder import Memory
from muralist.tools.errors import BackboneError
from muralist.tools.layout import Layout, Region
from muralist.tools.painting_settings import Offload, PaintingSettings
from muralist.tools.ports import PaintSpec

PLENTY = 1 << 50
HALVES = [Region("a red car", 0, 0, 0.5, 1), Region("a blue vase", 0.5, 0, 1, 1)]
SPEC = PaintSpec(Layout(regions=HALVES, base_prompt="a car beside a vase"), seed=0, width=64, height=64, steps=2)


def painted(load_it: Callable[[], Any]) -> np.ndarray[Any, Any]:
    """By the engine, with regions; from 0 to 1."""
    painter = Engine("tiny", EngineSettings(), loader=lambda _: load_it())
    picture = np.asarray(painter.submit(Request(SPEC)).result(), dtype=float) / 255
    painter.release().result()
    return picture


def kinds(part: torch.nn.Module) -> set[str]:
    """Of its weights' tensors."""
    return {type(each).__name__ for each in part.parameters()}


def as_gguf(folder: Path, quantisation: str, architecture: str) -> Path:
    """The folder's denoiser in a GGUF file, instead of its own: matrices quantised, all else in float32."""
    gguf = pytest.importorskip("gguf")
    (weights,) = (folder / "transformer").glob("*.safetensors")
    kind, file = gguf.GGMLQuantizationType[quantisation], folder / "model.gguf"
    writer = gguf.GGUFWriter(file, architecture)
    for name, tensor in load_file(weights).items():
        if kind.name != "F32" and tensor.ndim == 2 and tensor.shape[1] % 32 == 0:
            writer.add_tensor(name, gguf.quants.quantize(tensor.numpy(), kind), raw_dtype=kind)
        else:
            writer.add_tensor(name, tensor.numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    weights.unlink()
    return file


@pytest.mark.parametrize(("quantisation", "off"), [("F32", 0.004), ("Q8_0", 0.02), ("Q5_1", 0.1), ("Q4_0", 0.15)])
@pytest.mark.parametrize(("family", "architecture"), [("FLUX.1", "flux"), ("SD3", "sd3")])
def test_a_gguf_file_is_painted_with(
    tmp_path: Path, family: str, architecture: str, quantisation: str, off: float
) -> None:
    tiny(family).save_pretrained(tmp_path)
    file = str(as_gguf(tmp_path, quantisation, architecture))
    assert ("GGUFParameter" in kinds(load(file).transformer)) == (quantisation != "F32")
    assert np.abs(painted(lambda: load(file)) - painted(lambda: tiny(family))).max() < off


@pytest.mark.parametrize("offload", ["model", "group"])
def test_a_gguf_file_can_be_offloaded(tmp_path: Path, offload: Offload) -> None:
    tiny("FLUX.1").save_pretrained(tmp_path)
    file = str(as_gguf(tmp_path, "Q8_0", "flux"))
    offloaded = painted(lambda: load(file, PaintingSettings(offload=offload), memory=lambda _: Memory(PLENTY, PLENTY)))
    assert np.array_equal(offloaded, painted(lambda: load(file)))


@pytest.mark.parametrize("content", [b"", b"GGUF", b"GGUF" + b"\xff" * 100, b"something else" * 9], ids=len)
def test_a_damaged_gguf_file_is_told_in_one_line(tmp_path: Path, content: bytes) -> None:
    pytest.importorskip("gguf")
    tiny("FLUX.1").save_pretrained(tmp_path)
    (tmp_path / "model.gguf").write_bytes(content)
    with pytest.raises(BackboneError, match=r"model\.gguf' could not be loaded") as told:
        load(str(tmp_path / "model.gguf"))
    assert "\n" not in str(told.value)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("offload", ["none", "model"])
@pytest.mark.parametrize("family", ["FLUX.1", "SD"])
def test_weights_are_quantised_by_torchao_to_int8(tmp_path: Path, family: str, offload: Offload) -> None:
    pytest.importorskip("torchao")
    tiny(family).save_pretrained(tmp_path)
    painting = PaintingSettings(quantize="torchao-int8", offload=offload)
    room = Memory(None if offload == "none" else PLENTY, PLENTY)

    def quantised() -> Any:
        return load(str(tmp_path), painting, memory=lambda _: room)

    pipe, plain = quantised(), tiny(family)
    for part in ("text_encoder", "unet" if family == "SD" else "transformer"):
        own = dict(getattr(plain, part).named_parameters())
        found = {name: each for name, each in getattr(pipe, part).named_parameters() if type(each) is not Parameter}
        assert {type(each).__name__ for each in found.values()} == {"Int8Tensor"}
        for name, each in found.items():
            assert (each.dequantize() - own[name]).norm() < 0.01 * own[name].norm(), name
    assert kinds(pipe.vae) == {"Parameter"}
    # These small networks of random weights make much of little differences.
    assert 0 < np.abs(painted(quantised) - painted(lambda: plain)).mean() < 0.05
