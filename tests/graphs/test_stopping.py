"""A thread that is stopped at a node, changed there and run on; one that is rewound; one whose context says more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from block_world import BlockInspector, BlockPainter
from graph_runs import ledger
from langchain_core.messages import RemoveMessage
from threads import Thread, edited, layout, runs

from muralist.runs import wiring
from muralist.tools.errors import BadSettings
from muralist.tools.ports import PaintSpec

PROMPT = "a red cup to the left of a blue book"
NODES = ["open", "agent", "recaption", "plan", "regional_diffuse", "inspect_and_edit", "verify", "finish"]
TOOLS = {"recaption", "plan", "regional_diffuse", "inspect_and_edit"}
Blocks = Callable[..., dict[str, Any]]


class Counting(BlockPainter):
    """Counts the pictures that are really painted; the first one lacks the cup."""

    def __init__(self) -> None:
        self.specs: list[PaintSpec] = []
        super().__init__(faults={0: [0]}, on_paint=self.specs.append)


@pytest.mark.parametrize("when", ["interrupt_before", "interrupt_after"])
@pytest.mark.parametrize("node", NODES)
async def test_a_thread_that_is_stopped_and_changed_at_a_node_ends_with_its_picture_counted_once(
    blocks: Blocks, node: str, when: str
) -> None:
    painter = Counting()
    thread = Thread(blocks(painter))
    await thread.go({"prompt": PROMPT}, **{when: [node]})
    for _ in range(30):
        following = await thread.next()
        if following == ():
            break
        await thread.graph.aupdate_state(thread.config, {"idle": 0})
        assert await thread.next() == following, "the change loses no step"
        await thread.go(**{when: [node]})
    run = await thread.run()
    assert (run.passed, run.parent, len(await runs())) == (True, "", 1)
    assert [attempt.action for attempt in run.attempts] == ["paint", "edit"]
    assert (run.usage.images, run.usage.planner_calls, len(painter.specs)) == (2, 4, 2)
    values = await thread.values()
    assert str(values["messages"][-1].text).startswith("Done: ")
    calls = [call["id"] for message in values["messages"] for call in getattr(message, "tool_calls", [])]
    answers = [message.tool_call_id for message in values["messages"] if message.type == "tool"]
    assert calls == answers
    assert len(set(calls)) == 4


@pytest.mark.parametrize("when", ["interrupt_before", "interrupt_after"])
async def test_another_seed_in_the_call_is_painted_with(blocks: Blocks, when: str) -> None:
    thread = Thread(blocks())
    node = {"interrupt_before": "regional_diffuse", "interrupt_after": "agent"}[when]
    await thread.go({"prompt": PROMPT}, **{when: [node]})
    while await thread.next() != ("regional_diffuse",):
        await thread.go(**{when: [node]})
    await thread.edit(seed=7)
    assert await thread.next() == ("regional_diffuse",)
    await thread.go()
    run = await thread.run()
    assert ([attempt.seed for attempt in run.attempts], run.passed, run.parent) == ([7], True, "")


async def test_a_box_that_is_moved_in_the_call_is_painted_there(blocks: Blocks) -> None:
    thread = Thread(blocks())
    await thread.go({"prompt": PROMPT}, interrupt_before=["plan"])
    await thread.edit(layout=layout(0.5))
    await thread.go()
    run = await thread.run()
    assert (run.passed, {region.y0 for region in run.attempts[0].layout.regions}) == (True, {0.5})


async def test_a_moved_box_that_contradicts_the_prompt_is_told_and_planned_again(blocks: Blocks) -> None:
    thread = Thread(blocks())
    await thread.go({"prompt": PROMPT}, interrupt_before=["plan"])
    wrong = layout()
    wrong["regions"][0] |= {"x0": 0.5, "x1": 1.0}
    wrong["regions"][1] |= {"x0": 0.0, "x1": 0.5}
    await thread.edit(layout=wrong)
    state = await thread.go()
    assert "cup has to be left of book" in str([message.text for message in state["messages"]])
    assert (await thread.run()).passed


async def test_a_wish_about_an_edit_is_taken_from_the_call(blocks: Blocks) -> None:
    thread = Thread(blocks(Counting()))
    await thread.go({"prompt": PROMPT}, interrupt_before=["inspect_and_edit"])
    await thread.edit(seed=99)
    await thread.go()
    assert [attempt.seed for attempt in (await thread.run()).attempts] == [0, 99]


@pytest.mark.slow
async def test_a_thread_that_is_rewound_and_not_changed_comes_to_the_same_without_anything_done_twice(
    blocks: Blocks,
) -> None:
    painter = Counting()
    thread = Thread(blocks(painter))
    first = await thread.go({"prompt": PROMPT})
    run = await thread.run()
    for node in ["agent", *sorted(TOOLS), "verify", "finish"]:
        again = await thread.go(at=await thread.before(node))
        assert [message.text for message in again["messages"]] == [message.text for message in first["messages"]]
        assert await thread.next() == ()
    assert (await runs(), len(painter.specs)) == ([run], 2)


@pytest.mark.parametrize(
    ("node", "args", "seeds"),
    [
        ("regional_diffuse", {"seed": 5}, [5]),
        ("inspect_and_edit", {"seed": 5}, [0, 5]),
        ("plan", {"layout": layout(0.5)}, [0, 1]),
    ],
)
async def test_a_call_that_is_changed_in_the_past_is_made_on_a_fork(
    blocks: Blocks, node: str, args: dict[str, Any], seeds: list[int]
) -> None:
    thread = Thread(blocks(Counting()))
    await thread.go({"prompt": PROMPT})
    parent = await thread.run()
    await thread.go(at=await thread.edit(await thread.before(node), **args))
    child = await thread.run()
    assert child.parent == parent.run_id
    assert ([attempt.seed for attempt in child.attempts], child.passed) == (seeds, True)
    assert [run for run in await runs() if run.run_id == parent.run_id] == [parent]


async def test_a_change_after_a_rewound_stretch_is_made_on_the_run_as_it_was_there(blocks: Blocks) -> None:
    thread = Thread(blocks())
    await thread.go({"prompt": PROMPT})
    await thread.go(at=await thread.before("recaption"), interrupt_before=["plan"])
    await thread.edit(layout=layout(0.5))
    await thread.go()
    child = await thread.run()
    assert [region.y0 for attempt in child.attempts for region in attempt.layout.regions] == [0.5, 0.5]


async def test_a_node_that_is_done_again_with_another_call_goes_on_with_a_fork(blocks: Blocks) -> None:
    thread = Thread(blocks(Counting()))
    await thread.go({"prompt": PROMPT}, interrupt_after=["regional_diffuse"])
    call, answer = (await thread.values())["messages"][-2:]
    changed = {"messages": [edited(call, seed=5), RemoveMessage(answer.id)]}
    await thread.graph.aupdate_state(thread.config, changed, as_node="agent")
    assert await thread.next() == ("regional_diffuse",)
    await thread.go()
    child = await thread.run()
    assert ([attempt.seed for attempt in child.attempts], child.passed) == ([0, 5], True)
    assert child.parent != ""


@pytest.mark.parametrize("node", ["recaption", "plan", "regional_diffuse", "agent", "verify"])
async def test_another_seed_in_the_context_forks_the_run_from_an_earlier_step(blocks: Blocks, node: str) -> None:
    thread = Thread(blocks())
    await thread.go({"prompt": PROMPT})
    parent = await thread.run()
    state = await thread.go(at=await thread.before(node), said={"seed": 5})
    child = await ledger(state)
    assert (child.parent, child.passed) == (parent.run_id, True)
    assert [attempt.seed for attempt in child.attempts] == [5]
    assert (child.usage.images, child.attempts[0].image_id.startswith(child.run_id)) == (1, True)
    assert [run for run in await runs() if run.run_id == parent.run_id] == [parent]


@pytest.mark.slow
@pytest.mark.parametrize("node", ["agent", "recaption", "plan", "regional_diffuse", "verify"])
@pytest.mark.parametrize("number", [0, -1])
async def test_another_plan_in_the_context_forks_the_run_and_is_painted(blocks: Blocks, node: str, number: int) -> None:
    thread = Thread(blocks())
    await thread.go({"prompt": PROMPT})
    parent = await thread.run()
    state = await thread.go(at=await thread.before(node, number), said={"plan": layout(0.5)})
    child = await ledger(state)
    assert (child.parent, child.passed, child.layout_by) == (parent.run_id, True, "caller")
    assert {region.y0 for attempt in child.attempts for region in attempt.layout.regions} == {0.5}
    assert str(state["messages"][-1].text).startswith("Done: ")
    assert [run for run in await runs() if run.run_id == parent.run_id] == [parent]


async def test_more_rounds_go_on_where_the_rounds_were_used_up(blocks: Blocks) -> None:
    thread = Thread(blocks(Counting()))
    state = await thread.go({"prompt": PROMPT}, said={"rounds": 0})
    assert str(state["messages"][-1].text).startswith("Not passed: all 0 rounds are used up.")
    await thread.go(at=await thread.before("verify", -1), said={"rounds": 3})
    assert [attempt.action for attempt in (await thread.run()).attempts] == ["paint", "edit"]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"backbone": "picturebook"}, "was begun with backbone 'blocks', not 'picturebook': leave it out to go on"),
        ({"steps": 9}, "was begun with steps 2, not 9"),
        ({"model": "other"}, "was begun with model 'offline', not 'other'"),
    ],
)
async def test_what_no_fork_may_change_is_refused_in_one_line_and_loses_nothing(
    blocks: Blocks, said: dict[str, Any], message: str
) -> None:
    thread = Thread(blocks())
    await thread.go({"prompt": PROMPT}, interrupt_before=["regional_diffuse"])
    with pytest.raises(BadSettings, match=message) as caught:
        await thread.go(said=said)
    assert "\n" not in str(caught.value)
    await thread.go()
    assert (await thread.run()).passed


async def test_the_defaults_said_out_loud_are_no_change(blocks: Blocks) -> None:
    thread = Thread(blocks())
    await thread.go({"prompt": PROMPT}, interrupt_before=["regional_diffuse"])
    defaults = wiring.settings()
    said = {
        name: getattr(defaults, name) for name in ("detector", "call_seconds", "instructions", "strict", "guidance")
    }
    await thread.go(said=said)
    run = await thread.run()
    assert (run.passed, run.parent) == (True, "")


async def test_nothing_can_be_forked_where_all_that_is_left_is_to_say_how_it_went(blocks: Blocks) -> None:
    thread = Thread(blocks())
    await thread.go({"prompt": PROMPT})
    with pytest.raises(BadSettings, match="has ended at this step: to change its seed, fork from an earlier one"):
        await thread.go(at=await thread.before("finish"), said={"seed": 5})


async def test_a_run_that_failed_for_a_passing_reason_goes_on_as_the_same_run(blocks: Blocks) -> None:
    class Out(BlockInspector):
        out = True

        async def inspect(self, *args: Any) -> Any:
            from muralist.tools.errors import Busy

            if self.out:
                self.out = False
                raise Busy("too many are waiting: try again later")
            return await super().inspect(*args)

    thread = Thread(blocks(inspector=Out()))
    with pytest.raises(Exception, match="too many are waiting"):
        await thread.go({"prompt": PROMPT})
    assert await thread.next() == ("regional_diffuse",)
    await thread.go()
    run = await thread.run()
    assert (run.passed, run.parent, run.usage.images, len(await runs())) == (True, "", 1, 1)


async def test_a_model_that_is_down_is_asked_again_on_the_same_run(blocks: Blocks) -> None:
    from scripted_model import ScriptedModel, call

    from muralist.tools.errors import Outage

    turns = [call("recaption", prompt=PROMPT), Outage("down"), call("plan"), call("regional_diffuse")]
    thread = Thread(blocks(model=ScriptedModel(turns=turns)))
    with pytest.raises(Outage, match="down"):
        await thread.go({"prompt": PROMPT})
    assert await thread.next() == ("agent",)
    await thread.go()
    run = await thread.run()
    assert (run.passed, run.parent, len(await runs())) == (True, "", 1)
