"""A vision model's mind in block world: it looks at the very bytes it was sent, and fills in the inspection."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from typing import Any

import numpy as np
from block_world import COLOURS, PAPER, blocks, colour_of
from PIL import Image

Json = dict[str, Any]
Change = Callable[[Json], Json]


def pictures(request: Json) -> list[Image.Image]:
    """The pictures in a request's user messages."""
    parts = [
        part
        for message in request["messages"]
        if message["role"] == "user" and isinstance(message["content"], list)
        for part in message["content"]
    ]
    urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    return [Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) for url in urls]


def text_of(request: Json) -> str:
    """What the user's messages say."""
    said = []
    for message in request["messages"]:
        if message["role"] == "user":
            content = message["content"]
            parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
            said += [part["text"] for part in parts if part["type"] == "text"]
    return "\n".join(said)


def crisp(picture: Image.Image) -> Image.Image:
    """The picture in the colours of block world, as they were before it was compressed."""
    palette = np.array([PAPER, *COLOURS.values()], dtype=float)
    pixels = np.asarray(picture.convert("RGB"), dtype=float)
    nearest = np.linalg.norm(pixels[:, :, None] - palette, axis=3).argmin(axis=2)
    return Image.fromarray(palette[nearest].astype(np.uint8), "RGB")


def inspection(request: Json) -> Json:
    """Boxes of all blocks, and yes to whatever they do not contradict."""
    picture = crisp(pictures(request)[-1])
    listed = dict(re.findall(r"^`(\w+)`: (.*)$", text_of(request), re.MULTILINE))
    asked = re.findall(r"^`([\w.]+)`: (.*)\?$", text_of(request), re.MULTILINE)
    found = {name: list(blocks(picture, colour_of(said))) for name, said in listed.items()}
    return {
        "things": [
            {"entity": name, "box": box.model_dump()} for name, boxes in found.items() for box in boxes
        ],
        "answers": [
            {"question": each, "answer": "yes" if found.get(each.partition(".")[0], True) else "no", "p": None}
            for each, _ in asked
        ],
    }  # fmt: skip


def seeing(change: Change = lambda seen: seen) -> Callable[[list[str], Json], tuple[str, Json]]:
    """A mind that inspects, its answers changed on the way out."""
    return lambda offered, request: ("inspection", change(inspection(request)))
