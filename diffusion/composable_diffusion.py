"""Composable diffusion (arXiv 2206.01714) by region, for any denoiser: one noise prediction per prompt, mixed.

`noise(p) = (1 - sum_r a_r(p)) * noise(p | base) + sum_r a_r(p) * noise(p | prompt_r)`; each region costs a call of the
denoiser. Which arguments carry the prompt is found by calling the pipeline with two prompts and comparing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from muralist.tools.errors import BadSettings

from .batch_grouping import Call, ConditioningState, bound, grouped_by_conditioning, sample
from .region_schedule import RegionConditioning

Path = tuple[str, ...]
"""Where an argument is: its name, and the keys of dictionaries inside."""


@dataclass(frozen=True)
class PromptConditioning:
    """The denoiser arguments that carry a prompt, for a single row."""

    arguments: Mapping[Path, Any]
    """(1, ...) tensors, or lists of one."""
    rows: int
    """Of a call for one picture: 1, or 2 where both sides are in one batch."""
    positive: int
    """The row that is conditioned on the prompt."""
    packed: bool
    """Whether the latents are tokens (B, N, C), not pictures (B, C, height, width)."""


LATENTS = ("hidden_states", "sample", "x")
"""What denoisers call the argument that is to be denoised."""


class _Stop(Exception):
    """The call has been seen."""


def probe_conditioning(pipe: Any, network: Any, prompt: str, other: str = " ") -> PromptConditioning:
    """Call the pipeline with two prompts, up to the first denoiser call, and compare the arguments."""
    mine, another = (dict(_leaves(_first_call(pipe, network, text))) for text in (prompt, other))
    rows = len(next(iter(mine.values())))
    changed = {path: value for path, value in mine.items() if len(value) == rows and _differs(value, another[path])}
    if not changed:
        raise BadSettings(f"regional prompts do not reach the denoiser of {type(pipe).__name__}: use another pipeline")
    first = next(iter(changed))
    positive = next(n for n in reversed(range(rows)) if _differs(changed[first][n : n + 1], another[first][n : n + 1]))
    arguments = {path: value[positive : positive + 1] for path, value in changed.items()}
    latents = next((mine[(name,)] for name in LATENTS if (name,) in mine), None)
    return PromptConditioning(arguments, rows, positive, isinstance(latents, torch.Tensor) and latents.ndim < 4)


def _first_call(pipe: Any, network: Any, prompt: str) -> Call:
    calls: list[Call] = []

    def look(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        calls.append(bound(network.forward, args, kwargs))
        raise _Stop

    hook = network.register_forward_pre_hook(look, with_kwargs=True)
    try:
        pipe(prompt=prompt, num_inference_steps=2, generator=torch.Generator().manual_seed(0), output_type="latent")
    except _Stop:
        pass
    finally:
        hook.remove()
    return calls[0]


def _leaves(call: Mapping[str, Any], path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Tensors and lists of tensors, one entry per row; the first is the latents."""
    for name, value in call.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*path, name))
        elif (isinstance(value, torch.Tensor) and value.ndim) or (
            isinstance(value, list) and value and all(isinstance(each, torch.Tensor) for each in value)
        ):
            yield (*path, name), value


def _differs(a: Any, b: Any) -> bool:
    if isinstance(a, list):
        return len(a) != len(b) or any(_differs(x, y) for x, y in zip(a, b, strict=True))
    return a.shape != b.shape or not torch.equal(a, b)


def with_prompt(call: Call, text: PromptConditioning, rows: int) -> Call:
    """The call with every row conditioned on another prompt."""
    out = dict(call)
    for (*outer, name), value in text.arguments.items():
        holder = out
        for key in outer:
            holder[key] = dict(holder[key])
            holder = holder[key]
        holder[name] = value * rows if isinstance(value, list) else value.expand(rows, *value.shape[1:])
    return out


@contextmanager
def attached(network: Any) -> Iterator[ConditioningState]:
    """Compose the denoiser's predictions by region; restored at the end."""
    with grouped_by_conditioning(network, _composed) as state:
        yield state


def _composed(plain: Callable[..., Any], row: RegionConditioning, call: Call, rows: int) -> Any:
    """The base prompt's output, and one call for every region mixed into it."""
    out = plain(**call)
    base = sample(out)
    if base[0].ndim < 3 or not isinstance(base, list | torch.Tensor):
        raise BadSettings(
            f"the denoiser gives {tuple(base[0].shape)} for a picture, not (channels, height, width): composition in "
            "noise space cannot place regions there"
        )
    height, width = base[0].shape[-2:]
    shares = row.shares((height, width)).reshape(-1, height, width).to(base[0])
    total = [each * (1 - shares.sum(0)) for each in base]
    for share, text in zip(shares, row.prompts.embeddings, strict=True):
        predicted = sample(plain(**with_prompt(call, text, rows)))
        total = [each + share * other for each, other in zip(total, predicted, strict=True)]
    mixed = total if isinstance(base, list) else torch.stack(total)
    return (mixed, *out[1:]) if isinstance(out, tuple) else type(out)(sample=mixed)
