"""The grammar on words nobody listed: prompts of the benchmarks' kinds with other nouns, adjectives and phrasings."""

from pathlib import Path

import pytest

from muralist.evals.expectation import compare, read
from muralist.parsing import parse_prompt
from muralist.tools.fidelity import check_scene

_WANTED = {"colour": 0.97, "shape": 0.97, "texture": 0.97, "spatial": 0.97, "numeracy": 0.97, "sentences": 0.95}
"""Share to be read exactly, by section of the file."""


def _sections() -> dict[str, list[tuple[str, str, str]]]:
    sections: dict[str, list[tuple[str, str, str]]] = {}
    for line in (Path(__file__).parent / "open_vocabulary.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("# ") and line[2:] in _WANTED:
            lines = sections.setdefault(line[2:], [])
        elif line and not line.startswith("#"):
            prompt, things, relations = (part.strip() for part in line.split("|"))
            lines.append((prompt, things, relations))
    return sections


@pytest.mark.parametrize(("section", "lines"), _sections().items())
def test_other_words_are_read_as_well(section: str, lines: list[tuple[str, str, str]]) -> None:
    wrong = []
    for prompt, things, relations in lines:
        scene = parse_prompt(prompt)
        check_scene(scene, prompt)
        differences = compare(scene, read(things, relations)).differences
        wrong += [f"{prompt}: {'; '.join(differences)}"] if differences else []
    assert len(lines) > 40
    assert len(wrong) <= (1 - _WANTED[section]) * len(lines), "\n".join(wrong)


@pytest.mark.parametrize(
    ("prompt", "first"),
    [
        ("The soft, warm glow of the candlelight cast a gentle light on the floor.",
         "soft warm glow of the candlelight"),
        ("The glossy surface of the marble contrasted with the edge of the slate.", "glossy surface of the marble"),
        ("The delicate, fluttering wings of the moth signaled the end of summer, a symbol of change.",
         "delicate fluttering wing of the moth"),
        ("The heavy raindrops fell on the smooth glass and the textured roof.", "heavy raindrop"),
        ("The bold, expressive strokes of the painter's brush brought the canvas to life.",
         "bold expressive stroke of the painter's brush"),
        ("Amid the ruins of a forgotten temple, vines embrace the statues.", "ruin of a forgotten temple"),
    ],
)  # fmt: skip
def test_literary_prompts_give_a_thing_and_keep_their_words(prompt: str, first: str) -> None:
    scene = parse_prompt(prompt)
    check_scene(scene, prompt)
    assert scene.entities[0].name == first
    assert scene.caption == prompt
