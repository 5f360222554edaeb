"""What the offline chat model does in a conversation with the tools."""

import asyncio
import json
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool

from muralist.agent import OfflineChatModel, OfflineDrafter, lay_out
from muralist.parsing import parse_prompt
from muralist.tools.checklist import checklist
from muralist.tools.edits import Edit
from muralist.tools.layout import Box, Layout
from muralist.tools.scene import Scene
from muralist.tools.verdict import Verdict, settle

PROMPT = "a red apple to the left of a blue cup"
TOOLS = ["recaption", "plan", "regional_diffuse", "inspect_and_edit"]


@tool
def recaption(prompt: str) -> str:
    """Open a run."""
    return prompt


def offered(*names: str) -> list[dict[str, Any]]:
    return [{"name": name, "description": name, "parameters": {"type": "object", "properties": {}}} for name in names]


def answer(messages: list[BaseMessage], names: list[str] | None = None) -> AIMessage:
    return OfflineChatModel().bind_tools(offered(*(TOOLS if names is None else names))).invoke(messages)


def opening(prompt: str = PROMPT) -> list[BaseMessage]:
    return [SystemMessage("You paint."), HumanMessage(prompt)]


def told(messages: list[BaseMessage], status: str = "success", **contents: Any) -> list[BaseMessage]:
    """The model's next call, and what the tool says to it."""
    call = answer(messages)
    content = contents["error"] if status == "error" else json.dumps({"text": "…", **contents})
    return [*messages, call, ToolMessage(content, tool_call_id=call.tool_calls[0]["id"], status=status)]


def planned(prompt: str = PROMPT) -> list[BaseMessage]:
    scene = parse_prompt(prompt)
    recaptioned = told(opening(prompt), scene=scene.model_dump(mode="json"), checklist=[])
    return told(recaptioned, layout=lay_out(scene).model_dump(mode="json"))


def findings(failing: tuple[str, ...] = (), prompt: str = PROMPT, **fields: Any) -> dict[str, Any]:
    questions = checklist(parse_prompt(prompt))
    given = [
        Verdict(
            question_id=question.id,
            status="fail" if question.id in failing else "pass",
            p=0.1 if question.id in failing else 0.9,
            source="picturebook",
            box=Box(x0=0.6, y0=0.3, x1=0.9, y1=0.6),
        )
        for question in questions.questions
    ]
    return {
        "status": "accepted", "best_id": "r-1", "candidate_id": "r-1", "reason": "the first picture", "score": 0.5,
        "passed": not failing, "open_questions": [questions.question(name).model_dump(mode="json") for name in failing],
        "verdicts": [verdict.model_dump(mode="json") for verdict in settle(questions, given)],
        "rejected_moves": [], "seed": 0, "rounds_left": 4, "images_left": 7, **fields,
    }  # fmt: skip


def test_it_begins_by_writing_down_the_scene() -> None:
    message = answer(opening())
    (call,) = message.tool_calls
    assert call["name"] == "recaption"
    assert call["args"]["prompt"] == PROMPT
    assert Scene.model_validate(call["args"]["scene"]) == parse_prompt(PROMPT)


def test_it_says_what_it_did_not_understand() -> None:
    assert "Not understood, kept in the caption: gracefully." in str(answer(opening("a cat gracefully")).text)


def test_with_a_scene_it_plans() -> None:
    (call,) = answer(told(opening(), scene=parse_prompt(PROMPT).model_dump(mode="json"), checklist=[])).tool_calls
    assert call["name"] == "plan"
    assert Layout.model_validate(call["args"]["layout"]) == lay_out(parse_prompt(PROMPT))


def test_with_a_layout_it_paints() -> None:
    (call,) = answer(planned()).tool_calls
    assert (call["name"], call["args"]) == ("regional_diffuse", {})


def test_a_picture_that_passes_ends_the_conversation() -> None:
    message = answer(told(planned(), findings=findings()))
    assert message.tool_calls == []
    assert message.text == "Done: the picture shows everything that was asked for."


def test_a_wrong_colour_is_edited() -> None:
    (call,) = answer(told(planned(), findings=findings(("cup.colour.0",)))).tool_calls
    assert call["name"] == "inspect_and_edit"
    (edit,) = [Edit.model_validate(each) for each in call["args"]["edits"]]
    assert (edit.action, edit.entity) == ("recolour", "cup")


def test_a_missing_thing_is_added_where_the_best_pictures_own_layout_has_it() -> None:
    scene = parse_prompt("a red apple, a blue cup and a green book")
    drawn = lay_out(scene)
    regions = [*drawn.regions[:2], drawn.regions[2].model_copy(update={"x0": 0.25, "x1": 0.75})]
    own = drawn.model_copy(update={"regions": regions}).model_dump(mode="json")
    report = findings(("book.exists",), prompt=scene.prompt, layout=own)
    for verdict in report["verdicts"]:
        verdict["box"] = None
    (call,) = answer(told(planned(scene.prompt), findings=report)).tool_calls
    (edit,) = [Edit.model_validate(each) for each in call["args"]["edits"]]
    assert (edit.action, edit.box) == ("add", regions[2].box)


def test_another_scene_is_planned_anew() -> None:
    other = parse_prompt(PROMPT).model_copy(update={"background": "sand"}).model_dump(mode="json")
    messages = told(planned(), findings=findings(("cup.colour.0",)))
    (call,) = answer(told(messages, scene=other, checklist=[])).tool_calls
    assert call["name"] == "plan"


def test_a_picture_that_shows_one_thing_of_several_is_edited() -> None:
    (call,) = answer(
        told(planned(), findings=findings(("apple.exists", "cup.colour.0", "cup.count"), seed=5))
    ).tool_calls
    assert call["name"] == "inspect_and_edit"


def test_a_picture_that_shows_nothing_of_what_was_asked_for_is_painted_anew() -> None:
    report = findings(("apple.exists", "cup.exists"), seed=5)
    (call,) = answer(told(planned(), findings=report)).tool_calls
    assert (call["name"], call["args"]) == ("regional_diffuse", {"seed": 6})


def test_once_all_edits_have_had_their_chance_it_takes_a_new_seed_only_if_most_is_missing() -> None:
    rejected = [{"action": action, "target": "cup.0", "seed": seed}
                for action in ("add", "refine", "recolour", "replace") for seed in range(2)]  # fmt: skip
    message = answer(told(planned(), findings=findings(("cup.colour.0",), rejected_moves=rejected)))
    assert message.tool_calls == []
    assert str(message.text).startswith("Nothing is left to try")
    half = findings(("cup.exists", "cup.colour.0", "cup.count"), rejected_moves=rejected)
    (call,) = answer(told(planned(), findings=half)).tool_calls
    assert (call["name"], call["args"]) == ("regional_diffuse", {"seed": 1})


def test_it_stops_when_the_budget_is_used_up() -> None:
    message = answer(told(planned(), findings=findings(("cup.colour.0",), rounds_left=0)))
    assert message.tool_calls == []
    assert "budget" in str(message.text)


def test_after_a_rejection_it_tries_one_edit_at_a_time() -> None:
    failing = ("apple.colour.0", "cup.colour.0")
    report = findings(failing)
    report["verdicts"][1]["box"] = {"x0": 0.1, "y0": 0.3, "x1": 0.4, "y1": 0.6}
    together = answer(told(planned(), findings=report)).tool_calls[0]["args"]["edits"]
    single = answer(told(planned(), findings={**report, "status": "rejected"})).tool_calls[0]["args"]["edits"]
    assert [edit["entity"] for edit in together] == ["apple", "cup"]
    assert [edit["entity"] for edit in single] == ["apple"]


def test_a_picture_that_nobody_can_judge_ends_the_conversation_with_the_reason() -> None:
    report = findings(("cup.colour.0",), status="awaiting_verdicts")
    for verdict in report["verdicts"]:
        if verdict["question_id"] == "cup.colour.0":
            verdict.update(status="unsure", p=0.5, source="nobody")
    message = answer(told(planned(), findings=report))
    assert message.tool_calls == []
    assert str(message.text).startswith("Stopping: no inspector answered cup.colour.0;")


def test_after_an_error_it_does_not_repeat_the_call() -> None:
    messages, seen = opening(), []
    while (call := answer(messages)).tool_calls:
        seen.append(json.dumps([call.tool_calls[0]["name"], call.tool_calls[0]["args"]], sort_keys=True))
        messages = told(messages, status="error", error="the scene is bad: say more")
    assert len(set(seen)) == len(seen) == 2
    assert call.text == "Giving up: the scene is bad: say more"


def test_a_failed_edit_leads_to_something_else() -> None:
    messages = told(planned(), findings=findings(("cup.colour.0",)))
    messages = told(messages, status="error", error="no such box")
    (call,) = answer(messages).tool_calls
    assert (call["name"], call["args"]) == ("regional_diffuse", {"seed": 1})


def test_a_tool_that_is_not_offered_is_not_called() -> None:
    message = answer(opening(), names=["plan"])
    assert message.tool_calls == []
    assert message.text == "Giving up: the next step would be recaption, which is not offered."


def test_a_scene_that_contradicts_itself_is_given_up_with_the_reason() -> None:
    scene = parse_prompt("a cat left of a dog. The dog is left of the cat.")
    message = answer(told(opening(), scene=scene.model_dump(mode="json"), checklist=[]))
    assert message.tool_calls == []
    assert "the cat is left of the dog; the dog is left of the cat" in str(message.text)


def test_an_empty_prompt_is_given_up_with_the_reason() -> None:
    assert "the prompt is empty" in str(answer(opening(" ")).text)


def test_the_prompt_may_come_in_content_blocks_and_later_pictures_do_not_matter() -> None:
    blocks = HumanMessage([{"type": "text", "text": PROMPT}])
    later = HumanMessage([{"type": "image", "base64": "AA==", "mime_type": "image/png"}])
    assert answer([blocks, later]).tool_calls[0]["args"]["prompt"] == PROMPT


def test_the_same_conversation_gives_the_same_answer_in_both_ways_of_calling() -> None:
    model = OfflineChatModel().bind_tools([recaption])
    one, two = model.invoke(opening()), asyncio.run(model.ainvoke(opening()))
    assert (one.content, one.tool_calls) == (two.content, two.tool_calls)
    assert one.tool_calls[0]["name"] == "recaption"


async def test_the_drafter_fills_in_scene_and_layout() -> None:
    drafter = OfflineDrafter()
    scene = await drafter.scene(PROMPT)
    assert scene == parse_prompt(PROMPT)
    assert await drafter.layout(scene) == lay_out(scene)
