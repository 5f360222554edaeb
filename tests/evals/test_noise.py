"""The experiment with wrong verdicts, in block world: how wrong they are, and what each guard does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from block_world import BlockInspector, BlockPainter
from PIL import Image

from muralist.evals.noise import Arm, NoisyInspector, arms, hysteresis, measure, table
from muralist.evals.suite import Case
from muralist.parsing import parse_prompt
from muralist.runs import wiring
from muralist.tools.checklist import checklist
from muralist.tools.verdict import status_of

Blocks = Callable[..., dict[str, Any]]

PROMPT = "a red cup to the left of a blue book, and a green apple below the red cup"
QUESTIONS = checklist(parse_prompt(PROMPT))
EMPTY = Image.new("RGB", (64, 64), "white")


async def wrong_answers(wrong: float, asks: int = 200) -> float:
    """The share of wrong answers about an empty picture."""
    noisy = NoisyInspector(BlockInspector(), wrong, seed=3)
    truth = {verdict.question_id: verdict.p >= 0.5 for verdict in await BlockInspector().inspect(EMPTY, QUESTIONS)}
    given = [verdict for _ in range(asks) for verdict in await noisy.inspect(EMPTY, QUESTIONS)]
    return sum((verdict.p >= 0.5) != truth[verdict.question_id] for verdict in given) / len(given)


@pytest.mark.parametrize("wrong", [0.0, 0.1, 0.3])
async def test_the_share_of_wrong_verdicts_is_the_one_that_was_asked_for(wrong: float) -> None:
    assert await wrong_answers(wrong) == pytest.approx(wrong, abs=0.02)


async def test_every_ask_is_a_fresh_draw_and_equal_seeds_give_equal_draws() -> None:
    one, other = (NoisyInspector(BlockInspector(), 0.3, seed=5) for _ in range(2))
    first, again = await one.inspect(EMPTY, QUESTIONS), await one.inspect(EMPTY, QUESTIONS)
    assert first != again
    assert [first, again] == [await other.inspect(EMPTY, QUESTIONS) for _ in range(2)]


async def test_without_re_asking_the_first_answer_stands() -> None:
    noisy = NoisyInspector(BlockInspector(), 0.3, seed=5, reasking=False)
    assert len(await noisy.inspect(EMPTY, QUESTIONS)) == len(QUESTIONS.questions)
    assert await noisy.inspect(EMPTY, QUESTIONS) == []
    assert noisy.answered == 1


def test_without_hysteresis_one_half_decides_and_afterwards_all_is_as_before() -> None:
    with hysteresis(False):
        assert [status_of(p) for p in (0.45, 0.5, 0.55)] == ["fail", "pass", "pass"]
    with hysteresis(True):
        assert [status_of(p) for p in (0.4, 0.45, 0.55, 0.6)] == ["fail", "unsure", "unsure", "pass"]
    assert status_of(0.5) == "unsure"


async def test_a_row_per_prompt_and_arm_says_what_wrong_verdicts_cost(blocks: Blocks) -> None:
    painter = BlockPainter(faults={seed: [seed % 3] for seed in range(0, 100, 2)})
    chosen = wiring.settings(**blocks(painter))
    cases = [Case(PROMPT, seed, QUESTIONS, held_out=False) for seed in range(0, 12, 2)]
    rows = [await measure(case, chosen, arm, BlockInspector()) for case in cases for arm in arms([0.3])]
    undisturbed = [row for row in rows if row["wrong"] == 0]
    assert [(row["all"], row["regret"]) for row in undisturbed] == [(1.0, 0.0)] * len(cases)
    disturbed = [row for row in rows if row["wrong"] == 0.3]
    assert len(disturbed) == 4 * len(cases)
    assert sum(row["regret"] for row in disturbed) > 0
    assert all(row["regret"] >= 0 for row in rows)
    assert any(row["passed"] != bool(row["all"]) for row in disturbed)
    assert "noisy" not in wiring.INSPECTORS

    lines = table(3, rows).splitlines()
    assert lines[0] == "3 objects, 6 prompts"
    assert [line.split("  ")[1].strip() for line in lines[2:]][1:] == [
        str(Arm(0.3, *on)).strip() for on in ((True, True), (True, False), (False, True), (False, False))
    ]
    assert "1.00 [1.00, 1.00]" in lines[2]
