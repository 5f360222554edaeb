from muralist.picturebook.vocabulary import BACKGROUNDS, COLOURS, HELD_OUT, NOUNS


def test_the_world_is_as_large_as_promised() -> None:
    assert len(NOUNS) >= 24
    assert len(COLOURS) == 10
    assert len(BACKGROUNDS) >= 4


def test_a_tenth_of_the_noun_colour_pairs_is_held_out_and_touches_every_colour() -> None:
    assert len(HELD_OUT) == len(NOUNS) * len(COLOURS) // 10
    assert {colour for colour, _ in HELD_OUT} == set(COLOURS)
