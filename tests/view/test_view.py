"""The view of a run, as a reader sees it: in a browser, and in a host of MCP Apps."""

from __future__ import annotations

import base64
import html
import io
import json
from html.parser import HTMLParser
from typing import Any

import pytest
from block_world import BlockPainter, install
from browser import look, needs_chromium
from PIL import Image

import muralist
from muralist.tools.run import Run
from muralist.view.view import AttemptView, RunView, page, view_of

PROMPT = "a red car to the left of a blue vase"
HOSTILE = '</script><script>document.body.id = "broken"</script><img src=x onerror="document.body.id = `broken`"><!--'


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> muralist.Result:
    """Three pictures: the vase is missing from the first, the first edit changes nothing, the second adds the vase."""
    install(BlockPainter(faults={1: [1], 2: [0]}))
    home = tmp_path_factory.mktemp("home")
    return muralist.draw(
        PROMPT, seed=1, rounds=3, steps=2, backbone="blocks", inspector="blocks", model="offline", home=home
    )


@pytest.fixture(scope="module")
def view(result: muralist.Result) -> RunView:
    return view_of(result.run, lambda image_id: f"data:image/webp;base64,{webp(result.pictures[image_id])}")


def webp(picture: Image.Image) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP")
    return base64.b64encode(buffer.getvalue()).decode()


def statuses(attempt: AttemptView) -> dict[str, str]:
    return {question.id: question.status for question in attempt.questions}


def test_the_view_holds_what_became_of_every_attempt(view: RunView) -> None:
    first, second, third = view.attempts
    assert [attempt.accepted for attempt in view.attempts] == [True, False, True]
    assert view.best_id == third.image_id
    assert [attempt.parent for attempt in view.attempts] == [None, first.image_id, first.image_id]
    assert second.reason.startswith("no better")
    assert statuses(first)["vase.exists"] == "fail"
    assert statuses(first)["vase.colour.0"] == "skipped"
    assert set(statuses(third).values()) == {"pass"}
    assert (view.status, view.passed) == ("done", True)
    assert [region.prompt for region in third.regions] == ["a red car", "a blue vase"]
    assert third.edits[0].text == "add blue vase"


def test_a_run_that_has_a_job_is_working_and_one_without_a_scene_can_be_shown() -> None:
    run = Run.open()
    assert view_of(run, str).status == "open"
    waiting = view_of(run, str, progress="two before it")
    assert (waiting.status, waiting.progress, waiting.attempts) == ("working", "two before it", [])


def test_a_picture_of_an_earlier_scene_answers_no_question_of_the_present_one(result: muralist.Result) -> None:
    other = result.scene.model_copy(update={"caption": "another"})
    view = view_of(result.run.recaptioned(other, "caller"), str)
    assert all(attempt.outdated and not attempt.questions for attempt in view.attempts)


class Parsed(HTMLParser):
    """What the page refers to, and the run that is embedded in it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.scripts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action", "data")]
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.scripts and not self.scripts[-1]:
            self.scripts[-1] = data


def hostile(view: RunView) -> RunView:
    """The same with markup wherever a text comes from outside."""
    attempts = []
    for attempt in view.attempts:
        regions = [region.model_copy(update={"prompt": HOSTILE}) for region in attempt.regions]
        questions = [each.model_copy(update={"text": HOSTILE, "why": HOSTILE}) for each in attempt.questions]
        told = {"regions": regions, "questions": questions, "reason": HOSTILE}
        attempts.append(attempt.model_copy(update=told))
    said = {
        "prompt": HOSTILE,
        "reason": HOSTILE,
        "not_understood": [HOSTILE],
        "checklist": [HOSTILE],
        "attempts": attempts,
    }
    return view.model_copy(update=said)


def test_the_page_is_one_document_that_holds_the_run_whatever_its_texts_say(view: RunView) -> None:
    parsed = Parsed(page(hostile(view)))
    assert parsed.links == []
    assert len(parsed.scripts) == 3
    assert RunView.model_validate_json(parsed.scripts[0]) == hostile(view)
    assert Parsed(page()).scripts[0] == "null"


SEES = """
const text = (selector) => document.querySelector(selector)?.textContent;
const all = (selector) => [...document.querySelectorAll(selector)];
const picture = () => document.querySelector("#canvas img");
const within = (box) => {
  const [outer, inner] = [picture(), box].map((node) => node.getBoundingClientRect());
  return [inner.left - outer.left, inner.top - outer.top, inner.right - outer.left, inner.bottom - outer.top].map(
    (edge, index) => Math.round(100 * edge / (index % 2 ? outer.height : outer.width)) / 100);
};
const colour = (x, y) => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [picture().naturalWidth, picture().naturalHeight];
  const pen = canvas.getContext("2d");
  pen.drawImage(picture(), 0, 0);
  return [...pen.getImageData(x * canvas.width, y * canvas.height, 1, 1).data].slice(0, 3);
};
const now = () => ({
  title: text("#caption h2"), badge: text("#caption .badge"), vase: colour(.75, .5), count: text("#asked-count"),
  boxes: all("#canvas .region").map(within), edits: all("#canvas .edit").map(within),
  marks: all("#checklist .mark").map((mark) => mark.textContent),
});
await until(() => picture()?.complete && picture().naturalWidth);
"""


@needs_chromium
def test_a_reader_sees_the_picture_its_layout_the_attempts_and_their_verdicts(view: RunView, tmp_path: Any) -> None:
    seen = look(
        page(view),
        SEES + """
        const best = now();
        const strip = all("#strip button").map((each) => [each.querySelector(".badge").textContent, each.ariaPressed]);
        const region = document.querySelectorAll("#canvas .region")[1];
        const tip = () => getComputedStyle(region.nextElementSibling).display;
        const before = tip();
        region.focus();
        const focused = [before, tip(), region.nextElementSibling.textContent, region.ariaLabel];
        all("#checklist .ask")[0].focus();
        const pointed = all("#canvas .found").map(within);
        document.querySelector("#layout").click();
        const bare = all("#canvas .region").length;
        document.querySelector("#layout").click();
        all("#strip button")[1].click();
        const overflow = document.documentElement.scrollWidth - document.documentElement.clientWidth;
        await until(() => picture().complete && picture().naturalWidth);
        const [prompt, status] = ["h1", "#status"].map(text);
        return { prompt, status, best, strip, focused, pointed, bare, second: now(), overflow };
        """,
        tmp_path,
    )  # fmt: skip
    assert (seen["prompt"], seen["status"]) == (PROMPT, "verified")
    assert seen["strip"] == [["kept", "false"], ["thrown away", "false"], ["best", "true"]]

    best = seen["best"]
    assert (best["title"], best["badge"]) == ("Picture 3: edited from 1", "best")
    assert best["vase"][2] > 150 > best["vase"][0]
    assert best["boxes"] == [[0, 0, 0.5, 1], [0.5, 0, 1, 1]]
    assert best["edits"] == [[0.5, 0, 1, 1]]
    assert set(best["marks"]) == {"pass"}

    second = seen["second"]
    assert (second["title"], second["badge"]) == ("Picture 2: edited from 1", "thrown away")
    assert min(second["vase"]) > 200
    assert {"pass", "fail", "skipped"} == set(second["marks"])
    assert second["count"].startswith(f"{second['marks'].count('pass')} of {len(second['marks'])} pass")

    assert seen["focused"] == ["none", "block", "a blue vase", "Region 2: a blue vase"]
    assert seen["pointed"] == [pytest.approx([0.1, 0.2, 0.4, 0.8], abs=0.03)]
    assert (seen["bare"], seen["overflow"]) == (0, 0)


HOST = """<!doctype html>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:">
<iframe sandbox="allow-scripts allow-same-origin" style="width: 320px" srcdoc="{srcdoc}"></iframe>
<script>
const given = {given};
const frame = document.querySelector("iframe");
const heard = [], read = [];
let answered = false;
const tell = (message) => frame.contentWindow.postMessage({{ jsonrpc: "2.0", ...message }}, "*");
const replies = {{
  "ui/initialize": (params) => ({{
    protocolVersion: params.protocolVersion, hostInfo: {{ name: "test", version: "0" }},
    hostCapabilities: {{ serverResources: {{}} }}, hostContext: {{ theme: "dark" }},
  }}),
  "resources/read": ({{ uri }}) => {{
    read.push(uri);
    const [first, ...rest] = given[uri] ?? [];
    if (rest.length) given[uri] = rest;
    return first && {{ contents: [{{ uri, ...first }}] }};
  }},
}};
addEventListener("message", ({{ data }}) => {{
  heard.push(data.method ?? "answer");
  if (data.method === undefined) answered = true;
  if (data.method === "ui/notifications/size-changed") frame.style.height = `${{data.params.height}}px`;
  if (data.method === "ui/notifications/initialized") {{
    tell({{ method: "ui/notifications/tool-input", params: {{ arguments: {{ prompt: "{prompt}" }} }} }});
    tell({{ method: "ui/notifications/tool-result", params: {result} }});
  }}
  const result = replies[data.method]?.(data.params);
  if (result) tell({{ id: data.id, result }});
  else if (data.id && data.method) tell({{ id: data.id, error: {{ code: -32002, message: "not found" }} }});
}});
</script>"""  # noqa: E501


@needs_chromium
def test_in_a_host_of_mcp_apps_the_run_is_followed_until_it_is_done(result: muralist.Result, tmp_path: Any) -> None:
    def at(image_id: str) -> str:
        return f"image://{image_id}/thumbnail"

    run = result.run
    begun = view_of(run.changed(attempts=[], best_id=None, status="open"), at, progress="step 2 of 20")
    done = view_of(run, at)
    missing = None
    given: dict[str, list[dict[str, str] | None]] = {
        f"view://{run.run_id}": [missing, *({"text": view.model_dump_json()} for view in (begun, begun, done))],
        **{
            at(image_id): [{"blob": webp(picture), "mimeType": "image/webp"}]
            for image_id, picture in result.pictures.items()
        },
    }
    told = {
        "content": [{"type": "image", "data": webp(result.image.resize((64, 64))), "mimeType": "image/webp"}],
        "structuredContent": {"run_id": run.run_id, "status": "working"},
    }
    host = HOST.format(srcdoc=html.escape(page()), given=json.dumps(given), result=json.dumps(told), prompt=PROMPT)
    seen = look(
        host,
        """
        const view = () => frame.contentDocument;
        const text = (selector) => view()?.querySelector(selector)?.textContent;
        const picture = () => view()?.querySelector("#canvas img");
        await until(() => picture()?.naturalWidth);
        const first = picture().naturalWidth;
        await until(() => text("#line").includes("step 2 of 20"));
        const working = { status: text("#status"), boxes: view().querySelectorAll("#canvas .region").length,
              open: text("#checklist li") };
        await until(() => picture()?.naturalWidth && text("#status") === "verified");
        const asked = read.length;
        await new Promise((wake) => setTimeout(wake, 60_000));
        const root = view().documentElement;
        await until(() => root.scrollHeight <= root.clientHeight);  // the host gives it the height that it tells
        const hidden = [root.scrollWidth - root.clientWidth, root.scrollHeight - root.clientHeight];
        tell({ id: 7, method: "ui/resource-teardown", params: {} });
        await until(() => answered);
        return {
          heard, read, asked, working, hidden, width: root.clientWidth,
          first, last: picture().naturalWidth, prompt: text("h1"), note: text("#note"),
          paper: frame.contentWindow.getComputedStyle(view().body).backgroundColor,
        };
        """,
        tmp_path,
        seconds=300,
    )
    assert seen["heard"][:2] == ["ui/initialize", "ui/notifications/initialized"]
    assert seen["working"] == {"status": "working", "boxes": 2, "open": "openIs there a car?"}
    assert (seen["prompt"], seen["note"]) == (PROMPT, "")
    assert (seen["first"], seen["last"]) == (64, 128), "the tool's result shows its picture until the run can be read"
    assert len(seen["read"]) == seen["asked"]
    assert sorted(seen["read"]) == sorted([f"view://{run.run_id}"] * 4 + [at(each) for each in result.pictures])
    assert (seen["hidden"], seen["width"]) == ([0, 0], 320)
    assert seen["paper"] == "rgb(24, 23, 21)"


@needs_chromium
def test_hostile_texts_show_as_texts(view: RunView, tmp_path: Any) -> None:
    seen = look(
        page(hostile(view)),
        SEES + """
        all("#canvas .region")[0].focus();
        return {
          shown: [text("h1"), text("#canvas .tip"), text("#caption p:last-child"), text("#checklist .ask")],
          intruders: all("img[src=x], #broken").length, scripts: all("script").length,
        };
        """,
        tmp_path,
    )  # fmt: skip
    assert seen["shown"] == [HOSTILE] * 4
    assert (seen["intruders"], seen["scripts"]) == (0, 4)
