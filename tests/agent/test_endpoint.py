"""A model behind a real socket, asked by the real client."""

from __future__ import annotations

import json
from typing import Any

import fake_endpoint
import pytest
from fake_endpoint import Answer, FakeEndpoint, completion, serving
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage, ToolMessage
from PIL import Image
from pydantic import BaseModel, Field

from muralist.agent.endpoint import Endpoint, EndpointChatModel, picture_block
from muralist.agent.endpoint.output_mode import OutputMode
from muralist.agent.endpoint.probe import probe
from muralist.agent.settings import Settings
from muralist.tools.errors import BadSettings, EndpointError, NoAnswer, NoVision, OutOfBudget, Refused
from muralist.tools.metering import Price, Spending, metered

QUESTION = [SystemMessage("Be exact."), HumanMessage("Which colour is it?")]
PICTURE = HumanMessage([{"type": "text", "text": "Look."}, picture_block(Image.new("RGB", (2000, 1000), "red"))])
RECAPTION = {"type": "function", "function": {"name": "recaption", "description": "Write it down.", "parameters": {}}}
PLAN = {"type": "function", "function": {"name": "plan", "description": "Divide.", "parameters": {}}}


class Seen(BaseModel):
    """What is seen."""

    colour: str = Field(min_length=3)


def red(names: list[str], request: Any) -> tuple[str, Any]:
    return "seen", {"colour": "red"}


def planning(names: list[str], request: Any) -> tuple[str, Any]:
    return "plan", {"layout": None}


@pytest.mark.parametrize("name", sorted(set(fake_endpoint.DIALECTS) - {"refusal", "truncated"}))
async def test_a_form_is_filled_in_whatever_the_dialect(name: str) -> None:
    with serving(red, fake_endpoint.DIALECTS[name]) as fake:
        assert await Endpoint("m", base_url=fake.url).ask(QUESTION, Seen) == Seen(colour="red")


async def test_what_an_endpoint_can_do_is_found_out_once_per_model() -> None:
    with serving(red, fake_endpoint.no_schemas) as fake:
        for model in ("m", "m", "another"):
            await Endpoint(model, base_url=fake.url).ask(QUESTION, Seen)
        forms = [
            request.get("tool_choice") or request.get("response_format", {}).get("type") for request in fake.requests
        ]
    forced = {"type": "function", "function": {"name": "seen"}}
    ladder = ["required", "json_schema", forced, "json_object"]
    assert forms == [*ladder, "json_object", *ladder]


async def test_the_exact_error_is_fed_back_twice_at_most() -> None:
    colours = iter(["", "ox", "red"])
    with serving(lambda *_: ("seen", {"colour": next(colours)}), fake_endpoint.tools) as fake:
        assert (await Endpoint("m", base_url=fake.url).ask(QUESTION, Seen)).colour == "red"
    told = [request["messages"][-1]["content"] for request in fake.requests]
    error = "Your answer cannot be used: colour: String should have at least 3 characters. Answer again."
    assert told == ["Which colour is it?", error, error]


async def test_after_two_repairs_there_is_no_answer() -> None:
    with serving(lambda *_: ("seen", {}), fake_endpoint.tools) as fake:
        with pytest.raises(NoAnswer, match=r"^model m gave no answer that can be used: colour: Field required$"):
            await Endpoint("m", base_url=fake.url).ask(QUESTION, Seen)
        assert len(fake.requests) == 3


async def test_a_refusal_is_not_repaired() -> None:
    with serving(red, fake_endpoint.refusal) as fake:
        with pytest.raises(Refused, match=r"^the model declined: I will not picture cups\.$"):
            await Endpoint("m", base_url=fake.url).ask(QUESTION, Seen)
        assert len(fake.requests) == 1


@pytest.mark.parametrize("status", [400, 500])
async def test_a_form_about_a_picture_is_never_filled_in_without_it(status: int) -> None:
    def blind(fake: FakeEndpoint, request: Any) -> Answer:
        if "image_url" in str(request["messages"]):
            return fake_endpoint.error(status, "this model does not support images", **{"retry-after-ms": "1"})
        return fake_endpoint.tools(fake, request)

    with serving(red, blind) as fake:
        endpoint = Endpoint("m", base_url=fake.url)
        with pytest.raises(
            NoVision, match=rf"^model m takes no pictures \({status}: this model does not support images\)"
        ):
            await endpoint.ask([*QUESTION, PICTURE], Seen)
        assert (await endpoint.ask(QUESTION, Seen)).colour == "red"
        assert "takes no pictures: good for planning" in (await probe(endpoint)).summary


async def test_every_call_over_the_wire_is_metered_with_its_price_and_the_tries_of_the_client() -> None:
    with serving(red, fake_endpoint.rate_limited) as fake:
        endpoint = Endpoint("m", base_url=fake.url, price=Price(input=1e6, output=2e6))
        with metered() as outer:
            for _ in range(2):
                with metered() as inner:
                    await endpoint.ask(QUESTION, Seen)
    once = Spending(calls=2, input_tokens=11, output_tokens=7, money=25)
    assert (inner.spent, outer.spent) == (once, once + once)


async def test_a_meter_that_allows_no_more_stops_the_call_before_it_is_made() -> None:
    with serving(red, fake_endpoint.tools) as fake:
        endpoint = Endpoint("m", base_url=fake.url)
        with metered(lambda spent: "enough" if spent.calls >= 1 else ""):
            await endpoint.ask(QUESTION, Seen)
            with pytest.raises(OutOfBudget, match=r"^enough$"):
                await endpoint.ask(QUESTION, Seen)
        assert len(fake.requests) == 1


@pytest.mark.parametrize("dialect", [fake_endpoint.tools, fake_endpoint.tools_ignored, fake_endpoint.no_schemas])
async def test_a_streamed_answer_is_the_same_as_one_in_one_piece(dialect: Any) -> None:
    with serving(planning, dialect) as fake:
        model = EndpointChatModel(endpoint=Endpoint("m", base_url=fake.url)).bind_tools([RECAPTION, PLAN])
        whole: Any = None
        async for chunk in model.astream(QUESTION):
            whole = chunk if whole is None else whole + chunk
        once = await model.ainvoke(QUESTION)
    assert isinstance(whole, AIMessageChunk)
    assert [(call["name"], call["args"]) for call in whole.tool_calls] == [("plan", {"layout": None})]
    assert [(call["name"], call["args"]) for call in once.tool_calls] == [("plan", {"layout": None})]
    assert once.usage_metadata is not None
    assert whole.response_metadata["rung"] == once.response_metadata["rung"]


async def test_text_is_streamed_word_by_word() -> None:
    with serving(planning, lambda *_: completion("I would rather talk.")) as fake:
        model = EndpointChatModel(endpoint=Endpoint("m", base_url=fake.url))
        texts = [str(chunk.text) async for chunk in model.astream("Hello?")]
        assert (await model.ainvoke("Hello?")).text == "I would rather talk."
    assert [text for text in texts if text] == ["I ", "would ", "rather ", "talk."]


@pytest.mark.parametrize("answer", [
    fake_endpoint.error(400, "stream_options is not supported"), Answer(b"data: {half a"),
])  # fmt: skip
async def test_an_endpoint_that_cannot_stream_is_asked_for_the_same_in_one_piece(answer: Answer) -> None:
    def unstreamed(fake: FakeEndpoint, request: Any) -> Answer:
        if request.get("stream"):
            return answer
        return fake_endpoint.tools(fake, request)

    with serving(planning, unstreamed) as fake:
        model = EndpointChatModel(endpoint=Endpoint("m", base_url=fake.url)).bind_tools([PLAN])
        for _ in range(2):
            (chunk,) = [chunk async for chunk in model.astream(QUESTION)]
            assert chunk.response_metadata["rung"] == "tools"
        assert [bool(request.get("stream")) for request in fake.requests] == [True, False, False]


async def test_a_conversation_with_tools_is_told_in_words_to_an_endpoint_that_knows_none() -> None:
    call = {"name": "recaption", "args": {"prompt": "a cat"}, "id": "1", "type": "tool_call"}
    conversation = [
        *QUESTION,
        AIMessage("", tool_calls=[call]),
        ToolMessage("one entity", tool_call_id="1", name="recaption"),
        PICTURE,
    ]
    with serving(planning, fake_endpoint.tools_ignored) as fake:
        await EndpointChatModel(endpoint=Endpoint("m", base_url=fake.url)).bind_tools([PLAN]).ainvoke(conversation)
    native, told = (request["messages"] for request in fake.requests)
    assert [message["role"] for message in native] == ["system", "user", "assistant", "tool", "user"]
    assert [message["role"] for message in told] == ["system", "user", "assistant", "user"]
    assert told[0]["content"].startswith("Be exact.\n\nAnswer with one JSON object")
    assert told[2]["content"] == '{"tool": "recaption", "arguments": {"prompt": "a cat"}}'
    assert [part["type"] for part in told[3]["content"]] == ["text", "text", "image_url"]
    assert told[3]["content"][0]["text"] == "recaption answers: one entity"


@pytest.mark.parametrize(
    ("dialect", "said"),
    [
        (fake_endpoint.tools, "calls tools; sees pictures; 1 call, 18 tokens, at http"),
        (fake_endpoint.forced_only, "calls one tool at a time when forced to, so runs are pipelines; sees pictures"),
        (fake_endpoint.no_schemas, "knows neither tools nor schemas, but writes JSON; sees pictures; 4 calls"),
        (fake_endpoint.truncated, "model m gave no answer that can be used: it was cut off"),
    ],
)
async def test_one_small_question_says_what_an_endpoint_can_do(dialect: Any, said: str) -> None:
    with serving(red, dialect) as fake:
        assert (await probe(Endpoint("m", base_url=fake.url))).summary.startswith(said)


async def test_a_model_with_vision_in_its_name_that_calls_no_tools_is_not_taken_for_blind() -> None:
    def toolless(fake: FakeEndpoint, request: Any) -> Answer:
        if "tools" in request:
            return fake_endpoint.error(400, "hub.example/library/llama3.2-vision:latest does not support tools")
        return fake_endpoint.tools_ignored(fake, request)

    with serving(red, toolless) as fake:
        endpoint = Endpoint("llama3.2-vision", base_url=fake.url)
        assert (await endpoint.ask([PICTURE], Seen)).colour == "red"
    assert (endpoint.mode, endpoint.sees) == (OutputMode.SCHEMA, True)


async def test_a_router_that_has_nobody_who_calls_tools_is_asked_in_another_form() -> None:
    def routed(fake: FakeEndpoint, request: Any) -> Answer:
        if "tools" in request:
            return fake_endpoint.error(404, "No endpoints found that support tool use.")
        return fake_endpoint.tools_ignored(fake, request)

    with serving(red, routed) as fake:
        assert (await Endpoint("m", base_url=fake.url).ask(QUESTION, Seen)).colour == "red"


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("model 'eyes' not found", "has no model 'eyes' (model 'eyes' not found): check MURALIST_MODEL"),
        ("Not Found", "answers 404 (Not Found): check OPENAI_BASE_URL, it often ends in /v1"),
    ],
)
async def test_a_model_or_an_address_that_does_not_exist_is_named_after_one_call(said: str, message: str) -> None:
    with serving(red, lambda *_: fake_endpoint.error(404, said)) as fake:
        with pytest.raises(EndpointError) as caught:
            await Endpoint("eyes", base_url=fake.url).ask([PICTURE], Seen)
        assert str(caught.value) == f"{fake.url} {message}"
        assert len(fake.requests) == 1


async def test_an_answer_that_only_drips_ends_at_its_deadline() -> None:
    with serving(red, fake_endpoint.dripping) as fake:
        with pytest.raises(EndpointError, match=r"did not finish its answer within 0\.3 seconds$"):
            await Endpoint("m", base_url=fake.url, seconds=0.3).ask(QUESTION, Seen)
        assert len(fake.requests) <= 1  # none, if it was slow to accept


async def test_a_setting_for_the_planners_eyes_is_not_taken_for_the_inspectors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:1/v1")
    settings = Settings(model="blind", vision=False)
    assert [Endpoint.of(settings, name).sees for name in (None, "blind", "eyes")] == [False, False, True]


@pytest.mark.parametrize("usage", [None, {}, {"total_tokens": "many"}])
async def test_tokens_are_estimated_where_an_endpoint_does_not_count_them(usage: Any) -> None:
    def uncounted(fake: FakeEndpoint, request: Any) -> Answer:
        answer = fake_endpoint.tools(fake, request)
        answer.body["usage"] = usage
        return answer

    with serving(red, uncounted) as fake:
        endpoint = Endpoint("m", base_url=fake.url)
        with metered(lambda spent: "no more" if spent.input_tokens else "") as meter:
            await endpoint.ask([PICTURE], Seen)
            with pytest.raises(OutOfBudget, match="no more"):
                await endpoint.ask(QUESTION, Seen)
    assert meter.spent.estimated
    assert meter.spent.output_tokens > 0


async def test_calls_that_come_without_a_number_are_told_apart_and_a_last_line_may_lack_its_end() -> None:
    def event(arguments: str, **more: str) -> bytes:
        call = {**more, "function": {**more, "arguments": arguments}}
        return b"data: " + json.dumps({"choices": [{"delta": {"tool_calls": [call]}}]}).encode()

    def unnumbered(fake: FakeEndpoint, request: Any) -> Answer:
        parts = [event('{"layout": ', id="1", name="plan"), event("null}"), event("{}", id="2", name="recaption")]
        return Answer(iter([b"\n".join(parts)]))

    with serving(planning, unnumbered) as fake:
        model = EndpointChatModel(endpoint=Endpoint("m", base_url=fake.url)).bind_tools([RECAPTION, PLAN])
        (chunk,) = [chunk async for chunk in model.astream(QUESTION)]
    assert [(call["name"], call["args"]) for call in chunk.tool_calls] == [("plan", {"layout": None})]


def test_a_password_in_an_address_is_not_repeated() -> None:
    with pytest.raises(BadSettings, match=r"^OPENAI_BASE_URL is 'htp://…@host/v1': it has to begin with http://"):
        Endpoint("m", base_url="htp://me:secret@host/v1")
