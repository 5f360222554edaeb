"""How a backbone is opened: on what, of which type of numbers, with what besides, in how much memory."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from .value import Value

Quantize = Literal["bnb-8bit", "bnb-4bit", "torchao-int8", "torchao-int4"]
Offload = Literal["auto", "none", "model", "group", "sequential"]


class PaintingSettings(Value):
    """`MURALIST_DTYPE` and so on; what is left out is the model's own, or what the machine has room for."""

    dtype: Literal["float32", "float16", "bfloat16"] | None = Field(
        default=None, description="Type of the weights; left out, the model's own, and float32 on a CPU."
    )
    device: str | None = Field(
        default=None,
        pattern=r"^(cpu|mps|cuda(:\d{1,2})?)$",
        description="cuda, cuda:1, mps or cpu; left out, the best.",
    )
    quantize: Quantize | None = Field(
        default=None, description="bnb-8bit, bnb-4bit, torchao-int8 or torchao-int4; left out, if nothing else fits."
    )
    offload: Offload = Field(
        default="auto", description="none, model, group or sequential; auto: the fastest that has room."
    )
    lora: str | None = Field(
        default=None, min_length=1, description="LoRAs, as path[:scale],path[:scale]; files, folders or hub ids."
    )
    vae: str | None = Field(
        default=None, min_length=1, description="Another autoencoder: a folder, a file or a hub id."
    )
    scheduler: str | None = Field(
        default=None, min_length=1, description="Solver, such as dpm++2m, euler or own; left out, the model's."
    )
    variant: str | None = Field(
        default=None, pattern=r"^\w+$", description="Of the weights' files, such as fp16; left out, what there is."
    )
    revision: str | None = Field(default=None, min_length=1, description="Of a hub id: a branch, a tag or a commit.")
    compile: bool = Field(default=False, description="Compile the denoiser's blocks: slow at first, then faster.")

    @field_validator("lora")
    @classmethod
    def _check_loras(cls, lora: str | None) -> str | None:
        parsed(lora)
        return lora

    @property
    def loras(self) -> tuple[tuple[str, float], ...]:
        """Paths or hub ids with their scales."""
        return parsed(self.lora)

    @classmethod
    def of(cls, settings: object) -> PaintingSettings:
        """Those among settings that have others, too."""
        return cls(**{name: getattr(settings, name) for name in cls.model_fields})


def parsed(lora: str | None) -> tuple[tuple[str, float], ...]:
    """`a:0.5,b` -> (a, 0.5), (b, 1). Raises ValueError."""
    found = []
    for each in (lora or "").split(",") if lora else ():
        path, _, scale = each.strip().rpartition(":")
        try:
            known = (path, float(scale)) if path else (each.strip(), 1.0)
        except ValueError:
            known = (each.strip(), 1.0)  # a colon of the path's own
        if not known[0] or not abs(known[1]) <= 10:
            raise ValueError("write path[:scale],path[:scale], with scales from -10 to 10")
        found.append(known)
    if len({path for path, _ in found}) < len(found):
        raise ValueError("name each LoRA once")
    return tuple(found)
