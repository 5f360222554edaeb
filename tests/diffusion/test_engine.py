"""The engine's queue is bounded and fair, its deadlines hold, and it gives the backbone's memory back."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from diffusers import StableDiffusionPipeline

from muralist.diffusion import Region
from muralist.diffusion.engine import Engine, EngineSettings, Request, engine_of, settings
from muralist.diffusion.engine.threads import fastest, kept, threads
from muralist.tools.errors import BackboneError, BadSettings, Busy, OutOfTime
from muralist.tools.layout import Layout
from muralist.tools.ports import PaintSpec

SPEC = PaintSpec(
    Layout(regions=[Region("a red car", 0, 0, 0.5, 1)], base_prompt="a red car"), seed=7, width=64, height=64, steps=3
)


class Held:
    """A request that is begun, and does not end before it is told to."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.request = Request(SPEC, self.hold)

    def hold(self, step: int, steps: int) -> None:
        self.begun.set()
        self.go_on.wait()


@pytest.fixture
def engine(pipe: StableDiffusionPipeline) -> Callable[..., Engine]:
    return lambda **given: Engine("tiny", EngineSettings(**given), loader=lambda _: pipe)


def test_a_full_queue_is_busy_until_someone_leaves_it(engine: Callable[..., Engine]) -> None:
    painter, held = engine(queue=2), Held()
    painter.submit(held.request)
    held.begun.wait()
    waiting = [painter.submit(Request(SPEC)) for _ in range(2)]
    with pytest.raises(Busy, match="2 pictures are waiting, and no more may; try again later"):
        painter.submit(Request(SPEC))
    assert waiting[0].cancel()
    last = painter.submit(Request(SPEC))
    held.go_on.set()
    assert waiting[1].result().tobytes() == last.result().tobytes() == held.request.future.result().tobytes()


def test_who_comes_first_is_painted_first(engine: Callable[..., Engine]) -> None:
    painter, held, order = engine(), Held(), []
    futures = [painter.submit(held.request)]
    for number in range(4):
        futures.append(painter.submit(Request(SPEC, lambda step, _, n=number: order.append(n) if step == 3 else None)))
    held.go_on.set()
    for future in futures:
        future.result()
    assert order == [0, 1, 2, 3]


@pytest.mark.parametrize("batch", [1, 4])
def test_a_deadline_holds_before_and_while_it_is_painted(engine: Callable[..., Engine], batch: int) -> None:
    painter = engine(batch=batch)
    with pytest.raises(OutOfTime, match="before the picture was begun"):
        painter.submit(Request(SPEC, seconds=1e-9)).result()

    def pass_time(step: int, steps: int) -> None:
        if step == 2:
            slow.begun -= 1000

    slow = Request(dataclasses.replace(SPEC, steps=50), pass_time, seconds=500)
    with pytest.raises(OutOfTime, match="not finished within 500 seconds: time was up at step 2 of 50"):
        painter.submit(slow).result()
    assert painter.submit(Request(SPEC)).result().size == (64, 64)


def test_an_idle_backbone_is_unloaded_and_comes_back_for_the_next_picture(
    tiny_pipeline: Callable[[], StableDiffusionPipeline],
) -> None:
    gone: list[threading.Event] = []

    def load(_: str) -> StableDiffusionPipeline:
        pipe, event = tiny_pipeline(), threading.Event()
        weakref.finalize(pipe, event.set)
        gone.append(event)
        return pipe

    painter = Engine("tiny", EngineSettings(idle=0.01), loader=load)
    first = painter.submit(Request(SPEC)).result()
    assert gone[0].wait(60)
    assert not painter.loaded
    assert painter.submit(Request(SPEC)).result().tobytes() == first.tobytes()
    assert len(gone) == 2


@pytest.mark.parametrize("batch", [1, 4])
def test_a_released_backbone_is_gone_once_the_queue_is_painted(
    tiny_pipeline: Callable[[], StableDiffusionPipeline], batch: int
) -> None:
    gone, held = threading.Event(), Held()

    def load(_: str) -> StableDiffusionPipeline:
        pipe = tiny_pipeline()
        weakref.finalize(pipe, gone.set)
        return pipe

    painter = Engine("tiny", EngineSettings(batch=batch), loader=load)
    painter.submit(held.request)
    waiting, released = painter.submit(Request(SPEC)), painter.release()
    held.go_on.set()
    released.result()
    assert waiting.done()
    assert gone.is_set()


@pytest.mark.parametrize("batch", [1, 4])
def test_a_release_is_not_put_off_by_those_who_come_after_it(engine: Callable[..., Engine], batch: int) -> None:
    painter, begun, released, later = engine(batch=batch), threading.Event(), threading.Event(), iter(range(12))

    def another(step: int, steps: int) -> None:
        begun.set()
        if step == 2:  # while this one is being painted
            released.wait()
            if next(later, None) is not None:
                painter.submit(Request(SPEC, another))

    painter.submit(Request(SPEC, another))
    begun.wait()
    done = painter.release()
    released.set()
    done.result()
    assert next(later, None) is not None, "it waited for all that came after it"


def test_who_waits_for_the_backbone_to_be_loaded_can_leave(pipe: StableDiffusionPipeline) -> None:
    loading, go_on = threading.Event(), threading.Event()

    def load(_: str) -> StableDiffusionPipeline:
        loading.set()
        go_on.wait()
        return pipe

    painter = Engine("tiny", EngineSettings(), loader=load)
    leaving, staying = painter.submit(Request(SPEC)), painter.submit(Request(SPEC))
    loading.wait()
    assert leaving.cancel()
    go_on.set()
    assert staying.result().size == (64, 64)


def test_a_folder_has_one_engine_by_whatever_path_it_is_reached(tmp_path: Path) -> None:
    folder, link = tmp_path / "folder", tmp_path / "link"
    folder.mkdir()
    (folder / "model_index.json").write_text("{}")
    link.symlink_to(folder)
    assert engine_of(str(folder)) is engine_of(str(link)) is engine_of(f"{folder}/../link/")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nobody forks here")
def test_a_forked_process_has_an_engine_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text("{}")

    def answered() -> bool:
        with pytest.raises(BackboneError, match="could not be loaded"):
            engine_of(str(tmp_path)).submit(Request(SPEC)).result(60)
        return True

    assert answered()
    if not (child := os.fork()):
        with contextlib.suppress(BaseException):
            os._exit(0 if answered() else 1)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0, "the child waited for its parent's thread"


def test_a_backbone_that_cannot_be_loaded_is_tried_again_by_the_next(pipe: StableDiffusionPipeline) -> None:
    tries: list[Any] = [OSError("not there yet"), pipe]

    def load(_: str) -> StableDiffusionPipeline:
        found = tries.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    painter = Engine("tiny", EngineSettings(), loader=load)
    with pytest.raises(OSError, match="not there yet"):
        painter.submit(Request(SPEC)).result()
    assert painter.submit(Request(SPEC)).result().size == (64, 64)


def test_settings_come_from_the_environment_and_mistakes_name_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MURALIST_BATCH", "8")
    assert settings.load().batch == 8
    monkeypatch.setenv("MURALIST_QUEUE", "none")
    with pytest.raises(BadSettings, match="MURALIST_QUEUE is 'none'"):
        settings.load()


def test_threads_are_measured_once_and_kept(
    pipe: StableDiffusionPipeline, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("MURALIST_THREADS", raising=False)
    monkeypatch.setenv("MURALIST_HOME", str(tmp_path))
    assert threads("picturebook") == 1, "the same bytes on every machine"
    assert threads("somebody/model") is None
    painter = Engine("somebody/model", EngineSettings(), loader=lambda _: pipe)
    painter.submit(Request(SPEC)).result()
    count = threads("somebody/model")
    assert count is not None
    record = next((tmp_path / "threads").iterdir())
    assert kept(record, measure=lambda: count + 1) == count


def test_a_damaged_record_of_threads_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "record.json").write_text("{")
    assert kept(tmp_path / "record.json", measure=lambda: 2) == 2
    assert kept(tmp_path / "record.json", measure=lambda: 3) == 2


def test_more_threads_have_to_be_worth_it() -> None:
    assert fastest({1: 1.0, 2: 0.95, 4: 0.93}.__getitem__, [1, 2, 4]) == 1
    assert fastest({1: 1.0, 2: 0.6, 4: 0.58}.__getitem__, [1, 2, 4]) == 2
