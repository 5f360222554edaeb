"""Layouts that users write by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from muralist.cli.plan_file import read_plan
from muralist.tools.errors import BadLayout
from muralist.tools.layout import Layout

PROMPT = "two cats and a dog in a garden"

PAPERS_FORM = """\
### Final split ratio: 1,1,1;2,1
### Regional Prompt: a white cat
on the left BREAK
a black cat BREAK a brown dog
"""


def read(tmp_path: Path, text: str) -> Layout:
    path = tmp_path / "plan"
    path.write_text(text, encoding="utf-8")
    return read_plan(path, PROMPT)


@pytest.mark.parametrize(
    "text",
    [
        PAPERS_FORM,
        "split ratio: 1,1,1;2,1\na white cat\non the left BREAK a black cat BREAK a brown dog",
        "1,1,1;2,1\na white cat\non the left\nBREAK\na black cat\nBREAK\na brown dog",
        "Split Ratio:\n1,1,1;2,1\nRegional prompts: a white cat\non the left BREAK a black cat BREAK a brown dog",
    ],
)
def test_the_papers_text_form_is_read_with_and_without_its_headings(tmp_path: Path, text: str) -> None:
    layout = read(tmp_path, text)
    assert [region.prompt for region in layout.regions] == ["a white cat\non the left", "a black cat", "a brown dog"]
    assert [region.y1 for region in layout.regions] == pytest.approx([1 / 3, 1 / 3, 1])
    assert layout.base_prompt == PROMPT


def test_json_is_read_as_boxes_as_rows_and_as_a_bare_list_of_regions(tmp_path: Path) -> None:
    region = {"prompt": "a cat", "x0": 0, "y0": 0, "x1": 0.5, "y1": 1}
    boxes = read(tmp_path, json.dumps({"regions": [region], "base_prompt": "a garden", "base_ratio": 0.1}))
    assert (boxes.base_prompt, boxes.base_ratio) == ("a garden", 0.1)
    assert read(tmp_path, json.dumps([region])).base_prompt == PROMPT
    rows = read(tmp_path, json.dumps({"rows": [{"prompt": "sky"}, {"prompt": "grass", "share": 3}]}))
    assert [each.y0 for each in rows.regions] == [0, 0.25]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no split ratio"),
        ("a cat BREAK a dog", "no split ratio"),
        ("1,1,1\na cat", "2 cells, but 1 prompts"),
        ("split ratio: one\na cat", "not numbers"),
        ('{"regions": []}', "regions: List should have at least 1 item"),
        ('{"regions": [', "not JSON"),
        ('{"regionz": []}', "regionz"),
        ('[{"prompt": "a", "x0": 0.5, "y0": 0, "x1": 0.4, "y1": 1}]', "inside out"),
        ('{"rows": [{"prompt": "a"}], "columns": [{"prompt": "b"}]}', "either rows or columns"),
    ],
)
def test_a_plan_that_cannot_be_used_is_refused_with_its_file_and_the_reason(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(BadLayout) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith(f"plan {tmp_path / 'plan'}: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_plan_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plan").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(BadLayout, match="not UTF-8"):
        read_plan(tmp_path / "plan", PROMPT)
