"""Every known kind of model is told by its files, and painted at its own size, steps, guidance and solver.

`pytest -s tests/diffusion/test_profiles.py` prints the table.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from diffusers import EDMDPMSolverMultistepScheduler, EDMEulerScheduler
from model_folders import MODELS, checkpoint, published
from tiny_pipelines import PIPELINES, tiny

from muralist.diffusion import DiffusionPainter, Region
from muralist.diffusion.model_files import resolved
from muralist.diffusion.opening import check
from muralist.diffusion.profiles import KINDS, profile_of_backbone
from muralist.diffusion.solvers import SOLVERS, with_solver
from muralist.tools.errors import BadLayout, BadSettings
from muralist.tools.layout import Layout
from muralist.tools.painting_settings import PaintingSettings
from muralist.tools.ports import PaintSpec
from muralist.tools.profile import Profile, profile_of


def test_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of folders, and of whole checkpoints in one file."""
    found = {kind: profile_of_backbone(str(published(kind, tmp_path / str(n)))) for n, kind in enumerate(MODELS)}
    files = {
        "a.safetensors": {}, "b.safetensors": {"text_width": 1024}, "c.safetensors": {"large": True},
        "sd_xl_turbo_1.0.safetensors": {"large": True}, "sdxl_lightning_8step.safetensors": {"large": True},
        "Hyper-SDXL-4steps.safetensors": {"large": True}, "hyperrealism.safetensors": {"large": True},
    }  # fmt: skip
    for name, how in files.items():
        found[name] = profile_of_backbone(str(checkpoint(tmp_path / name, **how)))
    with capsys.disabled():
        print()
        for name, profile in found.items():
            print(f"{name:35} {profile}")
    assert {kind: found[kind].kind for kind in MODELS} == {kind: kind for kind in MODELS}
    assert [found[name].kind for name in files] == [
        "SD 1.x", "SD 2.x", "SDXL", "SDXL Turbo", "SDXL Lightning", "SDXL TCD", "SDXL",
    ]  # fmt: skip
    assert found["sdxl_lightning_8step.safetensors"].steps == 8


@pytest.mark.parametrize("kind", MODELS)
def test_a_known_model_is_painted_as_its_publisher_says(kind: str, tmp_path: Path) -> None:
    profile = profile_of_backbone(str(published(kind, tmp_path)))
    assert profile.model_copy(update={"hints": ()}) == KINDS[kind]


def test_what_only_a_name_says_is_reported_and_what_files_say_is_not(tmp_path: Path) -> None:
    assert profile_of_backbone(str(published("SDXL Turbo", tmp_path))).hints == ()
    assert profile_of_backbone(str(published("Z-Image Turbo", tmp_path))).hints == (
        "'turbo' in its name, which no file confirms",
    )


def test_the_size_is_that_of_the_denoiser_and_not_of_the_name(tmp_path: Path) -> None:
    place = published("SDXL", tmp_path).rename(tmp_path / "some_turbo_xl")
    profile = profile_of_backbone(str(place))
    assert (profile.kind, profile.width, profile.steps, profile.guidance) == ("SDXL Turbo", 1024, 4, 0)
    assert profile.solver == "euler-ancestral-trailing"


def test_trailing_steps_of_a_v_prediction_model_down_to_pure_noise_are_not_taken_for_distilled(tmp_path: Path) -> None:
    place = published("SDXL Lightning", tmp_path)
    scheduler = place / "scheduler" / "scheduler_config.json"
    config = json.loads(scheduler.read_text()) | {"prediction_type": "v_prediction", "rescale_betas_zero_snr": True}
    scheduler.write_text(json.dumps(config))
    profile = profile_of_backbone(str(place))
    assert (profile.kind, profile.steps, profile.guidance) == ("SDXL", 30, 5)
    assert profile.solver == "euler-trailing"


def test_a_snapshot_in_the_hubs_cache_is_read_and_what_is_not_there_is_judged_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    snapshots = tmp_path / "models--somebody--painter" / "snapshots"
    snapshots.mkdir(parents=True)
    published("FLUX.1 schnell", tmp_path / "elsewhere").rename(snapshots / ("0" * 40))
    (snapshots.parent / "refs").mkdir()
    (snapshots.parent / "refs" / "main").write_text("0" * 40)
    assert DiffusionPainter("somebody/painter").profile == KINDS["FLUX.1 schnell"]
    unknown = DiffusionPainter("stabilityai/sdxl-turbo").profile
    assert (unknown.kind, unknown.width, unknown.steps) == ("SDXL Turbo", 512, 4)
    assert unknown.hints == ("by its name alone: it is not on this machine",)


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("black-forest-labs/FLUX.2-klein-base-4B", "FLUX.2 Klein base"),
        ("black-forest-labs/FLUX.2-klein-4B", "FLUX.2 Klein"), ("black-forest-labs/FLUX.1-dev", "FLUX.1 dev"),
        ("Efficient-Large-Model/SANA1.5_1.6B_1024px_diffusers", "Sana"), ("Susana/anything", "SD 1.x"),
        ("somebody/susana", "SD 1.x"), ("Sana/a-painter", "SD 1.x"), ("lodestones/Chroma1-HD", "Chroma"),
        ("playgroundai/playground-v2.5-1024px-aesthetic", "SDXL"), ("SG161222/RealVisXL_V4.0", "SDXL"),
        ("stabilityai/stable-diffusion-xl-base-1.0", "SDXL"), ("latent-consistency/lcm-sdxl", "SDXL LCM"),
        ("stabilityai/stable-diffusion-3.5-large-turbo", "SD3.5 Turbo"), ("stabilityai/stable-diffusion-2-1", "SD 2.x"),
        ("Tongyi-MAI/Z-Image-Turbo", "Z-Image Turbo"), ("PixArt-alpha/PixArt-Sigma-XL-2-1024-MS", "PixArt-Sigma"),
    ],
)  # fmt: skip
def test_a_model_that_is_not_here_is_judged_by_whole_words_of_its_name(
    model: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    found = profile_of_backbone(model)
    assert found.model_copy(update={"hints": ()}) == KINDS[kind]


@pytest.mark.parametrize("kind", ["SD 1.x", "SD 2.x", "SDXL"])
def test_a_denoiser_in_a_gguf_file_leaves_a_folder_what_it_is(tmp_path: Path, kind: str) -> None:
    file = published(kind, tmp_path) / "model.gguf"
    file.write_bytes(b"GGUF" + bytes(100))
    assert profile_of_backbone(str(file)) == KINDS[kind]


@pytest.mark.parametrize("damage", ["{", "[]", '{"_class_name": 3}'])
def test_a_damaged_index_gives_some_profile_and_no_error(tmp_path: Path, damage: str) -> None:
    (tmp_path / "model_index.json").write_text(damage)
    assert isinstance(profile_of_backbone(str(tmp_path)), Profile)


def test_the_shipped_model_keeps_its_size_steps_guidance_and_solver() -> None:
    profile = DiffusionPainter().profile
    assert (profile.width, profile.height, profile.steps, profile.guidance) == (128, 128, 20, 4.0)
    assert profile.solver == "dpm++2m"


@pytest.mark.parametrize(
    ("kind", "guidance", "picture", "region"),
    [
        ("SD 1.x", 7.5, "", ""), ("SD 1.x", 1, "heeds no", "heeds no"), ("SDXL Turbo", 0, "heeds no", "heeds no"),
        ("SDXL Turbo", 2, "", ""), ("SD LCM (guidance embedded)", 8, "heeds no", "heeds no"),
        ("FLUX.1 dev", 3.5, "", "only beside one of the whole picture"), ("FLUX.1 dev", 1, "heeds no", "heeds no"),
        ("FLUX.2 dev", 4, "takes no", "heeds no"), ("FLUX.2 Klein", 4, "takes no", "heeds no"),
        ("FLUX.2 Klein base", 4, "takes no", ""), ("Qwen-Image", 4, "", ""),
        ("Qwen-Image-2.1", 1, "heeds no", "heeds no"), ("Z-Image", 1, "", ""),
        ("Z-Image Turbo", 0, "heeds no", "heeds no"), ("Krea 2", 0.5, "", ""),
        ("HunyuanImage distilled", 3.25, "heeds no", "heeds no"),
    ],
)  # fmt: skip
def test_a_negative_prompt_that_would_be_ignored_is_refused_in_one_line(
    kind: str, guidance: float, picture: str, region: str, tmp_path: Path
) -> None:
    """And never what a scene says has to be absent: that is looked for in the picture."""
    painter = DiffusionPainter(str(published(kind, tmp_path)))

    def refusal(of_picture: str = "", of_region: str | None = None, absent: tuple[str, ...] = ()) -> str:
        layout = Layout(base_prompt="a cat", regions=[Region("a cat", 0, 0, 1, 1, negative_prompt=of_region)])
        try:
            painter.check(PaintSpec(layout, 0, 128, 128, 20, guidance, of_picture, absent))
        except (BadSettings, BadLayout) as error:
            return str(error)
        return ""

    for told, expected in ((refusal("rain"), picture), (refusal(of_region="a hat"), region)):
        assert (expected in told and "\n" not in told) if expected else not told
    assert not refusal(absent=("dog",))
    if not picture:
        assert not refusal("rain", "a hat")


def test_a_painter_that_says_nothing_is_taken_for_one_like_the_shipped_one() -> None:
    assert profile_of(object()) == Profile()


def test_profiles_are_read_without_torch(tmp_path: Path) -> None:
    folder, file = published("SDXL", tmp_path), checkpoint(tmp_path / "turbo.safetensors", large=True)
    program = (
        "import sys\n"
        "from muralist.diffusion import DiffusionPainter\n"
        f"print([DiffusionPainter(each).profile.kind for each in {[str(folder), str(file)]!r}])\n"
        "print(sorted({'torch', 'diffusers', 'transformers'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["['SDXL', 'SDXL Turbo']", "[]"]


@pytest.mark.parametrize("name", SOLVERS)
def test_a_solver_is_what_it_is_called_on_the_family_that_it_fits_and_refused_elsewhere(name: str) -> None:
    fitting, other = ("SD3", "SDXL") if name == "flow-euler" else ("SDXL", "SD3")
    chosen = with_solver(tiny(fitting), name).scheduler
    assert type(chosen).__name__ == SOLVERS[name].scheduler
    assert SOLVERS[name].is_by(type(chosen).__name__, chosen.config)
    with pytest.raises(BadSettings, match=rf"^scheduler '{re.escape(name)}' does not fit a Stable"):
        with_solver(tiny(other), name)


@pytest.mark.parametrize("name", ["lcm", "tcd", "euler-trailing", "euler-ancestral-trailing"])
def test_the_solver_of_a_distilled_model_is_kept(name: str) -> None:
    pipe = tiny("SD")
    distilled = with_solver(pipe, name)
    kept = with_solver(distilled).scheduler
    assert type(kept).__name__ == SOLVERS[name].scheduler
    assert kept is not distilled.scheduler, "a solver remembers its last steps"
    assert type(with_solver(pipe).scheduler).__name__ == "DPMSolverMultistepScheduler"


@pytest.mark.parametrize("kind", [EDMEulerScheduler, EDMDPMSolverMultistepScheduler])
def test_a_model_of_edms_noise_is_painted_by_its_own_solver_alone(kind: Any, tmp_path: Path) -> None:
    """Playground v2.5, CosXL."""
    pipe = tiny("SDXL")
    pipe.scheduler = kind(sigma_max=80.0, prediction_type="epsilon")
    own = with_solver(pipe).scheduler
    assert own is not pipe.scheduler
    assert (type(own), own.config.sigma_max) == (kind, 80.0)
    with pytest.raises(BadSettings, match=rf"^scheduler 'ddim' does not fit the noise of an {kind.__name__}: choose"):
        with_solver(pipe, "ddim")
    place = published("SDXL", tmp_path)
    (place / "scheduler" / "scheduler_config.json").write_text(json.dumps({"_class_name": kind.__name__}))
    assert profile_of_backbone(str(place)).solver == "own"
    with pytest.raises(BadSettings, match=r"^scheduler 'ddim' does not fit the noise"):
        check(str(place), resolved(place), PaintingSettings(scheduler="ddim"))


@pytest.mark.parametrize("family", PIPELINES)
def test_every_familys_pipeline_has_a_solver_of_its_own(family: str) -> None:
    pipe = tiny(family)
    own = with_solver(pipe)
    assert own.scheduler is not pipe.scheduler


def test_an_unknown_solver_is_refused_before_anything_is_loaded() -> None:
    with pytest.raises(BadSettings, match="there is no scheduler 'best': choose own"):
        DiffusionPainter(painting=PaintingSettings(scheduler="best"))
