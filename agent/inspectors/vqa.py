"""Visual question answering: what boxes and pixels cannot tell, by a VQA or a CLIP-type model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PIL import Image

from muralist.tools.errors import BackboneError
from muralist.tools.scene import Attribute, AttributeKind
from muralist.tools.words import with_article

from .loading import SeeingModel

_STUFF = ("wooden", "metallic", "plastic", "glass", "stone", "leather", "fabric", "paper", "rubber", "fluffy")
INSTEAD: Mapping[AttributeKind, Sequence[str]] = {
    "material": _STUFF,
    "texture": _STUFF,
    "shape": ("round", "square", "rectangular", "triangular", "oval", "long and thin"),
}
"""What else a thing could be: a CLIP-type model can only compare. Of other kinds it is not asked."""
_STEM = 4
"""Words that begin with the same letters are one: wood and wooden, metal and metallic."""


class VqaModel:
    """A VQA model (ViLT, BLIP) or a CLIP-type one (CLIP, SigLIP) of transformers, by folder or hub id.

    Cheap to construct: the model is loaded when it is needed. All calls block until
    done and raise BackboneError if the model is missing, damaged, or of another kind.
    """

    def __init__(self, model: str) -> None:
        self.model = model
        self._model = SeeingModel("vqa", model)

    def has(self, cutout: Image.Image, noun: str, attribute: Attribute) -> float | None:
        """The probability that the thing on the cut-out has the attribute; None if this model cannot tell."""
        if self._answers:
            return self.yes(cutout, f"Is the {noun} {attribute.value}?")
        if attribute.kind not in INSTEAD:
            return None
        others = [other for other in INSTEAD[attribute.kind] if other[:_STEM] != attribute.value[:_STEM]]
        texts = [f"a photo of {with_article(f'{value} {noun}')}" for value in (attribute.value, *others)]
        return self._likeness(cutout, texts)

    def yes(self, picture: Image.Image, question: str) -> float | None:
        """The probability that the answer is yes; None if this model cannot be asked questions."""
        return self._yes(picture, question) if self._answers else None

    @property
    def _answers(self) -> bool:
        """Whether it is a VQA model, rather than one that scores image-text similarity."""
        with self._model.used() as (_, model):
            return "Answering" in type(model).__name__

    def _likeness(self, picture: Image.Image, texts: Sequence[str]) -> float:
        """The first text's share among all of them."""
        import torch

        with self._model.used() as (processor, model), torch.inference_mode():
            inputs = processor(
                images=picture.convert("RGB"),
                text=list(texts),
                padding="max_length",
                truncation=True,
                return_tensors="pt",
            )
            logits = model(**inputs.to(model.device)).logits_per_image[0]
        return float(logits.softmax(0)[0])

    def _yes(self, picture: Image.Image, question: str) -> float:
        """Of a classifier: `yes` against `no` among its answers; of one that writes: as the first word."""
        import torch

        with self._model.used() as (processor, model), torch.inference_mode():
            inputs = processor(images=picture.convert("RGB"), text=question, truncation=True, return_tensors="pt")
            if hasattr(model, "generate"):
                written = model.generate(
                    **inputs.to(model.device), max_new_tokens=1, output_scores=True, return_dict_in_generate=True
                )
                logits = written.scores[0][0]
                known = {
                    word: processor.tokenizer(word, add_special_tokens=False).input_ids[0] for word in ("yes", "no")
                }
            else:
                logits = model(**inputs.to(model.device)).logits[0]
                known = model.config.label2id
        if not {"yes", "no"} <= set(known):
            raise BackboneError(f"vqa '{self.model}' does not answer with yes or no: give a model trained on VQA v2")
        return float(torch.stack([logits[known["yes"]], logits[known["no"]]]).softmax(0)[0])
