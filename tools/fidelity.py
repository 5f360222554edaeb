"""Whether a scene stands for its prompt: it quotes it, loses nothing of it, adds nothing to it, and holds together."""

from __future__ import annotations

from collections import defaultdict

from .errors import BadScene
from .observation import Observation
from .predicates import PREDICATES, ROWS
from .scene import Entity, Scene
from .words import ARTICLES, CHANGING, DENYING, NUMBERS, POINTING, SEVERAL, says_something, stem, stems, words

MAX_INSTANCES = 16

_PLACED: dict[str, str] = {"top": "upper above up", "bottom": "lower below down", "centre": "center middle central"}
"""Other words that say a part of a place."""


def check_scene(scene: Scene, prompt: str, given: bool = False) -> None:
    """Raise BadScene unless the scene quotes its prompt, loses nothing of it, and holds together.

    If a picture is `given`, the prompt is a wish about it, and the scene may keep things that the wish does not name.
    """
    if scene.prompt != prompt:
        raise BadScene(f"the scene's prompt '{scene.prompt[:60]}' is not the prompt: repeat it word for word")
    ids = [entity.id for entity in scene.entities]
    for entity_id in ids:
        if ids.count(entity_id) > 1:
            raise BadScene(f"two entities have the id '{entity_id}': give each its own")
    if scene.kept and not given:
        raise BadScene("only what is on a given picture can be kept: leave 'kept' out, or start from a picture")
    if strangers := sorted(set(scene.kept) - set(ids)):
        raise BadScene(f"'{strangers[0]}' is to be kept, but is no entity: use one of {', '.join(ids)}")
    for entity in scene.entities:
        if entity.id not in scene.kept:
            _check_span(entity, prompt, given)
    _check_numbers(scene, given)
    for relation in scene.relations:
        for name in (relation.subject, *relation.objects):
            if name not in ids:
                raise BadScene(f"a relation speaks of '{name}', which is no entity: use one of {', '.join(ids)}")
        if relation.subject in relation.objects:
            raise BadScene(f"'{relation.subject}' cannot be {relation.predicate} itself")
    if (total := sum(entity.count for entity in scene.entities)) > MAX_INSTANCES:
        raise BadScene(f"the scene has {total} things: at most {MAX_INSTANCES} can be placed")
    _check_absent(scene)
    _check_words(scene, given)


def check_kept(scene: Scene, observation: Observation) -> None:
    """Raise BadScene unless everything that is on a given picture is in the scene, or has to go from it."""
    for kind in (kind for kind in observation.kinds if kind.id not in observation.doubtful):
        named = [entity for entity in scene.entities if entity.noun == kind.noun]
        if not named and not {kind.noun, kind.name} & set(scene.absent):
            raise BadScene(
                f"the picture shows {observation}, but the scene loses the {kind.name}: make it an entity and name it "
                "in 'kept', or if it has to go, in 'absent'"
            )


def lost_words(scene: Scene, given: bool = False) -> list[str]:
    """Words of the prompt that say something and that nothing in the scene but its caption keeps, in order.

    Of a wish about a `given` picture, verbs of change are done, not kept.
    """
    predicates = {relation.predicate for relation in scene.relations}
    sides = {side for entity in scene.entities for side in (entity.place or "").split()}
    counts = {entity.count for entity in scene.entities}
    texts = [*scene.unparsed, *scene.claims, *predicates, *sides]
    texts += (
        [f"{scene.background} background backdrop ground floor against under beneath below"] if scene.background else []
    )
    texts += [f"{scene.style} style"] if scene.style else []
    texts += scene.absent
    texts += DENYING if scene.absent or not {"no", "not"}.isdisjoint(words(" ".join(scene.claims))) else ()
    texts += [text for entity in scene.entities for text in (entity.span, entity.name)]
    texts += [PREDICATES[predicate].traces for predicate in predicates]
    texts += [others for side, others in _PLACED.items() if side in sides]
    rows = {f"{one} to {other}": predicate for (one, other), predicate in ROWS.items()}
    texts += [row for row, predicate in rows.items() if row in scene.prompt.casefold() and predicate in predicates]
    texts += [f"{number} {word}" for word, number in NUMBERS.items() if number in counts]
    texts += SEVERAL if max(counts, default=1) > 1 else ()
    kept = stems(" ".join(texts))
    said = dict.fromkeys(words(scene.prompt))
    done = CHANGING if given else frozenset()
    return [word for word in said if says_something(word) and word not in done and stem(word) not in kept]


def _check_span(entity: Entity, prompt: str, given: bool) -> None:
    """The span quotes whole words, the entity's noun among them; what is on a given picture may be called `it`."""
    quoted, stated = words(entity.span), words(prompt)
    if entity.span.casefold() not in prompt.casefold() or not _times(quoted, stated):
        raise BadScene(
            f"entity '{entity.id}' is not in the prompt: its span '{entity.span}' has to quote whole words of it "
            "verbatim"
        )
    if given and not POINTING.isdisjoint(quoted):
        return
    if quoted and (unsaid := [word for word in words(entity.noun) if stem(word) not in stems(entity.span)]):
        raise BadScene(
            f"entity '{entity.id}' is a {entity.noun}, but its span '{entity.span}' does not say '{' '.join(unsaid)}': "
            "use the noun that the prompt uses, and quote it"
        )


def _check_numbers(scene: Scene, given: bool) -> None:
    """No noun stands for more entities than there are of it in the prompt, unless it is said that there are several."""
    said = [stem(word) for word in words(scene.prompt)]
    claims: dict[str, list[Entity]] = defaultdict(list)
    for entity in scene.entities:
        pointed = given and not POINTING.isdisjoint(words(entity.span))
        if entity.id not in scene.kept and not pointed and words(entity.span) and (named := words(entity.noun)):
            claims[stem(named[-1])].append(entity)
    for noun, entities in claims.items():
        if len(entities) > said.count(noun) and not any(map(_of_several, entities)):
            ids = " and ".join(f"'{entity.id}'" for entity in entities)
            times = {0: "never", 1: "once"}.get(said.count(noun), f"{said.count(noun)} times")
            raise BadScene(
                f"entities {ids} are too many: the prompt says '{entities[0].noun}' {times}; leave out what it does "
                "not ask for, or give one entity a count"
            )


def _of_several(entity: Entity) -> bool:
    """True if the span speaks of more than one: `two cats`, `another cat`, `one white`, `a red and a blue cup`."""
    written, named = words(entity.span), set(words(entity.noun))
    plural = any(word not in named and stem(word) in stems(entity.noun) for word in written)
    articles = sum(word in ARTICLES for word in written)
    return (
        plural
        or articles > 1
        or any(word in SEVERAL or word in NUMBERS or word.strip("x").isdecimal() for word in written)
    )


def _check_absent(scene: Scene) -> None:
    for name in scene.absent:
        if name in {entity.noun for entity in scene.entities} | {scene.background}:
            raise BadScene(f"'{name}' is to be there and must not be there: leave it out of 'absent', or of the rest")


def _check_words(scene: Scene, given: bool) -> None:
    if lost := lost_words(scene, given):
        raise BadScene(
            f"the scene loses {_quoted(lost)}: put each into the span or the attributes of an entity, a relation, "
            "'background', 'style', 'absent' or a question of 'claims', or else into 'unparsed' and the caption"
        )
    caption = stems(scene.caption)
    unpainted = [word for text in scene.unparsed for word in words(text) if stem(word) not in caption]
    if unpainted:
        raise BadScene(
            f"the caption loses {_quoted(unpainted)} of 'unparsed': put them into the caption too, which is painted"
        )


def _times(part: list[str], whole: list[str]) -> int:
    """How often a row of words stands in another one; once for no words."""
    return sum(whole[at : at + len(part)] == part for at in range(len(whole) - len(part) + 1)) if part else 1


def _quoted(listed: list[str]) -> str:
    return ", ".join(f"'{word}'" for word in listed)
