"""Training resumes as if it had not been interrupted, and what goes wrong is told in one line."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from PIL import Image
from torch import nn
from transformers import CLIPTokenizer

from muralist.picturebook import train
from muralist.picturebook.backbone import BACKBONE, new_autoencoder, new_tokenizer
from muralist.picturebook.glyphs import FONT_PATH
from muralist.picturebook.training.background import TrainingFiles
from muralist.picturebook.training.denoiser import DenoiserTrainer, names
from muralist.picturebook.training.detector import DetectorTrainer
from muralist.picturebook.training.optimiser import MuonAdamW, orthogonal
from muralist.picturebook.training.precision import CHOICES, Precision, fastest
from muralist.picturebook.training.scenes import Bank
from muralist.picturebook.training.schedule import Schedule
from muralist.picturebook.training.trainer import Trainer, alone
from muralist.picturebook.vocabulary import BACKGROUNDS, COLOURS, NOUNS
from muralist.picturebook.world import Still, Thing
from muralist.tools.errors import BadSettings, StoreError

pytestmark = pytest.mark.skipif(not FONT_PATH.exists(), reason="drawing needs the package fonts-noto-color-emoji")


def detector(tmp_path: Path, name: str = "detector", seed: int = 1) -> Trainer:
    torch.manual_seed(0)
    return DetectorTrainer(name, Schedule(4, 1e-3, warmup=2), seed, tmp_path, new_autoencoder())


def denoiser() -> DenoiserTrainer:
    return DenoiserTrainer(Schedule(4, 1e-3, warmup=1), 0, new_autoencoder(), new_tokenizer(), pool=64)


def trained(trainer: Trainer, iterations: int) -> Trainer:
    for progress in trainer.steps():
        if progress.iteration == iterations:
            break
    return trainer


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def test_the_rate_rises_stays_and_falls_to_zero_once_it_is_told_to() -> None:
    schedule = Schedule(4, 1e-3, warmup=4)
    assert [schedule.at(iteration) for iteration in (0, 3, 10_000)] == [0.25e-3, 1e-3, 1e-3]
    assert schedule.end == float("inf")
    cooling = Schedule(4, 1e-3, warmup=4, cooldown=(100, 50))
    assert [cooling.at(iteration) for iteration in (99, 100, 125)] == [1e-3, 1e-3, 0.5e-3]
    assert cooling.at(149) == pytest.approx(0.02e-3)
    assert cooling.end == 150


def test_a_resumed_run_ends_with_the_same_weights_as_an_uninterrupted_one(tmp_path: Path) -> None:
    whole = trained(detector(tmp_path), 4)
    broken = trained(detector(tmp_path), 2)
    broken.save(tmp_path / "part.pt")
    resumed = detector(tmp_path)
    resumed.resume(tmp_path / "part.pt")
    assert (resumed.iteration, resumed.samples) == (2, 8)
    trained(resumed, 4)
    for name, value in whole.ema.shadow.items():
        assert torch.equal(value, resumed.ema.shadow[name]), name


def test_a_cooldown_ends_by_itself(tmp_path: Path) -> None:
    trainer = trained(detector(tmp_path), 2)
    trainer.cool_down(3)
    assert [progress.iteration for progress in trainer.steps()] == [3, 4, 5]


def test_a_full_disk_is_told_and_leaves_the_last_whole_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = trained(detector(tmp_path), 1)
    path = tmp_path / "part.pt"
    trainer.save(path)
    before = path.read_bytes()

    def full(state: object, file: Path) -> None:
        file.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(StoreError, match="No space left on device; make room or choose another folder with --runs"):
        trainer.save(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["part.pt"]


@pytest.mark.parametrize("damage", ["another shape", "half a file"])
def test_a_checkpoint_that_does_not_fit_is_told_in_one_line(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "part.pt"
    trained(detector(tmp_path, "judge"), 1).save(path)
    if damage == "half a file":
        path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(BadSettings, match=r"damaged or of another shape .*: move it away, or begin anew with --fresh"):
        detector(tmp_path).resume(path)


def test_two_trainers_do_not_train_on_one_checkpoint(tmp_path: Path) -> None:
    with (
        alone(tmp_path / "part.pt"),
        pytest.raises(BadSettings, match=r"another trainer works on .*--stop, or choose another folder with --runs"),
        alone(tmp_path / "part.pt"),
    ):
        pass


def test_a_missing_font_is_told_by_what_it_is_called_and_where_it_comes_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from muralist.picturebook import glyphs

    monkeypatch.setattr(glyphs, "FONT_PATH", tmp_path / "none.ttf")
    for cached in (glyphs.glyph, glyphs._emoji):
        cached.cache_clear()
    monkeypatch.setattr("sys.argv", ["train", "autoencoder", "--runs", str(tmp_path), "--fresh"])
    with pytest.raises(SystemExit) as ended:
        train.main()
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "install fonts-noto-color-emoji" in error


def test_precision_is_chosen_by_what_is_fastest_and_leaves_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([float(second) for second in range(1000)])
    monkeypatch.setattr("time.process_time", lambda: next(clock))
    weight = nn.Parameter(torch.ones(1))
    lines: list[str] = []

    def loss(batch: int, precision: Precision) -> torch.Tensor:
        for _ in range(1 if precision.half else 4):  # float32 takes four times as long
            next(clock)
        return weight.sum()

    assert fastest(loss, lines.append) == Precision(half=True)
    assert "chosen: bfloat16" in lines[0]
    assert len(CHOICES) == 4

    monkeypatch.undo()
    trainer = detector(tmp_path)
    before = {name: value.clone() for name, value in trainer.module.state_dict().items()}
    state = trainer.rng.bit_generator.state
    trainer.choose_precision(lines.append)
    assert all(torch.equal(value, before[name]) for name, value in trainer.module.state_dict().items())
    assert trainer.rng.bit_generator.state == state


@pytest.mark.parametrize("shape", [(32, 96), (96, 32), (48, 48)])
def test_an_orthogonalised_matrix_keeps_its_directions_and_has_them_about_equally_long(
    shape: tuple[int, int],
) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    turned = u.T @ orthogonal(matrix) @ v.T
    assert (turned - torch.diag(turned.diagonal())).abs().max() < 0.05
    assert turned.diagonal().min() > 0.5
    assert turned.diagonal().max() < 1.3


def test_matrices_go_to_muon_and_everything_else_to_adamw() -> None:
    module = nn.Sequential(
        nn.Embedding(32, 32), nn.Conv2d(32, 32, 3), nn.Conv2d(32, 32, 7, groups=32), nn.Linear(32, 4)
    )
    optimiser = MuonAdamW(module)
    assert [tuple(matrix.shape) for matrix in optimiser.matrices] == [(32, 32, 3, 3)]
    before = [parameter.detach().clone() for parameter in module.parameters()]
    for parameter in module.parameters():
        parameter.grad = torch.randn_like(parameter)
    optimiser.step(1e-2)
    assert all(not torch.equal(old, new) for old, new in zip(before, module.parameters(), strict=True))
    change = (module[1].weight - before[1]).detach().view(32, -1)
    assert torch.linalg.svdvals(change).std() < 0.4 * torch.linalg.svdvals(change).mean(), (
        "its update is orthogonalised"
    )
    assert all(parameter.grad is None for parameter in module.parameters())


def test_the_denoiser_learns_from_its_pool_and_its_averaged_weights_paint() -> None:
    trainer = denoiser()
    first = trainer.loss(4)
    assert torch.isfinite(first)
    assert trainer.pool[0].shape == (64, 4, 32, 32)
    before = trainer.pool[0].clone()
    trainer.loss(4)
    assert (trainer.pool[0] != before).flatten(1).any(1).sum() == 1, "a part of the batch is drawn afresh"
    picture = trainer.pipeline()("a red apple", num_inference_steps=1, output_type="np").images[0]
    assert picture.shape == (128, 128, 3)


def test_the_denoiser_goes_on_from_the_shipped_weights_with_a_naming_head_of_its_own() -> None:
    tokenizer = CLIPTokenizer.from_pretrained(BACKBONE / "tokenizer")
    trainer = DenoiserTrainer(Schedule(4, 1e-3, warmup=1), 0, new_autoencoder(), tokenizer, pool=64)
    assert trainer.start_from_shipped()
    weights: dict[str, Any] = trainer.shipped() or {}
    for name, value in trainer.module.state_dict().items():
        assert name.startswith("naming.") or torch.equal(value, weights[name])
    assert trainer.naming.weight.any()


def test_training_goes_on_after_the_best_weights_were_kept(tmp_path: Path) -> None:
    trainer = trained(denoiser(), 1)
    trainer.ship(tmp_path)
    assert {value.dtype for value in trainer.vae.state_dict().values()} == {torch.float32}
    assert trainer.pipeline().unet.dtype == torch.float32
    trained(trainer, 2)
    kept = StableDiffusionPipeline.from_pretrained(tmp_path / "backbone", dtype=torch.float32)
    assert torch.equal(kept.vae.decoder.layers[0].weight, trainer.vae.decoder.layers[0].weight.half().float())


def test_what_is_held_out_stays_so_when_more_paintings_come_in(tmp_path: Path) -> None:
    def paint(stage: str, numbers: range) -> None:
        (tmp_path / "paintings" / stage).mkdir(parents=True)
        for number in numbers:
            picture = Image.new("RGB", (128, 128), BACKGROUNDS["sand"])
            picture.putpixel((number, len(stage)), (number, 0, 0))
            picture.save(tmp_path / "paintings" / stage / f"1-{number:02d}.png")

    def held_out_and_trained() -> tuple[set[bytes], set[bytes]]:
        bank = Bank(tmp_path / "bank", 1)
        bank.fill(0, tmp_path / "paintings", 0, 1)
        held_out, trained = (
            {scene.picture.tobytes() for scene in part.paintings} for part in (bank.held_out, bank.trained)
        )
        return held_out, trained

    paint("second", range(10, 18))
    held_out, trained = held_out_and_trained()
    assert held_out
    assert len(held_out) + len(trained) == 8
    paint("first", range(12, 17))  # sorted before the others
    more_held_out, more_trained = held_out_and_trained()
    assert held_out < more_held_out
    assert trained < more_trained


def test_names_say_cell_by_cell_what_stands_there() -> None:
    cells = names(Still("sand", (Thing("cup", "blue", (16, 32, 56, 64)),)))
    assert cells.shape == (2, 16, 16)
    noun, colour = cells[:, 4:8, 2:7].flatten(1).unique(dim=1)[:, 0].tolist()
    assert (list(NOUNS)[noun - 1], list(COLOURS)[colour - 1]) == ("cup", "blue")
    assert int((cells != 0).sum()) == 2 * 4 * 5, "everything else is ground"


def test_a_part_that_was_never_trained_says_so(tmp_path: Path) -> None:
    files = TrainingFiles(tmp_path, "denoiser")
    assert files.summary() == f"denoiser: never trained in {tmp_path}"
    assert not files.runs


def test_samples_are_the_same_from_the_same_seed(tmp_path: Path) -> None:
    losses = {seed: [float(detector(tmp_path, seed=seed).loss(4).detach()) for _ in range(2)] for seed in (1, 2)}
    assert losses[1][0] == losses[1][1] != losses[2][0]
    assert np.isfinite(losses[1][0])
