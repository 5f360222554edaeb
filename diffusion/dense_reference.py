"""Regional attention written straight from the formula: what the fast way is tested and timed against.

Every prompt attends over the whole canvas at every layer and step, by the pipeline's own processor; the outputs are
mixed afterwards. Slow, short, and with nothing clever in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from muralist.tools.layout import Region

from .geometry import shares
from .stable_diffusion import CROSS_ATTENTION, RegionTexts, Side, encoded


class DenseAttention:
    """out(p) = (1 - sum_r a_r(p)) * Attn(q_p, base) + sum_r a_r(p) * Attn(q_p, prompt_r), for rows of either side."""

    def __init__(self, sides: Mapping[Side, RegionTexts], latents: dict[str, Any], plain: Any) -> None:
        self.sides, self.latents, self.plain = sides, latents, plain

    def __call__(
        self,
        attn: Any,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """(B, N, C), (B, T, C') -> (B, N, C)."""
        base: torch.Tensor = self.plain(attn, hidden_states, encoder_hidden_states, attention_mask)
        height, width = self.latents["size"]
        while height * width > hidden_states.shape[1]:
            height, width = (height + 1) // 2, (width + 1) // 2
        rows = len(hidden_states)
        negative = rows // 2 if self.latents["guided"] else 0
        out = base.clone()
        halves: dict[Side, slice] = {"negative": slice(0, negative), "positive": slice(negative, rows)}
        for side, chosen in halves.items():
            if side not in self.sides or chosen.start == chosen.stop:
                continue
            texts = self.sides[side]
            a = shares(texts.regions, texts.base_ratio, height, width).to(base)  # (K, N)
            out[chosen] = (1 - a.sum(0))[:, None] * base[chosen]
            for share, text in zip(a, texts.embeddings, strict=True):
                texts_of_rows = text.expand(chosen.stop - chosen.start, -1, -1)
                out[chosen] += share[:, None] * self.plain(attn, hidden_states[chosen], texts_of_rows)
        return out


@contextmanager
def dense(pipe: Any, regions: Sequence[Region], base_ratio: float = 0.3) -> Iterator[None]:
    """The same as `regional`, the slow way."""
    sides = encoded(pipe, regions, base_ratio)
    latents: dict[str, Any] = {}

    def note(_: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        sample = args[0] if args else kwargs["sample"]
        latents.update(size=tuple(sample.shape[-2:]), guided=pipe.do_classifier_free_guidance)

    before = dict(pipe.unet.attn_processors)
    hook = pipe.unet.register_forward_pre_hook(note, with_kwargs=True)
    try:
        pipe.unet.set_attn_processor(
            {
                name: DenseAttention(sides, latents, plain) if name.endswith(CROSS_ATTENTION) else plain
                for name, plain in before.items()
            }
        )
        yield
    finally:
        hook.remove()
        pipe.unet.set_attn_processor(dict(before))
