import numpy as np
import pytest

from muralist.picturebook.glyphs import FONT_PATH
from muralist.picturebook.vocabulary import HELD_OUT, NOUNS, plural
from muralist.picturebook.world import SIZE, caption, render, sample_still

pytestmark = pytest.mark.skipif(not FONT_PATH.exists(), reason="drawing needs the package fonts-noto-color-emoji")


def test_no_still_ever_contains_a_held_out_pair() -> None:
    rng = np.random.default_rng(1)
    seen = {(thing.colour, thing.noun) for _ in range(150) for thing in sample_still(rng, 6).things}
    assert len(seen) > 150
    assert not seen & HELD_OUT


@pytest.mark.parametrize("count", range(7))
def test_a_caption_never_mentions_more_than_two_things(count: int) -> None:
    rng = np.random.default_rng(count)
    for _ in range(60):
        words = caption(sample_still(rng, count), rng).split()
        singular = sum(word in NOUNS for word in words)
        twins = 2 * sum(word in {plural(noun) for noun in NOUNS} for word in words)
        assert singular + twins <= 2


def test_things_stay_inside_the_picture_and_hardly_overlap() -> None:
    rng = np.random.default_rng(3)
    for count in range(9):
        still = sample_still(rng, count)
        assert len(still.things) == count
        covered = np.zeros((SIZE, SIZE), dtype=int)
        for thing in still.things:
            x0, y0, x1, y1 = thing.box
            assert 0 <= x0 < x1 <= SIZE
            assert 0 <= y0 < y1 <= SIZE
            covered[y0:y1, x0:x1] += 1
        assert (covered > 1).mean() < 0.02


def test_the_same_random_state_draws_the_same_pixels() -> None:
    first, second = (render(sample_still(rng, 4), rng) for rng in (np.random.default_rng(9), np.random.default_rng(9)))
    assert first.shape == (SIZE, SIZE, 3)
    assert np.array_equal(first, second)
