"""Regional attention for UNets with cross-attention: Stable Diffusion 1.x, 2.x and XL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Literal

import torch
import torch.nn.functional as F

from muralist.tools.errors import BadSettings
from muralist.tools.layout import Region

from .gather import Gather, gather
from .geometry import grids, shares

Side = Literal["positive", "negative"]
"""Which prompts a row of the batch follows: of classifier-free guidance, the conditional or the unconditional half."""

CROSS_ATTENTION = "attn2.processor"


@dataclass
class RegionTexts:
    """The regions of one side, and their prompts as the text encoder sees them."""

    regions: list[Region]
    embeddings: torch.Tensor
    """(K, T, C)"""
    base_ratio: float
    plans: dict[tuple[int, int], Gather | None] = field(default_factory=dict)

    def plan(self, grid: tuple[int, int], like: torch.Tensor) -> Gather | None:
        """The gathering on a grid; all layers of one resolution share it."""
        if grid not in self.plans:
            self.plans[grid] = gather(shares(self.regions, self.base_ratio, *grid), like.dtype, like.device)
        return self.plans[grid]


@dataclass
class Denoising:
    """What the processors have to know of the denoiser's current call; a pre-hook keeps it up to date."""

    sides: dict[Side, RegionTexts]
    rows: tuple[Side, ...] = ()
    """The side of each row of the batch."""
    grids: dict[int, tuple[int, int]] = field(default_factory=dict)
    """(height, width) of each resolution by its number of cells."""
    size: tuple[int, ...] = ()

    def begin(self, latents: torch.Tensor, guided: bool) -> None:
        """Note shape and rows of a call on latents (B, C, height, width)."""
        size = (*latents.shape, guided)
        if size == self.size:
            return
        batch, _, height, width = latents.shape
        if guided and batch % 2:
            raise BadSettings(
                f"the pipeline says that it guides, but its denoiser got {batch} row: call the very pipeline that was "
                "given to regional()"
            )
        half = batch // 2 if guided else 0
        self.rows = tuple("negative" if row < half else "positive" for row in range(batch))
        self.grids = grids(height, width)
        self.size = size

    def runs(self) -> Iterator[tuple[slice, Side]]:
        """Neighbouring rows of the same side."""
        start = 0
        for side, rows in groupby(self.rows):
            stop = start + len(list(rows))
            yield slice(start, stop), side
            start = stop


@dataclass(frozen=True)
class Projected:
    """What a layer computes once per generation: the keys and values of all its prompts, (B, heads, T, D) each."""

    base: tuple[torch.Tensor, torch.Tensor]
    runs: tuple[tuple[slice, Gather, tuple[tuple[torch.Tensor, torch.Tensor], ...]], ...]
    """Rows with regions: the gathering, and keys and values per bucket."""


class RegionalAttention:
    """Processor of one cross-attention layer.

    Attention 1 is the base prompt's (and the unconditional one's) over all cells; attention 2 takes the queries of each
    region to the region's own keys and values. Both are mixed before `to_out`, which is affine: with shares that add up
    to 1, mixing before and after it is the same.
    """

    def __init__(self, denoising: Denoising, plain: Any) -> None:
        self.denoising = denoising
        self.plain = plain
        self._seen: tuple[object, ...] = ()
        self._text: torch.Tensor | None = None
        self._projected: Projected

    def __call__(
        self,
        attn: Any,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        temb: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """hidden_states (B, N, C), encoder_hidden_states (B, T, C') -> (B, N, C)."""
        if encoder_hidden_states is None:
            plain: torch.Tensor = self.plain(attn, hidden_states, None, attention_mask, temb)
            return plain
        batch, cells, _ = hidden_states.shape
        text = encoder_hidden_states
        seen = (self.denoising.size, cells, 0 if text.is_inference() else text._version)
        if text is not self._text or seen != self._seen:
            self._projected = self._project(attn, hidden_states, text)
            self._text, self._seen = text, seen
        projected = self._projected

        query = _heads(attn, attn.to_q(hidden_states))  # (B, N, heads, D)
        query = query if attn.norm_q is None else attn.norm_q(query)
        if attention_mask is not None:
            attention_mask = attn.prepare_attention_mask(attention_mask, text.shape[1], batch)
            attention_mask = attention_mask.view(batch, attn.heads, -1, attention_mask.shape[-1])
        key, value = projected.base
        out: torch.Tensor = F.scaled_dot_product_attention(query.transpose(1, 2), key, value, attn_mask=attention_mask)
        out = out.transpose(1, 2).flatten(2)  # (B, N, heads * D)
        for rows, plan, texts in projected.runs:
            attended = _attend(query[rows].index_select(1, plan.cells), plan, texts)  # (c, S, heads * D)
            mixed = out[rows].mul_(plan.keep)
            for slot, share in plan.terms:
                mixed.addcmul_(attended.index_select(1, slot), share)
        out = attn.to_out[1](attn.to_out[0](out))  # a projection, then dropout
        if attn.residual_connection:
            out = out + hidden_states
        scale: float = attn.rescale_output_factor
        return out if scale == 1 else out / scale

    def _project(self, attn: Any, hidden_states: torch.Tensor, text: torch.Tensor) -> Projected:
        """Keys and values of the base prompts (the batch's own rows) and of every region's prompt."""
        grid = self.denoising.grids.get(hidden_states.shape[1])
        if grid is None or len(self.denoising.rows) != len(text):
            raise BadSettings(
                f"regional attention met {hidden_states.shape[1]} cells and {len(text)} rows, unlike the latents: "
                "use a Stable Diffusion UNet of the usual resolutions, without token merging"
            )
        runs = []
        for rows, side in self.denoising.runs():
            regions = self.denoising.sides.get(side)
            plan = regions.plan(grid, hidden_states) if regions is not None else None
            if regions is None or plan is None:
                continue
            count = rows.stop - rows.start
            key, value = _keys_values(attn, regions.embeddings.to(text))  # (K, heads, T, D)
            buckets = tuple(
                (key[chosen].repeat(count, 1, 1, 1), value[chosen].repeat(count, 1, 1, 1))
                for chosen in (list(bucket.regions) for bucket in plan.buckets)
            )
            runs.append((rows, plan, buckets))
        return Projected(_keys_values(attn, text), tuple(runs))


def _heads(attn: Any, projected: torch.Tensor) -> torch.Tensor:
    """(B, N, heads * D) -> (B, N, heads, D)."""
    return projected.view(*projected.shape[:-1], attn.heads, -1)


def _keys_values(attn: Any, text: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Keys and values of texts (B, T, C'): (B, heads, T, D) each."""
    if attn.norm_cross:
        text = attn.norm_encoder_hidden_states(text)
    key, value = _heads(attn, attn.to_k(text)), _heads(attn, attn.to_v(text))
    if attn.norm_k is not None:
        key = attn.norm_k(key)
    return key.transpose(1, 2).contiguous(), value.transpose(1, 2).contiguous()


def _attend(queries: torch.Tensor, plan: Gather, texts: tuple[tuple[torch.Tensor, torch.Tensor], ...]) -> torch.Tensor:
    """Each region's gathered queries (c, S, heads, D) on its own keys and values -> (c, S, heads * D)."""
    count, _, heads, depth = queries.shape
    attended, start = [], 0
    for bucket, (key, value) in zip(plan.buckets, texts, strict=True):
        length = len(bucket.regions) * bucket.size
        query = queries[:, start : start + length].reshape(-1, bucket.size, heads, depth).transpose(1, 2)
        out = F.scaled_dot_product_attention(query, key, value)  # (c * k, heads, size, D)
        attended.append(out.transpose(1, 2).reshape(count, length, heads * depth))
        start += length
    return attended[0] if len(attended) == 1 else torch.cat(attended, 1)


@contextmanager
def attached(pipe: Any, regions: Sequence[Region], base_ratio: float) -> Iterator[None]:
    """Give every cross-attention of `pipe.unet` a regional processor; take them all back at the end."""
    unet = _unet(pipe)
    denoising = Denoising(sides=encoded(pipe, regions, base_ratio))
    before = dict(unet.attn_processors)

    def begin(_: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        denoising.begin(args[0] if args else kwargs["sample"], pipe.do_classifier_free_guidance)

    hook = unet.register_forward_pre_hook(begin, with_kwargs=True)
    try:
        unet.set_attn_processor(  # takes the dictionary apart: never hand it the one that is kept
            {
                name: RegionalAttention(denoising, plain) if name.endswith(CROSS_ATTENTION) else plain
                for name, plain in before.items()
            }
        )
        yield
    finally:
        hook.remove()
        unet.set_attn_processor(dict(before))


def encoded(pipe: Any, regions: Sequence[Region], base_ratio: float) -> dict[Side, RegionTexts]:
    """The regions' prompts by the pipeline's own text encoder; the negative side only if a region has any."""
    sides: dict[Side, RegionTexts] = {}
    negative = [region for region in regions if region.negative_prompt]
    for side, chosen in (("positive", list(regions)), ("negative", negative)):
        prompts = [region.prompt if side == "positive" else region.negative_prompt for region in chosen]
        if prompts:
            with torch.no_grad():
                embeddings = pipe.encode_prompt(
                    prompt=prompts, device=pipe._execution_device, num_images_per_prompt=1,
                    do_classifier_free_guidance=False,
                )[0]  # fmt: skip
            sides["positive" if side == "positive" else "negative"] = RegionTexts(chosen, embeddings, base_ratio)
    return sides


def _unet(pipe: Any) -> Any:
    """The pipeline's denoiser, or BadSettings if its cross-attention cannot be taken over."""
    unet, name = getattr(pipe, "unet", None), type(pipe).__name__
    names = getattr(unet, "attn_processors", {})
    if unet is None or not any(each.endswith(CROSS_ATTENTION) for each in names):
        raise BadSettings(f"regional attention does not know {name}: use a Stable Diffusion 1.x, 2.x or XL pipeline")
    if hasattr(pipe, "do_perturbed_attention_guidance") or hasattr(type(pipe), "image_guidance_scale"):
        raise BadSettings(f"regional attention does not know the guidance of {name}: use the stock pipeline")
    if getattr(unet.config, "encoder_hid_dim_type", None) is not None:
        raise BadSettings("regional attention does not go together with IP-Adapter: unload it before")
    return unet
