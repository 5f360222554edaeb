"""The whole loop through a real images server, and what it makes of a painter's abilities."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import images_server
import numpy as np
import pytest
from block_world import BlockPainter
from images_server import Answer, Asked, Dialect, ImagesServer
from PIL import Image
from scripted_model import ScriptedModel, call

import muralist
from muralist.runs import wiring
from muralist.tools.abilities import Abilities
from muralist.tools.errors import BadSettings, Outage
from muralist.tools.layout import Instance, Layout, Region
from muralist.tools.plan import check_spec
from muralist.tools.ports import PaintSpec

PROMPT = "a red cup to the left of a blue book"
Blocks = Callable[..., dict[str, Any]]
Serve = Callable[..., AbstractContextManager[ImagesServer]]
PRICES = {"blocks": {"picture": 0.25}}


@pytest.fixture
def hosted(blocks: Blocks, monkeypatch: pytest.MonkeyPatch) -> Serve:
    """Serve a dialect, and give the server with the settings by which it paints."""

    @contextmanager
    def hosted(dialect: Dialect = images_server.plain, **options: Any) -> Iterator[Any]:
        with images_server.serving(dialect, **options) as server:
            monkeypatch.setenv("MURALIST_IMAGES_BASE_URL", server.url)
            yield server, {**blocks(), "backbone": "openai:blocks", "width": 128, "height": 128}

    return hosted


async def test_a_picture_is_painted_by_a_service_and_found_to_show_everything(hosted: Any, tmp_path: Path) -> None:
    with hosted() as (server, named):
        result = await muralist.adraw(PROMPT, **named, out=tmp_path / "out")
    assert result.passed
    assert [asked.path for asked in server.requests] == ["/v1/images/generations"]
    assert result.conditions["seeded"] is False
    assert result.run.abilities.places == "words"


async def test_a_masked_edit_mends_it_and_every_byte_outside_stays(hosted: Any) -> None:
    with hosted(faults={0: [1]}) as (server, named):
        result = await muralist.adraw(PROMPT, **named)
    assert [asked.path for asked in server.requests] == ["/v1/images/generations", "/v1/images/edits"]
    assert result.passed
    first, edited = result.attempts
    assert (first.action, edited.action, edited.parent) == ("paint", "edit", first.image_id)
    before, after = (np.asarray(result.pictures[each.image_id]) for each in (first, edited))
    outside = np.ones(before.shape[:2], bool)
    height, width = outside.shape
    for region in edited.layout.regions:
        x0, y0, x1, y1 = region.x0 * width, region.y0 * height, region.x1 * width, region.y1 * height
        outside[int(y0 // 8 * 8) : int(-(-y1 // 8) * 8), int(x0 // 8 * 8) : int(-(-x1 // 8) * 8)] = False
    assert outside.any()
    assert (before[outside] == after[outside]).all()
    assert (before != after).any()


async def test_a_given_picture_is_changed_by_a_service(hosted: Any) -> None:
    with hosted() as (_, named):
        first = await muralist.adraw(PROMPT, **named)
    with hosted() as (server, named):
        result = await muralist.aedit(first.image, "remove the blue block", **named)
    assert {asked.path for asked in server.requests} == {"/v1/images/edits"}
    assert result.passed


async def test_partial_pictures_are_told_as_steps(hosted: Any) -> None:
    with hosted(images_server.streaming) as (_, named):
        result = await muralist.adraw(PROMPT, **named)
    steps = [(event.data["step"], event.data["steps"]) for event in result.events if event.kind == "step"]
    assert steps == [(1, 3), (2, 3), (3, 3)]


async def test_what_painting_costs_is_counted_and_ends_the_run_with_its_best_picture(hosted: Any) -> None:
    faults = {0: [1], **{number: [0, 1] for number in range(1, 9)}}
    with hosted(faults=faults) as (server, named):
        result = await muralist.adraw(PROMPT, **named, prices=PRICES, money=0.7)
    used = result.run.usage
    assert (result.run.status, result.reason) == ("done", "the 0.7 that models may cost are spent")
    assert len(server.requests) == 3 == used.painter_calls
    assert used.painter_money == used.money == pytest.approx(0.75)
    assert (used.painter_input_tokens, used.painter_output_tokens) == (90, 3000)
    assert [turn.painter.money for turn in result.run.turns if turn.painter.money] == [0.25] * 3
    assert sum(turn.inspector.money for turn in result.run.turns) == 0
    assert result.image_id == result.attempts[0].image_id


async def test_a_bounded_cost_without_a_price_is_refused_before_anything_is_painted(hosted: Any) -> None:
    with (
        hosted() as (server, named),
        pytest.raises(BadSettings, match=r"^money is 1, but prices does not say what 'blocks' costs: add it there$"),
    ):
        await muralist.adraw(PROMPT, **named, money=1)
    assert not server.requests


async def test_a_picture_that_is_paid_for_and_cannot_be_used_is_charged(hosted: Any) -> None:
    def broken(server: ImagesServer, asked: Asked) -> Answer:
        picture = images_server.encoded(server.picture(asked))
        return images_server.reply(picture if server.painted == 1 else picture[:200])

    with hosted(broken, faults={0: [1]}) as (_, named):
        result = await muralist.adraw(PROMPT, **named, prices=PRICES)
    assert result.run.status == "failed"
    assert "answered with a picture that cannot be used: the picture is damaged" in result.reason
    assert (result.run.usage.images, result.run.usage.painter_calls, result.run.usage.money) == (1, 2, 0.5)
    assert result.image_id == result.attempts[0].image_id


async def test_a_run_that_an_outage_stopped_goes_on_without_painting_its_pictures_again(hosted: Any) -> None:
    def dead(server: ImagesServer, asked: Asked) -> Answer:
        if len(server.requests) in (2, 3, 4):  # the client tries three times
            return images_server.error(503, "overloaded", **{"retry-after-ms": "1"})
        return images_server.plain(server, asked)

    with hosted(dead, faults={0: [1]}) as (server, named):
        stopped = await muralist.adraw(PROMPT, **named, prices=PRICES)
        assert (stopped.run.status, stopped.run.paused) == ("failed", True)
        assert stopped.reason.endswith("failed with 503 after 3 tries: overloaded")
        assert (stopped.run.usage.painter_calls, stopped.run.usage.money) == (4, 0.25)
        result = await muralist.aresume(stopped.run.run_id, **named)
    assert result.passed
    assert len(server.requests) == 5
    assert (result.run.usage.painter_calls, result.run.usage.money) == (5, 0.5)
    assert result.pictures[result.attempts[0].image_id].tobytes() == stopped.image.tobytes()


async def test_an_outage_before_the_first_picture_is_charged_once_and_gone_on_with(hosted: Any) -> None:
    def dead(server: ImagesServer, asked: Asked) -> Answer:
        if len(server.requests) <= 3:
            return images_server.error(503, "overloaded", **{"retry-after-ms": "1"})
        return images_server.plain(server, asked)

    opened: list[str] = []
    with hosted(dead) as (_, named):
        with pytest.raises(Outage, match=r"failed with 503 after 3 tries"):
            await muralist.adraw(PROMPT, **named, on_event=lambda event: opened.append(event.run_id))
        result = await muralist.aresume(opened[0], **named)
    assert result.passed
    assert result.run.usage.painter_calls == 4


async def test_a_refusal_ends_the_run_with_the_reason_and_its_best_picture(hosted: Any) -> None:
    def prim(server: ImagesServer, asked: Asked) -> Answer:
        if len(server.requests) > 1:
            return images_server.error(400, "Your request was rejected by the safety system.", "moderation_blocked")
        return images_server.plain(server, asked)

    with hosted(prim, faults={0: [1]}) as (_, named):
        result = await muralist.adraw(PROMPT, **named)
    expected = "the endpoint declined: Your request was rejected by the safety system."
    assert (result.run.status, result.reason) == ("failed", expected)
    assert len(result.attempts) == 1


async def test_a_run_is_stopped_while_the_service_paints(hosted: Any) -> None:
    cancel = threading.Event()

    def stuck(server: ImagesServer, asked: Asked) -> Answer:
        if len(server.requests) > 1:
            cancel.set()
            server.closing.wait(60)
        return images_server.plain(server, asked)

    with hosted(stuck, faults={0: [1]}) as (_, named):
        result = await muralist.adraw(PROMPT, **named, cancel=cancel)
    assert (result.run.status, result.run.paused, len(result.attempts)) == ("cancelled", True, 1)


class Rigid(BlockPainter):
    """Cannot edit, and goes by steps of its own."""

    abilities = Abilities(edits=False, steps=False, seeded=False)


async def test_the_rules_paint_anew_where_nothing_can_be_edited(blocks: Blocks) -> None:
    three = PROMPT + " and a green apple below the red cup"
    result = await muralist.adraw(three, **blocks(Rigid(faults={0: [1], 1: [0, 1], 2: [0], 3: [0, 1, 2], 5: [0]})))
    assert {attempt.action for attempt in result.attempts} == {"paint"}
    assert len(result.attempts) == 5
    assert result.passed
    assert not any(turn.mistake for turn in result.run.turns)


async def test_a_model_is_not_offered_what_the_painter_cannot_do_and_is_told_what_it_can(blocks: Blocks) -> None:
    edit = {"action": "add", "entity": "book", "box": {"x0": 0.5, "y0": 0, "x1": 1, "y1": 1}}
    first = [
        call("recaption", prompt=PROMPT),
        call("plan"),
        call("regional_diffuse", steps=3),
        call("regional_diffuse"),
    ]
    model = ScriptedModel(turns=[*first, call("inspect_and_edit", edits=[edit]), call("regional_diffuse")])
    result = await muralist.adraw(PROMPT, **blocks(Rigid(faults={0: [1]}), model=model))
    assert result.passed
    assert [turn.mistake for turn in result.run.turns if turn.mistake] == [
        "blocks takes no number of steps: leave steps out",
        "blocks cannot repaint parts of a picture: call regional_diffuse with another seed, or plan anew",
    ]
    guides = [str(messages[0].text) for messages in model.read]
    assert ["there are no edits" in guide for guide in guides] == [False, False, False, False, True, True]
    assert not any("`inspect_and_edit` takes `edits`" in guide for guide in guides)


async def test_a_given_picture_is_refused_where_nothing_can_be_edited(blocks: Blocks) -> None:
    picture = Image.new("RGB", (128, 128))
    with pytest.raises(BadSettings, match=r"^blocks cannot repaint parts of a picture: choose another backbone"):
        await muralist.aedit(picture, "remove the cup", **blocks(Rigid()))


@pytest.mark.parametrize(
    ("able", "options", "message"),
    [
        (Abilities(sizes=((256, 256), (512, 256))), {}, "cannot paint 128x128 pixels: choose one of 256x256, 512x256"),
        (Abilities(side_step=16), {"width": 136}, "cannot paint 136x128 pixels: both sides have to be multiples of 16"),
        (
            Abilities(most_side=64),
            {},
            "cannot paint 128x128 pixels: both sides have to be multiples of 8 from 64 to 64",
        ),
        (Abilities(regions=1), {}, "the layout has 2 regions, parts included: blocks takes 1 at most"),
    ],
)
async def test_what_the_painter_cannot_do_is_refused_in_one_line(
    blocks: Blocks, able: Abilities, options: Any, message: str
) -> None:
    painter = BlockPainter()
    painter.abilities = able  # type: ignore[attr-defined]
    with pytest.raises(muralist.MuralistError) as caught:
        await muralist.adraw(PROMPT, **blocks(painter), **options)
    assert message in str(caught.value)


def test_a_negative_prompt_is_refused_where_none_is_taken() -> None:
    painter = BlockPainter()
    painter.abilities = Abilities(negative_prompt=False)  # type: ignore[attr-defined]
    layout = Layout(regions=[Region("a red cup")], base_prompt="a red cup")
    check_spec(PaintSpec(layout, seed=0), painter)
    with pytest.raises(
        BadSettings, match=r"^blocks takes no negative prompt: say in the prompt what is wanted instead$"
    ):
        check_spec(PaintSpec(layout, seed=0, negative_prompt="blur"), painter)


def by_picturebook(server: ImagesServer, asked: Asked) -> Answer:
    """The shipped model behind the protocol: it is told the words, and nothing else of the plan."""
    number, server.painted = server.painted, server.painted + 1
    prompt = asked.fields["prompt"]
    regions = [
        Region(
            text.partition(" (")[0], *(int(each) / 100 for each in (x0, y0, x1, y1)),
            instances=[] if text.startswith("nothing") else [Instance(entity="thing", index=index)],
        )
        for index, (x0, x1, y0, y1, text) in enumerate(images_server.PLACED.findall(prompt))
    ]  # fmt: skip
    source = images_server.opened(asked.files["image"]) if asked.files else None
    ground = f"nothing{prompt[at:]}" if (at := prompt.rfind(" on ")) > 0 else "nothing"
    caption, ratio = (ground, 0.0) if source else (prompt.partition("\n")[0], 0.5)
    layout = Layout(regions=regions, base_prompt=caption, base_ratio=ratio)
    width, height = asked.size
    spec = PaintSpec(layout, seed=7 + number, width=width, height=height, source=source)
    painter = wiring.painter(wiring.settings(backbone="picturebook"))
    return images_server.reply(
        images_server.encoded(asyncio.run(painter.paint(spec, lambda *_: None, threading.Event())))
    )


@pytest.mark.slow
async def test_the_shipped_model_behind_the_protocol_paints_what_was_asked_for(hosted: Any) -> None:
    with hosted(by_picturebook) as (server, named):
        named |= {"inspector": "picturebook", "call_seconds": 300}
        result = await muralist.adraw("a red apple to the left of a blue cup, on sand", **named)
    assert result.passed, [
        (each.action, each.score, [e.target for e in each.edits], each.reason) for each in result.attempts
    ]
    assert len(server.requests) == len(result.attempts) == result.run.usage.painter_calls
