"""A person's word on the plan: what is asked, what each decision does, and what cannot be decided."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from block_world import BlockPainter
from langgraph.types import Command
from scripted_model import ScriptedModel, call
from threads import Thread, layout

PROMPT = "a red cup to the left of a blue book"
Blocks = Callable[..., dict[str, Any]]


class Waiting(Thread):
    """A thread whose plan waits for a person."""

    @classmethod
    async def begun(cls, named: dict[str, Any]) -> Waiting:
        thread = cls({**named, "approve": True})
        await thread.go({"prompt": PROMPT})
        return thread

    async def request(self) -> dict[str, Any]:
        """What is asked now."""
        (task,) = (await self.graph.aget_state(self.config)).tasks
        (asked,) = task.interrupts
        return dict(asked.value)

    async def decide(self, **decision: Any) -> str:
        """Decide; gives the thread's last message."""
        state = await self.go(Command(resume={"decisions": [decision]}))
        return str(state["messages"][-1].text)


def edit(**args: Any) -> dict[str, Any]:
    return {"type": "edit", "edited_action": {"name": "plan", "args": args}}


def swapped() -> dict[str, Any]:
    """A layout that says the contrary of the prompt."""
    wrong = layout()
    wrong["regions"][0] |= {"x0": 0.5, "x1": 1.0}
    wrong["regions"][1] |= {"x0": 0.0, "x1": 0.5}
    return wrong


async def test_the_plan_is_asked_about_as_stock_front_ends_render_it(blocks: Blocks) -> None:
    thread = await Waiting.begun(blocks())
    request = await thread.request()
    (action,), (config,) = request["action_requests"], request["review_configs"]
    assert action["name"] == config["action_name"] == "plan"
    assert config["allowed_decisions"] == ["approve", "edit", "reject", "respond"]
    assert len(action["args"]["layout"]["regions"]) == 2
    assert action["description"].startswith("Paint this plan?\na red cup: x 0.0")
    assert await thread.next() == ("approve",)


async def test_approve_paints_the_plan(blocks: Blocks) -> None:
    thread = await Waiting.begun(blocks())
    planned = (await thread.run()).layout
    assert (await thread.decide(type="approve")).startswith("Done: ")
    run = await thread.run()
    assert [attempt.layout for attempt in run.attempts] == [planned]
    assert (run.usage.planner_calls, len(run.turns)) == (3, 3)


async def test_edit_paints_the_other_plan(blocks: Blocks) -> None:
    thread = await Waiting.begun(blocks())
    assert (await thread.decide(**edit(layout=layout(0.5)))).startswith("Done: ")
    run = await thread.run()
    assert {region.y0 for region in run.attempts[0].layout.regions} == {0.5}
    assert (run.layout_by, run.usage.planner_calls) == ("caller", 3)


async def test_reject_ends_the_run_without_a_picture_and_the_thread_goes_on(blocks: Blocks) -> None:
    thread = await Waiting.begun(blocks())
    assert (
        await thread.decide(type="reject", message="I want\na dog") == "Cancelled: the plan was rejected: I want a dog."
    )
    run = await thread.run()
    assert (run.status, run.attempts) == ("cancelled", [])
    await thread.say("a green apple")
    assert await thread.next() == ("approve",)
    assert (await thread.decide(type="approve")).startswith("Done: ")


async def test_respond_tells_the_agent_and_its_next_plan_is_asked_about(blocks: Blocks) -> None:
    lower = call("plan", layout=layout(0.5))
    model = ScriptedModel(turns=[call("recaption", prompt=PROMPT), call("plan"), lower, call("regional_diffuse")])
    thread = await Waiting.begun(blocks(model=model))
    await thread.decide(type="respond", message="put them lower")
    assert str(model.read[2][-1].text) == "put them lower"
    assert (await thread.request())["action_requests"][0]["args"]["layout"]["regions"][0]["y0"] == 0.5
    assert (await thread.decide(type="approve")).startswith("Done: ")


async def test_an_agent_that_does_not_plan_again_paints_nothing_before_the_person_agrees(blocks: Blocks) -> None:
    thread = await Waiting.begun(blocks())
    await thread.decide(type="respond", message="put them lower")
    assert await thread.next() == ("approve",)
    assert (await thread.run()).attempts == []
    assert (await thread.decide(**edit(layout=layout(0.5)))).startswith("Done: ")
    run = await thread.run()
    assert {region.y0 for region in run.attempts[0].layout.regions} == {0.5}
    messages = (await thread.values())["messages"]
    calls = [each["id"] for message in messages for each in getattr(message, "tool_calls", [])]
    assert calls == [message.tool_call_id for message in messages if message.type == "tool"], (
        "no call without an answer"
    )


async def test_a_plan_that_the_agent_makes_afterwards_is_asked_about_again(blocks: Blocks) -> None:
    first = [call("recaption", prompt=PROMPT), call("plan"), call("regional_diffuse")]
    model = ScriptedModel(turns=[*first, call("plan", layout=layout(0.5)), call("regional_diffuse", seed=5)])
    thread = await Waiting.begun(blocks(BlockPainter(faults={0: [0]}), model=model))
    await thread.decide(type="approve")
    assert await thread.next() == ("approve",)
    assert len((await thread.run()).attempts) == 1
    assert (await thread.decide(type="approve")).startswith("Done: ")


@pytest.mark.parametrize(
    ("decision", "told"),
    [
        ({"type": "perhaps"}, "'perhaps'"),
        ({"decision": "approve"}, "decisions.0: Unable to extract tag"),
        ({"type": "respond", "message": ""}, "message: String should have at least 1 character"),
        ({"type": "edit"}, "edited_action: Field required"),
        (edit(layout={"regions": []}), "plan: layout.regions: List should have at least 1 item"),
        (edit(layout="left and right"), "plan: layout: has to be an object"),
        (edit(), "either a layout or a grid: give one of them"),
        (edit(layout=swapped()), "cup has to be left of book, but the regions say otherwise: move them"),
        (edit(layout={**layout(), "regions": layout()["regions"][:1]}), "no region of the layout shows book"),
    ],
)  # fmt: skip
async def test_a_decision_that_cannot_be_taken_is_told_and_asked_for_again(
    blocks: Blocks, decision: dict[str, Any], told: str
) -> None:
    thread = await Waiting.begun(blocks())
    before = await thread.run()
    await thread.decide(**decision)
    description = (await thread.request())["action_requests"][0]["description"]
    first = description.splitlines()[0]
    assert told in first
    assert first.startswith("That decision cannot be taken: ")
    assert first.endswith(". Decide again.")
    assert (await thread.next(), await thread.run()) == (("approve",), before)
    assert (await thread.decide(type="approve")).startswith("Done: ")
    assert (await thread.run()).usage.planner_calls == 3


async def test_what_is_no_decision_at_all_is_told_too(blocks: Blocks) -> None:
    thread = await Waiting.begun(blocks())
    for nothing in ("yes", 7, [], {"decisions": []}, {"decisions": [{"type": "approve"}, {"type": "approve"}]}):
        await thread.go(Command(resume=nothing))
        assert "cannot be taken" in (await thread.request())["action_requests"][0]["description"]
    assert (await thread.decide(type="approve")).startswith("Done: ")
