"""How a model is brought into memory is decided before anything is loaded, by what it weighs and what is free.

`pytest -s tests/diffusion/test_loading_ladder.py` prints the table.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from model_folders import checkpoint, published
from tiny_pipelines import tiny

from muralist.diffusion.engine import Engine, EngineSettings, Request
from muralist.diffusion.loading_ladder import RESERVE, LoadingPlan, Memory, Weight, planned, weigh
from muralist.diffusion.model_files import resolved
from muralist.diffusion.profiles import profile_of_files
from muralist.tools.errors import BackboneError, BadSettings
from muralist.tools.layout import Layout, Region
from muralist.tools.painting_settings import PaintingSettings
from muralist.tools.ports import PaintSpec

GB = 10**9
HOST = 128 * GB
RUNGS: dict[str, list[str]] = {
    "SD 1.x": ["full", "full", "full", "full"],
    "SDXL": ["model", "full", "full", "full"],
    "PixArt-Sigma": ["group", "model", "full", "full"],
    "SD3.5 Medium": ["group", "model", "model", "full"],
    "SD3.5 Large": ["group", "group", "group", "model"],
    "FLUX.1 dev": ["group", "group", "group", "group"],
    "Qwen-Image": ["group", "group", "group", "group"],
    "Z-Image": ["group", "group", "model", "full"],
}
CARDS = [8, 12, 16, 24]


def weighed(kind: str, folder: Path) -> list[Weight]:
    """In half precision, at the kind's own size."""
    files = resolved(published(kind, folder))
    return weigh(files, profile_of_files(files), 2)


def test_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found, lines = {}, []
    for kind in RUNGS:
        weights = weighed(kind, tmp_path / kind)
        plans = [planned(weights, Memory(card * GB, HOST)) for card in CARDS]
        found[kind] = [plan.rung for plan in plans]
        total = sum(each.weights for each in weights) / GB
        lines.append(f"{kind:14} {total:5.1f} GB  " + "".join(f"{p.rung:>6} {p.peak / GB:5.1f}" for p in plans))
        assert all(plan.peak <= plan.free for plan in plans)
    with capsys.disabled():
        print("\n" + " " * 26 + "".join(f"{f'{card} GB':>12}" for card in CARDS), *lines, sep="\n")
    assert found == RUNGS


WEIGHTS = [Weight("transformer", 24 * GB, GB // 2, GB, True), Weight("text_encoder", 10 * GB, GB // 4, 0, True)]


@pytest.mark.parametrize(
    ("card", "host", "rung"), [(40, 4, "full"), (26, 64, "model"), (25, 64, "group"), (4, 64, "group")]
)
def test_the_fastest_rung_that_has_room_is_taken(card: int, host: int, rung: str) -> None:
    plan = planned(WEIGHTS, Memory(card * GB, host * GB))
    assert (plan.rung, plan.quantize) == (rung, None)


def test_what_has_no_room_on_any_rung_is_refused_with_what_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("muralist.diffusion.loading_ladder._installed", lambda name: False)
    with pytest.raises(BackboneError, match=r"takes 3.5 GB on the GPU at least, with 34.0 GB in the machine's memory"):
        planned(WEIGHTS, Memory(2 * GB, 64 * GB))
    with pytest.raises(BackboneError, match=r"of which 24.0 GB and 16.0 GB are free"):
        planned(WEIGHTS, Memory(24 * GB, 16 * GB))
    with pytest.raises(BackboneError, match=r"^it takes 35.0 GB, and 16.0 GB are free"):
        planned(WEIGHTS, Memory(None, 16 * GB))


def test_quantised_weights_come_last_and_only_with_their_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose memory is too small for offloading."""
    monkeypatch.setattr("muralist.diffusion.loading_ladder._installed", lambda name: name == "bitsandbytes")
    small = Memory(24 * GB, 20 * GB)
    assert planned(WEIGHTS, small) == LoadingPlan(
        rung="full", quantize="bnb-8bit", peak=int(0.55 * 34 * GB) + GB + RESERVE, free=24 * GB
    )
    assert planned(WEIGHTS, Memory(14 * GB, 20 * GB)).quantize == "bnb-4bit"
    assert planned(WEIGHTS, Memory(24 * GB, 64 * GB)).quantize is None


def test_a_checkpoint_in_one_file_is_never_planned_to_be_quantised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("muralist.diffusion.loading_ladder._installed", lambda name: True)
    files = resolved(checkpoint(tmp_path / "model.safetensors", large=True))
    weights = weigh(files, profile_of_files(files), 2)
    assert planned(weights, Memory(12 * GB, 2 * GB)).plain
    with pytest.raises(BackboneError, match=r"^it takes"):
        planned(weights, Memory(9 * GB, 2 * GB))


def test_a_denoiser_in_a_file_of_its_own_is_loaded_as_it_is(tmp_path: Path) -> None:
    place = published("FLUX.1 dev", tmp_path)
    file = next((place / "transformer").glob("*.safetensors")).rename(place / "model.safetensors")
    files = resolved(file)
    weights = weigh(files, profile_of_files(files), 2)
    assert {each.name for each in weights if each.quantisable} == {"text_encoder", "text_encoder_2"}


def test_a_rung_and_a_quantisation_can_be_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    card = Memory(8 * GB, 64 * GB)
    for offload, rung in (("none", "full"), ("model", "model"), ("group", "group"), ("sequential", "sequential")):
        assert planned(WEIGHTS, card, PaintingSettings(offload=offload)).rung == rung  # type: ignore[arg-type]
    monkeypatch.setattr("muralist.diffusion.loading_ladder._installed", lambda name: False)
    with pytest.raises(BadSettings, match=r"needs bitsandbytes>=0.48: pip install 'bitsandbytes>=0.48'"):
        planned(WEIGHTS, card, PaintingSettings(quantize="bnb-4bit"))
    monkeypatch.setattr("muralist.diffusion.loading_ladder._installed", lambda name: name == "torchao")
    with pytest.raises(BadSettings, match="'torchao-int4' needs mslk-cuda: pip install mslk-cuda"):
        planned(WEIGHTS, card, PaintingSettings(quantize="torchao-int4"))
    monkeypatch.setattr("muralist.diffusion.loading_ladder._installed", lambda name: True)
    plan = planned(WEIGHTS, Memory(80 * GB, 64 * GB), PaintingSettings(quantize="torchao-int8"))
    assert (plan.rung, plan.quantize) == ("full", "torchao-int8")


def test_what_is_forced_on_a_cpu_is_refused() -> None:
    with pytest.raises(BadSettings, match="offload 'group' moves parts off a GPU, and there is none"):
        planned(WEIGHTS, Memory(None, 64 * GB), PaintingSettings(offload="group"))
    for quantize in ("bnb-8bit", "bnb-4bit", "torchao-int4"):
        with pytest.raises(BadSettings, match=f"'{quantize}' needs a GPU: leave it out, or give torchao-int8"):
            planned(WEIGHTS, Memory(None, 64 * GB), PaintingSettings(quantize=quantize))  # type: ignore[arg-type]


@pytest.mark.parametrize(("found", "fine"), [("0.47.3", False), ("0.48.0", True), ("0.50.2", True)])
def test_a_library_that_is_too_old_is_told_as_one_that_is_missing(
    monkeypatch: pytest.MonkeyPatch, found: str, fine: bool
) -> None:
    monkeypatch.setattr("muralist.diffusion.loading_ladder.importlib.util.find_spec", lambda name: name)
    monkeypatch.setattr("muralist.diffusion.loading_ladder.version", lambda name: found)
    card, painting = Memory(80 * GB, 64 * GB), PaintingSettings(quantize="bnb-8bit")
    if fine:
        assert planned(WEIGHTS, card, painting).quantize == "bnb-8bit"
    else:
        with pytest.raises(BadSettings, match=r"needs bitsandbytes>=0.48"):
            planned(WEIGHTS, card, painting)


def test_the_engine_tells_how_the_backbone_was_loaded() -> None:
    pipe = tiny("SD")
    pipe.loading_plan = plan = LoadingPlan(rung="model", peak=GB, free=8 * GB)
    engine = Engine("tiny", EngineSettings(), loader=lambda _: pipe)
    assert engine.plan is None
    layout = Layout(regions=[Region("a cup", 0, 0, 1, 1)], base_prompt="a cup")
    engine.submit(Request(PaintSpec(layout, seed=0, width=64, height=64, steps=1))).result(60)
    assert engine.plan is plan
    assert str(plan) == "model offload: a part at a time on the device; about 1.0 GB of 8.0 GB that are free"
