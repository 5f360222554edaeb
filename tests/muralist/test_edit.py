"""edit and aedit, as a caller sees them who has a picture already."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from any_mode import png_of_16_bits
from block_world import COLOURS, PAPER, BlockInspector, BlockPainter, blocks
from PIL import ExifTags, Image, ImageOps

import muralist
from muralist.tools.errors import BadPrompt, BadSettings

Blocks = Callable[..., dict[str, Any]]
Edit = Callable[..., muralist.Result]

THINGS = {"red": "cup", "blue": "book", "yellow": "car"}


class Blind:
    """An inspector that answers questions, but cannot say what is on a picture."""

    name = "blind"
    inspect = BlockInspector().inspect


@pytest.fixture
def world(blocks: Blocks) -> Blocks:
    """Block world, in which red blocks are cups, blue ones books and yellow ones cars."""
    return lambda painter=None, inspector=None: blocks(painter, inspector or BlockInspector(names=THINGS))


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A red cup at the top left, and a blue book at the right."""
    image = Image.new("RGB", (128, 128), PAPER)
    image.paste(COLOURS["red"], (16, 16, 48, 48))
    image.paste(COLOURS["blue"], (80, 72, 112, 104))
    image.save(tmp_path / "given.png")
    return tmp_path / "given.png"


@pytest.fixture
def edited(world: Blocks, picture: Path) -> Edit:
    """The picture with a wish done; pixels outside of the repainted boxes are those that were given."""

    def edit(wish: str, **options: Any) -> muralist.Result:
        result = muralist.edit(picture, wish, seed=1, **world(), **options)
        outside = np.ones((128, 128), bool)
        for box in result.repainted:
            left, top = int(box.x0 * 128), int(box.y0 * 128)
            outside[top : int(np.ceil(box.y1 * 128)), left : int(np.ceil(box.x1 * 128))] = False
        assert not changed(Image.open(picture).convert("RGB"), result.image)[outside].any()
        return result

    return edit


def changed(one: Image.Image, other: Image.Image) -> np.ndarray:
    return (np.asarray(one) != np.asarray(other)).any(2)


def seen(picture: Image.Image) -> dict[str, int]:
    """How many blocks there are of each colour."""
    counts = {colour: len(list(blocks(picture, colour))) for colour in COLOURS}
    return {colour: count for colour, count in counts.items() if count}


def test_only_what_does_not_hold_is_repainted(edited: Edit, picture: Path, tmp_path: Path) -> None:
    before = Image.open(picture).convert("RGB")
    result = edited("a red cup to the left of a green book", out=tmp_path / "edited")
    assert result.passed
    assert result.attempts[0].action == "given"
    assert result.pictures[result.attempts[0].image_id].tobytes() == before.tobytes(), (
        "the first picture is the given one"
    )
    assert {attempt.action for attempt in result.attempts[1:]} == {"edit"}
    assert seen(result.image) == {"red": 1, "green": 1}
    assert (tmp_path / "edited" / "final.png").is_file()


@pytest.mark.parametrize(
    ("wish", "there"),
    [
        ("a yellow car", {"red": 1, "blue": 1, "yellow": 1}),
        ("make the book green", {"red": 1, "green": 1}),
        ("remove the cup", {"blue": 1}),
        ("no cup", {"blue": 1}),
        ("two more cups", {"red": 3, "blue": 1}),
        ("replace the book by a purple vase", {"red": 1, "purple": 1}),
        ("make the cup green, then remove the book", {"green": 1}),
    ],
)
def test_a_wish_is_done_and_what_it_does_not_name_stays(edited: Edit, wish: str, there: dict[str, int]) -> None:
    result = edited(wish)
    assert result.passed
    assert seen(result.image) == there


def test_a_thing_is_moved_and_another_one_stays_where_it_is(edited: Edit, picture: Path) -> None:
    (before,) = blocks(Image.open(picture), "blue")
    result = edited("move the cup to the top right")
    (cup,), (book,) = (list(blocks(result.image, colour)) for colour in ("red", "blue"))
    assert result.passed
    assert cup.centre[0] > 0.5 > cup.centre[1]
    assert book == before


def test_what_stays_is_asked_for_in_its_colour_and_place_and_nothing_else(edited: Edit) -> None:
    result = edited("remove the cup")
    assert result.run.checklist is not None
    assert [question.text for question in result.run.checklist.questions] == [
        "Is there a book?",
        "Is the book blue?",
        "Is there exactly one blue book?",
        "Is the blue book at the bottom right of the picture?",
        "Is there no cup?",
        "Is there nothing else in the picture than: blue book?",
    ]


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ("make the unicorn blue", "there is no unicorn on the picture: it shows a red cup, a blue book"),
        ("make the book bigger", "'make the book bigger' cannot be read as a change: wishes are such as"),
        ("turn the grass into sand", "the ground stays as it is"),
    ],
)
def test_a_wish_that_cannot_be_done_is_told_in_one_line(edited: Edit, wish: str, message: str) -> None:
    with pytest.raises(BadPrompt, match=message) as caught:
        edited(wish)
    assert "\n" not in str(caught.value)


def test_an_inspector_that_cannot_say_what_is_there_has_to_be_told_what_to_look_for(
    world: Blocks, picture: Path
) -> None:
    with pytest.raises(BadPrompt, match="needs an inspector that can tell what is on a picture"):
        muralist.edit(picture, "remove the cup", **world(None, Blind()))
    result = muralist.edit(picture, "a yellow car", **world(None, Blind()))
    assert result.passed
    assert "others" not in {verdict.question_id for verdict in result.attempt.verdicts or []}


async def test_a_picture_that_shows_it_already_is_handed_back(world: Blocks, picture: Path) -> None:
    before = Image.open(picture).convert("RGB")
    result = await muralist.aedit(before, "a red cup to the left of a blue book", **world())
    assert result.passed
    assert len(result.attempts) == 1
    assert result.image.tobytes() == before.tobytes()


def test_a_picture_of_the_folder_that_is_written_to_stays(world: Blocks, tmp_path: Path) -> None:
    drawn = tmp_path / "drawn"
    muralist.draw("a red cup to the left of a blue book", seed=7, out=drawn, **world())
    before = {file.name: file.read_bytes() for file in drawn.iterdir()}
    wish = "a red cup to the left of a green book"
    taken = [muralist.edit(drawn / "final.png", wish, out=drawn, **world()).path for _ in range(2)]
    assert taken == [tmp_path / "drawn-2" / "final.png", tmp_path / "drawn-3" / "final.png"]
    assert {file.name: file.read_bytes() for file in drawn.iterdir()} == before
    (drawn / "mine.png").write_bytes(before["final.png"])
    result = muralist.edit(drawn / "mine.png", wish, out=drawn, **world())
    assert result.path == drawn / "final.png", "only what a run would replace is in the way"


def test_the_whole_picture_is_never_painted_anew(world: Blocks, picture: Path) -> None:
    never = BlockPainter(faults={seed: [0, 1] for seed in range(50)})
    result = muralist.edit(picture, "a red cup to the left of a green book", **world(never))
    assert [attempt.action for attempt in result.attempts].count("given") == 1
    assert {attempt.action for attempt in result.attempts} <= {"given", "edit"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no picture"),
        (b"no picture", "is no picture"),
        (b"P6 64 64 99999999\n", "is no picture"),
        (b"P2 64 64 255\n" + b"x " * 4096, "is no picture"),
        ((100, 128), "100x128 pixels: crop or resize"),
    ],
)
def test_what_is_no_picture_is_told_in_one_line(world: Blocks, tmp_path: Path, content: Any, message: str) -> None:
    path = tmp_path / "picture.png"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        Image.new("RGB", content).save(path)
    with pytest.raises(BadSettings, match=message) as caught:
        muralist.edit(path, "a red cup", **world())
    assert "\n" not in str(caught.value)


@pytest.fixture(params=["L", "LA", "P", "RGB", "RGBA", "I;16"])
def file(request: pytest.FixtureRequest, picture: Path, tmp_path: Path) -> Path:
    """The picture in a mode, with what the file of a camera or a program has besides."""
    plain, mode = Image.open(picture).convert("RGB"), request.param
    image = plain.convert("L" if mode == "I;16" else mode)
    if mode in {"LA", "RGBA"}:
        image.putalpha(Image.linear_gradient("L").resize(image.size).point(lambda value: 100 + value // 2))
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image).astype(np.uint16) * 257 + 11)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation], exif[ExifTags.Base.Make] = 6, "Camera"
    sideways = image.transpose(Image.Transpose.ROTATE_90)
    sideways.save(tmp_path / "file.png", exif=exif, icc_profile=b"a profile", dpi=(300, 300))
    return tmp_path / "file.png"


def test_what_is_written_has_the_mode_depth_alpha_profile_and_exif_of_the_given_file(
    world: Blocks, file: Path, tmp_path: Path
) -> None:
    given = ImageOps.exif_transpose(Image.open(file))
    result = muralist.edit(file, "a yellow car", seed=1, out=tmp_path / "out", **world())
    written = Image.open(tmp_path / "out" / "final.png")
    inside = np.zeros((128, 128), bool)
    for box in result.repainted:
        inside[int(box.y0 * 128) : int(np.ceil(box.y1 * 128)), int(box.x0 * 128) : int(np.ceil(box.x1 * 128))] = True
    for image in (written, result.image):
        assert image.mode == given.mode
        assert image.info["icc_profile"] == b"a profile"
        assert dict(image.getexif()) == {ExifTags.Base.Make: "Camera"}
        assert np.array_equal(np.asarray(image)[~inside], np.asarray(given)[~inside])
        assert not np.array_equal(np.asarray(image), np.asarray(given))
        if given.mode in {"LA", "RGBA"}:
            assert np.array_equal(np.asarray(image)[..., -1], np.asarray(given)[..., -1])
    assert {each.mode for each in result.pictures.values()} == {"RGB"}
    again = muralist.resume(result.run_id, **world())
    assert again.image.tobytes() == result.image.tobytes(), "the original is kept with the run"
    assert muralist.fork(result.run_id, **world()).image.tobytes() == result.image.tobytes()


def test_a_plain_picture_is_kept_once(world: Blocks, picture: Path) -> None:
    result = muralist.edit(picture, "a red cup to the left of a blue book", seed=1, **world())
    assert result.image_id.endswith("-1")
    assert muralist.edit(picture, "a yellow car", seed=1, **world()).image_id.endswith("-2")


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda path: Image.new("CMYK", (128, 128)).save(path, "JPEG"), "a CMYK picture cannot be kept in a PNG file"),
        (lambda path: Image.new("F", (128, 128)).save(path, "TIFF"), "a picture of mode F cannot be kept as it is"),
        (lambda path: path.write_bytes(png_of_16_bits(2, 3)), "16 bits in each of several channels"),
        (
            lambda path: Image.new("RGB", (128, 128), "red").save(
                path, "GIF", save_all=True, append_images=[Image.new("RGB", (128, 128), "blue")]
            ),
            "the picture is animated",
        ),
    ],
)
def test_a_file_that_could_not_be_kept_as_it_is_is_refused_in_one_line(
    world: Blocks, tmp_path: Path, made: Callable[[Path], Any], message: str
) -> None:
    made(tmp_path / "file")
    with pytest.raises(BadSettings, match=message) as caught:
        muralist.edit(tmp_path / "file", "a red cup", **world())
    assert "\n" not in str(caught.value)
