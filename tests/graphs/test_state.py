"""What the graph keeps, streams and takes up again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from block_world import BlockPainter
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from scripted_model import ScriptedModel, call

from muralist.graphs import rpg, wiring
from muralist.graphs.state import Context
from muralist.tools.run import Event, Run

PROMPT = "a red cup to the left of a blue book"
Blocks = Callable[..., dict[str, Any]]


def context(named: dict[str, Any]) -> Context:
    return Context(**{**named, "home": str(named["home"])})


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
    assert Run.model_validate(values["run"]).passed
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
        runs.append(Run.model_validate(state["run"]))
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
    state = await graph.ainvoke(None, config, context=named)
    first, last = Run.model_validate(halted["run"]), Run.model_validate(state["run"])
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
    assert Run.model_validate(state["run"]).passed
    assert str(model.read[1][-1].text) == "Your reply could not be read: no JSON."


def test_the_routes_can_be_read_off_the_signatures() -> None:
    routes = {
        name: set(get_args(get_args(get_type_hints(node)["return"])[0]))
        for name, node in {
            "open": rpg.open_run, "agent": rpg.agent, "verify": rpg.verify, "finish": rpg.finish,
        }.items()
    }  # fmt: skip
    assert routes == {
        "open": {"agent", "finish"},
        "agent": {"tools", "verify"},
        "verify": {"agent", "finish"},
        "finish": {"__end__"},
    }
    drawn = {(edge.source, edge.target) for edge in rpg.graph.get_graph().edges}
    named = {(source, target) for source, targets in routes.items() for target in targets}
    assert drawn == named | {("__start__", "open"), ("tools", "verify")}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"backbone": "crayon"}, "there is no backbone 'crayon': choose blocks, picturebook or a folder"),
        ({"inspector": "mum"}, "there is no inspector 'mum': choose blocks"),
        ({"model": "abacus"}, "there is no model 'abacus': choose offline"),
        ({"width": 100}, "width is 100"),
        ({"seed": -1}, "seed: Input should be greater than or equal to 0"),
        ({"plan": {"regions": []}}, "the layout cannot be used: regions: "),
        ({"plan": {}}, "the layout cannot be used: base_prompt: Field required"),
    ],
)
async def test_a_wrong_context_fails_the_run_in_one_line(blocks: Blocks, wrong: dict[str, Any], message: str) -> None:
    state = await rpg.graph.ainvoke({"prompt": PROMPT}, context=context({**blocks(), **wrong}))
    run = Run.model_validate(state["run"])
    assert run.status == "failed"
    assert run.reason.startswith(message)
    assert "\n" not in run.reason
    assert str(state["messages"][-1].text).startswith("Failed: " + message)


async def test_a_ledger_that_is_none_is_refused(blocks: Blocks) -> None:
    state = await rpg.graph.ainvoke({"prompt": PROMPT, "run": {"run_id": 7}}, context=context(blocks()))
    assert state["run"]["reason"].startswith("run: run_id: ")


async def test_without_a_prompt_nothing_is_asked_of_the_model(blocks: Blocks) -> None:
    model = ScriptedModel(turns=[])
    state = await rpg.graph.ainvoke({"prompt": " "}, context=context(blocks(model=model)))
    assert state["run"]["reason"].startswith("the prompt is empty")
    assert model.read == []


def test_a_folder_or_a_hub_id_is_a_backbone(tmp_path: Path) -> None:
    for backbone in (str(tmp_path), "someone/some-model"):
        assert wiring.painter(wiring.settings(backbone=backbone)).name == backbone


def test_langgraph_json_names_the_graph() -> None:
    config = json.loads((Path(__file__).parents[2] / "langgraph.json").read_text(encoding="utf-8"))
    module, name = config["graphs"]["rpg"].split(":")
    assert module == rpg.__name__
    assert getattr(rpg, name) is rpg.graph
