"""What moves are counted as, by the ledgers of real runs in block world."""

from collections.abc import Callable
from typing import Any

from block_world import BlockPainter

import muralist
from muralist.evals.moves import Tried, costs, table, tried

PROMPT = "a red cup to the left of a blue book"
Blocks = Callable[..., dict[str, Any]]


async def test_a_missing_thing_that_is_added_is_fixed_and_one_that_stays_away_is_not(blocks: Blocks) -> None:
    mended = await muralist.adraw(PROMPT, **blocks(BlockPainter(faults={0: [1]})))
    assert list(tried(mended.run)) == [Tried("missing or badly formed", "add", fixed=True, accepted=True, broke=False)]
    never = await muralist.adraw(PROMPT, **blocks(BlockPainter(faults={0: [1], **{seed: [0] for seed in range(1, 9)}})))
    assert [(each.fixed, each.accepted) for each in tried(never.run)] == [(False, False)] * 4
    printed = table([mended.run, never.run])
    assert "| missing or badly formed | add | 3 | 1 | 1 | 0 |" in printed
    assert "| the whole | new picture | 2 | 0 | 0 |" in printed
    assert "| 2 | 2 | 0.50 [0.00, 1.00] | 3.5 | 7.0 |" in costs({2: [mended.run, never.run]})
