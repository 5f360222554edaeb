"""What a reply is taken for: a call, a fault to feed back, or a refusal."""

from __future__ import annotations

import json
from typing import Any

import pytest

from muralist.agent.endpoint.completion import completion_of
from muralist.agent.endpoint.reply_parsing import ParsedReply, parse_reply
from muralist.agent.endpoint.tool_specs import GIVE_UP, ToolSpec, call_schema
from muralist.tools.catalogue import TOOLS
from muralist.tools.errors import Refused

SPECS = [*(ToolSpec(tool.name, tool.description, tool.args.model_json_schema()) for tool in TOOLS.values()), GIVE_UP]
THOUGHT = '<think>First {"tool": "give_up", "arguments": {}}?</think>'
PLAN = {"grid": {"base_prompt": "all", "rows": [{"prompt": "a cat"}]}}


def reading(
    text: str | None, specs: Any = SPECS, finish: str = "stop", native: bool = False, **more: Any
) -> ParsedReply:
    body = {"choices": [{"message": {"content": text, **more}, "finish_reason": finish}]}
    return parse_reply(completion_of(body), specs, native, "a cat and a dog")


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"tool": "plan", "arguments": PLAN}),
        json.dumps({"name": "plan", "parameters": json.dumps(PLAN)}),
        json.dumps({"function": {"name": "plan", "arguments": PLAN}}),
        json.dumps({"tool_calls": [{"type": "function", "function": {"name": "plan", "arguments": json.dumps(PLAN)}}]}),
        json.dumps({"plan": PLAN}),
        json.dumps(PLAN),
        f"```json\n{json.dumps({'tool': 'plan', 'arguments': PLAN}, indent=2)}\n```",
        f"In {{braces}}, and {{'not': JSON}}: {json.dumps({'tool': 'plan', 'arguments': PLAN})} Good?",
        THOUGHT + json.dumps({"tool": "plan", "arguments": PLAN}),
    ],
)
def test_a_call_is_found_in_any_of_the_shapes_in_which_models_write_it(text: str) -> None:
    call = reading(text).call
    assert call is not None
    assert (call.tool, call.arguments) == ("plan", PLAN)


@pytest.mark.parametrize(
    "text",
    [
        "Final split ratio: 1;1\nRegional Prompt: a cat BREAK a dog",
        "### Key phrases\n\n**Final split ratio:** `1;1`\n\n**Regional Prompt:** a cat BREAK\na dog\n\nEnjoy!",
        "Split ratio: 2,3\nno, rather:\nFinal split ratio: 1;1\nRegional prompt: a cat BREAK a dog",
        "Regional Prompt: a cat BREAK a dog\n\nFinal split ratio: 1; 1",
    ],
)
def test_a_plan_in_the_papers_own_form_is_a_call(text: str) -> None:
    call = reading(text).call
    assert call is not None
    rows = [{"prompt": "a cat"}, {"prompt": "a dog"}]
    assert (call.tool, call.arguments) == ("plan", {"grid": {"base_prompt": "a cat and a dog", "rows": rows}})


def test_a_plan_in_the_papers_form_that_comes_before_the_scene_asks_for_a_scene_first() -> None:
    call = reading("Final split ratio: 1;1\nRegional Prompt: a cat BREAK a dog", [SPECS[0], GIVE_UP]).call
    assert call is not None
    assert call.tool == "recaption"


@pytest.mark.parametrize(
    ("text", "finish", "fault"),
    [
        ("Gladly!", "stop", 'it is not in the form that was asked for: answer with one JSON object {"tool"'),
        ('{"tool": "plan", "arguments": {', "length", "it was cut off before its end: answer in fewer words"),
        ('{"tool": "plan" "arguments": {}}', "stop", "it holds no JSON that can be read (Expecting ',' delimiter at"),
        ('{"tool": "", "a" {"prompt": "half a cat"}}', "stop", "it holds no JSON that can be read"),
        ('{"tool": "juggle", "arguments": {}}', "stop", "it is not in the form that was asked for"),
        ("Final split ratio: 1;1\nRegional Prompt: a cat", "stop", "split ratio '1;1' has 2 cells, but 1 prompts"),
        ("x" * 100_001, "stop", "it is longer than 100000 characters"),
        ('{"a":' * 100_000, "stop", "it is longer than 100000 characters"),
        ('{"a":' * 15_000, "stop", "it holds no JSON that can be read"),
        (
            '{"tool": "plan", "arguments": {"layout": NaN}}',
            "stop",
            "it holds no JSON that can be read (NaN is not JSON)",
        ),
        ("", "stop", "it is not in the form"),
    ],
)
def test_what_no_call_can_be_read_from_is_a_fault_that_says_what_would_be_right(
    text: str, finish: str, fault: str
) -> None:
    read = reading(text, finish=finish)
    assert read.call is None
    assert read.fault.startswith(fault)


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ('{"grid": ', "the arguments of plan are not JSON: Expecting value at line 1, column 10"),
        ("seven", "the arguments of plan are not JSON: they are no object"),
    ],
)
def test_arguments_of_a_tool_call_that_are_not_json_are_named(arguments: str, fault: str) -> None:
    calls = [{"id": "1", "function": {"name": "plan", "arguments": arguments}}]
    assert reading(None, native=True, tool_calls=calls).fault == fault


@pytest.mark.parametrize(
    ("text", "finish", "more"),
    [
        (None, "stop", {"refusal": "I will not."}),
        ("", "content_filter", {}),
        ("I'm sorry, but I can't help with that.", "stop", {}),
        ("I\u2019m sorry, but I can\u2019t help with that.", "stop", {}),
        ("I'm sorry. I can't assist with creating that image.", "stop", {}),
        ("I cannot fulfill this request.", "stop", {}),
        ("Sorry, I can't comply.", "stop", {}),
        ("I'm unable to generate that image as it depicts violence.", "stop", {}),
        ("I can't create images of real people. Shall we try a drawing of a cat instead?", "stop", {}),
        ("I cannot generate sexual content.", "stop", {}),
        ("I cannot create this picture, since it would be against the content policy.", "stop", {}),
    ],
)
def test_a_refusal_is_told_from_a_reply_in_the_wrong_form(text: str | None, finish: str, more: Any) -> None:
    with pytest.raises(Refused, match=r"^the model declined: "):
        reading(text, finish=finish, **more)


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, I cannot call tools.",
        "As a language model, I can't draw pictures.",
        "I cannot call tools here, but following your guidelines I would place the cup left of the book.",
        "I can't see the picture. To be explicit: the cup is missing.",
        "I won't repeat the rejected move. The prompt is explicit about the colour.",
        "I can't comply with the JSON format.",
        "I can't help but notice that the cup is blue.",
    ],
)
def test_what_a_model_says_of_its_own_limits_is_no_refusal(text: str) -> None:
    assert reading(text).ignored


def test_the_schema_of_one_call_holds_every_tool_and_every_definition_they_refer_to() -> None:
    schema = call_schema(SPECS)
    assert schema["properties"]["tool"]["enum"] == [spec.name for spec in SPECS]
    told = json.dumps(schema)
    references = {part.split('"')[0] for part in told.split('"#/$defs/')[1:]}
    assert references <= set(schema["$defs"])
    assert len(schema["properties"]["arguments"]["anyOf"]) == len(SPECS)
