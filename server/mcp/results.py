"""What the MCP tools give back: the models behind their output schemas, and the sentences that lead on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mcp.types import CallToolResult, ContentBlock, ImageContent, ResourceLink, TextContent
from PIL import Image
from pydantic import Field

from muralist.server.answers import Answer
from muralist.tools.layout import Layout
from muralist.tools.outcome import Findings
from muralist.tools.scene import Scene, Value

from .thumbnail import thumbnail

NEXT = "What to do next."


class Asked(Value):
    """A question of the checklist."""

    id: str
    text: str


class Recaptioned(Value):
    """A run is open, with a verified scene."""

    run_id: str = Field(description="Give it to plan, regional_diffuse and inspect_and_edit.")
    scene: Scene
    checklist: list[Asked]
    drafted_by: str
    next: str = Field(description=NEXT)


class Planned(Value):
    """The run has a verified layout."""

    run_id: str
    layout: Layout
    drafted_by: str
    next: str = Field(description=NEXT)


class Judged(Value):
    """A picture was painted or inspected; the thumbnail shows the best one."""

    run_id: str
    image_id: str = Field(description="The picture that this call was about.")
    image: str = Field(description="Resource of the best picture, as PNG.")
    findings: Findings
    next: str = Field(description=NEXT)


class Generated(Value):
    """The best picture of a whole run."""

    run_id: str
    image_id: str
    image: str = Field(description="Resource of the picture, as PNG.")
    passed: bool = Field(description="True if the picture answers every question with yes.")
    score: float = Field(description="In [0, 1].")
    reason: str = Field(description="Why the run ended.")
    attempts: int = Field(description="How many pictures were painted.")
    questions: list[Answer]
    not_understood: list[str] = Field(description="Words of the prompt that went into the caption only.")
    next: str = Field(description=NEXT)


def uri(image_id: str) -> str:
    """The resource of a picture."""
    return f"image://{image_id}"


def reply(sentences: Sequence[str], structure: dict[str, Any], picture: Image.Image | None = None) -> CallToolResult:
    """Text for whoever reads only text, structure beside it, and a thumbnail for whoever can see."""
    content: list[ContentBlock] = [TextContent(type="text", text="\n".join(filter(None, sentences)))]
    if picture is not None:
        content.append(ImageContent(type="image", data=thumbnail(picture), mime_type="image/webp"))
    if link := structure.get("image"):
        # Not an image's media type: some clients turn that into a URL for a provider that cannot fetch it.
        content.append(
            ResourceLink(
                type="resource_link",
                uri=link,
                name=link.removeprefix("image://"),
                description="The best picture at full size, as PNG.",
                mime_type="application/octet-stream",
            )
        )
    return CallToolResult(content=content, structured_content=structure)


def after_recaption(run_id: str) -> str:
    """The step after `recaption`."""
    return f"Next: plan with run_id {run_id}; leave its layout out to have one drafted."


def after_plan(run_id: str) -> str:
    """The step after `plan`."""
    return f"Next: regional_diffuse with run_id {run_id}."


def after_judging(run_id: str, findings: Findings) -> str:
    """The step after a picture was inspected."""
    if findings.status == "awaiting_verdicts":
        return f"Next: inspect_and_edit with run_id {run_id} and your verdicts on the open questions."
    if findings.passed:
        return f"Done: show the user {uri(findings.best_id or findings.candidate_id)}."
    if not findings.images_left:
        return "No pictures are left in this run: take the best, and say what is still open."
    return (
        f"Next: inspect_and_edit with run_id {run_id} and edits for what is open, or regional_diffuse for a new "
        "picture, or plan again if things are in the wrong place."
    )
