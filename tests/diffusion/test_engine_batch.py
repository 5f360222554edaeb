"""Pictures that share the denoiser's calls come out as they would alone, join within a step, and leave within one."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline, UNet2DConditionModel
from exactness import assert_same
from PIL import Image
from transformers import CLIPTextConfig, CLIPTextModelWithProjection

from muralist.diffusion import Region
from muralist.diffusion.engine import Engine, EngineSettings, Request
from muralist.tools.errors import BackboneError, Cancelled
from muralist.tools.layout import Layout
from muralist.tools.ports import PaintSpec

pytestmark = pytest.mark.slow

TWO = Layout(
    regions=[Region("a red car", 0, 0, 0.5, 1), Region("a blue vase", 0.5, 0.25, 1, 1)],
    base_prompt="a red car beside a blue vase",
)
SPEC = PaintSpec(TWO, seed=0, width=64, height=64, steps=4)
SOURCE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8))

DIFFERENT: list[PaintSpec] = [
    SPEC,
    dataclasses.replace(SPEC, seed=1, steps=3, guidance=1.0),
    dataclasses.replace(SPEC, seed=2, steps=6, guidance=7.5, negative_prompt="a dog"),
    dataclasses.replace(SPEC, seed=3, regional=False),
    dataclasses.replace(SPEC, seed=4, layout=Layout(
        regions=[Region("a cat", 0, 0, 1, 0.5, base_ratio=0.1, negative_prompt="a hat"), Region("a sea", 0, 0.3, 1, 1),
                 Region("a moon", 0.7, 0, 1, 0.3, mask=[[0.2, 1.0], [0.7, 0.0]])],
        base_prompt="a cat at sea", base_ratio=0.5)),
    dataclasses.replace(SPEC, seed=5, source=SOURCE, strength=0.8, layout=Layout(
        regions=[Region("a cup", 0.1, 0.1, 0.4, 0.4), Region("a sea", 0, 0.4, 1, 1)], base_prompt="a cup by the sea")),
]  # fmt: skip


@pytest.fixture
def tiny_xl(pipe: StableDiffusionPipeline) -> StableDiffusionXLPipeline:
    width = pipe.text_encoder.config.hidden_size
    config = CLIPTextConfig(**pipe.text_encoder.config.to_dict() | {"architectures": None})
    with torch.random.fork_rng():
        torch.manual_seed(1)
        unet = UNet2DConditionModel(
            sample_size=16, block_out_channels=(16, 32), layers_per_block=1, norm_num_groups=8,
            attention_head_dim=(2, 4),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            transformer_layers_per_block=(1, 2), cross_attention_dim=2 * width, use_linear_projection=True,
            addition_embed_type="text_time", addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=6 * 8 + width,
        ).eval()  # fmt: skip
        encoder = CLIPTextModelWithProjection(config).eval()
    xl = StableDiffusionXLPipeline(
        vae=pipe.vae, text_encoder=pipe.text_encoder, text_encoder_2=encoder, tokenizer=pipe.tokenizer,
        tokenizer_2=pipe.tokenizer, unet=unet, scheduler=pipe.scheduler,
    )  # fmt: skip
    xl.set_progress_bar_config(disable=True)
    return xl


def engine_for(pipe: Any, batch: int, **settings: Any) -> Engine:
    return Engine("tiny", EngineSettings(batch=batch, **settings), loader=lambda _: pipe)


def decoded(pipe: Any, batch: int, specs: list[PaintSpec]) -> tuple[list[Image.Image], list[torch.Tensor]]:
    """Pictures, and what the autoencoder made of each one's latents, before rounding."""
    found: dict[int, torch.Tensor] = {}
    stepped: list[int] = []

    def keep(_: object, __: object, out: torch.Tensor) -> None:
        found[stepped[-1]] = out  # after its last step, a picture is decoded before any other takes one

    hook = pipe.vae.decoder.register_forward_hook(keep)
    engine = engine_for(pipe, batch)
    requests = [Request(spec, lambda *_, seed=spec.seed: stepped.append(seed)) for spec in specs]
    try:
        pictures = [future.result() for future in [engine.submit(request) for request in requests]]
        engine.release().result()  # the last picture is there a little before the pipeline is let go
    finally:
        hook.remove()
    return pictures, [found[spec.seed] for spec in specs]


def compared(pipe: Any) -> None:
    alone, exact = decoded(pipe, 1, DIFFERENT)
    together, raw = decoded(pipe, 8, DIFFERENT)
    assert len({picture.tobytes() for picture in alone}) == len(DIFFERENT)
    for first, second in zip(exact, raw, strict=True):
        assert_same(second, first)
    for one, other in zip(alone, together, strict=True):
        assert np.abs(np.asarray(one, int) - np.asarray(other, int)).max() <= 1


def test_each_picture_of_a_batch_is_what_it_would_be_alone(pipe: StableDiffusionPipeline) -> None:
    compared(pipe)


def test_each_picture_of_an_xl_batch_is_what_it_would_be_alone(tiny_xl: StableDiffusionXLPipeline) -> None:
    compared(tiny_xl)


def test_the_pipeline_is_left_as_it_was(pipe: StableDiffusionPipeline) -> None:
    processors, keys = dict(pipe.unet.attn_processors), set(vars(pipe.unet))
    scheduler = pipe.scheduler
    decoded(pipe, 8, DIFFERENT[:2])
    assert pipe.unet.attn_processors == processors
    assert set(vars(pipe.unet)) == keys
    assert pipe.scheduler is scheduler


def test_pictures_share_the_denoisers_calls(pipe: StableDiffusionPipeline) -> None:
    rows: list[int] = []
    pipe.unet.conv_in.register_forward_pre_hook(lambda _, args: rows.append(len(args[0])))
    engine = engine_for(pipe, 8)
    second = Request(SPEC)

    def on_step(step: int, steps: int) -> None:
        if step == 1:
            engine.submit(second)

    engine.submit(Request(SPEC, on_step)).result()
    second.future.result()
    assert rows == [2, 4, 4, 4, 2], "the second one joins after the first one's first step, and has its last one alone"


def test_a_late_one_starts_with_the_next_step(pipe: StableDiffusionPipeline) -> None:
    events: list[tuple[str, int]] = []
    engine = engine_for(pipe, 8)
    late = Request(dataclasses.replace(SPEC, seed=9), on_step=lambda step, _: events.append(("late", step)))

    def on_step(step: int, steps: int) -> None:
        events.append(("early", step))
        if step == 2:
            engine.submit(late)

    engine.submit(Request(SPEC, on_step=on_step)).result()
    late.future.result()
    assert events[:4] == [("early", 1), ("early", 2), ("early", 3), ("late", 1)]


def test_a_cancelled_one_frees_its_place_within_one_step(pipe: StableDiffusionPipeline) -> None:
    events: list[tuple[str, int]] = []
    begun, cancel = threading.Event(), threading.Event()
    engine = engine_for(pipe, 2)

    def note(name: str, step: int) -> None:
        begun.wait()
        events.append((name, step))
        if (name, step) == ("kept", 2):
            cancel.set()

    requests = [
        Request(SPEC, lambda step, _: note("kept", step)),
        Request(SPEC, lambda step, _: note("given up", step), stopped=cancel.is_set),
        Request(SPEC, lambda step, _: note("waiting", step)),
    ]
    for request in requests:
        engine.submit(request)
    begun.set()
    with pytest.raises(Cancelled, match=r"at step \d of 4"):
        requests[1].future.result()
    assert [requests[0].future.result().size, requests[2].future.result().size] == [(64, 64)] * 2
    assert events.index(("waiting", 1)) < events.index(("kept", 4))
    assert ("given up", 3) not in events


def test_pictures_of_another_size_are_not_overtaken(pipe: StableDiffusionPipeline) -> None:
    order: list[str] = []
    engine = engine_for(pipe, 8)
    go = threading.Event()

    def request(name: str, **change: Any) -> Request:
        def on_step(step: int, steps: int) -> None:
            go.wait()
            if step == steps:
                order.append(name)

        return Request(dataclasses.replace(SPEC, **change), on_step)

    requests = [request("wide", width=96), request("small"), request("wide again", width=96), request("small too")]
    futures = [engine.submit(each) for each in requests]
    go.set()
    for future in futures:
        future.result()
    assert order == ["wide", "small", "wide again", "small too"]


def test_a_fault_of_one_is_not_the_others(pipe: StableDiffusionPipeline) -> None:
    engine = engine_for(pipe, 8)
    go = threading.Event()

    def fail(step: int, steps: int) -> None:
        go.wait()
        raise ValueError("nobody listens")

    bad, good = engine.submit(Request(SPEC, fail)), engine.submit(Request(SPEC))
    go.set()
    with pytest.raises(ValueError, match="nobody listens"):
        bad.result()
    assert good.result().size == (64, 64)


@pytest.fixture
def short_of_memory(pipe: StableDiffusionPipeline) -> Callable[[Callable[[int], bool]], StableDiffusionPipeline]:
    """The pipeline, whose denoiser runs out of memory where it is told to, by the number of its rows."""

    def use(fails: Callable[[int], bool]) -> StableDiffusionPipeline:
        def refuse(_: object, args: tuple[torch.Tensor, ...]) -> None:
            if fails(len(args[0])):
                raise torch.OutOfMemoryError("CUDA out of memory")

        pipe.unet.conv_in.register_forward_pre_hook(refuse)
        return pipe

    return use


def test_when_memory_runs_out_fewer_are_painted_at_once(
    short_of_memory: Callable[..., StableDiffusionPipeline], tiny_pipeline: Callable[[], StableDiffusionPipeline]
) -> None:
    pictures, _ = decoded(short_of_memory(lambda rows: rows > 4), 8, DIFFERENT[:5])
    expected, _ = decoded(tiny_pipeline(), 1, DIFFERENT[:5])
    for one, other in zip(pictures, expected, strict=True):
        assert np.abs(np.asarray(one, int) - np.asarray(other, int)).max() <= 1


@pytest.mark.parametrize("batch", [1, 8])
def test_when_one_alone_is_too_large_attention_is_sliced(
    short_of_memory: Callable[..., StableDiffusionPipeline], batch: int
) -> None:
    pipe = short_of_memory(lambda _: "Sliced" not in type(next(iter(pipe.unet.attn_processors.values()))).__name__)
    engine = engine_for(pipe, batch)
    assert engine.submit(Request(SPEC)).result().size == (64, 64)
    assert engine.relieved == ["attention slicing"]


def test_who_is_short_of_memory_is_painted_before_those_who_come_later(pipe: StableDiffusionPipeline) -> None:
    failures = iter([torch.OutOfMemoryError("CUDA out of memory")])
    engine, later = engine_for(pipe, 2), iter(range(12))

    def run_out_once(*_: object) -> None:
        for error in failures:
            raise error

    pipe.vae.decoder.register_forward_pre_hook(run_out_once)

    def another(step: int, steps: int) -> None:
        if step == 1 and next(later, None) is not None:
            engine.submit(Request(SPEC, another))

    begun, go = threading.Event(), threading.Event()
    short = engine.submit(Request(dataclasses.replace(SPEC, steps=2), lambda *_: begun.set() or (go.wait() and None)))
    begun.wait()
    engine.submit(Request(SPEC, another))
    go.set()
    assert short.result().size == (64, 64)
    assert next(later, None) is not None, "all who came later were painted first"


def test_when_memory_runs_out_in_the_decoder_its_precision_is_not_lost(tiny_xl: StableDiffusionXLPipeline) -> None:
    def run_out(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    tiny_xl.vae.half()
    hook = tiny_xl.vae.decoder.register_forward_pre_hook(run_out)
    engine = engine_for(tiny_xl, 1)
    with pytest.raises(BackboneError, match="ran out of memory"):
        engine.submit(Request(SPEC)).result()
    assert tiny_xl.vae.dtype == torch.float16
    hook.remove()
    assert engine.submit(Request(SPEC)).result().size == (64, 64)


def cuda_runs_out() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory")


@pytest.mark.parametrize("batch", [1, 8])
@pytest.mark.parametrize("run_out", [cuda_runs_out, lambda: torch.empty(10**14)], ids=["GPU", "CPU"])
def test_when_nothing_helps_it_is_said_in_one_line(
    pipe: StableDiffusionPipeline, run_out: Callable[[], Any], batch: int
) -> None:
    pipe.unet.conv_in.register_forward_pre_hook(lambda *_: run_out() and None)
    engine = engine_for(pipe, batch)
    with pytest.raises(BackboneError, match="ran out of memory at 64x64: choose a smaller size"):
        engine.submit(Request(SPEC)).result()


def test_an_edit_that_is_painted_smaller_shares_a_batch_with_pictures_of_its_size(
    pipe: StableDiffusionPipeline,
) -> None:
    large = dataclasses.replace(SPEC, width=320, height=320, steps=3)
    edit = dataclasses.replace(DIFFERENT[-1], source=SOURCE.resize((320, 320)), width=320, height=320, steps=3)
    specs = [large, edit, dataclasses.replace(large, seed=6)]
    alone, together = (decoded(pipe, batch, specs)[0] for batch in (1, 8))
    for one, other in zip(alone, together, strict=True):
        assert np.abs(np.asarray(one, int) - np.asarray(other, int)).max() <= 1
