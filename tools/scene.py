"""The scene: what has to be in the picture."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from .predicates import PREDICATES, PredicateName
from .value import Value

__all__ = [
    "MAX_PROMPT", "Attribute", "AttributeKind", "Entity", "Place", "Relation", "Said", "Scene", "Value",
]  # fmt: skip

Place = Literal[
    "top left", "top", "top right", "left", "centre", "right", "bottom left", "bottom", "bottom right",
]  # fmt: skip
"""A ninth of the canvas."""

AttributeKind = Literal["colour", "shape", "texture", "material", "size", "other"]

MAX_PROMPT = 2000
"""Longest prompt in characters."""


class Attribute(Value):
    """One property of an entity, such as colour: red."""

    kind: AttributeKind = Field(description="What sort of property this is.")
    value: str = Field(min_length=1, max_length=100, description="The property as one would say it, e.g. 'red'.")


class Entity(Value):
    """A thing, or several alike, that the prompt asks for."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{0,31}$", description="Short id that relations and regions refer to.")
    noun: str = Field(min_length=1, max_length=100, description="Singular noun, without its attributes.")
    attributes: list[Attribute] = Field(default_factory=list, max_length=8)
    count: int = Field(default=1, ge=1, le=16, description="How many of them the picture has to show.")
    place: Place | None = Field(default=None, description="Where on the canvas, if the prompt says so.")
    span: str = Field(min_length=1, description="The words of the prompt this entity stands for, quoted verbatim.")

    @property
    def name(self) -> str:
        """Attributes and noun in the singular: `red apple`."""
        return " ".join([*(attribute.value for attribute in self.attributes), self.noun])


class Relation(Value):
    """`subject predicate objects`: the cup (is) above the book; `between` takes two objects."""

    subject: str
    predicate: PredicateName
    objects: list[str] = Field(min_length=1, max_length=2)

    @model_validator(mode="after")
    def _arity(self) -> Self:
        wanted = PREDICATES[self.predicate].objects
        if len(self.objects) != wanted:
            raise ValueError(f"'{self.predicate}' takes {wanted} object{'s' * (wanted > 1)}, not {len(self.objects)}")
        return self

    @property
    def among_alike(self) -> bool:
        """True if both objects of a `between` are one entity: some two of its instances are meant."""
        return len(set(self.objects)) < len(self.objects)


Said = Annotated[str, Field(min_length=1, max_length=300)]


class Scene(Value):
    """The recaptioned prompt: everything that is to be painted and later checked.

    What `unparsed` lists can be painted, since the caption keeps it, but nobody checks it: a picture of a scene that
    lists any is never called passed.
    """

    prompt: str = Field(min_length=1, max_length=MAX_PROMPT)
    caption: str = Field(min_length=1, max_length=4 * MAX_PROMPT, description="The enriched caption of the whole.")
    entities: list[Entity] = Field(max_length=16)
    relations: list[Relation] = Field(default_factory=list, max_length=32)
    background: str | None = Field(default=None, max_length=300)
    style: str | None = Field(default=None, max_length=300)
    absent: list[Said] = Field(
        default_factory=list,
        max_length=32,
        description="What must not be there: singular nouns, or a ground such as 'grass'.",
    )
    claims: list[Said] = Field(
        default_factory=list,
        max_length=32,
        description="What else is said that a viewer can tell, each as a yes-or-no question: 'Is the dog happy?'.",
    )
    kept: list[str] = Field(
        default_factory=list,
        max_length=16,
        description="Of a run that starts from a given picture: ids of entities that are on it, that the wish does not "
        "speak of, and that therefore have to stay as they are.",
    )
    partial: bool = Field(
        default=False, description="True if there is more on a given picture than the entities: it has to stay, too."
    )
    unparsed: list[str] = Field(default_factory=list, description="Words of the prompt that nothing above covers.")

    def entity(self, entity_id: str) -> Entity:
        """The entity of that id; KeyError if there is none."""
        for entity in self.entities:
            if entity.id == entity_id:
                return entity
        raise KeyError(entity_id)
