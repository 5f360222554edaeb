"""Regional attention in layers of cross-attention, by processors of their own that cache keys and values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode

from muralist.tools.errors import BadSettings

from .cells import grids
from .control import RegionTexts, Row
from .gather import Gather, gather

CROSS_ATTENTION = "attn2.processor"

KeyValue = tuple[torch.Tensor, torch.Tensor]
"""(B, heads, T, D) each."""


@dataclass(frozen=True)
class Plan:
    """On one grid: the rows that follow regions and their gathering."""

    rows: slice
    gather: Gather
    texts: tuple[tuple[RegionTexts, int], ...]
    """Owner and number of each region, as the gathering numbers them."""


@dataclass
class Denoising:
    """What the processors have to know of the denoiser's current call: the rows of its batch, and its size.

    Whoever calls the denoiser says with `follow` what each row follows; rows of one batch may follow different layouts
    at different progress, and that may change from call to call.
    """

    rows: tuple[Row, ...] = ()
    grids: dict[int, tuple[int, int]] = field(default_factory=dict)
    """(height, width) of each resolution by its number of cells."""
    plans: dict[int, Plan | None] = field(default_factory=dict)
    """By the number of cells; all layers of one resolution share a plan."""
    size: tuple[int, ...] = ()

    def follow(self, rows: Sequence[Row]) -> None:
        """From the next call on; one entry for each row of its batch."""
        if tuple(rows) != self.rows:
            self.rows, self.plans = tuple(rows), {}

    def begin(self, height: int, width: int) -> None:
        """Note the size of a call's latents in cells."""
        if (height, width) != self.size:
            self.size, self.grids, self.plans = (height, width), grids(height, width), {}

    def plan(self, like: torch.Tensor) -> Plan | None:
        """The plan for queries (B, N, C); None if no row follows regions."""
        batch, cells, _ = like.shape
        if cells not in self.plans:
            if cells not in self.grids or len(self.rows) != batch:
                raise BadSettings(
                    f"regional attention met {cells} cells and {batch} rows, unlike the latents: use the very pipeline "
                    "that was given to regional(), without token merging"
                )
            self.plans[cells] = self._plan(cells, like)
        return self.plans[cells]

    def _plan(self, cells: int, like: torch.Tensor) -> Plan | None:
        held = [number for number, row in enumerate(self.rows) if row is not None]
        if not held:
            return None
        rows = slice(held[0], held[-1] + 1)
        nothing = torch.zeros(0, cells)
        chosen = [nothing if row is None else row.shares(self.grids[cells]) for row in self.rows[rows]]
        texts = [(row.texts, n) for row in self.rows[rows] if row for n in range(len(row.texts.embeddings))]
        gathered = gather(chosen, [len(owner.embeddings[n]) for owner, n in texts], like.dtype, like.device)
        return None if gathered is None else Plan(rows, gathered, tuple(texts))


class RegionalAttention:
    """Processor of one cross-attention layer.

    Attention 1 is the base prompt's (and the unconditional one's) over all cells; attention 2 takes the queries of each
    region to the region's own keys and values. Both are mixed before `to_out`, which is affine: with shares that add up
    to 1, mixing before and after it is the same. Keys and values are computed once, as the texts stay over the steps.
    """

    def __init__(self, denoising: Denoising, plain: Any) -> None:
        self.denoising = denoising
        self.plain = plain
        self._text: tuple[torch.Tensor, int] | None = None
        self._base: KeyValue
        self._regions: WeakKeyDictionary[RegionTexts, list[KeyValue]] = WeakKeyDictionary()
        self._plan: Plan | None = None
        self._buckets: tuple[KeyValue, ...] = ()

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
        batch = len(hidden_states)
        text = encoder_hidden_states
        seen = (text, 0 if text.is_inference() else text._version)
        if self._text is None or text is not self._text[0] or seen[1] != self._text[1]:
            self._base, self._text = _keys_values(attn, text), seen
        query = _heads(attn, attn.to_q(hidden_states))  # (B, N, heads, D)
        query = query if attn.norm_q is None else attn.norm_q(query)
        if attention_mask is not None:
            attention_mask = attn.prepare_attention_mask(attention_mask, text.shape[1], batch)
            attention_mask = attention_mask.view(batch, attn.heads, -1, attention_mask.shape[-1])
        key, value = self._base
        out: torch.Tensor = F.scaled_dot_product_attention(query.transpose(1, 2), key, value, attn_mask=attention_mask)
        out = self.mix(attn, query, out.transpose(1, 2).flatten(2), text)  # (B, N, heads * D)
        out = attn.to_out[1](attn.to_out[0](out))  # a projection, then dropout
        if attn.residual_connection:
            out = out + hidden_states
        scale: float = attn.rescale_output_factor
        return out if scale == 1 else out / scale

    def mix(self, attn: Any, query: torch.Tensor, out: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
        """query (B, N, heads, D), the base prompts' attention (B, N, heads * D), replaced where there are regions."""
        plan = self.denoising.plan(out)
        if plan is None:
            return out
        if plan is not self._plan:
            self._plan, self._buckets = plan, self._bucketed(attn, plan, text)
        attended = _attend(
            query[plan.rows].flatten(0, 1).index_select(0, plan.gather.cells), plan.gather, self._buckets
        )
        mixed = out[plan.rows].flatten(0, 1).mul_(plan.gather.keep)  # a view: rows are neighbours
        for slot, share in plan.gather.terms:
            mixed.addcmul_(attended.index_select(0, slot), share)
        return out

    def _bucketed(self, attn: Any, plan: Plan, text: torch.Tensor) -> tuple[KeyValue, ...]:
        """Keys and values of every bucket's regions."""
        for texts in {owner: None for owner, _ in plan.texts}:
            if texts not in self._regions:
                lengths = [len(embedding) for embedding in texts.embeddings]
                key, value = _keys_values(attn, torch.cat(texts.embeddings)[None].to(text))  # of all prompts in a row
                self._regions[texts] = list(
                    zip(torch.split(key[0], lengths, 1), torch.split(value[0], lengths, 1), strict=True)
                )
        buckets = []
        for bucket in plan.gather.buckets:
            pairs = [self._regions[owner][n] for owner, n in (plan.texts[region] for region in bucket.regions)]
            buckets.append((torch.stack([key for key, _ in pairs]), torch.stack([value for _, value in pairs])))
        return tuple(buckets)


class RegionalIPAttention(RegionalAttention):
    """Processor of a layer with IP-Adapter: the adapter's own, with the mixing put into its text attention."""

    def __call__(  # noqa: PLR0917 - as diffusers calls it
        self,
        attn: Any,
        hidden_states: torch.Tensor,
        encoder_hidden_states: Any = None,
        attention_mask: torch.Tensor | None = None,
        temb: torch.Tensor | None = None,
        ip_adapter_masks: Any = None,
    ) -> torch.Tensor:
        """hidden_states (B, N, C), encoder_hidden_states the text and the pictures -> (B, N, C)."""

        def mixed(query: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
            heads = query.shape[1]
            mix = self.mix(attn, query.transpose(1, 2), out.transpose(1, 2).flatten(2), encoder_hidden_states[0])
            return mix.view(*mix.shape[:2], heads, -1).transpose(1, 2)

        with _AfterFirstAttention(mixed):
            out: torch.Tensor = self.plain(
                attn, hidden_states, encoder_hidden_states, attention_mask, temb, ip_adapter_masks=ip_adapter_masks
            )
        return out


class _AfterFirstAttention(TorchFunctionMode):
    """Hands the first attention's queries and outputs (B, heads, N, D) to a function that replaces the outputs."""

    def __init__(self, replace: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.replace: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None = replace

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if func is F.scaled_dot_product_attention and self.replace is not None:
            replace, self.replace = self.replace, None
            out = replace(args[0], out)
        return out


def _heads(attn: Any, projected: torch.Tensor) -> torch.Tensor:
    """(B, N, heads * D) -> (B, N, heads, D)."""
    return projected.view(*projected.shape[:-1], attn.heads, -1)


def _keys_values(attn: Any, text: torch.Tensor) -> KeyValue:
    """Keys and values of texts (B, T, C')."""
    if attn.norm_cross:
        text = attn.norm_encoder_hidden_states(text)
    key, value = _heads(attn, attn.to_k(text)), _heads(attn, attn.to_v(text))
    if attn.norm_k is not None:
        key = attn.norm_k(key)
    return key.transpose(1, 2).contiguous(), value.transpose(1, 2).contiguous()


def _attend(queries: torch.Tensor, plan: Gather, texts: tuple[KeyValue, ...]) -> torch.Tensor:
    """Each region's gathered queries (S, heads, D) on its own keys and values -> (S, heads * D)."""
    attended, start = [], 0
    for bucket, (key, value) in zip(plan.buckets, texts, strict=True):
        length = len(bucket.regions) * bucket.size
        query = queries[start : start + length].view(-1, bucket.size, *queries.shape[1:]).transpose(1, 2)
        out = F.scaled_dot_product_attention(query, key, value)  # (k, heads, size, D)
        attended.append(out.transpose(1, 2).flatten(2).flatten(0, 1))
        start += length
    return attended[0] if len(attended) == 1 else torch.cat(attended)


@contextmanager
def attached(unet: Any, processor: Callable[[Denoising, Any], Any] | None = None) -> Iterator[Denoising]:
    """Give every cross-attention of a UNet a regional processor; take them all back at the end."""
    denoising = Denoising()
    before = dict(unet.attn_processors)

    def begin(_: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        denoising.begin(*(args[0] if args else kwargs["sample"]).shape[-2:])

    hook = unet.register_forward_pre_hook(begin, with_kwargs=True)
    try:
        unet.set_attn_processor(  # takes the dictionary apart: never hand it the one that is kept
            {
                name: (processor or _regional)(denoising, plain) if name.endswith(CROSS_ATTENTION) else plain
                for name, plain in before.items()
            }
        )
        yield denoising
    finally:
        hook.remove()
        unet.set_attn_processor(dict(before))


def _regional(denoising: Denoising, plain: Any) -> RegionalAttention:
    """The regional processor in place of a plain one; inner regions take the place of outer ones."""
    plain = plain.plain if isinstance(plain, RegionalAttention) else plain
    return (RegionalIPAttention if hasattr(plain, "to_k_ip") else RegionalAttention)(denoising, plain)
