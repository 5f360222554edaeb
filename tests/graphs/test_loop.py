"""The loop, in block world: what it hands over, when it ends, and what it never does."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from block_world import COLOURS, PAPER, BlockInspector, BlockPainter, colour_of
from block_world import blocks as blocks_in
from PIL import Image
from scripted_model import ScriptedModel, call, calls

import muralist
from muralist.tools.checklist import Checklist, Question
from muralist.tools.errors import BackboneError, BadSettings, MuralistError, Refused
from muralist.tools.ports import PaintSpec
from muralist.tools.run import Event
from muralist.tools.scene import Scene
from muralist.tools.verdict import Verdict

PROMPT = "a red cup to the left of a blue book"
Blocks = Callable[..., dict[str, Any]]

FIRST_PICTURE = [call("recaption", prompt=PROMPT), call("plan"), call("regional_diffuse")]

REMOVE_BOOK = {"action": "remove", "entity": "book", "box": {"x0": 0.5, "y0": 0, "x1": 1, "y1": 1}}


def columns(*entities: str, share: float = 1) -> Any:
    """A grid with a column for each entity, the first one `share` as wide as the others."""
    shares = [share, *[1.0] * len(entities)]
    parts = [
        {
            "prompt": {"cup": "a red cup", "book": "a blue book"}[entity],
            "share": width,
            "instances": [{"entity": entity}],
        }
        for entity, width in zip(entities, shares, strict=False)
    ]
    return {"base_prompt": "blocks", "columns": parts}


async def test_a_first_picture_that_shows_everything_ends_the_run(blocks: Blocks) -> None:
    result = await muralist.adraw(PROMPT, **blocks())
    assert result.passed
    assert len(result.attempts) == 1
    assert result.run.usage.planner_calls == 3
    assert result.reason == "the picture shows everything that was asked for"
    assert len(list(blocks_in(result.image, colour_of(result.scene.entity("cup").name)))) == 1


async def test_an_edit_mends_what_the_first_picture_lacks(blocks: Blocks) -> None:
    three = PROMPT + " and a green apple below the red cup"
    result = await muralist.adraw(three, **blocks(BlockPainter(faults={0: [1]})))
    assert [attempt.action for attempt in result.attempts] == ["paint", "edit"]
    assert result.passed
    assert result.attempts[1].parent == result.attempts[0].image_id
    assert result.image_id == result.attempts[1].image_id


async def test_a_picture_that_is_worse_never_replaces_the_best(blocks: Blocks) -> None:
    three = PROMPT + " and a green apple below the red cup"
    painter = BlockPainter(faults={0: [1], **{seed: range(3) for seed in range(1, 20)}})
    result = await muralist.adraw(three, **blocks(painter), rounds=3)
    first, *later = result.attempts
    assert result.image_id == first.image_id
    assert [attempt.accepted for attempt in later] == [False, False], "no move is tried a third time"
    assert {attempt.parent for attempt in later if attempt.action == "edit"} == {first.image_id}
    assert not result.passed
    assert result.reason.startswith("Nothing is left to try")


async def test_no_rejected_move_is_ever_made_again(blocks: Blocks) -> None:
    painter = BlockPainter(faults={seed: [0] for seed in range(40)})
    result = await muralist.adraw(PROMPT, **blocks(painter), rounds=12, images=20)
    moves = [move for attempt in result.attempts if attempt.accepted is False for move in attempt.moves]
    assert moves
    assert len(moves) == len(set(moves))
    assert result.run.rejected == moves


async def test_a_rejected_move_is_refused_twice_more_and_then_the_rules_fill_in_that_step(blocks: Blocks) -> None:
    again = call("inspect_and_edit", edits=[REMOVE_BOOK], seed=7)
    model = ScriptedModel(turns=[*FIRST_PICTURE, *[again.model_copy() for _ in range(4)]])
    result = await muralist.adraw(PROMPT, **blocks(BlockPainter(faults={0: [0], 8: [0]}), model=model), rounds=2)
    done, first, second, third, rules = result.run.turns[3:8]
    assert [turn.mistake for turn in (done, rules)] == ["", ""]
    refused = "remove book.0 with seed 7 was rejected before: take another seed or edit"
    assert [turn.mistake for turn in (first, second, third)] == [refused] * 3
    assert [str(model.read[turn][-1].text) for turn in (5, 6)] == [refused] * 2
    assert (rules.by, rules.tool, result.run.filled_in) == (
        "offline", "inspect_and_edit", ["recaption", "plan", "inspect_and_edit"],
    )  # fmt: skip
    assert len(result.attempts) == 3


@pytest.mark.parametrize(
    ("limit", "reason", "pictures"),
    [
        ({"rounds": 0}, "all 0 rounds are used up", 1),
        ({"rounds": 2}, "all 2 rounds are used up", 3),
        ({"images": 2}, "all 2 pictures are painted", 2),
        ({"images": 7}, "all 7 pictures are painted", 7),
        ({"rounds": 9}, "Nothing is left to try; the best picture so far stands.", 7),
        ({"rounds": 1, "images": 7}, "all 1 rounds are used up", 2),
    ],
)
async def test_a_spent_budget_ends_the_run(blocks: Blocks, limit: Any, reason: str, pictures: int) -> None:
    painter = BlockPainter(faults={seed: [0, 1] for seed in range(40)})
    result = await muralist.adraw(PROMPT, **blocks(painter), **limit)
    assert result.reason == reason
    assert len(result.attempts) == pictures


async def test_a_run_whose_time_is_up_before_the_first_picture_says_so(blocks: Blocks) -> None:
    with pytest.raises(MuralistError, match=r"^the 1e-09 seconds are used up$"):
        await muralist.adraw(PROMPT, **blocks(), seconds=1e-9)


async def test_giving_up_hands_over_the_best_picture_so_far(blocks: Blocks) -> None:
    model = ScriptedModel(turns=FIRST_PICTURE)
    result = await muralist.adraw(PROMPT, **blocks(BlockPainter(faults={0: [0]}), model=model))
    assert result.reason == "I have nothing more to say"
    assert result.run.status == "done"
    assert not result.passed
    assert 0 < result.share_passed < 1


async def test_tools_are_offered_once_what_they_need_exists(blocks: Blocks) -> None:
    model = ScriptedModel(turns=FIRST_PICTURE)
    await muralist.adraw(PROMPT, **blocks(BlockPainter(faults={0: [0]}), model=model))
    assert model.offered == [
        ["recaption"],
        ["recaption", "plan"],
        ["recaption", "plan", "regional_diffuse"],
        ["recaption", "plan", "regional_diffuse", "inspect_and_edit"],
    ]


async def test_a_mistake_is_told_to_the_agent_which_may_mend_it(blocks: Blocks) -> None:
    turns = [FIRST_PICTURE[0], call("plan", grid=columns("book", "cup")), *FIRST_PICTURE[1:]]
    model = ScriptedModel(turns=turns)
    result = await muralist.adraw(PROMPT, **blocks(model=model))
    told = model.read[2][-1]
    assert told.type == "tool"
    assert getattr(told, "status", "") == "error"
    assert str(told.text).startswith("cup has to be left of book")
    assert result.passed


async def test_arguments_that_do_not_fit_are_named_in_one_line(blocks: Blocks) -> None:
    model = ScriptedModel(turns=[*FIRST_PICTURE[:2], call("regional_diffuse", seed="seven"), FIRST_PICTURE[2]])
    result = await muralist.adraw(PROMPT, **blocks(model=model))
    assert str(model.read[3][-1].text).startswith("regional_diffuse: seed: Input should be a valid integer")
    assert result.passed


async def test_of_several_calls_at_once_only_the_first_is_done(blocks: Blocks) -> None:
    at_once = calls(("recaption", {"prompt": PROMPT}), ("plan", {}), ("regional_diffuse", {}))
    model = ScriptedModel(turns=[at_once, *FIRST_PICTURE[1:]])
    result = await muralist.adraw(PROMPT, **blocks(model=model))
    assert result.passed
    assert model.offered[1] == ["recaption", "plan"]


async def test_the_agent_cannot_exchange_the_prompt_for_an_easier_one(blocks: Blocks) -> None:
    model = ScriptedModel(turns=[call("recaption", prompt="a red cup"), *FIRST_PICTURE[1:]])
    result = await muralist.adraw(PROMPT, **blocks(model=model))
    assert result.scene.prompt == PROMPT
    assert [entity.noun for entity in result.scene.entities] == ["cup", "book"]


async def test_an_agent_that_only_calls_what_does_not_exist_has_every_step_filled_in(blocks: Blocks) -> None:
    model = ScriptedModel(turns=[call("paint_it_black") for _ in range(50)])
    result = await muralist.adraw(PROMPT, **blocks(model=model))
    assert result.passed
    assert result.run.filled_in == ["recaption", "plan", "regional_diffuse"]
    assert len(model.read) == 3 * len(result.run.filled_in)
    assert "paint_it_black is not a valid tool" in str(model.read[2][-1].text)
    assert result.run.drafted_by == "offline"


async def test_what_the_rules_drafted_for_a_model_that_only_named_the_tool_is_told(
    blocks: Blocks, tmp_path: Path
) -> None:
    layout = {"base_prompt": "blocks", "columns": columns("cup", "book")["columns"]}
    own = [FIRST_PICTURE[0], call("plan", grid=layout), FIRST_PICTURE[2]]
    result = await muralist.adraw(PROMPT, **blocks(model=ScriptedModel(turns=own)), out=tmp_path / "out")
    record = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))["run"]
    name = record["turns"][0]["by"]
    assert name != "offline"
    assert (record["drafted_by"], record["layout_by"]) == ("offline", name)
    assert [turn["drafted_by"] for turn in record["turns"]] == ["offline", name, ""]
    assert result.run.filled_in == ["recaption"]
    result = await muralist.adraw(PROMPT, **blocks(model=ScriptedModel(turns=FIRST_PICTURE)))
    assert (result.run.layout_by, result.run.filled_in) == ("offline", ["recaption", "plan"])


async def test_a_layout_that_a_caller_brought_is_the_callers(blocks: Blocks) -> None:
    first = await muralist.adraw(PROMPT, **blocks())
    assert (first.run.layout_by, first.run.filled_in) == ("offline", [])
    result = await muralist.adraw(PROMPT, **blocks(), layout=first.layout)
    assert result.run.layout_by == "caller"


async def test_a_step_that_neither_the_agent_nor_the_rules_can_do_ends_the_run(blocks: Blocks) -> None:
    class Picky(BlockPainter):
        def check(self, spec: PaintSpec) -> None:
            if "cup" in spec.layout.base_prompt:
                raise BadSettings("no cups today")

    model = ScriptedModel(turns=[FIRST_PICTURE[0], *[call("plan") for _ in range(50)]])
    with pytest.raises(MuralistError, match=r"^no cups today$"):
        await muralist.adraw(PROMPT, **blocks(Picky(), model=model))
    assert len(model.read) == 4


async def test_an_agent_that_only_looks_is_stopped(blocks: Blocks) -> None:
    model = ScriptedModel(turns=[*FIRST_PICTURE, *[call("inspect_and_edit")] * 50])
    result = await muralist.adraw(PROMPT, **blocks(BlockPainter(faults={0: [0]}), model=model))
    assert result.reason == "the agent's last 3 calls changed nothing"
    assert len(model.read) == 6


async def test_an_agent_that_plans_forever_is_stopped_by_the_loops_own_bound(blocks: Blocks) -> None:
    plans = [call("plan", grid=columns("cup", "book", share=1 + turn / 100)) for turn in range(100)]
    model = ScriptedModel(turns=[FIRST_PICTURE[0], *plans])
    with pytest.raises(MuralistError, match=r"the agent was asked 10 times"):
        await muralist.adraw(PROMPT, **blocks(model=model), rounds=1)


async def test_a_refusal_ends_the_run_with_its_reason(blocks: Blocks) -> None:
    model = ScriptedModel(turns=[Refused("the model will not draw this")])
    with pytest.raises(Refused, match=r"^the model will not draw this$"):
        await muralist.adraw(PROMPT, **blocks(model=model))


async def test_a_refusal_after_the_first_picture_keeps_it(blocks: Blocks) -> None:
    model = ScriptedModel(turns=[*FIRST_PICTURE, Refused("the model will not go on")])
    result = await muralist.adraw(PROMPT, **blocks(BlockPainter(faults={0: [0]}), model=model))
    assert (result.run.status, result.reason) == ("failed", "the model will not go on")
    assert len(result.attempts) == 1


async def test_a_painter_that_breaks_on_the_second_picture_leaves_the_first(blocks: Blocks) -> None:
    result = await muralist.adraw(PROMPT, **blocks(BlockPainter(faults={0: [0, 1]}, breaks_at=1)))
    assert (result.run.status, result.reason) == ("failed", "the paint ran dry at seed 1")
    assert len(result.attempts) == 1


async def test_a_painter_that_breaks_on_the_first_picture_says_so(blocks: Blocks) -> None:
    with pytest.raises(BackboneError, match=r"^the paint ran dry at seed 0$"):
        await muralist.adraw(PROMPT, **blocks(BlockPainter(breaks_at=0)))


async def test_what_nobody_could_verify_is_handed_over_as_not_passed(blocks: Blocks) -> None:
    result = await muralist.adraw(PROMPT, **blocks(inspector=BlockInspector(blind_to=["relation"])))
    assert not result.passed
    assert result.run.best is None
    assert result.image_id == result.attempts[0].image_id


async def test_words_that_no_question_asks_about_rule_out_a_pass_and_no_more_is_painted(blocks: Blocks) -> None:
    result = await muralist.adraw(f"{PROMPT}, zorbly", **blocks())
    assert not result.passed
    assert len(result.attempts) == 1
    assert result.attempts[0].answered
    assert result.reason == (
        "every question is answered with yes, but no question asks about 'zorbly', which was not understood"
    )


async def test_candidates_beyond_the_budget_are_refused_before_anything_is_painted(blocks: Blocks) -> None:
    model = ScriptedModel(turns=[*FIRST_PICTURE[:2], call("regional_diffuse", candidates=3)])
    with pytest.raises(BadSettings, match=r"3 candidates are more than the 2 images that are left"):
        await muralist.adraw(PROMPT, **blocks(model=model), images=2)


async def test_of_several_candidates_the_best_is_kept(blocks: Blocks) -> None:
    model = ScriptedModel(turns=[*FIRST_PICTURE[:2], call("regional_diffuse", candidates=3)])
    result = await muralist.adraw(PROMPT, **blocks(BlockPainter(faults={0: [0], 1: [0, 1]}), model=model))
    assert [attempt.seed for attempt in result.attempts] == [0, 1, 2]
    assert result.attempt.seed == 2
    assert result.passed


async def test_a_model_is_held_to_what_is_on_a_given_picture(blocks: Blocks) -> None:
    picture = Image.new("RGB", (128, 128), PAPER)
    picture.paste(COLOURS["red"], (16, 16, 48, 48))
    picture.paste(COLOURS["blue"], (80, 72, 112, 104))
    wish = "make the cup green"
    cup = {"id": "cup", "noun": "cup", "attributes": [{"kind": "colour", "value": "green"}], "span": "the cup"}
    box = {"x0": 0.1, "y0": 0.1, "x1": 0.4, "y1": 0.4}
    model = ScriptedModel(
        turns=[
            call("recaption", prompt=wish, scene={"prompt": wish, "caption": wish, "entities": [cup]}),
            call("recaption", prompt=wish),
            call("inspect_and_edit"),
            call("inspect_and_edit", edits=[{"action": "remove", "entity": "book", "box": box}]),
            call("inspect_and_edit", edits=[{"action": "recolour", "entity": "cup", "box": box}]),
        ]
    )
    inspector = BlockInspector(names={"red": "cup", "blue": "book"})
    result = await muralist.aedit(picture, wish, **blocks(None, inspector, model))
    assert "# Now: read the wish" in model.read[0][0].text
    mistakes = [turn.mistake for turn in result.run.turns if turn.mistake]
    assert "but the scene loses the blue book" in mistakes[0]
    assert "the blue book has to stay as it is" in mistakes[1]
    assert result.passed
    assert result.scene.kept == ["book"]


class Blind(BlockInspector):
    """Knows that it cannot tell styles."""

    def cannot_answer(self, checklist: Checklist) -> dict[str, str]:
        return {each.id: "blocks have no style" for each in checklist.questions if each.kind == "style"}

    def _verdict(self, image: Image.Image, question: Question, scene: Scene) -> Verdict:
        told = super()._verdict(image, question, scene)
        return told.model_copy(update={"status": "unsure", "p": 0.5}) if question.kind == "style" else told


async def test_what_nobody_can_answer_is_said_at_the_start_and_no_picture_is_painted_for_it(blocks: Blocks) -> None:
    events: list[Event] = []
    prompt = f"a watercolor of {PROMPT}"
    result = await muralist.adraw(prompt, **blocks(inspector=Blind()), on_event=events.append)
    (told,) = (event for event in events if event.kind == "beyond")
    assert told.data["questions"] == {"style.0": "blocks have no style"}
    assert "no inspector can answer 'Is it a watercolor?' (blocks have no style)" in told.data["text"]
    assert (len(result.attempts), result.passed) == (1, False)
    assert result.reason == "Stopping: no inspector can answer 'Is it a watercolor?'; everything else passes."


async def test_strictly_what_nobody_can_answer_is_refused(blocks: Blocks) -> None:
    painted: list[PaintSpec] = []
    parts = blocks(BlockPainter(on_paint=painted.append), Blind())
    with pytest.raises(BadSettings, match=r"no inspector can answer 'Is it a watercolor.*without --strict"):
        await muralist.adraw(f"a watercolor of {PROMPT}", **parts, strict=True)
    assert painted == []


class Doubter(BlockInspector):
    """Is hardly sure of cups, and surer of each picture than of the one before."""

    noise, sure = 0.0, 0.75
    p = 0.6

    async def inspect(self, image: Image.Image, checklist: Checklist) -> list[Verdict]:
        self.p += 0.08
        told = await super().inspect(image, checklist)
        hardly = {"p": self.p, "box": next(iter(blocks_in(image, "red")))}
        return [each.model_copy(update=hardly) if each.question_id == "cup.exists" else each for each in told]


async def test_what_passes_but_hardly_is_refined_where_it_stands_until_it_is_sure(blocks: Blocks) -> None:
    result = await muralist.adraw(PROMPT, **blocks(inspector=Doubter()))
    assert [[(edit.action, edit.target) for edit in attempt.edits] for attempt in result.attempts] == [
        [], [("refine", "cup.0")],
    ]  # fmt: skip
    assert (result.passed, result.reason) == (True, "the picture shows everything that was asked for")


async def test_without_pictures_left_a_hardly_passing_one_is_handed_over_as_passed(blocks: Blocks) -> None:
    result = await muralist.adraw(PROMPT, **blocks(inspector=Doubter()), rounds=0)
    assert (len(result.attempts), result.passed) == (1, True)
    assert result.reason == "the picture shows everything that was asked for"


async def test_a_passing_picture_that_is_stopped_while_it_is_refined_is_done(blocks: Blocks) -> None:
    cancel = threading.Event()
    painter = BlockPainter(on_paint=lambda spec: cancel.set() if spec.source is not None else None)
    result = await muralist.adraw(PROMPT, **blocks(painter, Doubter()), cancel=cancel)
    assert (result.passed, result.run.status, len(result.attempts)) == (True, "done", 1)


async def test_no_caller_makes_a_move_a_third_time_on_one_target(blocks: Blocks) -> None:
    script = [*FIRST_PICTURE, *[call("inspect_and_edit", edits=[REMOVE_BOOK])] * 3]
    result = await muralist.adraw(PROMPT, **blocks(BlockPainter(faults={0: [0]}), model=ScriptedModel(turns=script)))
    told = [turn.mistake for turn in result.run.turns if turn.mistake]
    assert told[0] == "remove book.0 was rejected 2 times: take another edit"
