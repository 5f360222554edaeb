"""recaption: write down what has to be in the picture, and check that it is what was asked for."""

from __future__ import annotations

import re

from pydantic import Field

from .checklist import checklist
from .errors import BadPrompt
from .fidelity import check_scene
from .outcome import Outcome
from .ports import Ports
from .run import Run
from .scene import MAX_PROMPT, Scene, Value
from .words import stems


class RecaptionArgs(Value):
    """Turn a prompt into a scene: entities with attributes and counts, their relations, background and style."""

    prompt: str = Field(description="The user's prompt, word for word.")
    scene: Scene | None = Field(default=None, description="The scene as you see it; left out, one is drafted.")


async def recaption(args: RecaptionArgs, run: Run, ports: Ports) -> Outcome:
    """Open the run with a verified scene; another scene than before sets its pictures and plan aside.

    Raises BadPrompt for an empty or over-long prompt or one the backbone cannot draw, BadScene for a scene that does
    not stand for its prompt.
    """
    check_prompt(args.prompt)
    drafted_by = ports.caller if args.scene else ports.drafter.name
    scene = args.scene or await ports.drafter.scene(args.prompt)
    check_scene(scene, args.prompt)
    scene = ports.painter.admit(scene)
    opened = run.recaptioned(scene, drafted_by)
    questions = checklist(scene).questions
    text = f"{len(scene.entities)} entities, {len(questions)} questions to verify."
    if reworded := in_other_words(scene):
        text += f" Understood: {', '.join(reworded)}."
    if scene.unparsed:
        text += f" Not understood, kept in the caption only: {', '.join(scene.unparsed)}."
    data = {
        "run_id": run.run_id,
        "scene": scene.model_dump(exclude_defaults=True),
        "checklist": [{"id": question.id, "text": question.text} for question in questions],
        "drafted_by": drafted_by,
    }
    return Outcome(opened, text, data)


def in_other_words(scene: Scene) -> list[str]:
    """Of every entity that the painter knows by another noun than the prompt's: `'a kitten' as cat`."""
    said = [(entity, stems(entity.span)) for entity in scene.entities]
    return [f"'{entity.span}' as {entity.name}" for entity, span in said if not stems(entity.noun) <= span]


def check_prompt(prompt: str) -> None:
    """Raise BadPrompt unless the prompt has something to paint and is short enough."""
    if not re.search(r"\w", prompt):
        raise BadPrompt("the prompt is empty: say what to paint, e.g. 'a red apple to the left of a blue cup'")
    if len(prompt) > MAX_PROMPT:
        raise BadPrompt(f"the prompt has {len(prompt)} characters: at most {MAX_PROMPT} are possible")
