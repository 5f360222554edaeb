"""The painter behind the OpenAI images protocol, against a real HTTP server: what it asks, pays and gives back."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import images_server
import numpy as np
import pytest
from block_world import blocks
from images_server import Dialect, ImagesServer, encoded, opened, serving
from PIL import Image

from muralist.diffusion.hosted import HostedPainter
from muralist.diffusion.hosted.canvas import canvas_of
from muralist.diffusion.layout_prompts import FORMATS, FormatName
from muralist.tools.edits import Edit, edit_layout
from muralist.tools.errors import BackboneError, BadPrompt, BadSettings, Cancelled
from muralist.tools.layout import Box, Layout, Region
from muralist.tools.metering import Price, metered
from muralist.tools.ports import PaintSpec
from muralist.tools.scene import Scene

CAR = Region("a red car", 0, 0.25, 0.5, 1)
VASE = Region("a blue vase", 0.5, 0, 1, 0.75)
LAYOUT = Layout(regions=[CAR, VASE], base_prompt="a red car to the left of a blue vase")
Serve = Callable[..., AbstractContextManager[ImagesServer]]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Serve:
    """Serve a dialect as this environment's images service."""

    @contextmanager
    def serve(dialect: Dialect = images_server.plain, **options: Any) -> Iterator[ImagesServer]:
        with serving(dialect, **options) as server:
            monkeypatch.setenv("MURALIST_IMAGES_BASE_URL", server.url)
            monkeypatch.setenv("MURALIST_IMAGES_KEY", "the key")
            yield server

    return serve


def painter(model: str = "blocks", *, seconds: float = 20, **options: Any) -> HostedPainter:
    return HostedPainter.of(model, seconds=seconds, **{"prices": {}, "money": None, **options})


async def paint(spec: PaintSpec, **options: Any) -> Image.Image:
    return await painter(**options).paint(spec, lambda step, steps: None, threading.Event())


async def test_the_plan_is_said_in_words_and_painted_at_the_size_that_is_asked_for(serve: Serve) -> None:
    with serve() as server:
        picture = await paint(PaintSpec(LAYOUT, seed=3, width=256, height=128, absent=("dog",), negative_prompt="blur"))
    (asked,) = server.requests
    assert picture.size == (256, 128)
    assert (asked.path, asked.key) == ("/v1/images/generations", "Bearer the key")
    assert asked.fields == {
        "model": "blocks", "n": 1, "size": "256x128", "response_format": "b64_json",
        "stream": True, "partial_images": 2,
        "prompt": "a red car to the left of a blue vase\n"
        "- center-left, from 0% to 50% of the width and from 25% to 100% of the height: a red car\n"
        "- center-right, from 50% to 100% of the width and from 0% to 75% of the height: a blue vase\n"
        "There is none of these: dog.\n"
        "Avoid: blur.",
    }  # fmt: skip
    (car,), (vase,) = blocks(picture, "red"), blocks(picture, "blue")
    assert car.x1 < 0.5 < vase.x0


FLUX, FIBO = "black-forest-labs/FLUX.2-klein-4B", "briaai/FIBO"


@pytest.mark.parametrize(
    ("model", "layout", "name"),
    [
        (FLUX, "", "flux2"), ("ideogram-ai/ideogram-4", "", "ideogram"), ("MOSS-Image", "", "moss"), (FIBO, "", "fibo"),
        ("gpt-image-2", "", "words"), ("blocks", "moss", "moss"), (FIBO, "words", "words"),
    ],
)  # fmt: skip
async def test_a_model_is_told_the_layout_in_its_own_format(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, model: str, layout: str, name: FormatName
) -> None:
    monkeypatch.setenv("MURALIST_IMAGES_LAYOUT", layout)
    with serve() as server:
        await paint(PaintSpec(LAYOUT, seed=0, width=512, height=512), model=model)
        assert painter(model).abilities.places == FORMATS[name].places
    prompt, size = server.requests[0].fields["prompt"], server.requests[0].size
    assert prompt == FORMATS[name].write(LAYOUT, *size)
    assert FORMATS[name].read(prompt, *size).base_prompt == LAYOUT.base_prompt


@pytest.mark.parametrize("model", ["ideogram-4", "Qwen/Qwen-Image", FLUX])
async def test_what_must_not_be_in_a_region_is_said_with_its_prompt(serve: Serve, model: str) -> None:
    parts = [Region("a face", 0.1, 0, 0.3, 0.3, negative_prompt="a beard")]
    layout = Layout(base_prompt="a man", regions=[Region("a man", 0, 0, 0.5, 1, negative_prompt="a hat", parts=parts)])
    with serve() as server:
        await paint(PaintSpec(layout, seed=0, width=512, height=512), model=model)
    prompt = server.requests[0].fields["prompt"]
    assert "a man (without a hat)" in prompt
    assert "a face (without a beard)" in prompt


async def test_boxes_lie_in_the_part_of_the_canvas_that_becomes_the_picture(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A square picture out of a wide canvas: its left half is from a sixth of that to its middle."""
    monkeypatch.setenv("MURALIST_IMAGES_SIZES", '["1536x1024"]')
    monkeypatch.setenv("MURALIST_IMAGES_LAYOUT", "ideogram")
    with serve() as server:
        await paint(PaintSpec(LAYOUT, seed=0, width=512, height=512, absent=("dog",)))
    (asked,) = server.requests
    told = FORMATS["ideogram"].read(asked.fields["prompt"], *asked.size)
    assert told.base_prompt == f"There is none of these: dog. {LAYOUT.base_prompt}"
    car, vase = (region.box for region in told.regions)
    assert (car.x0, car.x1, car.y0) == pytest.approx((1 / 6, 0.5, 0.25), abs=1e-3)
    assert (vase.x0, vase.x1, vase.y1) == pytest.approx((0.5, 5 / 6, 0.75), abs=1e-3)


def test_a_picture_has_the_first_size_of_the_service_where_nobody_says_another(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve():
        assert (painter().profile.width, painter().profile.height) == (1024, 1024)
        monkeypatch.setenv("MURALIST_IMAGES_SIZES", '["4096x4096", "1280x768", "512x512"]')
        assert (painter().profile.width, painter().profile.height) == (1280, 768)


async def test_without_regions_the_base_prompt_is_all_that_is_said(serve: Serve) -> None:
    with serve() as server:
        await paint(PaintSpec(LAYOUT, seed=0, regional=False))
    assert server.requests[0].fields["prompt"] == LAYOUT.base_prompt


@pytest.mark.parametrize("size", [(128, 128), (256, 128), (200, 320)])
@pytest.mark.parametrize("model", ["blocks", "gpt-image-2", "gpt-image-1.5"])
async def test_an_edit_repaints_what_the_mask_marks_and_leaves_every_other_byte(
    serve: Serve, model: str, size: tuple[int, int]
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    source = Image.fromarray(noise)
    scene = Scene.model_validate(
        {"prompt": "a red car", "entities": [{"id": "car", "noun": "car", "span": "a red car",
         "attributes": [{"kind": "colour", "value": "red"}]}], "caption": "a red car"}
    )  # fmt: skip
    box = Box(x0=0.25, y0=0.25, x1=0.75, y1=0.75)
    layout = edit_layout([Edit(action="replace", entity="car", box=box)], scene)
    with serve() as server:
        picture = await paint(PaintSpec(layout, seed=0, width=size[0], height=size[1], source=source), model=model)
    (asked,) = server.requests
    assert asked.path == "/v1/images/edits"
    assert asked.fields["prompt"].splitlines()[-1].endswith(": a red car")
    mask = Image.open(io.BytesIO(asked.files["mask"]))
    assert mask.size == opened(asked.files["image"]).size == asked.size
    assert mask.getpixel((asked.size[0] // 2, asked.size[1] // 2))[3] == 0  # type: ignore[index]
    assert mask.getpixel((0, 0))[3] == 255  # type: ignore[index]
    changed = (np.asarray(picture) != noise).any(axis=2)
    outside = np.ones_like(changed)
    outside[size[1] // 4 : -(size[1] // 4), size[0] // 4 : -(size[0] // 4)] = False
    assert changed[~outside].mean() > 0.9
    assert not (changed & outside).any()


@pytest.mark.parametrize(
    ("model", "wanted", "asked"),
    [
        ("blocks", (200, 120), (200, 120)),
        ("gpt-image-2", (128, 128), (816, 816)),
        ("gpt-image-2.5-flare", (1920, 1080), (1920, 1088)),
        ("openai/gpt-image-2", (1024, 1024), (1024, 1024)),
        ("gpt-image-2", (2048, 256), (2048, 688)),
        ("gpt-image-1.5", (128, 128), (1024, 1024)),
        ("gpt-image-1-mini", (320, 200), (1536, 1024)),
        ("chatgpt-image-latest", (200, 320), (1024, 1536)),
    ],
)
def test_the_nearest_size_that_the_model_paints_is_asked_for(model: str, wanted: Any, asked: Any) -> None:
    canvas = canvas_of(model, wanted)
    assert canvas.size == asked
    left, top, right, bottom = canvas.pixels
    assert abs((right - left) * wanted[1] - (bottom - top) * wanted[0]) <= max(wanted)


def test_of_several_sizes_the_smallest_that_need_not_be_enlarged_is_taken() -> None:
    sizes = [(512, 512), (1024, 1024), (2048, 2048), (1024, 512)]
    assert canvas_of("any", (640, 640), sizes).size == (1024, 1024)
    assert canvas_of("any", (2048, 1024), sizes).size == (1024, 512)


@pytest.mark.parametrize("size", [(320, 200), (200, 320)])
async def test_where_another_canvas_is_painted_things_still_stand_where_they_were_planned(
    serve: Serve, size: tuple[int, int]
) -> None:
    with serve():
        picture = await paint(PaintSpec(LAYOUT, seed=0, width=size[0], height=size[1]), model="gpt-image-1.5")
    assert picture.size == size
    assert _middle(picture, (200, 30, 30)) == pytest.approx(CAR.box.centre, abs=0.02)


def _middle(picture: Image.Image, colour: tuple[int, int, int]) -> tuple[float, float]:
    near = (np.abs(np.asarray(picture, np.int16) - colour) < 20).all(axis=2)
    rows, columns = np.nonzero(near)
    return float(columns.mean() + 0.5) / picture.width, float(rows.mean() + 0.5) / picture.height


async def test_partial_pictures_are_steps(serve: Serve) -> None:
    steps: list[tuple[int, int]] = []
    with serve(images_server.streaming) as server:
        picture = await painter().paint(
            PaintSpec(LAYOUT, seed=0), lambda step, number: steps.append((step, number)), threading.Event()
        )
    assert steps == [(1, 3), (2, 3), (3, 3)]
    assert len(server.requests) == 1
    assert list(blocks(picture, "red"))


async def test_what_is_rejected_is_left_out_and_not_tried_again(serve: Serve) -> None:
    with serve(images_server.strict) as server:
        for seed in range(2):
            await paint(PaintSpec(LAYOUT, seed=seed))
    assert [sorted({"stream", "response_format"} & set(asked.fields)) for asked in server.requests] == [
        ["response_format", "stream"], ["response_format"], [], [],
    ]  # fmt: skip


async def test_the_field_that_a_service_names_is_left_out_first(serve: Serve) -> None:
    def particular(server: ImagesServer, asked: Any) -> Any:
        if "response_format" in asked.fields:
            return images_server.error(400, "the upstream server says: Unknown parameter: 'response_format'.")
        return images_server.streaming(server, asked)

    with serve(particular) as server:
        await paint(PaintSpec(LAYOUT, seed=0))
    assert [sorted({"stream", "response_format"} & set(asked.fields)) for asked in server.requests] == [
        ["response_format", "stream"], ["stream"],
    ]  # fmt: skip


@pytest.mark.parametrize("model", ["gpt-image-2", "openai/gpt-image-2", "openai/chatgpt-image-latest"])
async def test_openais_models_are_asked_for_no_format_whoever_serves_them(serve: Serve, model: str) -> None:
    with serve() as server:
        await paint(PaintSpec(LAYOUT, seed=0), model=model)
    assert ["response_format" in asked.fields for asked in server.requests] == [False]


async def test_what_a_rejected_request_was_asked_with_is_tried_again_if_it_was_not_the_reason(serve: Serve) -> None:
    def moody(server: ImagesServer, asked: Any) -> Any:
        if asked.fields["size"] == "64x64":
            return images_server.error(400, "too small")
        return images_server.plain(server, asked)

    with serve(moody) as server:
        with pytest.raises(Exception, match=r"answers 400: too small$"):
            await paint(PaintSpec(LAYOUT, seed=0, width=64, height=64))
        await paint(PaintSpec(LAYOUT, seed=0))
    assert "stream" in server.requests[-1].fields


async def test_seeds_and_the_like_are_sent_where_the_service_takes_them(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MURALIST_IMAGES_EXTRA", '["seed", "num_inference_steps", "guidance_scale", "negative_prompt"]')
    monkeypatch.setenv("MURALIST_IMAGES_OPTIONS", '{"quality": "low"}')
    source = Image.new("RGB", (128, 128))
    with serve() as server:
        spec = PaintSpec(LAYOUT, seed=7, steps=9, guidance=2.5, absent=("dog",), negative_prompt="blur")
        await paint(spec)
        await paint(PaintSpec(LAYOUT, seed=7, steps=9, source=source))
        able = painter().abilities
    painted, edited = (asked.fields for asked in server.requests)
    assert {name: painted[name] for name in ("seed", "num_inference_steps", "guidance_scale", "quality")} == {
        "seed": 7, "num_inference_steps": 9, "guidance_scale": 2.5, "quality": "low",
    }  # fmt: skip
    assert painted["negative_prompt"] == "blur, dog"
    assert "dog" not in painted["prompt"]
    assert (edited["seed"], edited["quality"], "negative_prompt" in edited) == ("7", "low", False)
    assert (able.seeded, able.steps) == (True, True)


def test_without_them_seeds_give_no_bytes_and_steps_are_not_heeded(serve: Serve) -> None:
    with serve():
        able = painter().abilities
    assert (able.places, able.edits, able.seeded, able.steps, able.metered) == ("words", True, False, False, True)


async def test_many_pictures_are_painted_at_once(serve: Serve) -> None:
    with serve(images_server.slow) as server:
        pictures = await asyncio.gather(*(paint(PaintSpec(LAYOUT, seed=seed)) for seed in range(8)))
    assert len(pictures) == 8
    assert server.most_at_once > 4


async def test_a_stopped_request_is_given_up(serve: Serve) -> None:
    cancel = threading.Event()

    def stuck(server: ImagesServer, asked: Any) -> Any:
        cancel.set()
        server.closing.wait(60)
        return images_server.plain(server, asked)

    with serve(stuck), pytest.raises(Cancelled):
        await asyncio.wait_for(painter().paint(PaintSpec(LAYOUT, seed=0), lambda *_: None, cancel), 5)


@pytest.mark.parametrize(
    ("price", "cost"),
    [
        (Price(picture=0.04), 0.04),
        (Price(input=10, output=40), 0.0403),
        (Price(input=10, output=40, picture=1), 1.0403),
    ],
)
async def test_a_picture_costs_what_the_table_says(serve: Serve, price: Price, cost: float) -> None:
    with serve(), metered() as meter:
        await paint(PaintSpec(LAYOUT, seed=0), prices={"blocks": price}, money=5.0)
    spent = meter.spent
    assert (spent.calls, spent.pictures, spent.input_tokens, spent.output_tokens) == (1, 1, 30, 1000)
    assert spent.money == pytest.approx(cost)


def test_a_bounded_cost_needs_a_price(serve: Serve) -> None:
    with serve(), pytest.raises(BadSettings, match=r"^money is 1, but prices does not say what 'blocks' costs"):
        painter(money=1.0)


@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        (PaintSpec(LAYOUT.model_copy(update={"base_prompt": " "}), seed=0), BadPrompt, "the base prompt is empty"),
        (PaintSpec(LAYOUT, seed=0, source=Image.new("RGB", (64, 64))), BadSettings, "picture to be edited has 64x64"),
        (
            PaintSpec(Layout(regions=[Region("x" * 1999)] * 16, base_prompt="y" * 8000), seed=0), BadPrompt,
            r"as a prompt, the plan has \d+ characters: at most 32000 are taken",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_for_is_refused_before(serve: Serve, spec: PaintSpec, error: Any, message: str) -> None:
    with serve() as server, pytest.raises(error, match=message):
        painter().check(spec)
    assert not server.requests


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("MURALIST_IMAGES_BASE_URL", "localhost:8000", "MURALIST_IMAGES_BASE_URL is 'localhost:8000': it has to begin"),
        ("MURALIST_IMAGES_KEY", "sk-se\ncret", "MURALIST_IMAGES_KEY has characters that cannot be sent: paste it anew"),
        ("MURALIST_IMAGES_SIZES", '["huge"]', "MURALIST_IMAGES_SIZES is 'huge': string should match pattern"),
        ("MURALIST_IMAGES_LAYOUT", "prose", "MURALIST_IMAGES_LAYOUT is 'prose': input should be 'ideogram', 'fibo'"),
        ("MURALIST_IMAGES_EXTRA", '["speed"]', "MURALIST_IMAGES_EXTRA is 'speed': input should be 'seed'"),
        ("MURALIST_IMAGES_OPTIONS", "{quality", "one of MURALIST_IMAGES_SIZES, _EXTRA and _OPTIONS is not JSON"),
        ("MURALIST_IMAGES_PARTIAL", "9", "MURALIST_IMAGES_PARTIAL is '9': input should be less than or equal to 3"),
    ],
)
def test_a_setting_that_cannot_be_is_named(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    with serve():
        monkeypatch.setenv(name, value)
        with pytest.raises(BadSettings) as caught:
            painter()
    assert str(caught.value).startswith(message)
    assert "cret" not in str(caught.value)


def test_a_key_goes_to_the_service_that_it_was_given_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "chat key")
    assert (painter().address.key, painter().address.base_url) == ("chat key", "https://api.openai.com/v1")
    monkeypatch.setenv("MURALIST_IMAGES_BASE_URL", "http://elsewhere:8000/v1")
    assert painter().address.key == ""


async def test_a_url_of_the_service_itself_is_fetched_with_the_key(serve: Serve) -> None:
    def elsewhere(server: ImagesServer, asked: Any) -> Any:
        server.pages["/v1/files/1"] = images_server.Answer(
            encoded(server.picture(asked)), headers={"content-type": "image/png"}
        )
        return images_server.Answer({"data": [{"url": f"{server.url}/files/1"}]})

    with serve(elsewhere) as server:
        picture = await paint(PaintSpec(LAYOUT, seed=0))
    assert list(blocks(picture, "red"))
    assert (server.requests[-1].path, server.requests[-1].key) == ("/v1/files/1", "Bearer the key")


async def test_a_reply_of_another_size_is_scaled_and_noted_if_its_shape_is_right(serve: Serve) -> None:
    def coarse(server: ImagesServer, asked: Any) -> Any:
        return images_server.reply(encoded(server.picture(asked).resize((64, 64), Image.Resampling.NEAREST)))

    with serve(coarse):
        used = painter()
        picture = await used.paint(PaintSpec(LAYOUT, seed=0), lambda *_: None, threading.Event())
        with pytest.raises(BackboneError, match=r"painted 64x64 pixels where 256x128 were asked for: name the sizes"):
            await paint(PaintSpec(LAYOUT, seed=0, width=256))
        assert used.conditions["notes"] == ["painted at 64x64 where 128x128 were asked for, and scaled"]
    assert picture.size == (128, 128)


def test_making_one_loads_neither_torch_nor_a_client() -> None:
    code = (
        "import sys; from muralist.runs import wiring; "
        "print(wiring.painter(wiring.settings(backbone='openai:gpt-image-2')).name, "
        "[name for name in ('torch', 'diffusers', 'openai') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "openai:gpt-image-2 []\n"
