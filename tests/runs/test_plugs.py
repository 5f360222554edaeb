"""Parts of one's own: as objects, by `module:factory`, and by an entry point."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from block_world import BlockInspector, BlockPainter
from langchain_core.messages import ToolMessage
from minds import ADD_CUP
from scripted_model import ScriptedModel, call

import muralist
from muralist.runs import wiring
from muralist.runs.plugs import Plugs
from muralist.tools.errors import BadSettings

PROMPT = "a red cup to the left of a blue book"
MODULE = """
from block_world import BlockInspector, BlockPainter

def painter(settings):
    return BlockPainter()

def inspector(settings):
    return BlockInspector()

number = 7

def none(settings):
    return None

def broken(settings):
    raise ValueError("no colours are left")
"""


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MURALIST_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MURALIST_STEPS", "2")


async def test_objects_are_used_and_remembered_by_name() -> None:
    painter, inspector = BlockPainter(), BlockInspector()
    result = await muralist.adraw(PROMPT, painter=painter, inspector=inspector)
    assert result.passed
    assert (result.run.parts["backbone"], result.run.parts["inspector"]) == (painter.name, inspector.name)


async def test_a_run_that_was_begun_with_an_object_goes_on_with_none_of_another_name() -> None:
    result = await muralist.adraw(PROMPT, painter=BlockPainter(), inspector=BlockInspector(), rounds=0)

    with pytest.raises(BadSettings, match="was begun with backbone 'blocks', not 'others'"):
        await muralist.afork(result.run_id, seed=3, painter=BlockPainter(name="others"), inspector=BlockInspector())


async def test_a_chat_model_of_any_kind_is_metered_by_what_it_says_it_used() -> None:
    used = {"input_tokens": 100, "output_tokens": 10, "total_tokens": 110}
    turns = [call("recaption", prompt=PROMPT), call("plan"), call("regional_diffuse")]
    model = ScriptedModel(turns=[turn.model_copy(update={"usage_metadata": used}) for turn in turns])
    prices = {"scripted": {"input": 1e4, "output": 1e5}}
    result = await muralist.adraw(
        PROMPT, painter=BlockPainter(), inspector=BlockInspector(), chat_model=model, prices=prices, money=1000
    )
    usage = result.run.usage
    assert (usage.planner_calls, usage.planner_input_tokens, usage.planner_output_tokens) == (3, 300, 30)
    assert usage.money == pytest.approx(3 * 2.0)
    assert result.run.parts["model"] == "scripted"


async def test_a_factory_is_named_by_its_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_parts.py").write_text(MODULE, encoding="utf-8")
    (tmp_path / "bad_parts.py").write_text("def painter(:", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    result = await muralist.adraw(PROMPT, backbone="my_parts:painter", inspector="my_parts:inspector")
    assert result.passed
    for wrong, message in {
        "my_parts:brush": "backbone 'my_parts:brush' cannot be loaded: .*has no attribute 'brush'",
        "no_parts:painter": "cannot be loaded: No module named 'no_parts'",
        "my_parts:number": "is no factory: it has to take the settings and give the backbone",
        "my_parts:none": "backbone 'my_parts:none' is not there: its factory gave None",
        "my_parts:broken": "backbone 'my_parts:broken' cannot be made: no colours are left",
        "bad_parts:painter": r"cannot be loaded: .*\(bad_parts.py, line 1\)",
        ".my_parts:painter": "cannot be loaded: ",
    }.items():
        with pytest.raises(BadSettings, match=message):
            await muralist.adraw(PROMPT, backbone=wrong)
    with pytest.raises(BadSettings, match="inspector 'my_parts:none' is not there"):
        await muralist.adraw(PROMPT, backbone="my_parts:painter", inspector="my_parts:none")
    with pytest.raises(BadSettings, match="model 'my_parts:none' is not there"):
        await muralist.adraw(PROMPT, backbone="my_parts:painter", inspector="my_parts:inspector", model="my_parts:none")
    assert len(muralist.list_runs()) == 1, "nothing was begun"
    del sys.modules["my_parts"]


async def test_an_installed_package_adds_a_painter_by_an_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "their_parts.py").write_text(MODULE, encoding="utf-8")
    (tmp_path / "theirs-1.dist-info").mkdir()
    (tmp_path / "theirs-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1\n")
    points = (
        "[muralist.painters]\ntheirs = their_parts:painter\n[muralist.inspectors]\ntheirs = their_parts:inspector\n"
    )
    (tmp_path / "theirs-1.dist-info" / "entry_points.txt").write_text(points)
    monkeypatch.syspath_prepend(str(tmp_path))
    wiring._plugged.cache_clear()
    assert isinstance(wiring._plugged("backbone")["theirs"], EntryPoint)
    result = await muralist.adraw(PROMPT, backbone="theirs", inspector="theirs")
    assert result.passed
    with pytest.raises(BadSettings, match=r"there is no backbone 'crayon': choose .*picturebook, theirs"):
        await muralist.adraw(PROMPT, backbone="crayon")
    wiring._plugged.cache_clear()


def test_no_object_is_no_plug() -> None:
    assert Plugs().names == {}


def parts() -> dict[str, Any]:
    return {"painter": BlockPainter(faults={0: [0]}), "inspector": BlockInspector()}


async def test_the_tools_keep_their_own_run_for_any_agent() -> None:
    tools = {tool.name: tool for tool in muralist.langchain_tools(**parts())}

    async def called(name: str, **arguments: Any) -> ToolMessage:
        made: ToolMessage = await tools[name].ainvoke({"name": name, "args": arguments, "id": "1", "type": "tool_call"})
        return made

    early = await called("plan")
    assert early.text == "there is no run yet: call recaption first"
    assert (await called("recaption", prompt=PROMPT)).artifact["scene"]["prompt"] == PROMPT
    await called("plan")
    first = await called("regional_diffuse")
    assert first.artifact["findings"]["open_questions"]
    wrong = await called("inspect_and_edit", edits=[{"action": "fly"}])
    assert (wrong.status, "edits.0" in str(wrong.text)) == ("error", True)
    mended = await called("inspect_and_edit", edits=[ADD_CUP])
    assert mended.artifact["findings"]["passed"]


async def test_a_refused_recaption_leaves_no_run_and_the_one_before_it_to_the_agent() -> None:
    recaption, plan, *_ = muralist.langchain_tools(**parts())
    assert str(await recaption.ainvoke({"prompt": " "})).startswith("the prompt is empty")
    assert muralist.list_runs() == []
    await recaption.ainvoke({"prompt": PROMPT})
    assert str(await recaption.ainvoke({"prompt": "..."})).startswith("the prompt is empty")
    assert "red cup" in str(await plan.ainvoke({}))
    assert [run.prompt for run in muralist.list_runs()] == [PROMPT]


def test_the_tools_work_for_an_agent_without_an_event_loop() -> None:
    tools = {tool.name: tool for tool in muralist.langchain_tools(**parts())}
    for name, arguments in {"recaption": {"prompt": PROMPT}, "plan": {}, "regional_diffuse": {}}.items():
        said = tools[name].invoke({"name": name, "args": arguments, "id": "1", "type": "tool_call"})
    assert said.artifact["findings"]["open_questions"]
