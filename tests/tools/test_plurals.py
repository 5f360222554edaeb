"""Singulars, and the one form that words are compared by."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muralist.tools.plurals import singular
from muralist.tools.words import stem


@pytest.mark.parametrize(
    ("plural", "one"),
    [
        ("grandchildren", "grandchild"),
        ("greys", "grey"),
        ("rhinoceroses", "rhinoceros"),
        ("wolves", "wolf"),
        ("berries", "berry"),
        ("boxes", "box"),
        ("sheep", "sheep"),
    ],
)
def test_a_plural_and_its_singular_are_one_word(plural: str, one: str) -> None:
    assert singular(plural) == one
    assert stem(plural) == stem(one)


@given(st.text("aeimnorsty", min_size=1, max_size=8))
def test_no_word_parts_from_its_singular(word: str) -> None:
    assert stem(word) == stem(singular(word))
