"""A training run that was interrupted goes on as if it had not been."""

from pathlib import Path

import pytest
import torch
from torch import nn

from muralist.picturebook.backbone import new_autoencoder, new_tokenizer
from muralist.picturebook.glyphs import FONT_PATH
from muralist.picturebook.train_denoiser import DenoiserTrainer, names
from muralist.picturebook.train_detector import DetectorTrainer, targets
from muralist.picturebook.training import Schedule, Trainer
from muralist.picturebook.vocabulary import COLOURS, NOUNS
from muralist.picturebook.world import Still, Thing

pytestmark = pytest.mark.skipif(not FONT_PATH.exists(), reason="drawing needs the package fonts-noto-color-emoji")


def detector() -> Trainer:
    torch.manual_seed(0)
    return DetectorTrainer("residual", Schedule(4, 4, 1e-3, warmup=2), 1, new_autoencoder())


def test_a_resumed_run_ends_with_the_same_weights_as_an_uninterrupted_one(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    whole = detector()
    whole.run(tmp_path / "whole.pt")

    broken = detector()
    broken.run(tmp_path / "part.pt", every=2, minutes=0)
    assert broken.iteration == 0
    broken.schedule = Schedule(2, 4, 1e-3, warmup=2)
    broken.run(tmp_path / "part.pt")
    resumed = detector()
    resumed.resume(tmp_path / "part.pt")
    assert (resumed.iteration, resumed.samples) == (2, 8)
    resumed.run(tmp_path / "part.pt")

    assert resumed.iteration == whole.iteration == 4
    for name, value in whole.ema.shadow.items():
        assert torch.equal(value, resumed.ema.shadow[name]), name


def test_the_denoiser_learns_from_its_pool_and_its_averaged_weights_paint() -> None:
    torch.set_num_threads(1)
    trainer = DenoiserTrainer(Schedule(2, 4, 1e-3, warmup=1), 0, new_autoencoder(), new_tokenizer(), pool=64)
    first = trainer.loss(4)
    assert torch.isfinite(first)
    assert trainer.pool[0].shape == (64, 4, 32, 32)
    before = trainer.pool[0].clone()
    trainer.loss(4)
    assert (trainer.pool[0] != before).flatten(1).any(1).sum() == 1, "a part of the batch is drawn afresh"
    picture = trainer.pipeline()("a red apple", num_inference_steps=1, output_type="np").images[0]
    assert picture.shape == (128, 128, 3)


def test_the_denoiser_goes_on_from_a_pipelines_weights_with_a_naming_head_of_its_own() -> None:
    torch.set_num_threads(1)
    trainer = DenoiserTrainer(Schedule(2, 4, 1e-3, warmup=1), 0, new_autoencoder(), new_tokenizer(), pool=64)
    pipe = trainer.pipeline()
    weights = nn.ModuleDict({"unet": pipe.unet, "text_encoder": pipe.text_encoder}).state_dict()
    trainer.start_from({name: torch.zeros_like(value) for name, value in weights.items()})
    assert not any(value.any() for value in trainer.pipeline().unet.state_dict().values())
    assert trainer.naming.weight.any()


def test_names_say_cell_by_cell_what_stands_there() -> None:
    cells = names(Still("sand", (Thing("cup", "blue", (16, 32, 56, 64)),)))
    assert cells.shape == (2, 16, 16)
    noun, colour = cells[:, 4:8, 2:7].flatten(1).unique(dim=1)[:, 0].tolist()
    assert (list(NOUNS)[noun - 1], list(COLOURS)[colour - 1]) == ("cup", "blue")
    assert int((cells != 0).sum()) == 2 * 4 * 5, "everything else is ground"


def test_targets_peak_at_the_cell_that_holds_a_centre() -> None:
    target = targets([Still("sand", (Thing("cup", "blue", (16, 32, 56, 64)),))])[0]
    row, column = divmod(int(target[0].argmax()), target.shape[-1])
    assert (row, column) == (6, 4)
    assert target[0].max() == 1
