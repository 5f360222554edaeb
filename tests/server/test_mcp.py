"""The MCP server, as an assistant meets it."""

from __future__ import annotations

import base64
import io
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, MCPError, StdioServerParameters, stdio_client
from mcp.types import BlobResourceContents, CallToolResult, ResourceLink
from mcp_client import PROMPT, seen, served, structure, text
from PIL import Image

import muralist

TOOLS = [
    "generate_image", "recaption", "plan", "regional_diffuse", "inspect_and_edit", "get_job", "cancel_job",
    "import_image", "view_image", "list_images",
]  # fmt: skip


async def recaption(client: Client, prompt: str = PROMPT) -> str:
    return str(structure(await client.call_tool("recaption", {"prompt": prompt}))["run_id"])


async def painted(client: Client) -> str:
    run_id = await recaption(client)
    structure(await client.call_tool("plan", {"run_id": run_id}))
    structure(await client.call_tool("regional_diffuse", {"run_id": run_id}))
    return run_id


async def test_every_tool_says_when_to_use_it_gives_an_example_and_names_the_next_step() -> None:
    async with served() as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert list(tools) == TOOLS
        for tool in tools.values():
            assert "e.g. {" in (tool.description or "")
            assert "Next:" in (tool.description or "")
            assert tool.output_schema is not None
            assert all("description" in field or "$ref" in json.dumps(field) for field in fields_of(tool.input_schema))
        hints = {name: tool.annotations and tool.annotations.read_only_hint for name, tool in tools.items()}
        assert [name for name, read_only in hints.items() if read_only] == ["get_job", "view_image", "list_images"]
        assert not any(tool.annotations and tool.annotations.destructive_hint for tool in tools.values())
        assert tools["cancel_job"].annotations is not None
        assert tools["cancel_job"].annotations.idempotent_hint


def fields_of(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return list(schema["properties"].values())


async def test_the_examples_in_the_descriptions_are_valid_calls() -> None:
    async with served() as client:
        run_id = await painted(client)
        known = {"run_id": run_id, "job_id": run_id, "image_id": f"{run_id}-1"}
        for tool in (await client.list_tools()).tools:
            description = tool.description or ""
            arguments, _ = json.JSONDecoder().raw_decode(description[description.index("e.g. {") + 5 :])
            arguments |= {name: known[name] for name in known.keys() & arguments.keys()}
            structure(await client.call_tool(tool.name, arguments))


async def test_the_four_tools_lead_from_a_prompt_to_a_picture_that_passes() -> None:
    async with served() as client:
        opened = await client.call_tool("recaption", {"prompt": PROMPT})
        run_id = structure(opened)["run_id"]
        assert "1 x red car" in text(opened)
        assert run_id in text(opened)

        planned = await client.call_tool("plan", {"run_id": run_id})
        assert len(structure(planned)["layout"]["regions"]) == 2
        assert max(seen(planned).size) <= 512

        first = await client.call_tool("regional_diffuse", {"run_id": run_id, "seed": 3})
        assert structure(first)["findings"]["passed"]
        assert "shows everything" in text(first)
        assert seen(first).size == (128, 128)

        again = await client.call_tool("inspect_and_edit", {"run_id": run_id})
        assert structure(again)["image_id"] == structure(first)["image_id"]


async def test_an_assistant_mends_a_picture_by_its_own_edits() -> None:
    async with served() as client:
        run_id = await recaption(client)
        layout = structure(await client.call_tool("plan", {"run_id": run_id}))["layout"]
        first = await client.call_tool("regional_diffuse", {"run_id": run_id, "seed": 1})
        assert not structure(first)["findings"]["passed"]
        assert "Open:" in text(first)

        missing = layout["regions"][-1]
        entity = missing["instances"][0]["entity"]
        assert f"{entity}.exists" in text(first)
        box = {side: missing[side] for side in ("x0", "y0", "x1", "y1")}
        edits = [{"action": "add", "entity": entity, "box": box}]
        mended = await client.call_tool("inspect_and_edit", {"run_id": run_id, "edits": edits})
        assert structure(mended)["findings"]["status"] == "accepted"
        assert structure(mended)["findings"]["passed"]


async def test_generate_image_does_the_whole_loop_in_one_call_and_reports_progress() -> None:
    reports: list[tuple[float, float | None, str | None]] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        reports.append((progress, total, message))

    async with served() as client:
        result = await client.call_tool("generate_image", {"prompt": PROMPT, "seed": 1}, progress_callback=note)
        found = structure(result)
        assert found["passed"]
        assert found["attempts"] == 2
        assert all(question["status"] == "pass" for question in found["questions"])
        assert seen(result).size == (128, 128)
        # The run can be gone on with by the four tools.
        structure(await client.call_tool("inspect_and_edit", {"run_id": found["run_id"]}))
    progress = [each for each, _, _ in reports]
    assert progress == sorted(set(progress))
    assert any("step" in (message or "") for _, _, message in reports)


async def test_a_run_of_the_command_line_can_be_gone_on_with() -> None:
    result = await muralist.adraw(PROMPT, seed=1, rounds=0)
    async with served() as client:
        again = structure(await client.call_tool("inspect_and_edit", {"run_id": result.run_id}))
    assert again["image_id"] == result.image_id
    assert not again["findings"]["passed"]


async def test_a_call_stops_painting_when_its_seconds_are_used_up() -> None:
    async with served() as client:
        run_id = await recaption(client)
        structure(await client.call_tool("plan", {"run_id": run_id}))
    async with served(seconds=1e-9) as client:
        result = await client.call_tool("regional_diffuse", {"run_id": run_id})
        assert result.is_error
        assert "the 1e-09 seconds of a call are used up: ask for fewer steps" in text(result)


async def test_words_that_were_not_understood_are_told() -> None:
    async with served() as client:
        result = await client.call_tool("generate_image", {"prompt": f"{PROMPT}, zorbly"})
        assert "zorbly" in structure(result)["not_understood"]
        assert "zorbly" in text(result)


async def test_the_picture_is_a_resource_at_full_size() -> None:
    async with served() as client:
        result = await client.call_tool("generate_image", {"prompt": PROMPT})
        (link,) = [block for block in result.content if isinstance(block, ResourceLink)]
        assert str(link.uri) == structure(result)["image"]
        (content,) = (await client.read_resource(str(link.uri))).contents
        assert isinstance(content, BlobResourceContents)
        picture = Image.open(io.BytesIO(base64.b64decode(content.blob)))
        assert (picture.format, picture.size) == ("PNG", (128, 128))


async def test_a_picture_that_does_not_exist_is_not_found() -> None:
    async with served() as client:
        with pytest.raises(MCPError, match="no picture"):
            await client.read_resource("image://0123-1")


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("recaption", {"promt": PROMPT}, "there is no argument 'promt', did you mean 'prompt'?"),
        ("generate_image", {"prompt": PROMPT, "stepz": 3}, "did you mean 'steps'?"),
        ("plan", {"run_id": "no-such-run"}, "there is no run no-such-run"),
        ("plan", {}, "run_id: Field required"),
        ("recaption", {"prompt": " "}, "the prompt is empty"),
        ("recaption", {"prompt": "a car"}, "'car' has no colour"),
        ("generate_image", {"prompt": "a car"}, "'car' has no colour"),
        ("generate_image", {"prompt": PROMPT, "steps": 0}, "steps: Input should be greater than or equal to 1"),
    ],
)
async def test_a_mistake_is_told_in_one_line(tool: str, arguments: dict[str, Any], said: str) -> None:
    async with served() as client:
        result = await client.call_tool(tool, arguments)
        assert result.is_error
        assert said in text(result)
        assert "\n" not in text(result)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_names_that_nothing_goes_by_are_told_with_what_was_meant(mode: str) -> None:
    async with served(mode=mode) as client:
        for ask, said in (
            (
                client.call_tool("generate_picture", {}),
                "there is no tool 'generate_picture', did you mean 'generate_image'?",
            ),
            (client.get_prompt("pain", {}), "there is no prompt 'pain', did you mean 'paint'?"),
            (client.get_prompt("paint", {}), "prompt paint needs 'wish'"),
            (client.get_prompt("paint", {"wish": "a cup", "wihs": "x"}), "did you mean 'wish'?"),
        ):
            with pytest.raises(MCPError, match=re.escape(said)) as caught:
                await ask
            assert caught.value.code == -32602


async def test_a_tool_called_too_early_says_which_ones_can_be_called() -> None:
    async with served() as client:
        run_id = await recaption(client)
        result = await client.call_tool("regional_diffuse", {"run_id": run_id})
        assert result.is_error
        assert "recaption, plan can" in text(result)


async def test_objects_given_as_json_in_a_string_are_understood() -> None:
    async with served() as client:
        run_id = await recaption(client)
        layout = structure(await client.call_tool("plan", {"run_id": run_id}))["layout"]
        again = await client.call_tool("plan", {"run_id": run_id, "layout": json.dumps(layout)})
        assert structure(again)["layout"] == layout


async def test_two_calls_at_once_on_one_run_do_not_overwrite_each_other() -> None:
    async with served() as client:
        run_id = await painted(client)
        results: list[CallToolResult] = []

        async def paint(seed: int) -> None:
            results.append(await client.call_tool("regional_diffuse", {"run_id": run_id, "seed": seed}))

        async with anyio.create_task_group() as group:
            group.start_soon(paint, 11)
            group.start_soon(paint, 12)
        losers = [text(result) for result in results if result.is_error]
        assert all("is being worked on by regional_diffuse: call get_job" in loser for loser in losers)
        left = structure(await client.call_tool("inspect_and_edit", {"run_id": run_id}))["findings"]["images_left"]
        assert left == 8 - 1 - (2 - len(losers))


async def test_over_stdio_a_client_goes_through_the_whole_loop(
    command: list[str], process_environment: dict[str, str]
) -> None:
    server = StdioServerParameters(command=command[0], args=[*command[1:], "serve"], env=process_environment)
    async with Client(stdio_client(server)) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == TOOLS
        run_id = await painted(client)
        findings = structure(await client.call_tool("inspect_and_edit", {"run_id": run_id}))["findings"]
        assert findings["passed"]
        result = await client.call_tool("generate_image", {"prompt": PROMPT})
        assert structure(result)["passed"]
        again = await client.call_tool("view_image", {"image_id": structure(result)["image_id"]})
        (content,) = (await client.read_resource(structure(result)["image"])).contents
    assert isinstance(content, BlobResourceContents)
    for each in (result, again):
        path = Path(structure(each)["path"])
        assert path.is_absolute()
        assert f"the file {path} " in text(each)
        with Image.open(path) as picture, Image.open(io.BytesIO(base64.b64decode(content.blob))) as read:
            assert (picture.format, picture.tobytes()) == ("PNG", read.tobytes())


def test_nothing_but_protocol_is_on_stdout_even_if_the_painter_prints(
    command: list[str], process_environment: dict[str, str]
) -> None:
    def ask(method: str, number: int | None = None, **params: Any) -> None:
        message = {"jsonrpc": "2.0", "method": method, "params": params} | ({"id": number} if number else {})
        stdin.write(json.dumps(message) + "\n")
        stdin.flush()

    process = subprocess.Popen(
        [*command, "serve"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=process_environment,
    )  # fmt: skip
    stdin, stdout = process.stdin, process.stdout
    assert stdin is not None
    assert stdout is not None
    client = {"name": "test", "version": "0"}
    ask("initialize", 1, protocolVersion="2025-06-18", capabilities={}, clientInfo=client)
    first = stdout.readline()
    ask("notifications/initialized")
    ask("tools/call", 2, name="generate_image", arguments={"prompt": PROMPT})
    second = stdout.readline()
    rest, stderr = process.communicate(timeout=30)
    assert [json.loads(line)["id"] for line in (first, second)] == [1, 2]
    assert rest == ""
    assert "loading the paint" in stderr
    assert process.returncode == 0


SCENE: dict[str, Any] = {
    "prompt": PROMPT,
    "caption": PROMPT,
    "entities": [
        {"id": "car", "noun": "car", "span": "a red car"},
        {"id": "vase", "noun": "vase", "span": "a blue vase"},
    ],
}


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("recaption", {"scene": {**SCENE, "entities": [{**SCENE["entities"][0], "color": "red"}]}}, '"kind": "colour"'),
        ("recaption", {"scene": {**SCENE, "entities": [{**SCENE["entities"][0], "attributes": ["red"]}]}}, '"value": '),
        ("recaption", {"scene": {**SCENE, "relations": [{"subject": "car", "relation": "on"}]}}, "is called predicate"),
        (
            "plan",
            {"layout": {"base_prompt": "x", "regions": [{"prompt": "x", "box": [0, 0, 1, 1]}]}},
            "x0, y0, x1 and y1",
        ),
        (
            "plan",
            {"layout": {"base_prompt": "x", "regions": [{"prompt": "x", "x0": 0, "y0": 0, "x1": 512, "y1": 512}]}},
            "fractions of the canvas",
        ),
        ("inspect_and_edit", {"verdicts": [{"question_id": "car.exists", "answer": "yes"}]}, "give p, the probability"),
        ("inspect_and_edit", {"edits": [{"action": "add", "entity": "car", "box": [0, 0, 1, 1]}]}, '{"x0": 0.1'),
    ],
)
async def test_what_models_tend_to_get_wrong_is_answered_by_how_it_is_written(
    tool: str, arguments: dict[str, Any], said: str
) -> None:
    async with served() as client:
        which = {"prompt": PROMPT} if tool == "recaption" else {"run_id": await painted(client)}
        result = await client.call_tool(tool, {**which, **arguments})
        assert result.is_error
        assert said in text(result)
        assert "\n" not in text(result)


async def test_an_older_picture_that_is_inspected_again_is_not_called_the_best() -> None:
    async with served() as client:
        made = structure(await client.call_tool("generate_image", {"prompt": PROMPT, "seed": 1}))
        first = f"image://{made['run_id']}-1"
        again = await client.call_tool("inspect_and_edit", {"run_id": made["run_id"], "image_id": first})
        assert f"Picture {made['run_id']}-1 was inspected again; the best is {made['image_id']}" in text(again)
        edits = [{"action": "add", "entity": "car", "box": {"x0": 0, "y0": 0, "x1": 0.4, "y1": 0.4}}]
        refused = await client.call_tool(
            "inspect_and_edit", {"run_id": made["run_id"], "image_id": first, "edits": edits}
        )
        assert f"edits are painted on the best picture, {made['image_id']}" in text(refused)
