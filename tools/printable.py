"""Text from outside, such as a prompt or a model's words, as it may go to a terminal."""

from __future__ import annotations

import re

UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 except tab and newline, DEL, C1
    "\u2028\u2029\u202a-\u202e\u2066-\u2069"  # line ends, and what changes the direction of the text around it
    "\ud800-\udfff]"  # halves of characters, as arguments that are no UTF-8 are given to a program
)
"""What a terminal obeys instead of showing it, or cannot be given at all."""


def printable(text: str) -> str:
    r"""The text with all of that written out, `\x1b` for an escape; tabs and newlines stay."""
    return UNSEEN.sub(lambda found: _written(ord(found[0])), text)


def _written(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
