"""Open-vocabulary detection through transformers: boxes of whatever nouns are asked for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from PIL import Image

from muralist.tools.detection import Detection
from muralist.tools.layout import Box
from muralist.tools.words import with_article

from .loading import SeeingModel

FAINTEST = 0.05
"""Scores below this are not looked at."""
STEEPNESS = 2.0
"""How fast probability grows with the logit of a score; detectors are right far more often than their scores say."""
LEAST = 0.3
"""Detections that are less probable are not things."""
ONE_THING = 0.5
"""Intersection over union from which on two boxes of one noun are one thing."""
ONE_PATCH = 0.85
"""The same for two nouns: a person and the suit they wear are two things, a dog and the wolf it might be are one."""
WITHIN = 0.9
"""Share of a box that lies in another for it to be a part of that."""

THRESHOLDS = {"owl": 0.2, "grounding": 0.35, "": 0.3}
"""The score at which a thing is as probable as not, by how the family's name begins (with scores of its own each)."""


class OpenVocabularyDetector:
    """Any zero-shot object detection model of transformers: OWLv2, OWL-ViT, Grounding DINO, by folder or hub id.

    Made cheaply, if there may be such a model at all; it is loaded when it is needed.
    """

    def __init__(self, model: str) -> None:
        self._model = SeeingModel("detector", model)

    def detect(self, picture: Image.Image, nouns: Sequence[str], at_once: bool = False) -> list[Detection]:
        """All things that go by one of the nouns, surest first, without colours; blocks until done.

        Each noun is asked for by itself, unless `at_once`: what a label of several asked at once belongs to is not
        reliable in every family. Raises BackboneError if the model is missing, damaged, or no detector of this kind.
        """
        with self._model.used() as (processor, model):
            each = list(dict.fromkeys(nouns))
            found = [
                Detection(box, p, {noun: 1.0}, {})
                for asked in ([each] if at_once and each else [[noun] for noun in each])
                for p, box, noun in _find(processor, model, picture.convert("RGB"), asked)
            ]
        return distinct(found)


def _find(processor: Any, model: Any, picture: Image.Image, nouns: list[str]) -> Iterator[tuple[float, Box, str]]:
    import torch

    family = str(model.config.model_type)
    threshold = next(score for start, score in THRESHOLDS.items() if family.startswith(start))
    queries = [f"a photo of {with_article(noun)}" if family.startswith("owl") else noun for noun in nouns]
    inputs = processor(images=picture, text=[queries], truncation=True, return_tensors="pt").to(model.device)
    with torch.inference_mode():
        outputs = model(**inputs)
    (result,) = processor.post_process_grounded_object_detection(
        outputs, threshold=FAINTEST, target_sizes=[(picture.height, picture.width)], text_labels=[nouns]
    )
    labels = result["text_labels"] if len(nouns) > 1 else nouns * len(result["scores"])
    for score, corners, label in zip(result["scores"].tolist(), result["boxes"].tolist(), labels, strict=True):
        box = on_canvas(corners, picture.width, picture.height)
        if box is not None:
            yield probability(score, threshold), box, label or nouns[0]


def probability(score: float, threshold: float) -> float:
    """How probable a thing is, of which a detector says `score`: 0.5 at its threshold."""
    score = min(max(score, 1e-6), 1 - 1e-6)
    logit = math.log(score / (1 - score)) - math.log(threshold / (1 - threshold))
    return 1 / (1 + math.exp(-STEEPNESS * logit))


def on_canvas(corners: Sequence[float], width: float, height: float) -> Box | None:
    """Corners (x0, y0, x1, y1) as a box in fractions, cut to the canvas; None if nothing of it is left."""
    if not all(math.isfinite(corner) for corner in corners):
        return None
    x0, x1 = (min(max(corners[at] / width, 0.0), 1.0) for at in (0, 2))
    y0, y1 = (min(max(corners[at] / height, 0.0), 1.0) for at in (1, 3))
    return Box(x0=x0, y0=y0, x1=x1, y1=y1) if x1 - x0 > 1e-3 and y1 - y0 > 1e-3 else None


def distinct(found: Iterable[Detection]) -> list[Detection]:
    """One detection per thing, surest first: doubles, parts, boxes around groups and improbable ones are left out.

    A box around several surer ones of its noun is a group; what then still lies inside another of its noun is a part. A
    thing that goes by several nouns keeps the probability of each.
    """
    kept: list[Detection] = []
    for thing in sorted(found, key=lambda each: -each.confidence):
        if thing.confidence < LEAST:
            break
        if any(thing.noun in other.nouns and thing.box.iou(other.box) >= ONE_THING for other in kept):
            continue
        for place, other in enumerate(kept):
            if thing.box.iou(other.box) >= ONE_PATCH:
                nouns = {**other.nouns, thing.noun: thing.confidence / other.confidence}
                kept[place] = replace(other, nouns=nouns)
                break
        else:
            kept.append(thing)
    alone = [thing for at, thing in enumerate(kept) if len(_inside(thing, kept[:at])) < 2]
    return [thing for thing in alone if not any(_inside(other, [thing]) for other in alone)]


def _inside(thing: Detection, others: Sequence[Detection]) -> list[Detection]:
    """Those of the others that have its noun and lie inside of it."""
    return [
        other
        for other in others
        if other.noun == thing.noun and other.box.area < thing.box.area and other.box.overlap(thing.box) >= WITHIN
    ]
