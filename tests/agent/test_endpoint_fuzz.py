"""Mangled replies, over the real wire: nothing but one-line errors comes out, and no invalid scene or layout gets in.

`pytest --hypothesis-profile=thorough` tries 2,000 of them.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from copy import deepcopy
from itertools import count
from typing import Any

import pytest
from block_world import BlockInspector, BlockPainter
from fake_endpoint import Answer, FakeEndpoint, calling, completion, in_words, serving
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage, SystemMessage
from minds import ADD_CUP, PROMPT, layout, scene

import muralist
from muralist.agent import OfflineDrafter
from muralist.agent.endpoint import Endpoint, EndpointChatModel
from muralist.graphs.turns import schemas
from muralist.storage import FileStore
from muralist.tools.catalogue import TOOLS, offered
from muralist.tools.errors import MuralistError
from muralist.tools.fidelity import check_scene
from muralist.tools.layout import Layout
from muralist.tools.ports import Ports
from muralist.tools.run import Run
from muralist.tools.scene import Scene

pytestmark = pytest.mark.slow

SAID: list[tuple[str, Any]] = [
    ("recaption", {"prompt": PROMPT, "scene": scene()}),
    ("plan", {"layout": layout()}),
    ("plan", {"grid": {"base_prompt": "all", "columns": [
        {"prompt": "a red cup", "instances": [{"entity": "cup"}]}, {"prompt": "a blue book"},
    ]}}),
    ("regional_diffuse", {"seed": 3, "candidates": 2}),
    ("inspect_and_edit", {"edits": [ADD_CUP], "verdicts": [{"question_id": "cup.exists", "p": 0.1}]}),
]  # fmt: skip
PAPERS = "Final split ratio: 1,1,1\nRegional Prompt: a red cup BREAK a blue book"

ODD: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.just([]), st.just({}),
    st.sampled_from([-1, 0, 0.5, 2, 1e308, 2**70, "", "cup", "left of", "x" * 9000, [[]], {"cup": {}}]),
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn, value: Any) -> Any:
    """The value with something else in one to three places, or with something missing or twice."""
    value = json.loads(json.dumps(value))
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(value))
        if not places:
            return deepcopy(draw(ODD))
        holder, key = draw(st.sampled_from(places))
        match draw(st.sampled_from(["replace", "drop", "double", "rename"])):
            case "replace":
                holder[key] = deepcopy(draw(ODD))
            case "drop":
                del holder[key]
            case "double" if isinstance(holder, list):
                holder.append(holder[key])
            case "rename" if isinstance(holder, dict):
                holder[draw(st.text(max_size=8))] = holder.pop(key)
    return value


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place inside a value, as its holder and the key there."""
    keys: Any = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


@st.composite
def spoilt(draw: st.DrawFn, text: str) -> str:
    """A text with a piece cut out, put in or repeated."""
    start, length = draw(st.integers(0, len(text))), draw(st.integers(0, 30))
    piece = draw(st.sampled_from(["", "{", "}", '"', "[" * 2000, "\\", "```", "\x00", "NaN", "BREAK", ";", text]))
    return text[:start] + piece + text[start + length :]


@st.composite
def replies(draw: st.DrawFn) -> Answer:
    """A completion in which something is wrong, or that is none at all."""
    name, arguments = draw(st.sampled_from(SAID))
    kind = draw(st.sampled_from(["arguments", "call", "text", "paper", "prose", "body", "bytes", "truncated", "right"]))
    event(kind)
    match kind:
        case "arguments":
            arguments = draw(mutated(arguments))
            return draw(st.sampled_from([calling((name, arguments)), completion(in_words((name, arguments)))]))
        case "call":
            return completion(json.dumps(draw(mutated({"tool": name, "arguments": arguments}))))
        case "text":
            return completion(draw(spoilt(in_words((name, arguments)))))
        case "paper":
            return completion(draw(spoilt(PAPERS)))
        case "prose":
            return completion(draw(st.text(max_size=200)), draw(st.sampled_from(["stop", "length", "tool_calls"])))
        case "body":
            return Answer(draw(mutated(calling((name, arguments)).body)))
        case "bytes":
            return Answer(draw(spoilt(json.dumps(calling((name, arguments)).body))).encode())
        case "truncated":
            whole = in_words((name, arguments))
            return completion(whole[: draw(st.integers(0, len(whole)))], "length")
        case _:
            return calling((name, arguments))


class Speaker:
    """The endpoint's dialect: whatever it is told to say next."""

    def __init__(self) -> None:
        self.next: Callable[[], Answer] = lambda: completion("")

    def __call__(self, fake: FakeEndpoint, request: Any) -> Answer:
        fake.requests.clear()
        return self.next()


@pytest.fixture(scope="module")
def speaker() -> Iterator[tuple[Speaker, str]]:
    speaker = Speaker()
    with serving(lambda *_: ("", {}), speaker) as fake:
        yield speaker, fake.url


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], tuple[Run, Ports]]:
    """A run before its first call, with a scene, with a layout, with a picture; and ports."""
    store = FileStore(tmp_path_factory.mktemp("home"))
    ports = Ports(BlockPainter(), BlockInspector(), OfflineDrafter(), store, lambda *_: None, threading.Event())
    blank = Run.open()
    drawn = Layout.model_validate(layout())
    with_scene = blank.recaptioned(Scene.model_validate({**scene(), "prompt": PROMPT}), "x")
    runs = [blank, with_scene, with_scene.changed(layout=drawn)]
    return lambda stage: (runs[stage], ports)


def assert_sound(scene: Scene, layout: Layout | None) -> None:
    """What the checks promise, said once more without them."""
    assert scene.prompt == PROMPT
    assert all(entity.span.lower() in PROMPT for entity in scene.entities)
    assert {"cup", "book"} <= {entity.noun for entity in scene.entities}
    ids = [entity.id for entity in scene.entities]
    assert len(set(ids)) == len(ids)
    assert all({each.subject, *each.objects} <= set(ids) for each in scene.relations)
    if layout is None:
        return
    boxes = {(each.entity, each.index): region for region in layout.regions for each in region.instances}
    assert set(boxes) == {(entity.id, index) for entity in scene.entities for index in range(entity.count)}
    for region in layout.regions:
        assert 0 <= region.x0 < region.x1 <= 1
        assert 0 <= region.y0 < region.y1 <= 1
    for each in scene.relations:
        if each.predicate == "left of":
            subject, thing = (boxes[name, 0].box.centre[0] for name in (each.subject, *each.objects))
            assert subject < thing


NEW = count()
TOOLBOX = schemas()


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(reply=replies(), stage=st.integers(0, 2))
async def test_no_mangled_reply_lets_an_exception_out_or_an_invalid_scene_or_layout_in(
    speaker: tuple[Speaker, str], stages: Callable[[int], tuple[Run, Ports]], reply: Answer, stage: int
) -> None:
    voice, url = speaker
    voice.next = lambda: reply
    run, ports = stages(stage)
    told = ""
    model = EndpointChatModel(endpoint=Endpoint(f"model {next(NEW)}", base_url=url))
    try:
        tools = [TOOLBOX[name] for name in offered(run)]
        said = await model.bind_tools(tools).ainvoke([SystemMessage("Paint."), HumanMessage(PROMPT)])
        for call in said.tool_calls:
            if call["name"] in TOOLS:
                run = (await TOOLS[call["name"]].call(call["args"], run, ports)).run
                event(f"{call['name']} accepted")
        assert said.tool_calls or said.invalid_tool_calls or said.text
    except MuralistError as error:
        told = str(error)
        event(type(error).__name__)
    assert "\n" not in told
    if run.scene is not None:
        assert_sound(run.scene, run.layout)


@settings(
    deadline=None,
    max_examples=settings.default.max_examples // 5 if settings.default else 20,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(said=st.lists(replies(), min_size=1, max_size=6))
async def test_a_run_on_mangled_replies_ends_with_a_picture_or_an_error_of_one_line(
    speaker: tuple[Speaker, str],
    blocks: Callable[..., dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    said: list[Answer],
) -> None:
    voice, url = speaker
    turns = iter(said)
    voice.next = lambda: next(turns, said[-1])
    monkeypatch.setenv("OPENAI_BASE_URL", url)
    try:
        painter = BlockPainter(faults={0: [0]})
        result = await muralist.adraw(PROMPT, **blocks(painter), model=f"model {next(NEW)}", rounds=1)
        check_scene(result.scene, PROMPT)
        told = result.reason
        event(f"picture after {result.run.usage.planner_calls} calls")
    except MuralistError as error:
        told = str(error)
        event(told[:40])
    assert told
    assert "\n" not in told
