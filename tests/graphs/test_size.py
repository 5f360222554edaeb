"""How much a thread's checkpoints hold: a long run with a mask must not make them large."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from block_world import BlockPainter
from graph_runs import context, ledger
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from scripted_model import ScriptedModel, call
from threads import layout

from muralist.graphs import rpg

PROMPT = "a red cup to the left of a blue book"
LARGEST = 64_000
pytestmark = pytest.mark.slow
Blocks = Callable[..., dict[str, Any]]


def masked() -> dict[str, Any]:
    """A layout with a mask of 512x512 weights."""
    plan = layout()
    plan["regions"][0]["mask"] = [[float(x < 200 and y > 100) for x in range(512)] for y in range(512)]
    return plan


async def sizes(path: Path, given: Any, named: dict[str, Any]) -> tuple[dict[str, list[int]], dict[str, Any]]:
    """Bytes of every checkpoint and write of a thread, and the state that it ends with."""
    async with AsyncSqliteSaver.from_conn_string(str(path)) as saver:
        config: Any = {"configurable": {"thread_id": "1"}}
        state = await rpg.build(saver).ainvoke(given, config, context=context(named), durability="sync")
    with sqlite3.connect(path) as db:
        rows = {
            table: [size for (size,) in db.execute(f"SELECT length({column}) FROM {table}")]
            for table, column in (("checkpoints", "checkpoint"), ("writes", "value"))
        }
    db.close()
    return rows, state


async def test_ten_rounds_with_a_large_mask_have_small_checkpoints(blocks: Blocks, tmp_path: Path) -> None:
    first = [call("recaption", prompt=PROMPT), call("plan"), call("regional_diffuse")]
    later = [call("regional_diffuse", seed=seed) for seed in range(1, 11)]
    painter = BlockPainter(faults={seed: [0, 1] for seed in range(40)})
    named = blocks(painter, model=ScriptedModel(turns=[*first, *later]))
    rows, state = await sizes(tmp_path / "db", {"prompt": PROMPT}, {**named, "rounds": 10, "plan": masked()})
    run = await ledger(state)
    print(
        f"\nof {len(rows['checkpoints'])} checkpoints the largest has {max(rows['checkpoints']):,} bytes, all together "
        f"{sum(rows['checkpoints']):,}; of {len(rows['writes'])} writes {max(rows['writes']):,}"
    )
    assert (len(run.attempts), run.reason) == (11, "all 10 rounds are used up")
    assert run.attempts[0].layout.regions[0].mask_id
    assert max(*rows["checkpoints"], *rows["writes"]) < LARGEST


async def test_many_things_and_questions_have_small_checkpoints_too(blocks: Blocks, tmp_path: Path) -> None:
    colours = ["red", "blue", "green", "yellow", "purple"]
    prompt = ", ".join(f"a {colour} {noun}" for noun in ("cup", "book") for colour in colours)
    painter = BlockPainter(faults={seed: range(10) for seed in range(60)})
    seeds = [call("regional_diffuse", seed=seed) for seed in range(1, 11)]
    model = ScriptedModel(turns=[call("recaption", prompt=prompt), call("plan"), call("regional_diffuse"), *seeds])
    rows, state = await sizes(tmp_path / "db", {"prompt": prompt}, {**blocks(painter, model=model), "rounds": 10})
    print(f"\nof {len(rows['checkpoints'])} checkpoints the largest has {max(rows['checkpoints']):,} bytes")
    assert len((await ledger(state)).attempts) == 11
    assert max(*rows["checkpoints"], *rows["writes"]) < LARGEST
