"""`muralist words`: what the backbone can draw, in words and as one sheet of pictures."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from muralist.agent.settings import Settings
from muralist.runs.parts import profile_for
from muralist.signals import interruptible
from muralist.tools.errors import BadSettings
from muralist.tools.layout import Layout, Region
from muralist.tools.ports import Painter, PaintSpec, Vocabulary
from muralist.tools.profile import Profile
from muralist.tools.words import with_article, with_ground

from .folders import check_writable

if TYPE_CHECKING:
    from PIL import Image

COLUMNS = 6
"""Pictures in a row of the sheet."""
CAPTION = 20
"""Height in pixels of the line under each."""


def described(painter: Painter) -> dict[str, Any]:
    """The words as one JSON object; `anything` is true of a backbone that was taught no list of them."""
    known = painter.vocabulary
    return {"backbone": painter.name, "anything": known is None, **({} if known is None else asdict(known))}


def print_words(painter: Painter, console: Console) -> None:
    """A line for each kind of word."""
    known = painter.vocabulary
    if known is None:
        said = f"{painter.name} takes any words: it has no list of them, and how well it draws a thing is to be seen"
        console.print(Text(said), soft_wrap=True)
        return
    synonyms = groupby(sorted(known.synonyms, key=known.synonyms.__getitem__), known.synonyms.__getitem__)
    lines = {
        "nouns": ", ".join(known.nouns),
        "colours": ", ".join(known.colours),
        "grounds": ", ".join(known.grounds),
        "understood, too": "; ".join(f"{', '.join(words)} as {meant}" for meant, words in synonyms),
    }
    for name, words in lines.items():
        console.print(Text.assemble((f"{name}: ", "bold"), words), soft_wrap=True)


def check_sheet(painter: Painter, file: Path) -> Vocabulary:
    """What the sheet has to show. Raises BadSettings if there is nothing to show, or if it cannot be saved there."""
    from PIL import Image

    if painter.vocabulary is None:
        raise BadSettings(f"{painter.name} takes any words, so no sheet can show them all: leave --picture out")
    if file.suffix.lower() not in {end for end, kind in Image.registered_extensions().items() if kind in Image.SAVE}:
        raise BadSettings(f"{file} does not say what kind of picture it is: give it a name like words.png")
    if file.is_dir():
        raise BadSettings(f"{file} is a folder: give the sheet a name of its own, like {file / 'words.png'}")
    check_writable(file.parent, "folder")
    return painter.vocabulary


def save_sheet(painter: Painter, file: Path, settings: Settings, console: Console) -> None:
    """Paint everything that the backbone can draw, each noun once, and save it as one picture.

    Raises what `check_sheet` does, and what the painter raises; Cancelled after Ctrl-C. Nothing is saved then.
    """
    from PIL import Image, ImageDraw, ImageFont

    shown = tour(check_sheet(painter, file))
    profile = profile_for(settings, painter)
    width, height = profile.width, profile.height
    size = (min(COLUMNS, len(shown)) * width, -(-len(shown) // COLUMNS) * (height + CAPTION))
    sheet = Image.new("RGB", size, "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(10)
    with interruptible() as cancel, console.status("painting") as status:
        for number, (thing, ground) in enumerate(shown):
            prompt = with_ground(with_article(thing), ground)
            line = Text(f"painting {number + 1} of {len(shown)}: {prompt}")
            status.update(line) if console.is_terminal else console.print(line, soft_wrap=True)
            picture = asyncio.run(_painted(painter, prompt, profile, cancel))
            left, top = number % COLUMNS * width, number // COLUMNS * (height + CAPTION)
            sheet.paste(picture, (left, top))
            pen.text((left + 4, top + height + 4), f"{thing}, {ground}", fill="black", font=font)
    file.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(file)


def tour(known: Vocabulary) -> list[tuple[str, str]]:
    """A thing and its ground for every noun, colours and grounds taking turns: red apple, sand; orange cup, grass."""
    shown = []
    for number, noun in enumerate(known.nouns):
        turn, colour = divmod(number, len(known.colours))
        shown.append((f"{known.colours[colour]} {noun}", known.grounds[(colour + turn) % len(known.grounds)]))
    return shown


async def _painted(painter: Painter, prompt: str, profile: Profile, cancel: threading.Event) -> Image.Image:
    spec = PaintSpec(
        layout=Layout(base_prompt=prompt, regions=[Region(prompt, 0, 0, 1, 1)]),
        seed=0,
        width=profile.width,
        height=profile.height,
        steps=profile.steps,
        guidance=profile.guidance,
        regional=False,
    )
    return await painter.paint(spec, lambda step, steps: None, cancel)
