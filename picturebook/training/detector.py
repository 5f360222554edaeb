"""Training of the two detectors, on drawings, fakes and paintings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderTiny
from PIL import Image
from torch import Tensor

from muralist.picturebook.backbone import WEIGHTS
from muralist.picturebook.detector import (
    CELLS,
    COLOUR_LIST,
    NOUN_LIST,
    SPLIT,
    STRIDE,
    Detector,
    Shape,
    is_inner,
    stored,
)
from muralist.picturebook.world import SIZE
from muralist.tools.detection import Detection
from muralist.tools.verdict import PASS_AT

from .autoencoder import shipped_autoencoder
from .denoiser import to_tensor
from .scenes import Bank, Labelled, Scene, area, drawn, labelled_still
from .schedule import Schedule
from .shipping import ship_state
from .trainer import Trainer

NETWORKS: dict[str, tuple[Shape, int]] = {"detector": ("residual", 1), "judge": ("separable", 2)}
"""Name to shape and seed: the judge shares neither with the loop's detector, nor a fake or a painting."""
FAKES = 5000
"""Spoilt drawings that each network has of its own."""
SHARE = 0.45
"""Share of a scene's things that are fakes."""
PAINTED = 0.3
"""Share of a batch that are paintings."""
RIM = 0.5
"""Cells between the inner part and this share are not asked."""
COLDEST = 0.25
"""No temperature falls lower: a few hundred held-out things that are all right do not make it certain."""
CHECKED = 40
"""Drawn scenes that a calibration looks at besides the held-out paintings, which are what answers are wanted of."""
ROUND_TRIPS = 0.25
"""Share of the drawn pictures that go through the autoencoder and back."""


class Targets:
    """What the heads should say of a batch, cell by cell.

    `presence` (B, 16, 16) is 1 where a thing's inner part is, 0 on the ground, -1 where nobody is asked; `weight` (B,
    16, 16) shares a thing out among its cells; `nouns` (B, 16, 16, nouns) are probabilities, `colours` (B, 16, 16)
    numbers, -1 where unknown, `forms` (B, 16, 16) probabilities, `boxes` (B, 16, 16, 4) offsets and log sizes in
    cells.
    """

    def __init__(self, scenes: Sequence[Scene]) -> None:
        grid = (len(scenes), CELLS, CELLS)
        self.presence, self.weight, self.forms = (torch.zeros(grid) for _ in range(3))
        self.colours = torch.full(grid, -1, dtype=torch.long)
        self.nouns, self.boxes = torch.zeros(*grid, len(NOUN_LIST)), torch.zeros(*grid, 4)
        middles = (torch.arange(CELLS) + 0.5) * STRIDE
        self.y, self.x = torch.meshgrid(middles, middles, indexing="ij")
        for number, scene in enumerate(scenes):
            for x0, y0, x1, y1 in scene.unknown:
                self.presence[number][(self.x > x0) & (self.x < x1) & (self.y > y0) & (self.y < y1)] = -1
            for thing in sorted(scene.things, key=lambda thing: -area(thing.box)):
                self._put(number, thing)

    def _put(self, number: int, thing: Labelled) -> None:
        x0, y0, x1, y1 = thing.box
        points, box = torch.stack([self.x, self.y], dim=-1) / STRIDE, torch.tensor(thing.box) / STRIDE
        inner = is_inner(points, box)
        rim = is_inner(points, box, RIM) & ~inner
        self.presence[number][rim & (self.presence[number] == 0)] = -1
        self.presence[number][inner] = 1
        self.weight[number][inner] = 1 / max(1, int(inner.sum()))
        self.nouns[number][inner] = torch.from_numpy(thing.nouns)
        self.colours[number][inner] = -1 if thing.colour is None else COLOUR_LIST.index(thing.colour)
        self.forms[number][inner] = thing.form
        sides = torch.log(torch.tensor([(x1 - x0) / STRIDE, (y1 - y0) / STRIDE]).clamp(min=0.2))
        offsets = torch.stack([(x0 + x1) / 2 - self.x, (y0 + y1) / 2 - self.y], dim=-1) / STRIDE
        self.boxes[number][inner] = torch.cat([offsets, sides.expand(*offsets.shape)], dim=-1)[inner]


def detection_loss(output: Tensor, target: Targets) -> Tensor:
    """Per thing: cross-entropies of presence, noun, colour and form and L1 of the box; on the ground, a focal loss."""
    presence, nouns, colours, form, box = torch.split(output.float().permute(0, 2, 3, 1), SPLIT, dim=-1)
    asked, weight = target.presence == 1, target.weight
    things, at = weight.sum().clamp(min=1), target.weight[asked]

    def shared(value: Tensor) -> Tensor:
        return (at * value).sum()

    missed = presence[..., 0].sigmoid() ** 2 * F.softplus(presence[..., 0])
    kinds = F.cross_entropy(nouns[asked], target.nouns[asked], reduction="none")
    tints = F.cross_entropy(
        colours[asked], target.colours[asked], ignore_index=-1, reduction="none", label_smoothing=0.02
    )
    forms = F.binary_cross_entropy_with_logits(form[asked][:, 0], target.forms[asked], reduction="none")
    loss = shared(F.softplus(-presence[asked][:, 0])) + 0.25 * missed[target.presence == 0].sum()
    loss = loss + shared((target.forms[asked] + 0.2) * kinds) + shared(tints) + shared(forms)
    total: Tensor = (loss + shared((box[asked] - target.boxes[asked]).abs().sum(1))) / things
    return total


class DetectorTrainer(Trainer):
    """See `Trainer`; batch normalisation's statistics are averaged with the weights."""

    def __init__(
        self, name: str, schedule: Schedule, seed: int, folder: Path, vae: AutoencoderTiny | None = None
    ) -> None:
        self.name = name
        self.shape, own = NETWORKS[name]
        self.model = Detector(self.shape)
        super().__init__(self.model, schedule, seed + own)
        self.vae = (vae or shipped_autoencoder()).to(self.device).eval().requires_grad_(False)
        self.bank = Bank(folder / f"{name}-bank", seed + own)
        self.paintings, self.place = folder / "paintings", list(NETWORKS).index(name)

    def begin(self) -> None:
        """Make or load the fakes, and label the paintings that are there."""
        self.bank.fill(FAKES, self.paintings, self.place, len(NETWORKS))

    def loss(self, batch: int) -> Tensor:
        bank, paintings = self.bank.trained.fakes, self.bank.trained.paintings
        shown = int(batch * PAINTED) if paintings else 0
        scenes = [drawn(self.rng, bank, SHARE if bank else 0.0) for _ in range(batch - shown)]
        pictures = self.tripped(to_tensor(np.stack([scene.picture for scene in scenes])).to(self.device))
        if shown:
            chosen = [paintings[number] for number in self.rng.integers(0, len(paintings), shown)]
            pictures = torch.cat([pictures, to_tensor(np.stack([scene.picture for scene in chosen])).to(self.device)])
            scenes += chosen
        with self.precision.cast(self.device):
            output = self.model(self.precision.laid(self.spoilt(pictures)))
        return detection_loss(output, Targets(scenes))

    @torch.no_grad()
    def tripped(self, pictures: Tensor) -> Tensor:
        """Some of them after a round trip through noisy latents."""
        count = int(len(pictures) * ROUND_TRIPS)
        if not count:
            return pictures
        with self.precision.cast(self.device):
            latents = self.vae.encoder(pictures[:count])
            spread = torch.rand(count, 1, 1, 1, device=self.device) * 0.25 * latents.std()
            decoded = self.vae.decoder(latents + spread * torch.randn_like(latents))
        return torch.cat([decoded.float().clamp(-1, 1), pictures[count:]])

    def spoilt(self, pictures: Tensor) -> Tensor:
        """Blurred, tinted and noisy a little, about half of them each."""
        batch = len(pictures)
        blurred = F.avg_pool2d(F.pad(pictures, (1, 1, 1, 1), mode="replicate"), 3, 1)
        some = torch.rand(batch, 1, 1, 1, device=self.device)
        pictures = torch.where(some < 0.15, (blurred + pictures) / 2, pictures)
        tint = 1 + 0.05 * torch.randn(batch, 3, 1, 1, device=self.device)
        noise = torch.rand(batch, 1, 1, 1, device=self.device).clamp(min=0.5) - 0.5
        return (pictures * tint + 0.1 * noise * torch.randn_like(pictures)).clamp(-1, 1)

    def shipped(self) -> dict[str, Tensor] | None:
        path = WEIGHTS / f"{self.name}.safetensors"
        return stored(path) if path.exists() else None

    def averaged(self) -> Detector:
        """The averaged weights as a detector of its own."""
        detector = Detector(self.shape)
        detector.load_state_dict(self.ema.shadow)
        return detector.eval()

    def evaluate(self, sheet: Path) -> tuple[float, list[str]]:
        """On what was held out: stills of which all passed and nothing besides, and forms as the glyphs tell them."""
        detector, rng = self.averaged(), np.random.default_rng(7)
        lines, whole = [], {}
        for number in (1, 2, 4, 6):
            scenes = [labelled_still(rng, number) for _ in range(60)]
            found = [detector.detect(Image.fromarray(scene.picture)) for scene in scenes]
            whole[number] = fmean(whole_passes(scene.things, each) for scene, each in zip(scenes, found, strict=True))
        lines.append("whole stills passed: " + ", ".join(f"{share:.2f} of {number}" for number, share in whole.items()))
        spoilt, paintings = self.bank.held_out.fakes, self.bank.held_out.paintings
        right = {"fakes": _agreement(detector, [drawn(rng, spoilt, 1.0) for _ in range(60)] if spoilt else []),
                 "paintings": _agreement(detector, paintings)}  # fmt: skip
        lines += [
            f"{share:.2f} of {many} {kind} called as the glyphs call them" for kind, (share, many) in right.items()
        ]
        return fmean([whole[6], *(share for share, many in right.values() if many)]), lines

    def ship(self, weights: Path) -> None:
        """With what makes its probabilities those that are met on what was held out."""
        detector = self.averaged()
        detector.calibration.copy_(torch.tensor(self.calibrated(detector)))
        ship_state(detector.state_dict(), weights / f"{self.name}.safetensors")

    @torch.no_grad()
    def calibrated(self, detector: Detector) -> list[float]:
        """Temperatures of nouns and colours, slope and intercept of form: those that fit the held-out things best."""
        spoilt, paintings = self.bank.held_out.fakes, self.bank.held_out.paintings
        rng = np.random.default_rng(8)
        scenes = [*(drawn(rng, spoilt, SHARE if spoilt else 0.0) for _ in range(CHECKED)), *paintings]
        target = Targets(scenes)
        outputs = torch.cat([detector(to_tensor(scene.picture[None])) for scene in scenes])
        _, nouns, colours, form, _ = torch.split(outputs.permute(0, 2, 3, 1)[target.presence == 1], SPLIT, dim=-1)
        weight, forms, tints = (part[target.presence == 1] for part in (target.weight, target.forms, target.colours))
        clear = (forms > PASS_AT) & (tints >= 0)
        wanted = target.nouns[target.presence == 1][clear].argmax(1)  # right is the noun that it is most like
        with torch.enable_grad():
            fitted = torch.tensor([1.0, 1.0, 1.0, 0.0], requires_grad=True)
            solver = torch.optim.LBFGS([fitted], max_iter=100, line_search_fn="strong_wolfe")

            def loss() -> Tensor:
                solver.zero_grad()
                heat, tint_heat, slope, intercept = fitted
                each = F.cross_entropy(nouns[clear] / heat, wanted, reduction="none")
                each = each + F.cross_entropy(colours[clear] / tint_heat, tints[clear], reduction="none")
                own = F.binary_cross_entropy_with_logits(slope * form[:, 0] + intercept, forms, reduction="none")
                total = (weight[clear] * each).sum() + (weight * own).sum()
                total.backward()  # type: ignore[no-untyped-call]
                return total

            solver.step(loss)  # type: ignore[no-untyped-call]
        heat, tint_heat, *own = fitted.detach().tolist()
        return [max(COLDEST, heat), max(COLDEST, tint_heat), *own]


class GroundTruth(Protocol):
    """Something that a picture shows: in a still, or as a label says."""

    @property
    def noun(self) -> str: ...
    @property
    def colour(self) -> str | None: ...
    @property
    def centre(self) -> tuple[float, float]:
        """In pixels."""


def near(thing: GroundTruth, found: Sequence[Detection], reach: float = STRIDE) -> list[Detection]:
    """What is found less than `reach` pixels away from a thing's middle, nearest first."""
    x, y = thing.centre
    away = [float(np.hypot(each.box.centre[0] * SIZE - x, each.box.centre[1] * SIZE - y)) for each in found]
    order = sorted(range(len(found)), key=lambda number: away[number])
    return [found[number] for number in order if away[number] < reach]


def passes(thing: GroundTruth, found: Sequence[Detection]) -> bool:
    """Something is found where it is that is called by its noun and colour."""
    return any(each.is_a(thing.noun) >= PASS_AT and each.colours[thing.colour or ""] >= PASS_AT
               for each in near(thing, found))  # fmt: skip


def whole_passes(things: Sequence[GroundTruth], found: Sequence[Detection]) -> bool:
    """All things pass, and nothing else is found."""
    return len(found) == len(things) and all(passes(thing, found) for thing in things)


def _agreement(detector: Detector, scenes: Sequence[Scene]) -> tuple[float, int]:
    """Share of the things that it calls well formed and by their noun, or does not, as the glyphs do; and how many."""
    same = []
    for scene in scenes:
        found = detector.detect(Image.fromarray(scene.picture))
        for thing in scene.things:
            said = next((each.is_a(thing.noun) for each in near(thing, found, reach=2 * STRIDE)), 0.0)
            same.append((said >= 0.5) == (thing.form >= 0.5))
    return (fmean(same) if same else 0.0), len(same)
