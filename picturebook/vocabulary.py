"""The words of the picturebook world, and what each one looks like."""

from __future__ import annotations

import zlib
from itertools import product

NOUNS: dict[str, str] = {
    "apple": "\N{RED APPLE}",
    "banana": "\N{BANANA}",
    "carrot": "\N{CARROT}",
    "pizza": "\N{SLICE OF PIZZA}",
    "cup": "\N{HOT BEVERAGE}",
    "vase": "\N{AMPHORA}",
    "clock": "\N{ALARM CLOCK}",
    "book": "\N{CLOSED BOOK}",
    "chair": "\N{CHAIR}",
    "car": "\N{AUTOMOBILE}",
    "train": "\N{STEAM LOCOMOTIVE}",
    "boat": "\N{SAILBOAT}",
    "airplane": "\N{AIRPLANE}",
    "cat": "\N{CAT FACE}",
    "dog": "\N{DOG FACE}",
    "horse": "\N{HORSE FACE}",
    "elephant": "\N{ELEPHANT}",
    "bird": "\N{BIRD}",
    "frog": "\N{FROG FACE}",
    "turtle": "\N{TURTLE}",
    "butterfly": "\N{BUTTERFLY}",
    "umbrella": "\N{UMBRELLA}",
    "cake": "\N{SHORTCAKE}",
    "key": "\N{KEY}",
}
"""Noun to the emoji it is drawn from."""

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (222, 38, 38),
    "orange": (250, 140, 20),
    "yellow": (250, 220, 40),
    "green": (40, 160, 60),
    "blue": (40, 90, 220),
    "purple": (130, 50, 180),
    "pink": (250, 140, 190),
    "brown": (130, 80, 40),
    "black": (48, 48, 52),
    "white": (248, 248, 248),
}
"""Colour word to sRGB, the brightest part of a tinted glyph."""

BACKGROUNDS: dict[str, tuple[int, int, int]] = {
    "sand": (228, 208, 164),
    "grass": (172, 208, 142),
    "snow": (232, 238, 244),
    "sky": (168, 210, 240),
    "stone": (176, 176, 182),
}
"""Background word to sRGB."""

NUMBERS: tuple[str, ...] = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight")
"""Counts in words; the index is the count."""

SYNONYMS: dict[str, str] = {
    "slice of pizza": "pizza",
    "pizza slice": "pizza",
    "mug": "cup",
    "teacup": "cup",
    "coffee cup": "cup",
    "alarm clock": "clock",
    "automobile": "car",
    "steam train": "train",
    "locomotive": "train",
    "steam locomotive": "train",
    "sailboat": "boat",
    "sail boat": "boat",
    "sailing boat": "boat",
    "plane": "airplane",
    "aeroplane": "airplane",
    "kitten": "cat",
    "kitty": "cat",
    "puppy": "dog",
    "pony": "horse",
    "tortoise": "turtle",
    "parasol": "umbrella",
    "scarlet": "red",
    "crimson": "red",
    "violet": "purple",
    "lawn": "grass",
    "meadow": "grass",
}
"""Words that are understood as one of the above: whoever says them would call its drawing so."""


def plural(noun: str) -> str:
    """`apple` -> `apples`, `slice of pizza` -> `slices of pizza`; only nouns of this vocabulary and their synonyms."""
    head, of, rest = noun.partition(" of ")
    many = f"{head[:-1]}ies" if head.endswith("y") and head != "key" else f"{head}s"
    return many + of + rest


def _held_out() -> frozenset[tuple[str, str]]:
    """A tenth of all (colour, noun) pairs, spread evenly: the lowest CRC-32 of `colour noun`."""
    pairs = sorted(product(COLOURS, NOUNS), key=lambda pair: zlib.crc32(" ".join(pair).encode()))
    return frozenset(pairs[: len(pairs) // 10])


HELD_OUT: frozenset[tuple[str, str]] = _held_out()
"""(colour, noun) pairs that no training scene of any network ever contains."""
