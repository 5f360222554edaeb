"""Pictures that come in from outside: with a message, or as the input of the graph `edit`."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from langchain_core.messages import BaseMessage

from muralist.intake.bounds import Bounds
from muralist.tools.errors import BadImage
from muralist.tools.run import IMAGE_ID

if TYPE_CHECKING:
    from PIL import Image

BOUNDS = Bounds(bytes=20_000_000)


def served_at() -> str:
    """The address of the server that the graph runs in, which serves pictures; empty elsewhere."""
    return os.environ.get("LANGGRAPH_API_URL", "").rstrip("/")


def image_in(message: BaseMessage) -> Image.Image | str | None:
    """The picture of a message's content blocks: as OpenAI's `image_url` or LangChain's `image`. Raises BadImage."""
    content = message.content if isinstance(message.content, list) else []
    for block in content:
        if isinstance(block, dict) and (data := _data_of(block)) is not None:
            return image_from(data)
    return None


def image_from(data: str) -> Image.Image | str:
    """A picture in base64 or a `data:` URL; of a picture that is kept here, by its id or address, the id.

    Scaled and cropped to sides that are painted. Raises BadImage.
    """
    from muralist.intake.decoding import from_base64, picture

    if kept := _kept(data):
        return kept
    if re.match(r"[a-z]+://", data):
        raise BadImage("a picture has to come with the message, as base64 or a data: URL: addresses are not fetched")
    encoded = data.rpartition(",")[2] if data.startswith("data:") else data
    return picture(from_base64(encoded, BOUNDS), BOUNDS).picture


def _data_of(block: dict[str, Any]) -> str | None:
    """The data or address in an image block; None if it is another kind of block."""
    source = block.get("source")
    match block.get("type"):
        case "image_url":
            url = block.get("image_url", "")
            return str(url.get("url", "") if isinstance(url, dict) else url)
        case "image" if isinstance(source, dict):  # as Anthropic has it
            return str(source.get("data") or source.get("url", ""))
        case "image":
            return str(block.get("base64") or block.get("data") or block.get("url") or "")
    return None


def _kept(data: str) -> str | None:
    base = served_at()
    if base and data.startswith(f"{base}/images/"):
        data = data.removeprefix(f"{base}/images/").removesuffix(".png")
    return data if IMAGE_ID.fullmatch(data) else None
