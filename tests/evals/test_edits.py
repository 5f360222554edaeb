"""Wishes about stills, and the table of what came of them."""

from __future__ import annotations

import pytest

from muralist.evals.edits import KINDS, Done, cases, table
from muralist.picturebook.glyphs import FONT_PATH

pytestmark = pytest.mark.skipif(not FONT_PATH.exists(), reason="drawing needs the package fonts-noto-color-emoji")


def test_every_kind_of_wish_is_asked_and_none_names_what_has_to_stay() -> None:
    found = list(cases(2))
    assert [case.kind for case in found] == [*KINDS, *KINDS]
    assert all(thing.noun not in case.wish.split() for case in found for thing in case.kept)


def test_the_table_counts_refused_wishes_apart() -> None:
    first, second, *_ = cases(1)
    lines = table([Done(first, passed=True, right=True), Done(second, refused="no room")]).splitlines()
    assert [line.split()[:4] for line in lines[1:3]] == [["recolour", "1", "0", "1.00"], ["remove", "1", "1", "0.00"]]
    assert lines[-1].split() == ["all", "2", "1", "1.00", "1.00", "1.00", "1.00"]
