"""One budget over all models of a process: each makes room for the others, and comes back when it is asked next.

`pytest -s tests/diffusion/test_device_memory.py` prints the rungs beside a detector and a local model.
"""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Any

import pytest
import tiny_models
import torch
from local_model import Card, LocalModel
from model_folders import published
from PIL import Image
from tiny_pipelines import tiny

from muralist.agent.inspectors.open_vocabulary import OpenVocabularyDetector
from muralist.agent.inspectors.vqa import VqaModel
from muralist.diffusion import load
from muralist.diffusion.engine import Engine, EngineSettings, Request
from muralist.diffusion.loading_ladder import RESERVE, LoadingPlan, Memory, Weight, planned, weigh
from muralist.diffusion.model_files import resolved
from muralist.diffusion.profiles import profile_of_files
from muralist.tools.device_memory import MEMORY, DeviceMemory
from muralist.tools.layout import Layout, Region
from muralist.tools.ports import PaintSpec

SPEC = PaintSpec(
    Layout(regions=[Region("a red car", 0, 0, 0.5, 1)], base_prompt="a red car"), seed=7, width=64, height=64, steps=2
)
GB = 10**9
HOST = 128 * GB


@pytest.fixture
def memory() -> DeviceMemory:
    """The process's budget, empty."""
    return MEMORY


def using(memory: DeviceMemory, *holders: Any) -> None:
    for each in holders:
        memory.used(each)


def test_as_many_give_way_as_have_to_and_those_that_come_back_anyway_do_so_last(memory: DeviceMemory) -> None:
    detector = LocalModel("detector", 2 * GB, kept_free=3 * GB)
    old, new = LocalModel("old", 4 * GB), LocalModel("new", 4 * GB)
    using(memory, detector, new, old, new)
    card = Card(12 * GB, memory)
    assert memory.make_room("cuda", 2 * GB, free=card.free) == []
    assert memory.make_room("cuda", 6 * GB, free=card.free) == ["old"]
    assert memory.make_room("cuda", 12 * GB, free=card.free) == ["new", "detector"]
    assert card.free("cuda") == 12 * GB


def test_who_is_at_work_keeps_its_memory_and_who_asks_is_not_asked(memory: DeviceMemory) -> None:
    asking, busy, idle = LocalModel("asking", GB), LocalModel("busy", GB), LocalModel("idle", GB)
    elsewhere = LocalModel("elsewhere", GB, device="cuda:1")
    using(memory, asking, busy, idle, elsewhere)
    busy.at_work = True
    assert memory.make_room("cuda", 9 * GB, asking, free=Card(9 * GB, memory).free) == ["idle"]
    assert (asking.loaded, busy.loaded, elsewhere.loaded) == (True, True, True)


def test_what_torch_keeps_of_a_gpu_after_it_was_freed_is_free(
    memory: DeviceMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.mem_get_info", lambda device: (2 * GB, 24 * GB))
    monkeypatch.setattr("torch.cuda.memory_reserved", lambda device: 20 * GB)
    monkeypatch.setattr("torch.cuda.memory_allocated", lambda device: 5 * GB)
    assert memory.free("cuda") == 17 * GB


def test_nobody_is_kept_alive_by_the_budget(memory: DeviceMemory) -> None:
    memory.used(LocalModel("gone", GB))
    gc.collect()
    assert memory.others() == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nobody forks here")
def test_a_forked_process_counts_on_nobody_of_its_parent(memory: DeviceMemory) -> None:
    mine = LocalModel("mine", GB)
    using(memory, mine)
    if not (child := os.fork()):
        os._exit(len(memory.others()))
    assert os.waitpid(child, 0)[1] == 0
    assert memory.others() == [mine]


WEIGHTS = [Weight("transformer", 10 * GB, GB // 2, GB, True), Weight("text_encoder", 8 * GB, GB // 4, 0, True)]
TAKEN = 19 * GB + RESERVE


@pytest.mark.parametrize(
    ("card", "others", "rung"),
    [
        (TAKEN, [], "full"),
        (TAKEN, [LocalModel("detector", GB, kept_free=2 * GB)], "model"),
        (TAKEN + 2 * GB, [LocalModel("detector", GB, kept_free=2 * GB)], "full"),
        (TAKEN + 2 * GB, [LocalModel("detector", GB, kept_free=2 * GB, loaded=False)], "full"),
        (TAKEN, [LocalModel("chat model", 8 * GB)], "full"),
        (12 * GB, [LocalModel("chat model", 11 * GB)], "model"),
    ],
    ids=["alone", "no room for both", "room for both", "before it is loaded", "one that gives way", "offloaded"],
)
def test_a_backbone_that_stays_on_the_card_leaves_room_for_who_has_to_be_beside_it(
    memory: DeviceMemory, card: int, others: list[LocalModel], rung: str
) -> None:
    using(memory, *others)
    now = Memory(Card(card, memory).free("cuda"), HOST)
    assert planned(WEIGHTS, now.if_others_left("cuda")).rung == rung


def test_what_fits_only_alone_takes_turns_with_the_others(
    memory: DeviceMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that has no memory to offload to."""
    monkeypatch.setattr("muralist.diffusion.loading_ladder._installed", lambda name: False)
    detector = LocalModel("detector", GB, kept_free=2 * GB)
    using(memory, detector)
    now = Memory(Card(TAKEN, memory).free("cuda"), GB)
    assert planned(WEIGHTS, now.if_others_left("cuda")).rung == "full"


KINDS = {
    "SDXL": ["model", "model", "full", "full"],
    "SD3.5 Medium": ["group", "model", "model", "full"],
    "Z-Image": ["group", "group", "model", "model"],
}
"""Beside a detector; `test_loading_ladder` has them alone."""


def test_the_table_beside_a_detector_and_a_local_model(
    memory: DeviceMemory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    detector, chat = LocalModel("detector", 620 << 20, 620 << 20 | 1 << 30), LocalModel("chat model", 5 * GB)
    using(memory, detector, chat)
    found, lines = {}, []
    for kind in KINDS:
        files = resolved(published(kind, tmp_path / kind))
        weights = weigh(files, profile_of_files(files), 2)
        found[kind] = []
        for size in (8, 12, 16, 24):
            detector.loaded = chat.loaded = True
            card = Card(size * GB, memory)
            plan = planned(weights, Memory(card.free("cuda"), HOST).if_others_left("cuda"))
            gone = memory.make_room("cuda", plan.peak, free=card.free)
            assert card.free("cuda") >= plan.peak
            if plan.rung == "full":
                assert plan.peak + detector.kept_free <= size * GB
            found[kind].append(plan.rung)
            lines.append(f"{kind:14}{size:4} GB {plan.rung:>6}  unloaded: {', '.join(gone) or 'none'}")
    with capsys.disabled():
        print("", *lines, sep="\n")
    assert found == KINDS


@pytest.fixture
def detector(tmp_path: Path, memory: DeviceMemory) -> OpenVocabularyDetector:
    return OpenVocabularyDetector(str(tiny_models.owlv2(tmp_path / "owlv2")))


PICTURE = Image.new("RGB", (64, 64), "grey")


def names(memory: DeviceMemory) -> list[str]:
    """Those that hold anything."""
    return [each.name.rpartition("/")[2] for each in memory.others() if each.held("cpu")]


def test_detectors_leave_before_a_backbone_is_loaded_and_come_back_when_they_are_asked(
    memory: DeviceMemory, detector: OpenVocabularyDetector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a CPU whose memory has room for one of them."""
    vqa = VqaModel(str(tiny_models.clip(tmp_path / "clip")))
    tiny("SD").save_pretrained(tmp_path / "backbone")
    before = detector.detect(PICTURE, ["cup"])
    vqa.yes(PICTURE, "Is it grey?")
    assert names(memory) == ["owlv2", "clip"]
    size = 200 << 20
    monkeypatch.setattr(memory, "free", lambda device: size - memory.held(device))
    free = lambda _: Memory(None, size - memory.held("cpu"))  # noqa: E731
    needed = int(load(str(tmp_path / "backbone"), memory=free).loading_plan.peak)
    assert names(memory) == ["owlv2", "clip"], "there was room for all"
    size = needed
    painter = Engine("backbone", EngineSettings(), loader=lambda _: load(str(tmp_path / "backbone"), memory=free))
    painter.submit(Request(SPEC)).result()
    assert names(memory) == ["backbone"]
    assert detector.detect(PICTURE, ["cup"]) == before
    assert names(memory) == ["owlv2"], "the painter had nothing to do"
    assert painter.submit(Request(SPEC)).result().size == (64, 64)
    assert names(memory) == ["backbone"]


def test_a_painter_at_work_keeps_its_backbone(memory: DeviceMemory) -> None:
    painter, given = Engine("tiny", EngineSettings(), loader=lambda _: tiny("SD")), []

    def ask(step: int, steps: int) -> None:
        given.append((memory.make_room("cpu", 10**18), painter.held("cpu") > 0))

    painter.submit(Request(SPEC, ask)).result()
    assert given == [([], True)] * SPEC.steps
    painter.release().result()
    assert not painter.held("cpu")


def test_an_offloaded_backbone_takes_back_its_room_before_every_picture(
    memory: DeviceMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = tiny("SD")
    pipe.loading_plan = LoadingPlan(rung="model", peak=6 * GB, free=8 * GB)
    painter, chat = Engine("tiny", EngineSettings(), loader=lambda _: pipe), LocalModel("chat", 5 * GB, device="cpu")
    painter.submit(Request(SPEC)).result()
    using(memory, chat)
    monkeypatch.setattr(memory, "free", Card(8 * GB, memory).free)
    painter.submit(Request(SPEC)).result()
    assert not chat.loaded


def test_when_memory_runs_out_others_leave_before_anything_of_the_picture_is_changed(memory: DeviceMemory) -> None:
    pipe, chat = tiny("SD"), LocalModel("chat", GB, device="cpu")
    plain = Engine("tiny", EngineSettings(), loader=lambda _: pipe).submit(Request(SPEC)).result()

    def short(*_: Any) -> None:
        if chat.loaded:
            raise torch.OutOfMemoryError("CUDA out of memory")

    memory.clear()
    using(memory, chat)
    pipe.unet.register_forward_pre_hook(short)
    painter = Engine("tiny", EngineSettings(), loader=lambda _: pipe)
    assert painter.submit(Request(SPEC)).result().tobytes() == plain.tobytes()
    assert painter.relieved == []


def test_a_detector_without_room_on_the_gpu_looks_on_the_cpu(
    memory: DeviceMemory, detector: OpenVocabularyDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("muralist.agent.inspectors.loading._best", lambda: "cuda")
    monkeypatch.setattr(memory, "free", lambda device: 0)
    assert detector.detect(PICTURE, ["cup"])
    (model,) = memory.others()
    assert model.held("cpu") > 0


def test_a_detector_that_fails_while_it_is_loaded_leaves_nothing(
    memory: DeviceMemory, detector: OpenVocabularyDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_out(*_: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    def modules() -> int:
        gc.collect()
        return sum(issubclass(type(each), torch.nn.Module) for each in gc.get_objects())

    before = modules()
    monkeypatch.setattr("transformers.PreTrainedModel.to", run_out)
    with pytest.raises(Exception, match="out of memory") as told:
        detector.detect(PICTURE, ["cup"])
    assert "\n" not in str(told.value)
    assert modules() == before
