"""Pictures over MCP: taken in, listed, looked at, read; and what is known about them."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from mcp import MCPError
from mcp.types import BlobResourceContents, ResourceTemplateReference
from mcp_client import PROMPT, seen, served, structure, text
from PIL import Image

import muralist
from muralist.server.mcp.results import reply


def encoded(picture: Image.Image) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


async def test_a_picture_of_the_user_is_changed_only_where_it_does_not_show_the_prompt() -> None:
    before = (await muralist.adraw("a red car to the left of a blue vase", seed=7)).image
    async with served() as client:
        taken = structure(await client.call_tool("import_image", {"data": encoded(before)}))
        assert (taken["width"], taken["height"]) == before.size
        wish = {"prompt": "a red car to the left of a green vase", "image_id": taken["image_id"], "seed": 1}
        result = await client.call_tool("generate_image", wish)
        assert structure(result)["passed"]
        (content,) = (await client.read_resource(structure(result)["image"])).contents
        assert isinstance(content, BlobResourceContents)
        after = Image.open(io.BytesIO(base64.b64decode(content.blob)))
        left = (0, 0, before.width // 2 - 8, before.height)
        assert after.crop(left).tobytes() == before.crop(left).tobytes()
        assert after.tobytes() != before.tobytes()
        # The same by the four tools: the given picture is inspected first.
        opened = structure(
            await client.call_tool("recaption", {"prompt": wish["prompt"], "image_id": taken["image_id"]})
        )
        run = {"run_id": opened["run_id"]}
        planned = structure(await client.call_tool("plan", run))
        assert "inspects the given picture" in planned["next"]
        refused = await client.call_tool("regional_diffuse", run)
        assert "inspect_and_edit can" in text(refused)
        found = structure(await client.call_tool("inspect_and_edit", run))["findings"]
        assert not found["passed"]
        assert "vase.exists" in {question["id"] for question in found["open_questions"]}


async def test_what_is_no_picture_is_not_taken_in() -> None:
    async with served() as client:
        for arguments, said in (
            ({"data": "no base64"}, "is not base64"),
            ({}, "give the picture in one way"),
            ({"path": "/etc/passwd"}, "there is no argument 'path'"),
            ({"url": "https://example.com/a.png"}, "there is no argument 'url'"),
        ):
            result = await client.call_tool("import_image", arguments)
            assert result.is_error
            assert said in text(result)


async def test_a_file_is_taken_in_from_an_open_folder_and_from_no_other(tmp_path: Path) -> None:
    for folder in ("open", "closed"):
        (tmp_path / folder).mkdir()
        Image.new("RGB", (100, 64), "red").save(tmp_path / folder / "a.png")
    async with served(roots=[tmp_path / "open"]) as client:
        taken = await client.call_tool("import_image", {"path": str(tmp_path / "open" / "a.png")})
        assert (structure(taken)["width"], structure(taken)["height"]) == (96, 64)
        assert "cropped" in text(taken)
        refused = await client.call_tool("import_image", {"path": str(tmp_path / "open" / ".." / "closed" / "a.png")})
        assert "open for reading" in text(refused)


async def test_pictures_are_listed_by_pages_and_looked_at_again() -> None:
    async with served() as client:
        for seed in (2, 3, 4):
            structure(await client.call_tool("generate_image", {"prompt": PROMPT, "seed": seed}))
        first = structure(await client.call_tool("list_images", {"limit": 2}))
        rest = structure(await client.call_tool("list_images", {"limit": 2, "cursor": first["cursor"]}))
        assert [each["seed"] for each in first["images"] + rest["images"]] == [4, 3, 2]
        assert "cursor" not in rest
        image_id = rest["images"][0]["image_id"]
        shown = await client.call_tool("view_image", {"image_id": f"image://{image_id}", "max_dim": 64})
        assert seen(shown).size == (64, 64)
        assert structure(shown)["prompt"] == PROMPT
        assert structure(shown)["passed"]
        assert "Is there a car? pass" in text(shown)


async def test_what_is_known_of_a_picture_can_be_read() -> None:
    async with served() as client:
        made = structure(await client.call_tool("generate_image", {"prompt": PROMPT, "seed": 1}))

        async def read(uri: str) -> Any:
            (content,) = (await client.read_resource(uri)).contents
            return json.loads(content.text)

        known = await read(f"image://{made['image_id']}/metadata")
        assert (known["scene"]["prompt"], known["action"], known["painter"]) == (PROMPT, "edit", "blocks")
        assert known["parent"] == f"{made['run_id']}-1"
        assert [verdict["status"] for verdict in known["verdicts"]].count("pass") == len(known["verdicts"])
        assert (await read(f"job://{made['job_id']}"))["image_id"] == made["image_id"]
        view = await read(f"view://{made['run_id']}")
        assert [attempt["action"] for attempt in view["attempts"]] == ["paint", "edit"]
        (small,) = (await client.read_resource(view["attempts"][0]["picture"])).contents
        assert isinstance(small, BlobResourceContents)
        guide = (await client.read_resource("guide://planning")).contents[0]
        assert "# Now: plan" in guide.text
        for missing in ("image://nothing-1/metadata", "job://nothing", "view://nothing"):
            with pytest.raises(MCPError, match="there is no"):
                await client.read_resource(missing)


async def test_ids_are_completed_and_prompts_lead_to_the_tools() -> None:
    async with served() as client:
        made = structure(await client.call_tool("generate_image", {"prompt": PROMPT}))
        template = ResourceTemplateReference(type="ref/resource", uri="image://{image_id}")
        completed = await client.complete(template, {"name": "image_id", "value": made["run_id"][:4]})
        assert made["image_id"] in completed.completion.values
        job = ResourceTemplateReference(type="ref/resource", uri="job://{job_id}")
        assert (await client.complete(job, {"name": "job_id", "value": "x"})).completion.values == []
        prompts = {prompt.name: prompt for prompt in (await client.list_prompts()).prompts}
        assert set(prompts) == {"paint", "refine"}
        asked = await client.get_prompt("refine", {"image_id": made["image_id"], "wish": "a green vase"})
        assert made["image_id"] in asked.messages[0].content.text
        assert "a green vase" in asked.messages[0].content.text


async def test_a_caller_writes_the_scene_and_the_plan_of_the_whole_loop() -> None:
    async with served() as client:
        scene = structure(await client.call_tool("recaption", {"prompt": PROMPT}))["scene"]
        scene["caption"] = "a shiny red car parked to the left of a tall blue vase"
        plan = {
            "base_prompt": scene["caption"],
            "regions": [
                {"prompt": "a red car", "x0": 0.05, "y0": 0.1, "x1": 0.45, "y1": 0.9},
                {"prompt": "a blue vase", "x0": 0.55, "y0": 0.1, "x1": 0.95, "y1": 0.9},
            ],
        }
        made = structure(await client.call_tool("generate_image", {"prompt": PROMPT, "scene": scene, "plan": plan}))
        (content,) = (await client.read_resource(f"{made['image']}/metadata")).contents
        known = json.loads(content.text)
        assert known["scene"]["caption"] == scene["caption"]
        assert known["layout"]["regions"][0]["x0"] == 0.05
        wrong = {**scene, "entities": scene["entities"][:1], "relations": []}
        refused = await client.call_tool("generate_image", {"prompt": PROMPT, "scene": wrong})
        assert refused.is_error
        assert "vase" in text(refused)


async def test_every_result_is_small_enough_for_a_conversation() -> None:
    noise = Image.effect_noise((512, 512), 200).convert("RGB")
    async with served() as client:
        taken = await client.call_tool("import_image", {"data": encoded(noise)})
        results = [taken, await client.call_tool("view_image", {"image_id": structure(taken)["image_id"]})]
        prompt = "four red cars, a blue vase, a green book, a yellow cup, a purple chair and a red bottle"
        results.append(await client.call_tool("generate_image", {"prompt": prompt, "rounds": 0, "images": 4}))
        structure(results[-1])
        assert max(len(result.model_dump_json(by_alias=True)) for result in results) < 150_000


def test_a_long_structure_leaves_less_room_to_its_thumbnail() -> None:
    noise = Image.effect_noise((512, 512), 200).convert("RGB")
    long = reply(["Look."], {"long": "x" * 100_000}, noise)
    assert len(long.model_dump_json(by_alias=True)) < 150_000
    assert len(seen(long).tobytes()) > 0


async def fill(home: Path) -> None:
    def write() -> None:
        home.mkdir(parents=True, exist_ok=True)
        (home / "much").write_bytes(bytes(2 << 20))

    await asyncio.to_thread(write)


async def test_more_than_the_server_allows_is_refused() -> None:
    async with served(max_steps=10, max_pixels=128 * 128, disk_mb=1) as client:
        steps = await client.call_tool("generate_image", {"prompt": PROMPT, "steps": 11})
        assert "11 steps are more than the 10" in text(steps)
        pixels = await client.call_tool("generate_image", {"prompt": PROMPT, "width": 256})
        assert "32768 pixels are more than the 16384" in text(pixels)
    async with served() as client:
        large = await client.call_tool("generate_image", {"prompt": PROMPT, "width": 1024, "height": 1024})
        assert "leave the size out" in text(large)
        given = {"data": encoded(Image.new("RGB", (640, 512)))}
        source = {"image_id": structure(await client.call_tool("import_image", given))["image_id"]}
        for tool in ("generate_image", "recaption"):
            refused = await client.call_tool(tool, {"prompt": PROMPT, **source})
            assert "327680 pixels, more than the 262144 that this server allows: import it smaller" in text(refused)
    await fill(Path(os.environ["MURALIST_HOME"]))
    async with served(disk_mb=1) as client:
        full = await client.call_tool("generate_image", {"prompt": PROMPT})
        assert "the server's 1 MB for pictures are used up" in text(full)
