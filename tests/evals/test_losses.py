"""Every word of a prompt ends in the scene, in a question, or among what was not understood."""

from __future__ import annotations

import random

import pytest

from muralist.evals import newcomers
from muralist.evals.losses import lost, table
from muralist.parsing import parse_prompt
from muralist.tools.errors import BadPrompt
from muralist.tools.fidelity import check_scene
from muralist.tools.scene import Scene

THINGS = (
    "a cat", "two dogs", "a red apple", "the blue cup", "three green keys", "a big old clock", "a happy horse",
    "birds", "a black and white cow", "red and yellow boats", "a wooden chair", "some butterflies", "a sleepy kitten",
    "an umbrella", "2.5 apples", "a third cake", "another train", "a blue one", "half an apple", "a cup of coffee",
    "a cartoon frog",
)  # fmt: skip
POSITIONS = (
    "above", "below", "under", "over", "left of", "to the right of", "next to", "behind", "in front of", "on top of",
    "inside", "beside", "near", "between", "above and to the left of", "diagonally above", "not next to", "far from",
)  # fmt: skip
WHERE = (
    "below it", "above it", "underneath", "to its left", "on the left", "in the top right corner", "nearby",
    "overhead", "on either side", "in the middle", "next to each other", "behind them", "to the right", "up top",
    "apart", "on grass", "not on grass", "at sunset", "in the rain", "on a snowy ground", "in a forest",
    "under a starry sky", "from left to right",
)  # fmt: skip
ELSE = (
    "no car", "without any trees", "neither a dog nor a fox", "not green", "but not on sand", "chasing a mouse",
    "asleep", "wearing a hat", "red", "highly detailed", "in the style of Hokusai", "watercolor", "it is black",
    "both yellow", "instead of a bird", "and nothing else", "one above the other", "isn't small", "running quickly",
    "he sat down", "walking down a street", "running around", "neither red nor blue", "at most two", "something small",
)  # fmt: skip
LINKS = (" ", ", ", " and ", ". ", "; ", " with ", ", and ", " but ", ": ", " or ")


def _prompts(number: int) -> list[str]:
    """Phrases of all sorts in any order, none twice: what they mean may be unclear, but no word may vanish."""
    chance = random.Random(7)

    def phrase() -> str:
        kind = chance.random()
        if kind < 0.4:
            return f"{chance.choice(THINGS)} {chance.choice(POSITIONS)} {chance.choice(THINGS)}"
        return chance.choice(THINGS if kind < 0.6 else WHERE if kind < 0.8 else ELSE)

    return [
        "".join(each + chance.choice(LINKS) for each in phrases).strip(" ,;:")
        for phrases in ({phrase(): None for _ in range(chance.randint(1, 4))} for _ in range(number))
    ]


def test_no_word_of_thousands_of_prompts_vanishes() -> None:
    refused = 0
    prompts = _prompts(2000)
    for prompt in prompts:
        try:
            scene = parse_prompt(prompt)
        except BadPrompt:
            refused += 1
            continue
        assert lost(scene) == [], prompt
        if sum(entity.count for entity in scene.entities) <= 16:
            check_scene(scene, prompt)
    assert refused < len(prompts) / 20


def test_no_word_of_a_newcomer_vanishes() -> None:
    readings = [reading for each in newcomers.SETS for reading in newcomers.measure(each.file)]
    scenes = [reading.scene for reading in readings if reading.scene is not None]
    assert table(scenes).endswith(" words: 0 words lost")
    assert len(scenes) > 500


@pytest.mark.parametrize(
    ("prompt", "changes", "words"),
    [
        ("a cup above a clock, and a book above it", {}, []),
        ("a cup above a clock", {"relations": []}, ["above"]),
        ("a cup above a clock, and a book above it", {"relations": 1}, ["above"]),
        ("a dog without a car", {"absent": []}, ["without", "car"]),
        ("a boat at sunset", {"claims": []}, ["sunset"]),
        ("a red car, watercolor", {"style": None}, ["watercolor"]),
        ("a cat in the top left corner", {"entities": []}, ["cat", "top", "left"]),
    ],
)
def test_what_a_scene_leaves_out_is_lost(prompt: str, changes: dict[str, object], words: list[str]) -> None:
    scene: Scene = parse_prompt(prompt)
    if changes.get("relations") == 1:
        changes = {"relations": scene.relations[:1]}
    assert lost(scene.model_copy(update=changes)) == words
