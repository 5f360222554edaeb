"""The runs of the home folder at the command line: listed, shown, resumed, forked and removed."""

from __future__ import annotations

import asyncio
import io
import json
import re
import sqlite3
import threading
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from block_world import BlockInspector, BlockPainter, install
from command_line import assert_mistake, run, run_id
from PIL import Image
from rich.console import Console

from muralist.cli.run_commands import At
from muralist.cli.runs import print_list
from muralist.cli.standing import Standing
from muralist.runs import wiring
from muralist.runs.forking import STEPS
from muralist.storage import FileStore
from muralist.tools.errors import Outage
from muralist.tools.ports import OnStep, PaintSpec
from muralist.tools.run import Run

PROMPT = "a red car to the left of a blue vase"


def drawn(tmp_path: Path, *options: str) -> dict[str, Any]:
    """A run's JSON."""
    result = run("draw", PROMPT, "-o", str(tmp_path / "out"), "--json", *options)
    report: dict[str, Any] = json.loads(result.stdout)
    return report


def known(run_id: str) -> dict[str, Any]:
    """What `show` says of it."""
    report: dict[str, Any] = json.loads(run("show", run_id, "--json").stdout)
    return report


def home(tmp_path: Path) -> FileStore:
    """The store of this test, by another process, as it were."""
    return FileStore(tmp_path / "home")


@pytest.fixture
def broken(tmp_path: Path) -> str:
    """Id of a run that failed with one picture, since the painter broke at the second."""
    install(BlockPainter(faults={1: [1]}, breaks_at=2), BlockInspector())
    result = run("draw", PROMPT, "--seed", "1", "-o", str(tmp_path / "broken"))
    return run_id(result.stderr)


class Remote(BlockPainter):
    """Cannot be reached when it is to paint with the seed `breaks_at`."""

    def _paint(self, spec: PaintSpec, on_step: OnStep, cancel: threading.Event) -> Image.Image:
        if spec.seed == self.breaks_at:
            raise Outage("the painter cannot be reached")
        return super()._paint(spec, on_step, cancel)


@pytest.fixture
def paused(tmp_path: Path) -> str:
    """Id of a run with one picture that has to wait until its painter can be reached again."""
    install(Remote(faults={1: [1]}, breaks_at=2), BlockInspector())
    result = run("draw", PROMPT, "--seed", "1", "-o", str(tmp_path / "paused"))
    paused = run_id(result.stderr)
    way_on = f"muralist resume {paused[:8]} -o {tmp_path / 'paused'}"
    assert result.stderr.endswith(f"the painter cannot be reached; go on with: {way_on}\n")
    install(BlockPainter(faults={1: [1]}), BlockInspector())
    return paused


def test_a_run_that_failed_for_a_passing_reason_goes_on_where_it_was(tmp_path: Path, paused: str) -> None:
    assert known(paused)["next"] == [f"muralist resume {paused[:8]}"]
    report = json.loads(run("resume", paused[:8], "-o", str(tmp_path / "paused"), "--json").stdout)
    assert (report["passed"], report["usage"]["images"], report["attempts"]) == (True, 2, 2)
    assert known(paused)["state"] == "done"


def test_runs_are_listed_with_the_beginning_of_their_id_and_how_they_stand(tmp_path: Path, broken: str) -> None:
    install(BlockPainter(), BlockInspector())
    done = drawn(tmp_path, "--seed", "7")["run_id"]
    lines = run("runs").stdout.splitlines()
    now = datetime.now().astimezone()
    assert re.match(rf"{done[:8]}  \d\d \w+ \d\d:\d\d +done +yes +1 ", lines[1])
    assert re.match(rf"{broken[:8]}  \d\d \w+ \d\d:\d\d +failed +no +1 ", lines[2])
    assert lines[1].endswith(PROMPT)
    listed = json.loads(run("runs", "--json", "--limit", "1").stdout)["runs"]
    assert [(each["run_id"], each["state"], each["prompt"]) for each in listed] == [(done, "done", PROMPT)]
    assert 0 <= (now - datetime.fromisoformat(listed[0]["changed"])).total_seconds() < 300


def test_a_long_prompt_leaves_room_for_all_else_on_a_narrow_terminal() -> None:
    long = Run(run_id="0123456789abcdef", prompt=PROMPT * 9)
    console = Console(width=80, file=io.StringIO())
    print_list([Standing(long, datetime(2026, 9, 30, 23, 59), waits=True)], [], console)
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert lines[0].split() == ["run", "changed", "state", "passed", "pictures", "prompt"]
    assert lines[1].startswith("01234567  30 Sep 23:59  waiting for approval")
    assert lines[1].endswith("…")
    assert len(lines) == 2


def test_a_picture_that_was_imported_waits_for_a_wish() -> None:
    imported = Standing(Run(run_id="0123456789abcdef", source="0123456789abcdef-1"))
    console = Console(width=80, file=io.StringIO())
    print_list([imported], [], console)
    assert console.file.getvalue().split()[-5:] == ["open", "0", "(an", "imported", "picture)"]  # type: ignore[attr-defined]


def test_without_runs_the_list_says_how_to_begin_one() -> None:
    assert run("runs").stdout == "no runs yet: muralist draw begins one\n"
    assert json.loads(run("runs", "--json").stdout) == {"runs": [], "of_other_versions": []}


def test_a_run_is_shown_by_the_beginning_of_its_id(tmp_path: Path) -> None:
    done = drawn(tmp_path)["run_id"]
    said = run("show", done[:6]).stdout
    for part in (
        done,
        PROMPT,
        "backbone blocks, model offline",
        "passed: 8 of 8 questions",
        f"muralist fork {done[:8]}",
    ):
        assert part in said
    report = known(done[:6])
    assert (report["run_id"], report["state"], report["passed"]) == (done, "done", True)
    assert report["parts"]["backbone"] == "blocks"
    assert report["images"] == [f"{done}-1"]


def test_a_run_that_has_ended_gives_its_result_again(tmp_path: Path) -> None:
    done = drawn(tmp_path)["run_id"]
    again = run("resume", done[:8], "-o", str(tmp_path / "again"), "--json")
    report = json.loads(again.stdout)
    assert (report["run_id"], report["usage"]["images"]) == (done, 1)
    assert (tmp_path / "again" / "final.png").read_bytes() == (tmp_path / "out" / "final.png").read_bytes()
    assert again.stderr == f"run {done}\n"


def test_a_fork_keeps_what_was_planned_and_says_where_it_comes_from(tmp_path: Path) -> None:
    done = drawn(tmp_path)["run_id"]
    forked = run("fork", done[:8], "--seed", "5", "-o", str(tmp_path / "fork"), "--json")
    report = json.loads(forked.stdout)
    assert run_id(forked.stderr) == report["run_id"]
    assert report["passed"]
    shown = known(report["run_id"])
    assert (shown["parent"], shown["options"]["seed"]) == (done, 5)
    assert f"fork of: {done}" in run("show", report["run_id"]).stdout


def test_a_fork_takes_a_layout_and_a_budget(tmp_path: Path) -> None:
    done = drawn(tmp_path)["run_id"]
    plan = tmp_path / "plan.txt"
    plan.write_text("1,3,1\na red car BREAK a blue vase\n", encoding="utf-8")
    result = run("fork", done, "--plan", str(plan), "--images", "2", "-o", str(tmp_path / "fork"), "--json")
    report = json.loads(result.stdout)
    car = next(region for region in report["layout"]["regions"] if region["prompt"] == "a red car")
    assert (car["x0"], car["x1"]) == (0, 0.75)
    assert known(report["run_id"])["budget"]["images"] == 2


def test_removed_runs_are_gone_with_their_pictures_and_files_elsewhere_stay(tmp_path: Path) -> None:
    ids = [drawn(tmp_path, "--seed", str(seed))["run_id"] for seed in (7, 8)]
    result = run("rm", ids[0][:8], "nosuch", ids[1])
    assert result.stdout == "".join(f"removed {each}\n" for each in ids)
    assert result.exit_code == 2
    assert result.stderr == "muralist: there is no run nosuch (`muralist runs` lists them)\n"
    assert json.loads(run("runs", "--json").stdout) == {"runs": [], "of_other_versions": []}
    assert not [path for path in (tmp_path / "home" / "blobs").rglob("*") if path.is_file()]
    assert (tmp_path / "out" / "final.png").is_file()


async def test_a_run_that_is_worked_on_is_open_and_can_be_neither_resumed_nor_removed(tmp_path: Path) -> None:
    store = home(tmp_path)
    kept = Run.open(prompt=PROMPT)
    lease = await store.acquire(kept.run_id)
    await store.save_run(kept, 0, lease)

    assert "open" in (await asyncio.to_thread(run, "runs")).stdout
    for command in (("resume", kept.run_id[:8]), ("rm", kept.run_id[:8])):
        result = await asyncio.to_thread(run, *command)
        assert_mistake(result, "is being worked on: wait until that is finished, or stop it where it runs")
    store.close()


@pytest.mark.parametrize("command", ["show", "resume", "fork", "rm"])
@pytest.mark.parametrize(("given", "shown"), [("nosuch", "nosuch"), ("no\udcff", "no\\udcff")])
def test_an_id_that_is_none_is_answered_with_where_the_ids_are(command: str, given: str, shown: str) -> None:
    assert_mistake(run(command, given), f"there is no run {shown} (`muralist runs` lists them)")


def test_a_beginning_that_several_ids_have_is_not_guessed_at(tmp_path: Path) -> None:
    drawn(tmp_path)
    for number in (1, 2):
        with sqlite3.connect(tmp_path / "home" / "muralist.sqlite") as db:
            (body,) = db.execute("SELECT body FROM runs LIMIT 1").fetchone()
            kept = Run.model_validate_json(body).changed(run_id=f"abcd{number}")
            db.execute(
                "INSERT INTO runs (run_id, owner, version, body) VALUES (?, 'local', 1, ?)",
                (kept.run_id, kept.model_dump_json()),
            )
    assert_mistake(run("show", "abcd"), "several runs begin with abcd: give more of the id")


def test_a_fork_at_a_step_that_was_never_reached_says_which_were(tmp_path: Path, broken: str) -> None:
    result = run("draw", "a car", "-o", str(tmp_path / "out"))
    assert_mistake(run("fork", run_id(result.stderr), "--at", "plan"), "it can be forked at start")
    assert_mistake(run("fork", broken, "--at", "nowhere"), "is not one of")
    assert set(STEPS) == set(get_args(At))


def test_a_run_of_another_version_is_listed_as_one_and_the_others_stay_usable(tmp_path: Path) -> None:
    done = drawn(tmp_path)["run_id"]
    with sqlite3.connect(tmp_path / "home" / "muralist.sqlite") as db:
        db.execute("INSERT INTO runs VALUES ('f00d1234abcd', 'local', 1, '{\"new\": 1}', ?)", (2.0**40,))
    listed = json.loads(run("runs", "--limit", "1", "--json").stdout)
    assert ([each["run_id"] for each in listed["runs"]], listed["of_other_versions"]) == ([done], ["f00d1234abcd"])
    assert_mistake(run("resume", "f00d"), "was written by another version of muralist")
    assert run("rm", done).exit_code == 0
    assert run("runs").stdout == "written by another version of muralist, and not shown: f00d1234\n"
    assert run("rm", "f00d").stdout == "removed f00d1234abcd\n"


def test_a_run_that_is_removed_while_it_is_listed_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, gone = [drawn(tmp_path, "--seed", seed)["run_id"] for seed in ("7", "8")]
    held = FileStore.held

    async def removed(store: FileStore, run_id: str) -> bool:
        if run_id == gone:
            await store.remove_run(gone, "local")
        return await held(store, run_id)

    monkeypatch.setattr(FileStore, "held", removed)
    assert [each["run_id"] for each in json.loads(run("runs", "--json").stdout)["runs"]] == [kept]


def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    drawn(tmp_path)
    with sqlite3.connect(tmp_path / "home" / "muralist.sqlite") as db:
        db.execute("PRAGMA user_version=99")
    for command in (("runs",), ("show", "abc"), ("draw", PROMPT, "-o", str(tmp_path / "other"))):
        wiring._file_store.cache_clear()
        assert_mistake(run(*command), "was written by a newer version of muralist: upgrade, or choose another folder")


def test_a_file_that_is_no_database_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "muralist.sqlite").write_text("not a database, but a text of some length" * 50)
    assert_mistake(
        run("runs"),
        "muralist.sqlite in the folder of MURALIST_HOME is damaged or not muralist's (file is not a database): move it "
        "away, or choose another folder",
    )


def damage_checkpoints(tmp_path: Path) -> None:
    (tmp_path / "home" / "checkpoints.sqlite").write_text("not a database, but a text of some length" * 50)
    for rest in ("-wal", "-shm"):
        (tmp_path / "home" / f"checkpoints.sqlite{rest}").unlink(missing_ok=True)


DAMAGED = (
    "checkpoints.sqlite in the folder of MURALIST_HOME is damaged or not muralist's (file is not a database): move it"
)


def test_with_damaged_checkpoints_runs_are_still_shown(tmp_path: Path, paused: str) -> None:
    damage_checkpoints(tmp_path)
    shown = known(paused)
    assert (shown["state"], shown["next"]) == ("failed", [f"muralist fork {paused[:8]}"])
    assert_mistake(run("resume", paused), DAMAGED)


def test_with_damaged_checkpoints_runs_are_listed_and_removed(tmp_path: Path) -> None:
    result = run("draw", PROMPT, "--approve", "-o", str(tmp_path / "out"))
    assert result.exit_code == 3
    damage_checkpoints(tmp_path)
    (listed,) = json.loads(run("runs", "--json").stdout)["runs"]
    assert listed["state"] == "interrupted"
    assert_mistake(
        run("rm", listed["run_id"]), f"run {listed['run_id']} is removed, but what its checkpoints have of it"
    )
    assert json.loads(run("runs", "--json").stdout) == {"runs": [], "of_other_versions": []}


def test_a_run_whose_checkpoints_are_gone_is_forked_to_go_on(tmp_path: Path, paused: str) -> None:
    (tmp_path / "home" / "checkpoints.sqlite").unlink()
    fork = f"muralist fork {paused[:8]}"
    assert_mistake(
        run("resume", paused),
        f"has lost its checkpoints: fork it to go on with what it has come to; go on with: {fork}",
    )
    assert known(paused)["next"] == [fork]
    assert "missing or damaged: its checkpoints" in run("show", paused).stdout
    result = run("fork", paused, "--at", "regional_diffuse", "-o", str(tmp_path / "fork"), "--json")
    report = json.loads(result.stdout)
    assert (report["passed"], report["attempts"], report["usage"]["images"]) == (True, 2, 2)


def test_a_missing_picture_is_named_and_painted_again_in_a_fork(tmp_path: Path) -> None:
    done = drawn(tmp_path)["run_id"]
    for blob in (tmp_path / "home" / "blobs").rglob("*.png"):
        blob.unlink()
    assert_mistake(
        run("resume", done), f"the file of picture {done}-1 is missing or damaged: paint it again; go on with"
    )
    shown = known(done)
    assert (shown["lost"], shown["next"]) == ([f"{done}-1"], [f"muralist fork {done[:8]} --at plan --seed 1"])
    assert run("fork", done, "--at", "plan", "--seed", "1", "-o", str(tmp_path / "fork")).exit_code == 0
