"""What the MCP tools give back: the models behind their output schemas."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from mcp.types import CallToolResult, ContentBlock, ImageContent, ResourceLink, TextContent
from pydantic import Field

from muralist.server.image_encoding import MAX_BASE64, thumbnail
from muralist.tools.answers import Answer
from muralist.tools.job import Progress
from muralist.tools.layout import Layout
from muralist.tools.outcome import Findings
from muralist.tools.scene import Scene
from muralist.tools.value import Value

if TYPE_CHECKING:
    from PIL import Image

RESULT = 140_000
"""Characters of a result: a long structure leaves less to its thumbnail."""
SCHEME = "image://"
NEXT = "What to do next."
IMAGE = "Resource with the full-size PNG."
FILE = "The full-size PNG file: copy it, do not change it."


class Asked(Value):
    """A question of the checklist."""

    id: str
    text: str


class Recaptioned(Value):
    """A run is open, with a verified scene."""

    run_id: str = Field(description="For plan, regional_diffuse and inspect_and_edit.")
    scene: Scene
    checklist: list[Asked]
    drafted_by: str
    layout: Layout | None = Field(default=None, description="Of a given picture: where things are or have to go.")
    not_understood: list[str] = Field(description="Words that no question asks about.")
    next: str = Field(description=NEXT)


class Planned(Value):
    """The run has a verified layout."""

    run_id: str
    layout: Layout
    drafted_by: str
    next: str = Field(description=NEXT)


class Painting(Value):
    """A job that paints or inspects: how far it is, and once it is finished, the picture and what it shows."""

    status: Literal["queued", "working", "done", "failed", "cancelled"]
    job_id: str = Field(description="For get_job and cancel_job.")
    run_id: str = Field(description="For inspect_and_edit, regional_diffuse, or to resume generate_image.")
    tool: str = Field(description="The tool that began the job.")
    progress: Progress
    seconds: float = Field(description="How long the job has taken.")
    image_id: str | None = Field(default=None, description="The picture that the job painted or inspected.")
    image: str | None = Field(default=None, description=IMAGE)
    path: str | None = Field(default=None, description=FILE)
    download: str | None = Field(default=None, description="Link to the PNG; expires.")
    page: str | None = Field(default=None, description="Link to the page of the run; expires.")
    passed: bool | None = Field(default=None, description="Whether it shows everything that was asked for.")
    score: float | None = Field(default=None, description="In [0, 1].")
    reason: str = Field(default="", description="Why the run ended, or why the picture was kept or not.")
    attempts: int | None = Field(default=None, description="How many pictures the run has.")
    pictures: list[Painted] = Field(
        default_factory=list, description="If there are several, or a failed job left some."
    )
    questions: list[Answer] = Field(default_factory=list, description="The checklist with its answers.")
    findings: Findings | None = Field(default=None, description="Of regional_diffuse and inspect_and_edit.")
    not_understood: list[str] = Field(default_factory=list, description="Words that no question asks about.")
    error: str = Field(default="", description="Why it failed.")
    next: str = Field(description=NEXT)


class Painted(Value):
    """A picture among several."""

    image_id: str
    image: str = Field(description=IMAGE)
    seed: int | None = None
    passed: bool | None = None
    score: float | None = None


class Imported(Value):
    """A picture was taken in."""

    image_id: str = Field(description="For generate_image and recaption.")
    image: str = Field(description=IMAGE)
    width: int
    height: int
    next: str = Field(description=NEXT)


class Viewed(Value):
    """A picture, shown."""

    image_id: str
    image: str = Field(description=IMAGE)
    path: str | None = Field(default=None, description=FILE)
    download: str | None = Field(default=None, description="Link to the PNG; expires.")
    width: int
    height: int
    prompt: str
    passed: bool | None = Field(default=None, description="None if it was never inspected.")
    questions: list[Answer] = Field(default_factory=list, description="The checklist with its answers.")
    next: str = Field(description=NEXT)


class Listed(Value):
    """A picture in a list."""

    image_id: str
    image: str = Field(description=IMAGE)
    prompt: str
    action: str = Field(description="given, painted or edited.")
    seed: int | None = None


class Page(Value):
    """Pictures, newest first."""

    images: list[Listed]
    cursor: int | None = Field(default=None, description="For list_images, if there are older ones.")
    next: str = Field(description=NEXT)


def uri(image_id: str) -> str:
    """The resource of a picture."""
    return f"{SCHEME}{image_id}"


def reply(
    sentences: Sequence[str], structure: Value | dict[str, Any], picture: Image.Image | None = None, side: int = 512
) -> CallToolResult:
    """Text for whoever reads only text, structure beside it, and a thumbnail for whoever can see."""
    known = structure.model_dump(mode="json", exclude_defaults=True) if isinstance(structure, Value) else structure
    content: list[ContentBlock] = [TextContent(type="text", text="\n".join(filter(None, sentences)))]
    if picture is not None:
        left = RESULT - len(json.dumps(known, ensure_ascii=False)) - sum(map(len, sentences))
        small = thumbnail(picture, side, min(MAX_BASE64, max(left, 1000)))
        content.append(ImageContent(type="image", data=small, mime_type="image/webp"))
    if link := known.get("image"):
        # Not an image's media type: some clients turn that into a URL for a provider that cannot fetch it.
        content.append(
            ResourceLink(
                type="resource_link",
                uri=known.get("download") or link,
                name=link.removeprefix(SCHEME),
                description="The picture at full size, as PNG.",
                mime_type="image/png" if known.get("download") else "application/octet-stream",
            )
        )
    return CallToolResult(content=content, structured_content=known)
