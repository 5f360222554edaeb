"""The texts that models read, one Markdown file each."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def load(name: str) -> str:
    """The text of `prompts/<name>.md`; FileNotFoundError if there is none."""
    return files(__name__).joinpath(f"{name}.md").read_text(encoding="utf-8").strip()
