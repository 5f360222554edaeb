"""recaption: write down what has to be in the picture, and check that it is what was asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pydantic import Field

from .abilities import abilities_of, check_edits
from .checklist import Checklist, checklist
from .errors import BadPrompt, BadSettings
from .fidelity import check_kept, check_scene
from .observation import Observation, listed
from .outcome import Outcome
from .plan import laid_out
from .ports import Calibrated, Foreseeing, Observer, Ports
from .run import Run
from .scene import MAX_PROMPT, Scene
from .value import Value
from .words import stems

WHO_COULD = (
    "choose one that can with --inspector (MURALIST_INSPECTOR), grounded with MURALIST_VQA or mllm, or give your own "
    "verdicts"
)


class RecaptionArgs(Value):
    """Turn a prompt into a scene: entities with attributes and counts, their relations, background and style."""

    prompt: str = Field(description="The user's prompt, word for word.")
    scene: Scene | None = Field(default=None, description="The scene as you see it; left out, one is drafted.")


async def recaption(args: RecaptionArgs, run: Run, ports: Ports) -> Outcome:
    """Open the run with a verified scene; another scene than before sets its pictures and plan aside.

    Of a run that starts from a given picture the prompt is a wish: things that are there and that it does not speak of
    are `kept` by the scene, and a layout comes with it, in which all stays where it stands.

    Raises BadPrompt for an empty or over-long prompt, one the backbone cannot draw, or a wish that cannot be done;
    BadScene for a scene that does not stand for its prompt, or loses what is on the picture; BadSettings for a given
    picture if the painter cannot edit, and, of a strict run, for what no inspector can answer.
    """
    check_prompt(args.prompt)
    if run.source is not None:
        check_edits(ports.painter)
    drafted_by = ports.caller if args.scene else ports.drafter.name
    observation = await _observed(args, run, ports)
    if args.scene:
        scene = args.scene
    elif run.source:
        scene = await ports.drafter.wish(args.prompt, observation)
    else:
        scene = await ports.drafter.scene(args.prompt)
    check_scene(scene, args.prompt, given=run.source is not None)
    if observation is not None:
        check_kept(scene, observation)
    painted = [entity for entity in scene.entities if entity.id not in scene.kept]
    if painted or run.source is None:
        known = ports.painter.admit(scene.model_copy(update={"entities": painted}))
        said = {entity.id: entity for entity in known.entities}
        scene = known.model_copy(update={"entities": [said.get(entity.id, entity) for entity in scene.entities]})
    asked = checklist(scene)
    inspector = ports.inspector
    beyond = inspector.cannot_answer(asked) if isinstance(inspector, Foreseeing) else {}
    unable = _no_inspector_can(beyond, asked) if beyond else ""
    if unable:
        if run.options.strict:
            raise BadSettings(f"{unable}; without --strict (MURALIST_STRICT) it is painted anyway")
        ports.on_event("beyond", {"text": unable, "questions": beyond})
    trust = {"noise": inspector.noise, "sure": inspector.sure} if isinstance(inspector, Calibrated) else {}
    able = abilities_of(ports.painter)
    opened = run.recaptioned(scene, drafted_by).changed(beyond=list(beyond), abilities=able, **trust)
    text = f"{len(scene.entities)} entities, {len(asked.questions)} questions to verify."
    if reworded := in_other_words(scene):
        text += f" Understood: {', '.join(reworded)}."
    if scene.unparsed:
        text += f" Not understood, kept in the caption only: {', '.join(scene.unparsed)}."
    if unable:
        text += f" Not verifiable: {unable}."
    data = {
        "run_id": run.run_id,
        "scene": scene.model_dump(exclude_defaults=True),
        "checklist": [{"id": question.id, "text": question.text} for question in asked.questions],
        "drafted_by": drafted_by,
    }
    if observation is None:
        if run.source:
            text += f" {ports.inspector.name} cannot tell what else is on the picture, so that nobody watches over it."
        return Outcome(opened, text, data)
    layout = await ports.drafter.layout(scene, observation)
    planned = await laid_out(opened, layout, ports.drafter.name, ports)
    layout = planned.layout or layout
    text += f" The picture shows {observation}; to stay: {listed([scene.entity(name) for name in scene.kept])}."
    return Outcome(planned, text, {**data, "layout": layout.model_dump(exclude_defaults=True)})


def _no_inspector_can(beyond: Mapping[str, str], asked: Checklist) -> str:
    """Which questions no inspector can answer (`beyond`: id to the reason), why, and who could."""
    questions = ", ".join(f"'{asked.question(each).text}'" for each in beyond)
    why = "; ".join(dict.fromkeys(beyond.values()))
    return f"no inspector can answer {questions} ({why}), so that no picture passes by itself: {WHO_COULD}"


async def _observed(args: RecaptionArgs, run: Run, ports: Ports) -> Observation | None:
    """What is on the given picture; None without one, or if the inspector cannot tell."""
    if run.source is None or not isinstance(ports.inspector, Observer):
        return None
    named = [entity.noun for entity in args.scene.entities] if args.scene else ports.drafter.names(args.prompt)
    return await ports.inspector.observe(await ports.store.get_image(run.source), named)


def in_other_words(scene: Scene) -> list[str]:
    """Of every entity that the painter knows by another noun than the prompt's: `'a kitten' as cat`."""
    said = [(entity, stems(entity.span)) for entity in scene.entities]
    return [f"'{entity.span}' as {entity.name}" for entity, span in said if not stems(entity.noun) <= span]


def check_text(text: str, what: str) -> None:
    """Raise BadPrompt for halves of characters, as arguments that are no UTF-8 are given to a program."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise BadPrompt(f"the {what} is no text in UTF-8: write it anew, in that encoding")


def check_prompt(prompt: str) -> None:
    """Raise BadPrompt unless the prompt is text with something to paint, and short enough."""
    check_text(prompt, "prompt")
    if not re.search(r"\w", prompt):
        raise BadPrompt("the prompt is empty: say what to paint, e.g. 'a red apple to the left of a blue cup'")
    if len(prompt) > MAX_PROMPT:
        raise BadPrompt(f"the prompt has {len(prompt)} characters: at most {MAX_PROMPT} are possible")
