"""What the graph keeps, streams and takes up again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from block_world import BlockPainter
from graph_runs import context, ledger
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from pydantic import ValidationError
from scripted_model import ScriptedModel, call
from starlette.applications import Starlette

from muralist.graphs import rpg, studio
from muralist.runs import wiring
from muralist.tools.run import Event

PROMPT = "a red cup to the left of a blue book"
Blocks = Callable[..., dict[str, Any]]


async def events_of(start: Any, named: dict[str, Any]) -> list[Event]:
    found = []
    async for event in rpg.graph.astream(start, context=context(named), stream_mode="custom"):
        found.append(Event.model_validate(event))
    return found


async def test_a_checkpoint_is_plain_json_and_small(blocks: Blocks) -> None:
    saver = InMemorySaver(serde=JsonPlusSerializer(allowed_msgpack_modules=None))
    graph = rpg.build(saver)
    config: Any = {"configurable": {"thread_id": "1"}}
    named = blocks(BlockPainter(faults={0: [0]}))
    await graph.ainvoke({"prompt": PROMPT}, config, context=context(named))
    values = (await graph.aget_state(config)).values
    plain = {key: value for key, value in values.items() if key != "messages"}
    assert len(json.dumps(plain)) < 20_000
    assert (await ledger(values)).passed
    assert sum(len(str(message.content)) for message in values["messages"]) < 20_000


async def test_events_are_numbered_without_a_gap_and_tell_of_every_step(blocks: Blocks) -> None:
    events = await events_of({"prompt": PROMPT}, blocks(BlockPainter(faults={0: [0, 1]})))
    assert [event.seq for event in events] == list(range(len(events)))
    assert len({event.run_id for event in events}) == 1
    kinds = [event.kind for event in events]
    assert kinds[0] == "opened"
    assert kinds[-1] == "finished"
    assert kinds.count("step") == 2 * kinds.count("painting")
    assert kinds.count("judged") == kinds.count("painting") == 2


async def test_a_second_message_on_a_thread_opens_a_run_of_its_own(blocks: Blocks) -> None:
    graph = rpg.build(InMemorySaver())
    config: Any = {"configurable": {"thread_id": "chat"}}
    named = context(blocks())
    runs = []
    for prompt in (PROMPT, "a green apple above a purple cup"):
        state = await graph.ainvoke({"messages": [("user", prompt)]}, config, context=named)
        runs.append(await ledger(state))
    assert [run.scene.prompt for run in runs if run.scene] == [PROMPT, "a green apple above a purple cup"]
    assert all(run.passed for run in runs)
    assert runs[0].run_id != runs[1].run_id


async def test_a_run_that_was_interrupted_goes_on_where_it_was(blocks: Blocks) -> None:
    graph = rpg.build(InMemorySaver())
    config: Any = {"configurable": {"thread_id": "1"}}
    named = context(blocks(BlockPainter(faults={0: [0]})))
    halted = await graph.ainvoke({"prompt": PROMPT}, config, context=named, interrupt_before=["verify"])
    for _ in range(2):
        halted = await graph.ainvoke(None, config, context=named, interrupt_before=["verify"])
    first = await ledger(halted)
    last = await ledger(await graph.ainvoke(None, config, context=named))
    assert last.run_id == first.run_id
    assert last.attempts[: len(first.attempts)] == first.attempts
    assert len(first.attempts) == 1
    assert last.passed


async def test_a_call_that_cannot_be_read_is_told_to_the_agent(blocks: Blocks) -> None:
    garbled = call("recaption").model_copy(
        update={
            "tool_calls": [],
            "invalid_tool_calls": [
                {"name": "recaption", "args": '{"prompt": ', "id": "1", "error": "no JSON", "type": "invalid_tool_call"}
            ],
        }
    )
    turns = [garbled, call("recaption", prompt=PROMPT), call("plan"), call("regional_diffuse")]
    model = ScriptedModel(turns=turns)
    state = await rpg.graph.ainvoke({"prompt": PROMPT}, context=context(blocks(model=model)))
    assert (await ledger(state)).passed
    assert str(model.read[1][-1].text) == "Your reply could not be read: no JSON."


def test_the_graph_is_the_method() -> None:
    drawn = {(edge.source, edge.target) for edge in rpg.graph.get_graph().edges}
    tools = {"recaption", "plan", "regional_diffuse", "inspect_and_edit"}
    assert drawn == {
        ("__start__", "open"), ("open", "agent"), ("open", "finish"), ("open", "__end__"),
        *(("agent", tool) for tool in tools), ("agent", "verify"), ("agent", "approve"),
        *((tool, "verify") for tool in tools), ("plan", "approve"),
        ("approve", "regional_diffuse"), ("approve", "inspect_and_edit"),
        ("approve", "plan"), ("approve", "agent"), ("approve", "verify"), ("approve", "finish"),
        ("verify", "agent"), ("verify", "finish"), ("finish", "__end__"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"backbone": "crayon"}, "there is no backbone 'crayon': choose blocks, picturebook, openai:MODEL, or a"),
        ({"inspector": "mum"}, "there is no inspector 'mum': choose blocks"),
        ({"model": "abacus"}, "there is no model 'abacus': choose offline"),
        ({"plan": {"regions": []}}, "the layout cannot be used: regions: "),
        ({"plan": {}}, "the layout cannot be used: base_prompt: Field required"),
    ],
)
async def test_a_wrong_context_is_told_in_one_line(blocks: Blocks, wrong: dict[str, Any], message: str) -> None:
    state = await rpg.graph.ainvoke({"prompt": PROMPT}, context=context({**blocks(), **wrong}))
    said = str(state["messages"][-1].text)
    assert said.startswith("Failed: " + message)
    assert "\n" not in said


@pytest.mark.parametrize("wrong", [{"width": 100}, {"seed": -1}, {"color": "red"}, {"home": "/elsewhere"}])
async def test_a_context_outside_of_its_limits_is_refused(blocks: Blocks, wrong: dict[str, Any]) -> None:
    named = blocks()
    named.pop("home")
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        await rpg.graph.ainvoke({"prompt": PROMPT}, context={**named, **wrong})


async def test_a_run_that_is_not_there_is_told(blocks: Blocks) -> None:
    state = await rpg.graph.ainvoke({"run_id": "nothing"}, context=context(blocks()))
    assert str(state["messages"][-1].text) == "Failed: there is no run nothing."


async def test_without_a_prompt_nothing_is_asked_of_the_model(blocks: Blocks) -> None:
    model = ScriptedModel(turns=[])
    state = await rpg.graph.ainvoke({"prompt": " "}, context=context(blocks(model=model)))
    assert str(state["messages"][-1].text).startswith("Failed: the prompt is empty")
    assert model.read == []


def test_a_folder_or_a_hub_id_is_a_backbone(tmp_path: Path) -> None:
    for backbone in (str(tmp_path), "someone/some-model"):
        assert wiring.painter(wiring.settings(backbone=backbone)).name == backbone


def test_langgraph_json_names_the_graphs_and_the_app() -> None:
    config = json.loads((Path(__file__).parents[2] / "langgraph.json").read_text(encoding="utf-8"))
    paths = {name: each["path"] for name, each in config["graphs"].items()}
    assert paths == {"rpg": f"{rpg.__name__}:graph", "edit": f"{rpg.__name__}:edit"}
    assert all(each["description"] for each in config["graphs"].values())
    assert config["http"]["app"] == f"{studio.__name__}:app"
    assert isinstance(studio.app, Starlette)
