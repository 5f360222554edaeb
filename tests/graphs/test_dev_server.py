"""`langgraph dev` serves the graph, and a client of its SDK draws through it."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

pytest.importorskip("langgraph_api", reason="langgraph-cli[inmem] is part of the dev extra")
from block_world import BlockInspector
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import UnprocessableEntityError
from PIL import Image
from threads import layout

from muralist.tools.run import Run
from muralist.view.view import RunView

WORLDS = Path(__file__).parents[1] / "worlds"
ROOT = Path(__file__).parents[2]
GRAPHS = """
from block_world import BlockInspector, BlockPainter, install
from muralist.graphs.rpg import edit, graph

things = {"red": "cup", "blue": "book", "green": "cup"}
install(BlockPainter(faults={0: [1]}), BlockInspector(names=things))
"""
PROMPT = "a red cup to the left of a blue book"
BLOCKS = {"backbone": "blocks", "inspector": "blocks", "steps": 2}
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server of the shipped `langgraph.json`, with block world installed."""
    tmp_path = tmp_path_factory.mktemp("studio")
    (tmp_path / "world.py").write_text(GRAPHS, encoding="utf-8")
    config = json.loads((ROOT / "langgraph.json").read_text(encoding="utf-8"))
    for graph in config["graphs"].values():
        graph["path"] = "./world.py:" + graph["path"].partition(":")[2]
    (tmp_path / "langgraph.json").write_text(json.dumps(config), encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "LANGGRAPH_CLI_NO_ANALYTICS": "1",
        "N_JOBS_PER_WORKER": "4",
        "MURALIST_HOME": str(tmp_path / "home"),
        "PYTHONPATH": str(WORLDS),
    }
    command = Path(sys.executable).with_name("langgraph")
    log = (tmp_path / "log").open("wb")
    process = subprocess.Popen(
        [command, "dev", "--no-browser", "--no-reload", "--port", str(port)],
        cwd=tmp_path, env=environment, stdout=log, stderr=log, start_new_session=True,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{address}/ok", process)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=20)
        log.close()


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    with httpx.Client(transport=httpx.HTTPTransport(retries=3)) as client:
        while time.monotonic() < end and process.poll() is None:
            try:
                if client.get(url, timeout=5).is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.1)
    raise AssertionError(f"langgraph dev does not answer at {url}")


class Studio:
    """A thread of the server, driven as Studio drives it."""

    def __init__(self, server: str, graph: str = "rpg") -> None:
        self.server, self.graph = server, graph
        self.client: LangGraphClient = get_client(url=server)
        self.id = ""

    async def go(self, given: Any = None, **options: Any) -> dict[str, Any]:
        """Run to the next stop; gives the thread's state."""
        if not self.id:
            self.id = (await self.client.threads.create())["thread_id"]
        context = {**BLOCKS, **options.pop("said", {})}
        run = await self.client.runs.create(self.id, self.graph, input=given, context=context, **options)
        await self.client.runs.join(self.id, run["run_id"])
        return await self.state()

    async def say(self, content: Any, **options: Any) -> str:
        """A user's message; gives the last word."""
        state = await self.go({"messages": [{"role": "user", "content": content}]}, **options)
        return str(state["values"]["messages"][-1]["content"])

    async def state(self) -> dict[str, Any]:
        return dict(await self.client.threads.get_state(self.id))

    async def before(self, node: str) -> str:
        """The checkpoint before a node, the first time."""
        history = await self.client.threads.get_history(self.id, limit=100)
        return str([each for each in history if each["next"] == [node]][-1]["checkpoint"]["checkpoint_id"])

    async def edit(self, checkpoint_id: str | None = None, **args: Any) -> str:
        """Change the arguments of the call that comes next; gives the new checkpoint."""
        state = await self.client.threads.get_state(self.id, checkpoint_id=checkpoint_id) if checkpoint_id else None
        message = (state or await self.state())["values"]["messages"][-1]
        (call,) = message["tool_calls"]
        changed = {**message, "tool_calls": [{**call, "args": {**call["args"], **args}}]}
        update = await self.client.threads.update_state(
            self.id, {"messages": [changed]}, **({"checkpoint_id": checkpoint_id} if checkpoint_id else {})
        )
        return str(update["checkpoint"]["checkpoint_id"])

    async def run(self) -> Run:
        """The thread's run, as the page beside the graphs tells it."""
        run_id = (await self.state())["values"]["run_id"]
        return Run.model_validate((await self.get(f"/runs/{run_id}?format=json")).json())

    async def get(self, address: str) -> httpx.Response:
        async with httpx.AsyncClient(base_url=self.server) as client:
            return await client.get(address)


async def test_a_client_of_the_dev_server_gets_every_step_and_a_verified_picture(server: str) -> None:
    client = get_client(url=server)
    thread = await client.threads.create()
    kinds = []
    async for part in client.runs.stream(
        thread["thread_id"],
        "rpg",
        input={"messages": [{"role": "user", "content": "a red cup, a blue book and a green apple"}]},
        context=BLOCKS,
        stream_mode=["custom"],
    ):
        assert part.event != "error", part.data
        if part.event == "custom":
            kinds.append(part.data["kind"])
    state = await client.threads.get_state(thread["thread_id"])
    assert kinds.count("step") == 2 * kinds.count("painting") == 4
    assert kinds[-1] == "finished"
    assert state["values"]["messages"][-1]["content"].startswith("Done: the picture shows everything")


@pytest.mark.parametrize(
    "node", ["open", "agent", "recaption", "plan", "regional_diffuse", "inspect_and_edit", "verify", "finish"]
)
@pytest.mark.parametrize("when", ["interrupt_before", "interrupt_after"])
async def test_a_thread_that_is_stopped_and_changed_at_a_node_runs_on_to_its_picture(
    server: str, node: str, when: str
) -> None:
    studio = Studio(server)
    state = await studio.go({"prompt": PROMPT}, **{when: [node]})
    for _ in range(30):
        following = state["next"]
        if not following:
            break
        await studio.client.threads.update_state(studio.id, {"idle": 0})
        assert (await studio.state())["next"] == following
        state = await studio.go(**{when: [node]})
    assert state["values"]["messages"][-1]["content"].startswith("Done: ")
    run = await studio.run()
    assert (run.passed, run.parent, run.usage.images, run.usage.planner_calls) == (True, "", 2, 4)


async def test_calls_can_be_changed_before_they_are_made(server: str) -> None:
    studio = Studio(server)
    await studio.go({"prompt": PROMPT}, interrupt_before=["plan", "regional_diffuse"])
    await studio.edit(layout=layout(0.5))
    state = await studio.go(interrupt_before=["regional_diffuse"])
    assert state["next"] == ["regional_diffuse"]
    await studio.edit(seed=7)
    await studio.go()
    run = await studio.run()
    assert [(attempt.seed, attempt.layout.regions[0].y0) for attempt in run.attempts] == [(7, 0.5)]
    assert run.passed


async def test_a_fork_with_another_seed_or_plan_is_a_child_and_leaves_its_parent_as_it_was(server: str) -> None:
    studio = Studio(server)
    await studio.go({"prompt": PROMPT})
    parent = await studio.run()
    for node, said in (("regional_diffuse", {"seed": 5}), ("plan", {"plan": layout(0.5)})):
        await studio.go(checkpoint_id=await studio.before(node), said=said)
        child = await studio.run()
        assert (child.parent, child.passed) == (parent.run_id, True)
        assert child.attempts[0].seed == said.get("seed", 0)
        assert (child.attempts[0].layout.regions[0].y0 == 0.5) == ("plan" in said)
    known = Run.model_validate((await studio.get(f"/runs/{parent.run_id}?format=json")).json())
    assert known == parent


async def test_a_call_that_is_changed_in_the_past_is_made_on_a_fork(server: str) -> None:
    studio = Studio(server)
    await studio.go({"prompt": PROMPT})
    parent = await studio.run()
    await studio.go(checkpoint_id=await studio.edit(await studio.before("regional_diffuse"), seed=9))
    child = await studio.run()
    assert (child.parent, [attempt.seed for attempt in child.attempts]) == (parent.run_id, [9])


async def test_another_backbone_on_resume_is_refused_in_one_line_and_loses_nothing(server: str) -> None:
    studio = Studio(server)
    await studio.go({"prompt": PROMPT}, interrupt_before=["regional_diffuse"])
    run = await studio.client.runs.create(studio.id, "rpg", input=None, context={**BLOCKS, "backbone": "picturebook"})
    told = await studio.client.runs.join(studio.id, run["run_id"])
    message = told["__error__"]["message"]  # type: ignore[index, call-overload]
    assert "was begun with backbone 'blocks', not 'picturebook': leave it out to go on" in message
    state = await studio.go()
    assert state["values"]["messages"][-1]["content"].startswith("Done: ")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"color": "red"}, "the context has no field 'color': there are model, "),
        ({"home": "/elsewhere"}, "the context has no field 'home': there are"),
        ({"steps": 0}, "the context cannot be used: steps: Input should be greater than or equal to 1"),
        ({"inspector": ""}, "the context cannot be used: inspector: String should have at least 1 character"),
    ],
)
@pytest.mark.parametrize("way", ["", "/stream", "/wait"])
async def test_a_context_that_is_none_is_refused_in_one_line(
    server: str, said: dict[str, Any], told: str, way: str
) -> None:
    studio = Studio(server)
    await studio.go({"prompt": "hello"})
    path = f"/threads/{studio.id}/runs{way}"
    asked = {"assistant_id": "rpg", "input": {"prompt": PROMPT}, "context": said}
    with pytest.raises(UnprocessableEntityError) as caught:
        await studio.client.http.post(path, json=asked)
    assert caught.value.response.json()["detail"].startswith(told)
    assert "\n" not in caught.value.response.json()["detail"]


async def test_a_plan_waits_for_a_person_who_may_be_wrong_first(server: str) -> None:
    studio = Studio(server)
    state = await studio.go({"prompt": PROMPT}, said={"approve": True})
    (asked,) = state["tasks"][0]["interrupts"]
    assert asked["value"]["review_configs"][0]["allowed_decisions"] == ["approve", "edit", "reject", "respond"]
    picture = await studio.get(_addresses(asked["value"]["action_requests"][0]["description"])[0])
    assert picture.headers["content-type"] == "image/png"
    wrong = {"type": "edit", "edited_action": {"name": "plan", "args": {"layout": {"regions": []}}}}
    said = {"approve": True}
    state = await studio.go(command={"resume": {"decisions": [wrong]}}, said=said)
    assert state["tasks"][0]["interrupts"][0]["value"]["wrong"].startswith("plan: layout.regions: ")
    right = {"type": "edit", "edited_action": {"name": "plan", "args": {"layout": layout(0.5)}}}
    state = await studio.go(command={"resume": {"decisions": [right]}}, said=said)
    assert state["values"]["messages"][-1]["content"].startswith("Done: ")
    assert (await studio.run()).attempts[0].layout.regions[0].y0 == 0.5


async def test_a_thread_is_a_conversation_whose_pictures_are_where_its_messages_say(server: str) -> None:
    studio = Studio(server)
    assert (await studio.say("hello")).startswith("I paint pictures")
    assert (await studio.say(PROMPT)).startswith("Done: ")
    assert (await studio.say("make the cup green")).startswith("Done: ")
    run, state = await studio.run(), await studio.state()
    messages = state["values"]["messages"]
    shown = {
        address: await studio.get(address)
        for message in messages
        for address in _addresses(str(message["content"]))
    }  # fmt: skip
    assert all(answer.is_success for answer in shown.values())
    closing = _addresses(str(messages[-1]["content"]))[0]
    assert closing == f"{server}/images/{run.best_id}.png"
    picture = Image.open(io.BytesIO(shown[closing].content))
    assert (picture.format, picture.size) == ("PNG", (128, 128))
    checklist = run.checklist
    assert checklist is not None
    assert {each.status for each in await BlockInspector().inspect(picture, checklist)} == {"pass"}
    told = [message for message in messages if message["type"] == "tool" and message["artifact"].get("image_id")]
    assert told
    for message in told:
        assert len(message["content"]) < 1000
        assert f"/images/{message['artifact']['image_id']}.png" in message["content"]


async def test_a_picture_in_a_message_or_as_input_is_edited(server: str) -> None:
    studio = Studio(server)
    await studio.say(PROMPT)
    picture = (await studio.get(f"/images/{(await studio.run()).best_id}.png")).content
    data = f"data:image/png;base64,{base64.b64encode(picture).decode()}"
    chat = Studio(server)
    block = {"type": "image_url", "image_url": {"url": data}}
    assert (await chat.say([{"type": "text", "text": "make the cup green"}, block])).startswith("Done: ")
    edit = Studio(server, "edit")
    state = await edit.go({"image": data, "wish": "remove the book"})
    assert state["values"]["messages"][-1]["content"].startswith("Done: ")
    assert (await edit.say("make the cup green")).startswith("Done: ")


async def test_the_pages_beside_the_graphs(server: str) -> None:
    studio = Studio(server)
    await studio.say(PROMPT)
    run = await studio.run()
    page = await studio.get(f"/runs/{run.run_id}")
    assert page.headers["content-type"].startswith("text/html")
    found = re.search(r'<script id="run" type="application/json">(.*?)</script>', page.text)
    assert found
    shown = RunView.model_validate_json(found[1])
    assert (shown.status, shown.passed, len(shown.attempts)) == ("done", True, 2)
    for attempt in shown.attempts:
        assert (await studio.get(attempt.picture)).headers["content-type"] == "image/png"
    for missing in (
        f"/images/{run.run_id}-9.png",
        "/images/nothing.png",
        f"/plans/{'0' * 32}.png",
        f"/runs/{'0' * 32}",
    ):
        answer = await studio.get(missing)
        assert (answer.status_code, answer.text.count("\n")) == (404, 1)
    assert (await studio.client.runs.wait(None, "rpg", input={"prompt": "hello"}, context=BLOCKS))["messages"]


async def test_the_dev_server_shows_the_settings_as_the_graphs_context(server: str) -> None:
    client = get_client(url=server)
    found = {each["graph_id"]: each for each in await client.assistants.search()}
    assert set(found) == {"rpg", "edit"}
    assert all(each["description"] for each in found.values())
    inputs = {"rpg": {"messages", "prompt", "run_id"}, "edit": {"messages", "image", "wish"}}
    for name, each in found.items():
        schemas = await client.assistants.get_schemas(each["assistant_id"])
        assert set(schemas["input_schema"]["properties"]) == inputs[name]
        context = schemas["context_schema"]
        assert context["additionalProperties"] is False
        assert {"backbone", "model", "inspector", "rounds", "seed", "plan"} <= set(context["properties"])
        assert "home" not in context["properties"]
        print(f"\n{name}: {json.dumps(schemas['input_schema']['properties'])[:600]}")
        for field, told in context["properties"].items():
            assert told["description"], field
            assert told["langgraph_nodes"], field
            print(f"  {field:16} {json.dumps({key: told[key] for key in told if key != 'title'})}")
        assert context["properties"]["instructions"]["langgraph_type"] == "prompt"
        assert context["properties"]["steps"]["anyOf"][0]["maximum"] > 0


def _addresses(text: str) -> list[str]:
    """The pictures that a message shows."""
    return re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text)
