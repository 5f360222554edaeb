"""The command line, as a person or a script meets it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest
from command_line import assert_mistake, last_line, run, run_id
from PIL import Image
from rich.console import Console

import muralist.picturebook
from muralist.cli.display import Display
from muralist.tools.run import Event

PROMPT = "a red car to the left of a blue vase"
WEIGHTS = Path(str(muralist.picturebook.__file__)).parent / "weights"
SHIPPED = [WEIGHTS / "backbone" / "model_index.json", WEIGHTS / "detector.safetensors"]


def test_draw_says_what_the_picture_shows_and_where_it_is(tmp_path: Path) -> None:
    result = run("draw", PROMPT, "-o", str(tmp_path / "out"), "--seed", "7")
    assert result.exit_code == 0
    assert "passed: 8 of 8 questions" in result.stdout
    assert "Is the red car left of the blue vase?" in result.stdout
    assert str(tmp_path / "out" / "final.png") in result.stdout
    assert str(tmp_path / "out" / "report.html") in result.stdout
    with Image.open(tmp_path / "out" / "final.png") as picture:
        assert picture.size == (128, 128)


def test_draw_tells_of_every_attempt_and_of_words_it_did_not_understand(tmp_path: Path) -> None:
    result = run(
        "draw", f"{PROMPT}, zorbly", "-o", str(tmp_path / "out"), "--seed", "1"
    )  # fmt: skip
    assert "picture 1 (paint, seed 1): 3 steps" in result.stderr, "without a terminal, lines tell of progress"
    assert "picture 1 (score" in result.stderr
    assert "kept: the first picture" in result.stderr
    assert "picture 2 (score" in result.stderr
    assert "not understood, kept in the caption only: zorbly" in result.stdout


def test_the_id_of_a_run_is_told_first(tmp_path: Path) -> None:
    result = run("draw", PROMPT, "-o", str(tmp_path / "out"), "--json")
    assert run_id(result.stderr) == json.loads(result.stdout)["run_id"]
    edited = run("edit", str(tmp_path / "out" / "final.png"), "make the car green", "-o", str(tmp_path / "e"), "--json")
    assert run_id(edited.stderr) == json.loads(edited.stdout)["run_id"]


def test_draw_without_another_round_says_what_is_open(tmp_path: Path) -> None:
    result = run(
        "draw", PROMPT, "-o", str(tmp_path / "out"), "--seed", "1", "--rounds", "0"
    )  # fmt: skip
    assert result.exit_code == 0
    assert "not passed: 4 of 8 questions" in result.stdout


def test_draw_takes_size_and_steps(tmp_path: Path) -> None:
    result = run("draw", PROMPT, "-o", str(tmp_path / "out"), "--size", "160x96", "--steps", "2", "--json")
    report = json.loads(result.stdout)
    with Image.open(report["files"]["final"]) as picture:
        assert picture.size == (160, 96)


def test_a_plan_file_takes_the_place_of_the_agents_layout(tmp_path: Path) -> None:
    plan = tmp_path / "plan.txt"
    plan.write_text("split ratio: 1,3,1\na red car BREAK a blue vase\n", encoding="utf-8")
    result = run("draw", PROMPT, "-o", str(tmp_path / "out"), "--plan", str(plan), "--json")
    report = json.loads(result.stdout)
    assert report["passed"]
    car = next(region for region in report["layout"]["regions"] if region["prompt"] == "a red car")
    assert (car["x0"], car["x1"]) == (0, 0.75)
    assert car["instances"] == [{"entity": "car", "index": 0}]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["draw", " "], "the prompt is empty"),
        (["draw", "a car"], "'car' has no colour"),
        (["draw", "x" * 2001], "2001 characters"),
        (["draw", PROMPT, "--size", "big"], "write it like 128x128"),
        (["draw", PROMPT, "--size", "100x128"], "width is 100"),
        (["draw", PROMPT, "--steps", "0"], "steps is 0"),
        (["draw", PROMPT, "--backbone", "nosuch"], "there is no backbone 'nosuch'"),
        (["draw", PROMPT, "--model", "nosuch"], "there is no model 'nosuch'"),
        (["draw", PROMPT, "--plan", "nosuch.json"], "plan nosuch.json cannot be read"),
        (["draw", " ", "--plan", "nosuch.json"], "the prompt is empty"),
    ],
)
def test_a_mistake_ends_with_one_line_and_code_2_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert_mistake(run(*arguments), said)
    assert not (tmp_path / "out").exists()


def test_an_output_folder_that_cannot_be_is_found_out_before_painting(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    result = run("draw", PROMPT, "-o", str(tmp_path / "taken" / "out"))
    assert result.exit_code == 2
    assert "is a file" in result.stderr
    assert "picture 1" not in result.stderr


def test_a_variable_that_is_wrong_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MURALIST_STEPS", "many")
    result = run("draw", PROMPT)
    assert result.exit_code == 2
    assert "MURALIST_STEPS" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "kind", "said"),
    [
        (["draw", PROMPT, "--sead", "3"], "UsageError", "--seed"),
        (["draw", PROMPT, "--images", "0"], "UsageError", "draw --help`)"),
        (["draw"], "UsageError", "missing argument 'prompt'"),
        (["paint"], "UsageError", "no such command 'paint'"),
        (["draw", "a car"], "BadPrompt", "'car' has no colour"),
        (["edit", "nosuch.png", PROMPT], "BadSettings", "there is no picture nosuch.png"),
    ],
)
def test_a_mistake_is_one_line_and_for_a_script_one_object_too(arguments: list[str], kind: str, said: str) -> None:
    assert_mistake(run(*arguments), said)
    result = run(*arguments, "--json")
    assert result.exit_code == 2
    error = json.loads(result.stdout)["error"]
    assert (error["kind"], f"muralist: {error['message']}") == (kind, last_line(result))


def test_the_budget_is_told_in_pictures(tmp_path: Path) -> None:
    result = run("draw", PROMPT, "-o", str(tmp_path / "out"), "--seed", "1", "--images", "1", "--json")
    report = json.loads(result.stdout)
    assert (report["attempts"], report["reason"]) == (1, "all 1 pictures are painted")


def test_without_a_terminal_a_long_painting_tells_its_steps() -> None:
    console = Console(file=io.StringIO(), width=80)
    step = {"number": 2, "step": 7, "steps": 20}
    for pause in (1e9, 0.0):
        with Display(console, pause) as display:
            display.show(Event(run_id="r", seq=0, kind="step", data=step))
    assert cast("io.StringIO", console.file).getvalue() == "picture 2: step 7 of 20\n"


def test_a_shell_can_be_taught_to_complete() -> None:
    assert "_MURALIST_COMPLETE=complete_bash" in run("--show-completion", "bash").stdout


def test_the_version_is_printed() -> None:
    assert run("--version").stdout.startswith("muralist ")


def test_help_imports_nothing_heavy() -> None:
    heavy = ("torch", "diffusers", "transformers", "langgraph", "langchain_core", "mcp", "numpy")
    code = (
        "import sys\nfrom muralist.cli import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {heavy} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "doctor" in done.stdout


def test_serving_imports_nothing_heavy_before_it_paints() -> None:
    heavy = ("torch", "diffusers", "transformers", "langgraph", "langchain_core", "numpy")
    code = (
        "import asyncio, sys\nfrom mcp import Client\nfrom muralist.agent.settings import Settings\n"
        "from muralist.server.mcp import build_server\n"
        "from muralist.server.settings import ServerSettings\n"
        "from muralist.server.application import Application\n"
        "async def main():\n"
        "    async with Client(build_server(Application(Settings(), ServerSettings())), mode='legacy') as client:\n"
        "        assert (await client.list_tools()).tools\n"
        f"asyncio.run(main())\nprint([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_in_a_process_of_its_own_json_is_all_there_is_on_stdout(
    tmp_path: Path, command: list[str], process_environment: dict[str, str]
) -> None:
    done = subprocess.run(
        [*command, "draw", PROMPT, "-o", str(tmp_path / "out"), "--json"],
        capture_output=True, text=True, check=True, env=process_environment,
    )  # fmt: skip
    report = json.loads(done.stdout)
    assert report["passed"]
    assert [question["status"] for question in report["questions"]] == ["pass"] * 8
    assert Path(report["files"]["report"]).is_file()
    assert "picture 1" in done.stderr


def test_doctor_names_what_is_missing_and_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "model_index.json").write_text('{"unet": ["diffusers", "UNet2DConditionModel"]}')
    monkeypatch.setenv("MURALIST_BACKBONE", str(tmp_path / "broken"))
    result = run("doctor", "--json")
    report = json.loads(result.stdout)
    checks = {check["name"]: check for check in report["checks"]}
    assert result.exit_code == 1
    assert not report["ok"]
    assert "lacks unet" in checks[f"backbone {tmp_path / 'broken'}"]["detail"]
    assert checks[f"backbone {tmp_path / 'broken'}"]["fix"]
    assert checks["model offline"]["ok"]
    assert checks["torch"]["ok"]


@pytest.mark.parametrize("index", ["[]", "7", '{"unet": []}'])
def test_doctor_is_not_upset_by_an_index_that_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, index: str
) -> None:
    (tmp_path / "model_index.json").write_text(index)
    monkeypatch.setenv("MURALIST_BACKBONE", str(tmp_path))
    checks = {check["name"]: check for check in json.loads(run("doctor", "--json").stdout)["checks"]}
    assert checks[f"backbone {tmp_path}"]["ok"] is False


def test_doctor_finds_a_weights_file_that_was_cut_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np
    from safetensors.numpy import save_file

    folder = tmp_path / "backbone"
    (folder / "unet").mkdir(parents=True)
    index = {"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"]}
    (folder / "model_index.json").write_text(json.dumps(index))
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    save_file({"weight": np.zeros((64, 64), np.float32)}, weights)
    monkeypatch.setenv("MURALIST_BACKBONE", str(folder))
    assert "1 files, 0.0 MB" in run("doctor").stdout
    os.truncate(weights, weights.stat().st_size - 100)
    result = run("doctor")
    assert result.exit_code == 1
    assert "is damaged" in result.stdout


@pytest.mark.parametrize("name", ["muralist.sqlite", "checkpoints.sqlite"])
def test_doctor_says_that_a_database_in_the_home_folder_is_damaged(tmp_path: Path, name: str) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / name).write_text("not a database, but a text of some length" * 50)
    report = json.loads(run("doctor", "--json").stdout)
    (home,) = [check for check in report["checks"] if check["name"] == "home folder"]
    assert not home["ok"]
    assert home["detail"].startswith(f"{name} in the folder of MURALIST_HOME is damaged")


def test_doctor_says_that_the_home_folder_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MURALIST_HOME", str(tmp_path / "file"))
    report = json.loads(run("doctor", "--json").stdout)
    (home,) = [check for check in report["checks"] if check["name"] == "home folder"]
    assert not home["ok"]


@pytest.mark.slow
@pytest.mark.skipif(not all(path.is_file() for path in SHIPPED), reason="the picturebook weights are not there")
def test_with_the_shipped_weights_doctor_is_content_and_draw_paints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MURALIST_BACKBONE", "MURALIST_INSPECTOR"):
        monkeypatch.delenv(name)
    assert run("doctor").exit_code == 0
    result = run("draw", "a red apple", "-o", str(tmp_path / "out"), "--rounds", "0", "--json")
    assert json.loads(result.stdout)["questions"]


def test_what_is_put_on_the_backbone_can_be_said_on_the_command_line(tmp_path: Path) -> None:
    said = ["--lora", "a.safetensors:0.5", "--lora", "b/c", "--dtype", "float32", "--scheduler", "ddim"]
    result = run("draw", PROMPT, *said, "-o", str(tmp_path / "out"), "--rounds", "0", "--json")
    parts = json.loads(run("show", json.loads(result.stdout)["run_id"], "--json").stdout)["parts"]
    assert parts["lora"] == "a.safetensors:0.5,b/c"
    assert (parts["dtype"], parts["scheduler"]) == ("float32", "ddim")


@pytest.mark.parametrize("option", ["--quantize", "--offload", "--dtype", "--device"])
def test_a_way_to_open_the_backbone_that_there_is_not_is_told_in_one_line(option: str) -> None:
    result = run("draw", PROMPT, option, "nonsense")
    assert result.exit_code == 2
    assert f"{option[2:]} is 'nonsense'" in result.stderr
