"""One layout in each native format: the documented examples, and the way back to within one of the format's units."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muralist.diffusion.layout_prompts import FORMATS, FormatName, fibo, flux2, ideogram, moss, words
from muralist.diffusion.layout_prompts.elements import Element
from muralist.diffusion.layout_prompts.positions import beside, ninth, size
from muralist.tools.errors import BadLayout
from muralist.tools.layout import MIN_REGION, Box, Layout, Region

BOXES = ("ideogram", "moss", "flux2", "words")
"""Formats that tell the edges of a region; FIBO tells its ninth and size."""


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    sides = st.tuples(st.floats(0, 1 - MIN_REGION), st.floats(0, 1))
    texts = st.text(min_size=1, max_size=30).filter(str.strip)

    def interval() -> tuple[float, float]:
        start, share = draw(sides)
        return start, min(1.0, start + MIN_REGION + share * (1 - MIN_REGION - start))

    regions = []
    for _ in range(draw(st.integers(1, 6))):
        (x0, x1), (y0, y1) = interval(), interval()
        regions.append(Region(draw(texts), x0, y0, x1, y1))
    return Layout(regions=regions, base_prompt=draw(texts))


def units(name: FormatName, width: int, height: int) -> tuple[float, float]:
    """One unit across and down, as shares of the canvas."""
    if name == "moss":
        return 1 / width, 1 / height
    return (1 / 1000, 1 / 1000) if name == "ideogram" else (1 / 100, 1 / 100)


def told(text: str, name: FormatName) -> str:
    return " ".join(text.split()) if name == "words" else text


@pytest.mark.parametrize("name", BOXES)
@settings(max_examples=60, deadline=None)
@given(layout=layouts(), width=st.integers(4, 128), height=st.integers(4, 128))
def test_a_layout_comes_back_with_its_prompts_and_its_edges_within_a_unit(
    name: FormatName, layout: Layout, width: int, height: int
) -> None:
    width, height = 16 * width, 16 * height
    across, down = units(name, width, height)
    back = FORMATS[name].read(FORMATS[name].write(layout, width, height), width, height)
    assert back.base_prompt == told(layout.base_prompt, name)
    canvas = [region for region in layout.regions if (region.x0, region.y0, region.x1, region.y1) == (0, 0, 1, 1)]
    if canvas and name in ("ideogram", "flux2"):
        return  # the ground is told apart, and has a test of its own
    for region, again in zip(layout.regions, back.regions, strict=True):
        assert again.prompt == told(region.prompt, name)
        assert max(abs(region.x0 - again.x0), abs(region.x1 - again.x1)) < across + 1e-6
        assert max(abs(region.y0 - again.y0), abs(region.y1 - again.y1)) < down + 1e-6


@settings(max_examples=60, deadline=None)
@given(layout=layouts())
def test_fibo_brings_each_region_back_to_its_ninth_and_size(layout: Layout) -> None:
    back = fibo.read(fibo.write(layout))
    assert back.base_prompt == layout.base_prompt
    known = {region.prompt: region.box for region in layout.regions if region.box != Box(x0=0, y0=0, x1=1, y1=1)}
    for prompt, box in known.items():
        if sum(region.prompt == prompt for region in layout.regions) == 1:
            (again,) = (region.box for region in back.regions if region.prompt == prompt)
            assert (ninth(again), size(again)) == (ninth(box), size(box))


def placed(base_prompt: str, *regions: tuple[str, tuple[float, float, float, float]]) -> Layout:
    """Regions by their edges y0, x0, y1, x1 in thousandths."""
    made = [Region(prompt, x0 / 1000, y0 / 1000, x1 / 1000, y1 / 1000) for prompt, (y0, x0, y1, x1) in regions]
    return Layout(base_prompt=base_prompt, regions=made)


SKATEBOARD: list[dict[str, Any]] = [
    {"type": "obj", "bbox": [200, 300, 800, 900], "desc": "A golden retriever with a fluffy coat"},
    {"type": "obj", "bbox": [250, 750, 750, 950], "desc": "A worn red skateboard with black wheels"},
]
RACE: list[dict[str, Any]] = [
    {"type": "obj", "bbox": [55, 642, 1000, 937], "desc": "An older man standing in profile"},
    {"type": "obj", "bbox": [34, 137, 1000, 617], "desc": "A Formula 1 driver, positioned in the center"},
    {"type": "text", "bbox": [657, 0, 755, 142], "text": "F1", "desc": 'The letters "F1" in the lower left'},
]


@pytest.mark.parametrize("elements", [SKATEBOARD, RACE])
def test_ideograms_documented_examples_are_written_and_read(elements: list[dict[str, Any]]) -> None:
    layout = placed("a photograph", *((each["desc"], each["bbox"]) for each in elements))
    caption = {
        "high_level_description": "a photograph",
        "compositional_deconstruction": {"background": "a photograph", "elements": elements},
    }
    written = ideogram.write(layout)
    assert written == json.dumps(caption, separators=(",", ":"), ensure_ascii=False)  # its keys in their order
    assert ideogram.read(written) == layout


def test_ideogram_takes_colours_in_capitals_after_the_description_and_five_at_most() -> None:
    colours = [f"#{number:02x}abcd" for number in range(7)]
    caption = json.loads(ideogram.write(placed("a wall", (f"stripes in {', '.join(colours)}", (0, 0, 500, 500)))))
    (stripes,) = caption["compositional_deconstruction"]["elements"]
    assert list(stripes) == ["type", "bbox", "desc", "color_palette"]
    assert stripes["color_palette"] == [colour.upper() for colour in colours[:5]]


@pytest.mark.parametrize(
    ("prompt", "texts", "lettering"),
    [
        ("a shop with a sign that says 'OPEN'", ["OPEN"], False),
        ('the words "GRAND\nOPENING" in red', ["GRAND\nOPENING"], True),
        ("“Café” in white letters", ["Café"], True),
        ("a dog's bowl and the boys' ball", [], False),
        ("the title of a book", [], False),
    ],
)
def test_what_is_quoted_is_to_be_read(prompt: str, texts: list[str], lettering: bool) -> None:
    element = Element(prompt, Box(x0=0, y0=0, x1=0.5, y1=0.5))
    assert (element.texts, element.lettering) == (texts, lettering)
    (first, *letters) = json.loads(ideogram.write(placed("a street", (prompt, (0, 0, 500, 500)))))[
        "compositional_deconstruction"
    ]["elements"]
    assert first["type"] == ("text" if lettering else "obj")
    assert [each["text"] for each in (first, *letters) if each["type"] == "text"] == texts
    assert "bbox" in first
    assert not any("bbox" in each for each in letters)  # only the thing that bears them has a place


def test_a_region_that_fills_the_canvas_is_the_background() -> None:
    layout = placed("a red car on dunes", ("a red car", (0, 0, 500, 500)), ("rolling dunes", (0, 0, 1000, 1000)))
    for name, key in (("ideogram", "background"), ("flux2", "background"), ("fibo", "background_setting")):
        written = FORMATS[name].write(layout, 64, 64)  # type: ignore[index]
        assert f'"{key}":"rolling dunes"' in written
        assert [each.prompt for each in FORMATS[name].read(written, 64, 64).regions] == [  # type: ignore[index]
            "rolling dunes",
            "a red car",
        ]
    alone = placed("dunes", ("rolling dunes", (0, 0, 1000, 1000)))
    assert json.loads(ideogram.write(alone))["compositional_deconstruction"]["elements"][0]["desc"] == "rolling dunes"


def test_without_one_the_background_is_where_the_base_prompt_says_that_all_takes_place() -> None:
    car = ("a red car", (0, 0, 500, 500))
    assert json.loads(flux2.write(placed("a red car beside a vase, on wet sand", car)))["background"] == "wet sand"
    for unsaid in ("a red car", "a red car, at night", "a red car, in the style of Monet"):
        assert json.loads(flux2.write(placed(unsaid, car)))["background"] == unsaid


def test_parts_follow_their_region_as_elements_of_their_own() -> None:
    parts = [Region("a hat", 0, 0, 0.5, 0.5), Region("a coat", 0, 0.5, 0.5, 1)]
    layout = Layout(base_prompt="a man", regions=[Region("a man", 0, 0, 0.5, 1, parts=parts)])
    for name, format in FORMATS.items():
        back = format.read(format.write(layout, 64, 64), 64, 64)
        assert [region.prompt for region in back.regions] == ["a man", "a hat", "a coat"], name


@pytest.mark.parametrize(
    ("box", "pixels"),
    [
        ((0, 0, 1000, 1000), [-384, -512, 384, 512]),
        ((0, 0, 500, 500), [-384, -512, 0, 0]),
        ((500, 500, 1000, 1000), [0, 0, 384, 512]),
        ((250, 0, 750, 250), [-192, -512, 192, -256]),
    ],
)
def test_moss_counts_pixels_from_the_centre_of_the_canvas_y_first(
    box: tuple[float, float, float, float], pixels: list[int]
) -> None:
    layout = placed("a street", ("a cup", box))
    written = moss.write(layout, 1024, 768)
    assert json.loads(written) == {
        "caption": "a street",
        "items": [{"label": "object", "caption": "a cup", "bbox": pixels}],
        "bbox_format": "yxyx",
    }
    assert moss.read(written, 1024, 768) == layout
    assert moss.read(written, 2048, 1536) != layout  # pixels are those of one size


def test_moss_labels_letters_as_text_and_people_as_characters() -> None:
    regions = ("the words 'OLD TOWN'", "an old man with a dog", "a dog beside an old man", "a woman")
    layout = placed("a street", *((prompt, (0, 0, 500, 500)) for prompt in regions))
    items = json.loads(moss.write(layout, 64, 64))["items"]
    assert [item["label"] for item in items] == ["text", "character", "object", "character"]
    assert items[0]["text"] == "OLD TOWN"


def test_fibos_documented_examples_are_written_and_read() -> None:
    """Where things are told to be in Bria's own captions, and by the documentation of the pipelines in diffusers."""
    layout = placed("a zebra", ("A full-grown zebra", (100, 500, 900, 1000)), ("A fire hydrant", (600, 0, 990, 350)))
    zebra, hydrant = json.loads(fibo.write(layout))["objects"]
    assert (zebra["location"], zebra["relative_size"]) == ("center-right", "large within frame")
    assert (hydrant["location"], hydrant["relative_size"]) == ("bottom-left", "medium")
    assert list(zebra) == ["description", "location", "relationship", "relative_size"]
    assert hydrant["relationship"] == "to the left of A full-grown zebra"
    bicycle = {
        "short_description": "A red bicycle leaning against a white brick wall on a sunny morning.",
        "objects": [{"description": "a red city bicycle with a wicker basket", "location": "center"}],
        "background_setting": "a white brick wall with a green door",
        "lighting": {"conditions": "bright morning sun", "direction": "from the right"},
        "style_medium": "photograph",
    }
    read = fibo.read(json.dumps(bicycle))
    assert [(each.prompt, ninth(each.box)) for each in read.regions] == [
        ("a white brick wall with a green door", "center"),
        ("a red city bicycle with a wicker basket", "center"),
    ]
    assert json.loads(fibo.write(read))["objects"][0]["location"] == "center"
    foreground = {"short_description": "a", "objects": [{"description": "b", "location": "bottom-left foreground"}]}
    assert ninth(fibo.read(json.dumps(foreground)).regions[0].box) == "bottom-left"


def test_fibo_renders_text_apart_and_leaves_no_value_empty() -> None:
    layout = placed("a shop", ("a sign that says 'OPEN'", (0, 0, 300, 300)), ("the words 'SALE'", (700, 0, 1000, 1000)))
    caption = json.loads(fibo.write(layout))
    assert [(each["text"], each["location"]) for each in caption["text_render"]] == [
        ("OPEN", "top-left"),
        ("SALE", "bottom-center"),
    ]
    assert [each["description"] for each in caption["objects"]] == ["a sign that says 'OPEN'"]
    assert "text_render" not in json.loads(fibo.write(placed("a shop", ("a sign", (0, 0, 300, 300)))))


def test_flux2s_documented_example_is_read_and_its_keys_are_written_in_their_order() -> None:
    mug = {
        "scene": "Professional studio product photography setup",
        "subjects": [
            {
                "description": "Minimalist ceramic coffee mug",
                "position": "Center foreground on polished concrete surface",
                "color_palette": ["matte black ceramic"],
            }
        ],
        "background": "Polished concrete surface with studio backdrop",
    }
    read = flux2.read(json.dumps(mug))
    assert [(each.prompt, ninth(each.box)) for each in read.regions] == [
        ("Polished concrete surface with studio backdrop", "center"),
        ("Minimalist ceramic coffee mug", "bottom-center"),
    ]
    again = json.loads(flux2.write(read))
    assert list(again) == list(mug)
    assert again["subjects"][0]["position"].startswith("bottom-center of the frame, from ")
    coloured = json.loads(flux2.write(placed("a sky in #0a0b0c", ("a kite in #ff0000", (0, 0, 500, 500)))))
    assert list(coloured) == ["scene", "subjects", "color_palette", "background"]
    assert (coloured["color_palette"], coloured["subjects"][0]["color_palette"]) == (["#0A0B0C"], ["#FF0000"])


def test_words_say_where_everything_is_line_by_line() -> None:
    layout = placed("two things,\non sand", ("a red car", (200, 0, 1000, 600)), ("a vase: blue", (0, 600, 1000, 1000)))
    assert words(layout).split("\n") == [
        "two things, on sand",
        "- center-left, from 0% to 60% of the width and from 20% to 100% of the height: a red car",
        "- center-right, from 60% to 100% of the width and from 0% to 100% of the height: a vase: blue",
    ]


def test_words_tell_parts_below_their_region_and_that_a_mask_has_a_shape() -> None:
    nested = Region("a table", 0, 0.5, 1, 1, parts=[Region("a cup", 0.2, 0.5, 0.4, 0.75)])
    told = words(Layout(regions=[nested, Region("a cloud", mask=[[1.0, 0.0]])], base_prompt="a room"))
    assert told.split("\n")[1:] == [
        "- bottom-center, from 0% to 100% of the width and from 50% to 100% of the height: a table",
        "  - center-left, from 20% to 40% of the width and from 50% to 75% of the height: a cup",
        "- center, from 0% to 100% of the width and from 0% to 100% of the height, in a shape of its own: a cloud",
    ]
    assert [region.prompt for region in FORMATS["words"].read(told, 1, 1).regions] == ["a table", "a cup", "a cloud"]


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ((0, 0, 0.3, 1), (0.5, 0, 1, 1), "to the left of"),
        ((0.5, 0, 1, 0.9), (0, 0, 0.3, 1), "to the right of"),
        ((0, 0, 1, 0.4), (0, 0.5, 1, 1), "above"),
        ((0.1, 0.6, 0.9, 1), (0, 0, 1, 0.4), "below"),
        ((0.4, 0.4, 0.6, 0.6), (0, 0, 1, 1), "in front of"),
        ((0, 0, 1, 1), (0.4, 0.4, 0.6, 0.6), "behind"),
    ],
)
def test_a_relation_is_told_as_seen_from_the_other(
    first: tuple[float, ...], second: tuple[float, ...], said: str
) -> None:
    one, other = (Box(**dict(zip(("x0", "y0", "x1", "y1"), edges, strict=True))) for edges in (first, second))
    assert beside(one, other) == said


def caption(elements: str) -> str:
    return f'{{"compositional_deconstruction":{{"background":"b","elements":[{elements}]}}}}'


BAD: list[tuple[FormatName, str, str]] = [
    ("ideogram", "a cat", "this is no Ideogram 4 layout: Expecting value"),
    ("ideogram", "[]", "it has to be a JSON object"),
    ("ideogram", "{}", "it has no 'compositional_deconstruction'"),
    ("ideogram", caption('{"bbox":[1,2,3]}'), "it has no 'desc'"),
    ("ideogram", caption('{"desc":"d","bbox":[1,2,3]}'), "missing"),
    (
        "ideogram",
        caption('{"desc":"d","bbox":[500,0,100,9]}'),
        "a box from 0.5 to 0.1 of the canvas is empty, or",
    ),
    ("ideogram", caption('{"desc":"d","bbox":[NaN,0,100,9]}'), "is empty"),
    ("ideogram", caption('{"desc":"","bbox":[0,0,100,900]}'), "region '': prompt: String should have at least 1"),
    ("ideogram", caption(",".join(['{"desc":"d","bbox":[0,0,100,900]}'] * 17)), "layout cannot be used: regions"),
    ("ideogram", caption('{"desc":"d"}'), "layout cannot be used: regions"),
    ("fibo", '{"short_description":"s","objects":["a cat"]}', "this is no FIBO layout"),
    ("flux2", '{"scene":"s","subjects":null}', "this is no FLUX.2 layout"),
    ("moss", '{"caption":"c","items":[],"bbox_format":"xyxy"}', "its boxes are in the order xyxy: yxyx is known"),
    ("words", "a cat\na dog", "'a dog' says of nothing where it is"),
    ("words", "", "layout cannot be used"),
]


@pytest.mark.parametrize(("name", "prompt", "said"), BAD)
def test_what_is_no_layout_is_refused_in_one_line(name: FormatName, prompt: str, said: str) -> None:
    with pytest.raises(BadLayout) as error:
        FORMATS[name].read(prompt, 64, 64)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_box_too_small_for_a_region_is_grown_and_one_beyond_the_canvas_is_cut() -> None:
    caption = {
        "compositional_deconstruction": {
            "background": "a race track",
            "elements": [
                {"type": "obj", "bbox": [78, 417, 120, 440], "desc": "a numeral"},
                {"type": "obj", "bbox": [990, 990, 1200, 1000], "desc": "a corner"},
            ],
        }
    }
    small, corner = ideogram.read(json.dumps(caption)).regions
    assert small.box.width == pytest.approx(MIN_REGION)
    assert small.box.centre == pytest.approx((0.4285, 0.099))
    assert (corner.x1, corner.y1) == (1, 1)


def test_layouts_are_written_without_torch() -> None:
    code = "import sys, muralist.diffusion.placement; assert not {'torch', 'diffusers'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
