"""The painter gives equal bytes for equal specs, tells its steps, stops when told, and refuses in one line."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from PIL import Image

from muralist.diffusion import DiffusionPainter, Region
from muralist.tools.errors import BackboneError, BadLayout, BadPrompt, BadSettings, Cancelled, MuralistError
from muralist.tools.layout import Layout
from muralist.tools.ports import PaintSpec

LAYOUT = Layout(
    regions=[Region("a red car", 0, 0, 0.5, 1), Region("a blue vase", 0.5, 0.25, 1, 1)],
    base_prompt="a red car beside a blue vase",
)
SPEC = PaintSpec(LAYOUT, seed=7, width=64, height=64, steps=3)


@pytest.fixture(scope="session")
def backbone(tiny_pipeline: Callable[[], StableDiffusionPipeline], tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tiny pipeline on disk, as a backbone is shipped: diffusers format, safetensors, fp16."""
    folder = tmp_path_factory.mktemp("backbones") / "tiny"
    tiny_pipeline().to(dtype=torch.float16).save_pretrained(folder)
    return str(folder)


def test_what_is_far_larger_than_in_training_is_refused(backbone: str) -> None:
    painter = DiffusionPainter(backbone, side=64)
    painter.check(dataclasses.replace(SPEC, width=256, height=64))
    with pytest.raises(BadSettings, match=r"^136x128 pixels are too many for .* on 64x64: choose 128x128 at most"):
        painter.check(dataclasses.replace(SPEC, width=136, height=128))


def ignore(step: int, steps: int) -> None:
    """Nobody asked."""


async def paint(backbone: str, spec: PaintSpec = SPEC, on_step: Any = ignore) -> Image.Image:
    return await DiffusionPainter(backbone).paint(spec, on_step, threading.Event())


async def test_the_gist_stands_for_the_base_prompt_of_several_regions_only(backbone: str) -> None:
    one = LAYOUT.model_copy(update={"regions": LAYOUT.regions[:1]})
    for layout, changes in ((LAYOUT, True), (one, False)):
        spec = dataclasses.replace(SPEC, layout=layout)
        told = dataclasses.replace(spec, layout=layout.model_copy(update={"base_prompt": "two things"}))
        painter = DiffusionPainter(backbone, short_caption=lambda _: "two things")
        picture = await painter.paint(spec, ignore, threading.Event())
        assert (picture.tobytes() == (await paint(backbone, told)).tobytes()) is changes


async def test_the_same_spec_gives_the_same_bytes_and_another_seed_others(backbone: str) -> None:
    first, second = await paint(backbone), await paint(backbone)
    assert (first.mode, first.size) == ("RGB", (64, 64))
    assert first.tobytes() == second.tobytes()
    other = await paint(backbone, dataclasses.replace(SPEC, seed=8))
    assert other.tobytes() != first.tobytes()


async def test_what_was_painted_before_leaves_no_trace_in_the_bytes(backbone: str) -> None:
    first = await paint(backbone)
    await paint(backbone, dataclasses.replace(SPEC, width=96, guidance=1.0, source=None, regional=False))
    await paint(backbone, dataclasses.replace(SPEC, source=first, strength=0.7))
    assert (await paint(backbone)).tobytes() == first.tobytes()


async def test_what_must_not_be_there_joins_the_negative_prompt(backbone: str) -> None:
    joined = await paint(backbone, dataclasses.replace(SPEC, guidance=7.5, negative_prompt="a dog, hat"))
    apart = await paint(backbone, dataclasses.replace(SPEC, guidance=7.5, negative_prompt="a dog", absent=("hat",)))
    assert apart.tobytes() == joined.tobytes()
    assert apart.tobytes() != (await paint(backbone, dataclasses.replace(SPEC, guidance=7.5))).tobytes()


@pytest.mark.slow
async def test_two_processes_paint_the_same_bytes(backbone: str) -> None:
    program = (
        "import asyncio, hashlib, sys, threading\n"
        "from muralist.diffusion import DiffusionPainter, Region\n"
        "from muralist.tools.layout import Layout\n"
        "from muralist.tools.ports import PaintSpec\n"
        f"layout = Layout.model_validate_json({LAYOUT.model_dump_json()!r})\n"
        "spec = PaintSpec(layout, seed=7, width=64, height=64, steps=3)\n"
        f"picture = asyncio.run(DiffusionPainter({backbone!r}).paint(spec, lambda *_: None, threading.Event()))\n"
        "print(picture.tobytes().hex())\n"
    )
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert bytes.fromhex(done.stdout.split()[-1]) == (await paint(backbone)).tobytes()
    assert done.stderr == "", "a progress bar or a warning was shown"


async def test_regional_and_plain_pictures_differ_and_plain_ones_follow_the_base_prompt_alone(backbone: str) -> None:
    plain = dataclasses.replace(SPEC, regional=False)
    elsewhere = LAYOUT.model_copy(update={"regions": [Region("a dog", 0, 0, 1, 0.5)]})
    assert (await paint(backbone, plain)).tobytes() != (await paint(backbone)).tobytes()
    assert (await paint(backbone, plain)).tobytes() == (
        await paint(backbone, dataclasses.replace(plain, layout=elsewhere))
    ).tobytes()


async def test_every_step_is_told_from_the_painters_own_thread(backbone: str) -> None:
    seen: list[tuple[int, int]] = []
    where: set[str] = set()

    def on_step(step: int, steps: int) -> None:
        seen.append((step, steps))
        where.add(threading.current_thread().name)

    await paint(backbone, on_step=on_step)
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert len(where) == 1
    assert threading.current_thread().name not in where
    await DiffusionPainter(backbone).paint(SPEC, on_step, threading.Event())
    assert len(where) == 1, "another painter of the same backbone has its own thread"


async def test_cancelling_stops_within_one_step_and_the_next_picture_is_right(backbone: str) -> None:
    cancel, seen = threading.Event(), []

    def on_step(step: int, steps: int) -> None:
        seen.append(step)
        if step == 2:
            cancel.set()

    expected = await paint(backbone)
    with pytest.raises(Cancelled):
        await DiffusionPainter(backbone).paint(dataclasses.replace(SPEC, steps=50), on_step, cancel)
    assert seen == [1, 2]
    assert (await paint(backbone)).tobytes() == expected.tobytes()


async def test_a_picture_that_waits_for_its_turn_can_be_cancelled(backbone: str) -> None:
    begun, go_on, cancel = threading.Event(), threading.Event(), threading.Event()

    def hold(step: int, steps: int) -> None:
        begun.set()
        go_on.wait()

    running = asyncio.create_task(paint(backbone, on_step=hold))
    await asyncio.to_thread(begun.wait)
    waiting = asyncio.create_task(DiffusionPainter(backbone).paint(SPEC, ignore, cancel))
    cancel.set()
    with pytest.raises(Cancelled):
        await waiting
    assert not running.done()
    go_on.set()
    assert (await running).size == (64, 64)


async def test_a_task_that_is_given_up_frees_the_painter_for_the_next(backbone: str) -> None:
    begun, steps_done = threading.Event(), []

    def on_step(step: int, steps: int) -> None:
        steps_done.append(step)
        begun.set()

    task = asyncio.create_task(paint(backbone, dataclasses.replace(SPEC, steps=200), on_step))
    await asyncio.to_thread(begun.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await paint(backbone)).size == (64, 64)
    assert len(steps_done) < 200


async def test_two_callers_at_once_each_get_their_own_picture(backbone: str) -> None:
    specs = [dataclasses.replace(SPEC, seed=seed) for seed in (1, 2)]
    alone = [await paint(backbone, spec) for spec in specs]
    together = await asyncio.gather(*(paint(backbone, spec) for spec in specs))
    assert [picture.tobytes() for picture in together] == [picture.tobytes() for picture in alone]


def test_one_painter_serves_several_event_loops(backbone: str) -> None:
    painter = DiffusionPainter(backbone)
    pictures = [asyncio.run(painter.paint(SPEC, ignore, threading.Event())).tobytes() for _ in range(2)]
    assert pictures[0] == pictures[1]


@pytest.mark.parametrize("by_region", [True, False])
async def test_repainting_changes_the_regions_and_not_a_byte_outside(backbone: str, by_region: bool) -> None:
    source = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 128, 3), np.uint8))
    layout = Layout(regions=[Region("a dog", 0.3, 0.2, 0.7, 0.77)], base_prompt="a dog")
    spec = PaintSpec(layout, seed=1, width=128, height=64, steps=3, source=source, strength=0.9, regional=by_region)
    seen: list[tuple[int, int]] = []
    result = await paint(backbone, spec, lambda *step: seen.append(step))
    old, new = np.asarray(source), np.asarray(result)
    outside = np.ones((64, 128), bool)
    outside[13:49, 38:90] = False
    assert np.array_equal(new[outside], old[outside])
    assert (new[~outside] != old[~outside]).mean() > 0.5
    assert seen == [(1, 2), (2, 2)]
    assert (await paint(backbone, spec)).tobytes() == result.tobytes()


WRONG: dict[str, tuple[dict[str, Any], type[MuralistError], str]] = {
    "width": ({"width": 100}, BadSettings, "multiple of 8 from 64 to 2048, such as 96"),
    "too small": ({"height": 8}, BadSettings, "such as 64"),
    "too large": ({"height": 4096}, BadSettings, "such as 2048"),
    "no steps": ({"steps": 0}, BadSettings, "choose 1 to 200"),
    "guidance": ({"guidance": float("nan")}, BadSettings, "choose 0 to 30"),
    "seed": ({"seed": -1}, BadSettings, "seed -1"),
    "source size": ({"source": Image.new("RGB", (64, 32))}, BadSettings, "64x32 pixels, not 64x64"),
    "strength": ({"source": Image.new("RGB", (64, 64)), "strength": 0.1}, BadSettings, "leaves nothing to do"),
    "region": (
        {"layout": Layout(regions=[Region("a pin", 0, 0, 0.0625, 1)], base_prompt="x")}, BadLayout, "at least 8x8",
    ),
    "prompt": ({"layout": Layout(regions=[Region(" ", 0, 0, 1, 1)], base_prompt="x")}, BadPrompt, "is empty"),
    "base prompt": ({"layout": Layout(regions=[Region("x", 0, 0, 1, 1)], base_prompt=" ")}, BadPrompt, "is empty"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "error", "message"), WRONG.values(), ids=WRONG.keys())
async def test_a_spec_that_cannot_be_painted_is_refused_with_what_would_be_right(
    backbone: str, change: dict[str, Any], error: type[MuralistError], message: str
) -> None:
    spec = dataclasses.replace(SPEC, **change)
    with pytest.raises(error, match=message) as caught:
        DiffusionPainter(backbone).check(spec)
    assert "\n" not in str(caught.value)
    with pytest.raises(error):
        await paint(backbone, spec)


async def test_a_backbone_that_is_nowhere_is_told(tmp_path: Path) -> None:
    with pytest.raises(BackboneError, match="neither 'picturebook', nor a folder"):
        await paint(str(tmp_path / "nothing"))
    with pytest.raises(BackboneError, match="no model_index"):
        await paint(str(tmp_path))


async def test_a_hub_that_does_not_answer_is_asked_once_and_what_it_gave_before_still_paints(
    backbone: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached = tmp_path / "models--somebody--tiny"
    copied_to(cached / "snapshots" / ("0" * 40), backbone)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("0" * 40)
    asked: list[Any] = []
    with socket.create_server(("127.0.0.1", 0)) as hub:

        def hang_up() -> None:
            with contextlib.suppress(OSError):  # closed at the end
                while True:
                    caller, _ = hub.accept()
                    asked.append(caller)
                    caller.close()

        threading.Thread(target=hang_up, daemon=True).start()
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://{}:{}".format(*hub.getsockname()))
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        with pytest.raises(BackboneError, match="not on this machine, and the hub cannot be reached") as caught:
            await paint("nobody/no-such-backbone")
        assert len(str(caught.value).splitlines()) == 1
        assert len(asked) == 1
        assert (await paint("somebody/tiny")).tobytes() == (await paint(backbone)).tobytes()
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        with pytest.raises(BackboneError, match="HF_HUB_OFFLINE is set"):
            await paint("nobody/no-such-backbone")
        assert len(asked) == 2, "a hub that is not to be asked was asked"


@pytest.mark.parametrize("part", ["unet/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors"])
async def test_a_damaged_backbone_is_told_in_one_line(backbone: str, tmp_path: Path, part: str) -> None:
    copied_to(tmp_path, backbone)
    whole = (tmp_path / part).read_bytes()
    (tmp_path / part).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BackboneError, match="could not be loaded") as caught:
        await paint(str(tmp_path))
    assert "\n" not in str(caught.value)
    (tmp_path / part).write_bytes(whole)
    assert (await paint(str(tmp_path))).size == (64, 64), "a mended backbone is not tried again"


async def test_pickled_weights_are_not_loaded(backbone: str, tmp_path: Path) -> None:
    copied_to(tmp_path, backbone)
    (tmp_path / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    torch.save({}, tmp_path / "unet" / "diffusion_pytorch_model.bin")
    with pytest.raises(BackboneError, match="could not be loaded"):
        await paint(str(tmp_path))


async def test_code_that_comes_with_a_backbone_is_not_run(backbone: str, tmp_path: Path) -> None:
    copied_to(tmp_path, backbone)
    index = json.loads((tmp_path / "model_index.json").read_text())
    (tmp_path / "model_index.json").write_text(json.dumps(index | {"unet": ["its_own", "UNet2DConditionModel"]}))
    (tmp_path / "unet" / "its_own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    with pytest.raises(BackboneError, match="could not be loaded") as caught:
        await paint(str(tmp_path))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("suffix", [".ckpt", ".bin", ".pt"])
async def test_a_pickled_checkpoint_is_refused(tmp_path: Path, suffix: str) -> None:
    torch.save({}, tmp_path / f"model{suffix}")
    with pytest.raises(BackboneError, match="is a pickle, which may run code when it is loaded"):
        await paint(str(tmp_path / f"model{suffix}"))


async def test_a_file_without_a_whole_checkpoint_is_told(backbone: str, tmp_path: Path) -> None:
    with pytest.raises(BackboneError, match="holds no whole checkpoint of Stable Diffusion"):
        await paint(str(Path(backbone) / "unet" / "diffusion_pytorch_model.safetensors"))
    with pytest.raises(BackboneError, match="there is no backbone file"):
        await paint(str(tmp_path / "nothing.safetensors"))
    (tmp_path / "cut.safetensors").write_bytes(b"\x40\x00\x00\x00\x00\x00\x00\x00{")
    with pytest.raises(BackboneError, match="could not be loaded") as caught:
        await paint(str(tmp_path / "cut.safetensors"))
    assert "\n" not in str(caught.value)


async def test_another_family_is_told(backbone: str, tmp_path: Path) -> None:
    copied_to(tmp_path, backbone)
    index = json.loads((tmp_path / "model_index.json").read_text())
    (tmp_path / "model_index.json").write_text(json.dumps(index | {"_class_name": "AudioLDMPipeline"}))
    with pytest.raises(BackboneError, match="is a AudioLDMPipeline"):
        await paint(str(tmp_path))


def test_a_number_of_threads_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MURALIST_THREADS", "many")
    with pytest.raises(BadSettings, match="MURALIST_THREADS is 'many'"):
        _ = DiffusionPainter().conditions


def test_importing_making_and_checking_load_no_torch() -> None:
    program = (
        "import sys\n"
        "from muralist.diffusion import DiffusionPainter, Region, regional\n"
        "from muralist.tools.layout import Layout\n"
        "from muralist.tools.ports import PaintSpec\n"
        "painter = DiffusionPainter()\n"
        "painter.check(PaintSpec(Layout(regions=[Region('a car', 0, 0, 1, 1)], base_prompt='a car'), seed=0))\n"
        "painter.conditions\n"
        "assert callable(regional) and callable(__import__('muralist.diffusion.regional').diffusion.regional)\n"
        "print(sorted({'torch', 'diffusers', 'transformers'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def copied_to(folder: Path, backbone: str) -> None:
    for path in Path(backbone).rglob("*"):
        if path.is_file():
            target = folder / path.relative_to(backbone)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
