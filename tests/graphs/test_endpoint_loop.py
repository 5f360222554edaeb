"""The whole loop with a model behind a real socket, in every dialect: what it hands over, and what it costs."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import fake_endpoint
import pytest
from block_world import BlockPainter
from fake_endpoint import DIALECTS, Answer, FakeEndpoint, completion
from graph_runs import context, ledger
from langchain_core.messages import AIMessageChunk
from minds import ADD_CUP, PROMPT, Script, foreman, layout, scene
from seeing_mind import inspection

import muralist
from muralist.graphs import rpg
from muralist.tools.errors import Refused
from muralist.tools.layout import Layout

Blocks = Callable[..., dict[str, Any]]
Serve = Callable[..., AbstractContextManager[FakeEndpoint]]

RECAPTION = ("recaption", {"prompt": PROMPT, "scene": scene()})
PLAN = ("plan", {"layout": layout()})
PAINT: tuple[str, Any] = ("regional_diffuse", {})


def both(names: list[str], request: Any) -> tuple[str, Any]:
    """One model in two seats: it plans where tools are offered, and inspects where a picture is to be looked at."""
    return foreman(names, request) if "recaption" in names else ("inspection", inspection(request))


@pytest.mark.parametrize("name", DIALECTS)
async def test_every_dialect_ends_with_a_picture_but_the_refusal(blocks: Blocks, serve: Serve, name: str) -> None:
    asked = {**blocks(), "model": "fake", "inspector": "mllm"}
    with serve(both, DIALECTS[name]) as fake:
        if name == "refusal":
            with pytest.raises(Refused, match=r"^the model declined: I will not picture cups\.$"):
                await muralist.adraw(PROMPT, **asked)
            print(f"\n{name:16} refused after {len(fake.requests)} call")
            return
        result = await muralist.adraw(PROMPT, **asked)
    usage, rules = result.run.usage, [turn for turn in result.run.turns if turn.by == "offline"]
    print(
        f"\n{name:16} planner {usage.planner_calls:2} calls, inspector {usage.inspector_calls} calls; "
        f"passed: {result.passed}; asked by {', '.join({turn.rung: 0 for turn in result.run.turns if turn.rung})}; "
        f"rules filled in: {', '.join(result.run.filled_in) or 'nothing'}"
    )
    planning = [request for request in fake.requests if "You are the foreman" in str(request["messages"])]
    assert usage.planner_calls == len(planning) + len(rules)
    assert usage.inspector_calls == len(fake.requests) - len(planning)
    assert bool(rules) == (name == "truncated")
    assert result.passed == (name != "truncated")  # there, no verdict could be read either
    assert result.image.size == (128, 128)
    assert result.run.mode == "agent"


async def test_where_tools_work_a_first_picture_that_passes_takes_three_calls_and_one_inspection(
    blocks: Blocks, serve: Serve
) -> None:
    with serve(both) as fake:
        result = await muralist.adraw(PROMPT, **{**blocks(), "model": "fake", "inspector": "mllm"})
    usage = result.run.usage
    assert result.passed
    assert (usage.planner_calls, usage.inspector_calls, len(fake.requests)) == (3, 1, 4)
    assert (usage.planner_input_tokens, usage.planner_output_tokens) == (33, 21)
    assert (usage.inspector_input_tokens, usage.inspector_output_tokens) == (11, 7)
    assert [turn.inspector.calls for turn in result.run.turns] == [0, 0, 1]
    assert (result.run.drafted_by, fake.keys[0]) == ("fake", "Bearer the key")


async def test_planner_and_inspector_may_be_two_models(blocks: Blocks, serve: Serve) -> None:
    with serve(both) as fake:
        named = {**blocks(), "model": "planner", "inspector": "mllm", "inspector_model": "eye"}
        assert (await muralist.adraw(PROMPT, **named)).passed
    assert [request["model"] for request in fake.requests] == ["planner"] * 3 + ["eye"]


async def test_where_only_one_tool_can_be_forced_the_run_is_a_pipeline(
    blocks: Blocks, serve: Serve, tmp_path: Path
) -> None:
    with serve(dialect=fake_endpoint.forced_only):
        result = await muralist.adraw(PROMPT, **blocks(), model="fake", out=tmp_path / "out")
    assert result.passed
    assert json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))["run"]["mode"] == "pipeline"


WAYS: dict[str, list[Any]] = {
    "edit": [("inspect_and_edit", {"edits": [ADD_CUP]})],
    "new seed": [("regional_diffuse", {"seed": 5})],
    "re-plan": [("plan", {"layout": layout(0.1)}), ("regional_diffuse", {"seed": 5})],
    "re-caption": [
        ("recaption", {"prompt": PROMPT, "scene": {**scene(), "caption": "A red cup stands left of a blue book."}}),
        PLAN,
        ("regional_diffuse", {"seed": 5}),
    ],
    "give up": [("give_up", {"reason": "The cup will not come."})],
}


@pytest.mark.parametrize("way", WAYS)
async def test_the_model_chooses_its_way_through_the_same_graph(blocks: Blocks, serve: Serve, way: str) -> None:
    with serve(Script(RECAPTION, PLAN, PAINT, *WAYS[way])) as fake:
        result = await muralist.adraw(PROMPT, **blocks(BlockPainter(faults={0: [0]})), model="fake")
    called = [turn.tool for turn in result.run.turns]
    print(f"\n{way:10} {' > '.join(tool or 'give_up' for tool in called)}: {result.reason}")
    assert called[3:] == [None if name == "give_up" else name for name, _ in WAYS[way]]
    assert result.passed == (way != "give up")
    assert fake_endpoint.offered(fake.requests[0]) == ["recaption", "give_up"]
    assert "inspect_and_edit" in fake_endpoint.offered(fake.requests[3])
    if way == "give up":
        assert (result.reason, result.run.status) == ("The cup will not come.", "done")


async def test_pictures_are_sent_small_only_the_best_and_the_latest(blocks: Blocks, serve: Serve) -> None:
    seeds = [("regional_diffuse", {"seed": seed}) for seed in (1, 2, 3)]
    painter = BlockPainter(faults={0: [0], 1: [0, 1], 2: [0, 1], 3: [0, 1]})
    with serve(Script(RECAPTION, PLAN, PAINT, *seeds)) as fake:
        result = await muralist.adraw(PROMPT, **blocks(painter), model="fake", width=1024, height=512)
    shown = [_pictures(request) for request in fake.requests]
    assert [len(each) for each in shown] == [0, 0, 0, 1, 2, 2, 2]
    (text, _, latest, _) = fake.requests[-1]["messages"][-1]["content"]
    assert text["text"] == f"The best picture so far, {result.attempts[0].image_id}:"
    assert latest["text"] == f"The latest picture, {result.attempts[3].image_id}:"
    assert max(len(picture) for each in shown for picture in each) < 40_000


@pytest.mark.parametrize("vision", [None, False])
async def test_a_model_without_vision_is_sent_no_picture_twice(
    blocks: Blocks, serve: Serve, vision: bool | None
) -> None:
    def blind(fake: FakeEndpoint, request: Any) -> Answer:
        if _pictures(request):
            return fake_endpoint.error(400, "image_url is not supported by this model")
        return fake_endpoint.tools(fake, request)

    edits = [("inspect_and_edit", {"edits": [ADD_CUP], "seed": seed}) for seed in (1, 2)]
    with serve(Script(RECAPTION, PLAN, PAINT, *edits), blind) as fake:
        painter = BlockPainter(faults={0: [0], 1: [1]})
        result = await muralist.adraw(PROMPT, **blocks(painter), model="fake", vision=vision)
    assert result.passed
    assert sum(bool(_pictures(request)) for request in fake.requests) == (1 if vision is None else 0)
    assert {turn.rung for turn in result.run.turns} == {"tools"}


async def test_a_run_whose_tokens_are_streamed_is_the_same(blocks: Blocks, serve: Serve) -> None:
    named = {**blocks(), "model": "fake"}
    with serve() as fake:
        streamed, state = [], {}
        async for mode, part in rpg.graph.astream(
            {"prompt": PROMPT}, context=context(named), stream_mode=["messages", "values"]
        ):
            if mode == "values":
                state = part
            else:
                streamed.append(part[0])
    assert all(request["stream"] for request in fake.requests)
    run = await ledger(state)
    assert [turn.tool for turn in run.turns] == ["recaption", "plan", "regional_diffuse"]
    assert run.usage.planner_output_tokens == 21
    chunks = [
        chunk["name"]
        for message in streamed
        if isinstance(message, AIMessageChunk)
        for chunk in message.tool_call_chunks
    ]
    assert chunks == ["recaption", "plan", "regional_diffuse"]


async def test_a_mistake_is_fed_back_exactly_and_mended(blocks: Blocks, serve: Serve) -> None:
    wrong = {"layout": {**layout(), "regions": layout()["regions"][:1]}}
    with serve(Script(RECAPTION, ("plan", wrong), PLAN, PAINT)) as fake:
        result = await muralist.adraw(PROMPT, **blocks(), model="fake")
    (told,) = [turn.mistake for turn in result.run.turns if turn.mistake]
    assert told.startswith("no region of the layout shows book")
    assert fake.requests[2]["messages"][-1]["content"] == told
    assert result.passed
    assert not result.run.filled_in


async def test_a_scene_that_the_backbone_cannot_draw_is_the_models_to_mend(blocks: Blocks, serve: Serve) -> None:
    plain = {**scene(), "entities": [{**entity, "attributes": []} for entity in scene()["entities"]]}
    with serve(Script(("recaption", {"prompt": PROMPT, "scene": plain}), RECAPTION, PLAN, PAINT)):
        result = await muralist.adraw(PROMPT, **blocks(), model="fake")
    assert result.run.turns[0].mistake == "'cup' has no colour: blocks are red, green, blue, yellow, purple"
    assert result.passed


async def test_a_model_that_makes_no_headway_is_helped_to_its_first_picture(blocks: Blocks, serve: Serve) -> None:
    with serve(lambda *_: RECAPTION) as fake:
        result = await muralist.adraw(PROMPT, **blocks(), model="fake")
    assert result.passed
    assert result.run.filled_in == ["plan", "regional_diffuse"]
    assert fake.requests[2]["messages"][-1]["content"] == "recaption changed nothing: plan comes next"


async def test_planning_a_callers_layout_twice_does_no_harm(blocks: Blocks, serve: Serve) -> None:
    with serve(Script(RECAPTION, PLAN, PLAN, PAINT)):
        result = await muralist.adraw(PROMPT, **blocks(), model="fake", layout=Layout.model_validate(layout(0.1)))
    assert result.passed
    assert [turn.mistake for turn in result.run.turns][2] == "plan changed nothing: regional_diffuse comes next"


async def test_what_cannot_be_understood_is_repaired_twice_and_then_filled_in_and_said(
    blocks: Blocks, serve: Serve, tmp_path: Path
) -> None:
    def mumbling(fake: FakeEndpoint, request: Any) -> Answer:
        good = "plan" not in fake_endpoint.offered(request)
        return fake_endpoint.calling(fake.thought(request)) if good else completion("Hm, let me see.")

    told: list[str] = []
    with serve(dialect=mumbling) as fake:
        result = await muralist.adraw(
            PROMPT, **blocks(), model="fake", out=tmp_path / "out",
            on_event=lambda event: told.append(event.data["text"]) if event.kind == "filled_in" else None,
        )  # fmt: skip
    assert result.passed
    assert result.run.filled_in == ["plan", "regional_diffuse"]
    head = "the offline rules fill in this step for fake: Your reply could not be read: it is not in the form"
    assert [text.startswith(head) for text in told] == [True, True]
    record = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))["run"]
    assert [turn["by"] for turn in record["turns"]] == ["fake"] * 4 + ["offline"] + ["fake"] * 3 + ["offline"]
    assert (record["drafted_by"], record["turns"][1]["rung"]) == ("fake", "text")
    assert len(fake.requests) == 1 + (5 + 2) + 3  # down the ladder once


def _pictures(request: Any) -> list[str]:
    parts = [
        part for message in request["messages"] if isinstance(message["content"], list) for part in message["content"]
    ]
    return [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
