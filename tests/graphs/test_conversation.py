"""A thread as a conversation: pictures, wishes about them, the same again, small talk, and what goes wrong between."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import Any

import pytest
from block_world import COLOURS, PAPER, BlockInspector, BlockPainter
from block_world import blocks as blocks_in
from langchain_core.messages import HumanMessage
from PIL import Image
from threads import Thread, layout, runs

from muralist.graphs.asking import asked
from muralist.graphs.opening import WELCOME
from muralist.runs import wiring

PROMPT = "a red cup to the left of a blue book"
THINGS = {"red": "cup", "blue": "book", "green": "cup", "yellow": "car"}
Blocks = Callable[..., dict[str, Any]]


@pytest.fixture
def thread(blocks: Blocks) -> Thread:
    """A thread in a world where red and green blocks are cups, blue ones books and yellow ones cars."""
    return Thread(blocks(BlockPainter(), BlockInspector(names=THINGS)))


async def seen(thread: Thread) -> dict[str, int]:
    """How many blocks of each colour the run's best picture shows."""
    run = await thread.run()
    assert run.best_id is not None
    picture = await wiring.store(wiring.settings()).get_image(run.best_id)
    counts = {colour: len(list(blocks_in(picture, colour))) for colour in COLOURS}
    return {colour: count for colour, count in counts.items() if count}


def given(size: tuple[int, int] = (128, 128), kind: str = "PNG") -> str:
    """A picture of a red block and a blue one, in base64."""
    image = Image.new("RGB", size, PAPER)
    image.paste(COLOURS["red"], (16, 16, 48, 48))
    image.paste(COLOURS["blue"], (80, 72, 112, 104))
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return base64.b64encode(buffer.getvalue()).decode()


def with_image(text: str, block: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"type": "text", "text": text}, block]


@pytest.mark.parametrize(
    ("wish", "shows"),
    [
        ("make the cup green", {"green": 1, "blue": 1}),
        ("remove the book", {"red": 1}),
        ("Thanks! Now please make the book yellow", {"red": 1, "yellow": 1}),
    ],
)
async def test_a_wish_on_a_thread_with_a_picture_is_an_edit_of_it(
    thread: Thread, wish: str, shows: dict[str, int]
) -> None:
    assert (await thread.say(PROMPT)).startswith("Done: ")
    first = await thread.run()
    assert (await thread.say(wish)).startswith("Done: ")
    run = await thread.run()
    assert await seen(thread) == shows
    assert {attempt.action for attempt in run.attempts} == {"given", "edit"}
    metadata = await wiring.store(wiring.settings()).metadata(run.source or "")
    assert metadata["parent"] == first.best_id


async def test_wishes_go_on_from_the_latest_picture(thread: Thread) -> None:
    for message in (PROMPT, "make the cup green", "remove the book"):
        assert (await thread.say(message)).startswith("Done: ")
    assert await seen(thread) == {"green": 1}


@pytest.mark.parametrize(("message", "seed"), [("again with another seed", 1), ("once more with seed 40, please", 40)])
async def test_again_paints_the_same_plan_anew(thread: Thread, message: str, seed: int) -> None:
    await thread.say(PROMPT)
    first = await thread.run()
    assert (await thread.say(message)).startswith("Done: ")
    run = await thread.run()
    assert (run.parent, run.scene, run.layout) == (first.run_id, first.scene, first.layout)
    assert [attempt.seed for attempt in run.attempts] == [seed]
    assert [turn.tool for turn in run.turns] == ["regional_diffuse"]


async def test_a_new_description_opens_a_new_run(thread: Thread) -> None:
    await thread.say(PROMPT)
    await thread.say("a green apple above a purple cup")
    assert await seen(thread) == {"green": 1, "purple": 1}
    assert ((await thread.run()).source, len(await runs())) == (None, 2)


@pytest.mark.parametrize("talk", ["hello", "thanks!", "What can you do?"])
async def test_small_talk_is_answered_without_a_run_first_and_later(thread: Thread, talk: str) -> None:
    assert await thread.say(talk) == WELCOME
    assert (await runs(), await thread.next()) == ([], ())
    await thread.say(PROMPT)
    assert await thread.say(talk) == WELCOME
    assert len(await runs()) == 1
    assert (await thread.say("make the cup green")).startswith("Done: ")


async def test_what_the_context_goes_on_saying_is_for_the_first_picture_only(thread: Thread) -> None:
    said = {"seed": 5, "plan": layout(0.5)}
    await thread.say(PROMPT, said=said)
    assert (await thread.say("make the cup green", said=said)).startswith("Done: ")
    assert await seen(thread) == {"green": 1, "blue": 1}
    assert (await thread.say("again with another seed", said=said)).startswith(("Done: ", "Not passed: "))
    assert (await thread.say("a green apple", said=said)).startswith("Done: ")
    assert len(await runs()) == 4


BLOCKS: dict[str, Callable[[str], dict[str, Any]]] = {
    "OpenAI": lambda data: {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}},
    "OpenAI, short": lambda data: {"type": "image_url", "image_url": f"data:image/png;base64,{data}"},
    "LangChain 1": lambda data: {"type": "image", "base64": data, "mime_type": "image/png"},
    "LangChain 1, url": lambda data: {"type": "image", "url": f"data:image/png;base64,{data}"},
    "LangChain 0": lambda data: {"type": "image", "source_type": "base64", "data": data, "mime_type": "image/png"},
    "Anthropic": lambda data: {"type": "image", "source": {"type": "base64", "data": data, "media_type": "image/png"}},
}


@pytest.mark.slow
@pytest.mark.parametrize("form", BLOCKS)
@pytest.mark.parametrize("later", [False, True])
async def test_a_picture_in_a_message_is_edited(thread: Thread, form: str, later: bool) -> None:
    if later:
        await thread.say("a green apple")
    assert (await thread.say(with_image("make the book yellow", BLOCKS[form](given())))).startswith("Done: ")
    assert await seen(thread) == {"red": 1, "yellow": 1}
    values = await thread.values()
    assert len(str(values)) < 40_000, "no checkpoint goes on holding the bytes"
    assert [message for message in values["messages"] if str(message.text).startswith("make the book yellow")]


async def test_a_picture_of_another_size_is_cropped_to_what_can_be_painted(thread: Thread) -> None:
    assert (await thread.say(with_image("remove the book", BLOCKS["OpenAI"](given((131, 130), "JPEG"))))) != ""
    run = await thread.run()
    assert (run.options.width, run.options.height) == (128, 128)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ("data:image/png;base64,AAAA", "Failed: the file is no whole PNG, JPEG or WebP picture"),
        ("data:image/png;base64,not base64!", "Failed: the picture is not base64"),
        ("https://example.org/cup.png", "Failed: a picture has to come with the message"),
        ("file:///etc/passwd", "Failed: a picture has to come with the message"),
        ("data:image/png;base64," + given((48, 48)), "Failed: the picture has 48x48 pixels: each side has to be 64 or"),
        ("data:image/gif;base64," + given(kind="GIF"), "Failed: the file is no whole PNG, JPEG or WebP picture"),
        ("", "Failed: the file is no whole PNG, JPEG or WebP picture"),
        ("0123456789abcdef0123456789abcdef-1", "Failed: there is no picture 0123456789abcdef0123456789abcdef-1."),
    ],
)
async def test_a_bad_picture_is_told_in_one_line_and_the_thread_goes_on(thread: Thread, data: str, told: str) -> None:
    said = await thread.say(with_image("remove the book", {"type": "image_url", "image_url": {"url": data}}))
    assert said.startswith(told)
    assert "\n" not in said
    assert (await thread.say(PROMPT)).startswith("Done: ")


async def test_a_wish_that_cannot_be_done_is_told_and_the_picture_is_still_there_for_the_next(thread: Thread) -> None:
    await thread.say(PROMPT)
    for wrong in ("make the cup dance", "remove the elephant"):
        assert (await thread.say(wrong)).startswith("Failed: ")
    assert (await thread.say("make the cup green")).startswith("Done: ")
    assert await seen(thread) == {"green": 1, "blue": 1}


async def test_a_prompt_that_cannot_be_painted_is_told_and_another_one_is_painted(thread: Thread) -> None:
    for wrong in ("a transparent cup", "   "):
        assert (await thread.say(wrong)).startswith("Failed: ")
    assert (await thread.say(PROMPT)).startswith("Done: ")


async def test_a_run_that_failed_with_a_picture_can_be_edited(blocks: Blocks) -> None:
    painter = BlockPainter(faults={0: [0]}, breaks_at=1)
    thread = Thread(blocks(painter, BlockInspector(names=THINGS)))
    assert (await thread.say(PROMPT)).startswith("Failed: the paint ran dry at seed 1.")
    painter.breaks_at = None
    assert (await thread.say("make the book yellow")).startswith("Done: ")
    assert await seen(thread) == {"yellow": 1}


async def test_done_is_said_only_of_what_passed(blocks: Blocks) -> None:
    painter = BlockPainter(faults={seed: [0] for seed in range(40)})
    thread = Thread(blocks(painter, BlockInspector(names=THINGS)))
    assert (await thread.say(PROMPT)).startswith("Not passed: ")
    assert not (await thread.run()).passed


async def test_a_removed_run_is_no_longer_there_to_be_edited(thread: Thread) -> None:
    await thread.say(PROMPT)
    await wiring.store(wiring.settings()).remove_run((await thread.run()).run_id, "local")
    assert (await thread.say("a green apple")).startswith("Done: ")


@pytest.mark.parametrize(
    ("message", "kind", "text"),
    [
        ("paint the cup green", "edit", "paint the cup green"),
        ("again, but make the cup green", "edit", "make the cup green"),
        ("no, remove the book", "edit", "remove the book"),
        ("make it more dramatic", "edit", "make it more dramatic"),
        ("another cup", "edit", "another cup"),
        ("clear sky over a lake", "new", "clear sky over a lake"),
        ("a red cup and no book", "new", "a red cup and no book"),
        ("draw the moon over a house", "new", "draw the moon over a house"),
        ("great dog in a park", "new", "great dog in a park"),
        ("now a green car on sand", "new", "a green car on sand"),
        ("nice, a green car on sand", "new", "a green car on sand"),
        ("thanks! now a green car on sand", "new", "a green car on sand"),
        ("beautiful, serene lake", "new", "beautiful, serene lake"),
        ("one-eyed cat", "new", "one-eyed cat"),
        ("draw the same with seed 4", "again", "draw the same with seed 4"),
        ("try again", "again", "try again"),
    ],
)
def test_what_a_message_asks_for(message: str, kind: str, text: str) -> None:
    understood = asked(HumanMessage(message), picture=True)
    assert (understood.kind, understood.text) == (kind, text)


@pytest.mark.parametrize("message", ["hello! a red cup", "please, a red cup", "Hi - now paint a red cup"])
def test_a_first_message_is_painted_without_the_talk_before_it(message: str) -> None:
    assert asked(HumanMessage(message), picture=False).text.removeprefix("paint ") == "a red cup"


async def test_talk_before_a_new_description_keeps_it_from_nothing(thread: Thread) -> None:
    await thread.say(PROMPT)
    assert (await thread.say("thanks! now a green apple above a purple cup")).startswith("Done: ")
    assert (await thread.run()).prompt == "a green apple above a purple cup"


def test_a_message_of_nothing_but_talk_is_understood_however_long_it_is() -> None:
    assert asked(HumanMessage("it is good " * 5000 + "!"), picture=False).kind == "new"


@pytest.mark.slow
@pytest.mark.parametrize("form", ["data URL", "base64", "id"])
async def test_the_graph_edit_starts_from_a_picture(blocks: Blocks, form: str) -> None:
    named = blocks(BlockPainter(), BlockInspector(names=THINGS))
    image = {"data URL": f"data:image/png;base64,{given()}", "base64": given()}.get(form)
    if image is None:
        first = Thread(named)
        await first.say(PROMPT)
        image = (await first.run()).best_id
    thread = Thread(named, edits=True)
    state = await thread.go({"image": image, "wish": "make the cup green"})
    assert str(state["messages"][-1].text).startswith("Done: ")
    assert await seen(thread) == {"green": 1, "blue": 1}
    assert not state.get("image")
    state = await thread.go({"wish": "remove the book"})
    assert str(state["messages"][-1].text).startswith("Done: ")
    assert await seen(thread) == {"green": 1}
    assert (await thread.say("a green cup")).startswith("Done: ")
    assert {attempt.action for attempt in (await thread.run()).attempts} == {"given"}


async def test_the_graph_edit_needs_a_picture_and_a_wish(blocks: Blocks) -> None:
    thread = Thread(blocks(), edits=True)
    assert (await thread.say("make the cup green")).startswith("Failed: there is no picture to edit yet: give `image`")
    state = await thread.go({"image": given()})
    assert str(state["messages"][-1].text).startswith("Failed: the prompt is empty")
    assert await thread.say("hello") == WELCOME
