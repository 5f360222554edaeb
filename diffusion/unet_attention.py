"""Regional attention in a UNet's cross-attention layers, by attention processors that cache keys and values."""

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
from .patching import untraced
from .query_gather import QueryGather, plan_query_gather
from .region_schedule import RegionPrompts, RowConditioning
from .weight_state import WeightState, weight_state

CROSS_ATTENTION = "attn2.processor"
PROJECTIONS = ("to_k", "to_v", "norm_k", "norm_cross")
"""What makes keys and values of a text."""

KeyValue = tuple[torch.Tensor, torch.Tensor]
"""(B, heads, T, D) each."""


@dataclass(frozen=True)
class AttentionPlan:
    """For one resolution: the rows with regional conditioning, and the gather of their queries."""

    rows: slice
    gather: QueryGather
    texts: tuple[tuple[RegionPrompts, int], ...]
    """Owner and number of each region, in the gather's order."""


@dataclass
class ConditioningState:
    """What the attention processors need to know of the current denoiser call: its rows' conditioning, and its size.

    Set by `set_rows` before each call. Rows of one batch may have different layouts at different progress.
    """

    rows: tuple[RowConditioning, ...] = ()
    grids: dict[int, tuple[int, int]] = field(default_factory=dict)
    """(height, width) of each resolution by its number of cells."""
    plans: dict[tuple[int, tuple[RowConditioning, ...]], AttentionPlan | None] = field(default_factory=dict)
    """By the number of cells, and what the rows follow; layers alike in both share a plan."""
    blocks: int = 0
    """How many transformer blocks there are."""
    size: tuple[int, ...] = ()
    weights: WeightState | None = None
    """Of what projects texts to keys and values."""
    lora_scale: float = 1.0
    """The call's own, by which the adapters are scaled only within it."""
    changes: int = 0
    """How often those have changed: what was projected before does not hold any more."""

    def set_rows(self, rows: Sequence[RowConditioning]) -> None:
        """From the next call on; one entry for each row of its batch."""
        if tuple(rows) != self.rows:
            self.rows, self.plans = tuple(rows), {}

    def begin(self, height: int, width: int) -> None:
        """Note the size of a call's latents in cells."""
        if (height, width) != self.size:
            self.size, self.grids, self.plans = (height, width), grids(height, width), {}

    def note_weights(self, weights: WeightState, lora_scale: float) -> None:
        """Note what the next call projects texts with."""
        if (weights, lora_scale) != (self.weights, self.lora_scale):
            self.weights, self.lora_scale, self.changes = weights, lora_scale, self.changes + 1

    def plan(self, like: torch.Tensor, block: int) -> AttentionPlan | None:
        """The plan for queries (B, N, C) of a block; None if no row follows regions there."""
        batch, cells, _ = like.shape
        rows = tuple(row if row is not None and row.holds_in(block) else None for row in self.rows)
        if (cells, rows) not in self.plans:
            if cells not in self.grids or len(self.rows) != batch:
                raise BadSettings(
                    f"regional attention met {cells} cells and {batch} rows, unlike the latents: use the very pipeline "
                    "that was given to regional(), without token merging"
                )
            self.plans[cells, rows] = self._plan(cells, rows, like)
        return self.plans[cells, rows]

    @untraced
    def _plan(self, cells: int, rows: tuple[RowConditioning, ...], like: torch.Tensor) -> AttentionPlan | None:
        held = [number for number, row in enumerate(rows) if row is not None]
        if not held:
            return None
        span = slice(held[0], held[-1] + 1)
        nothing = torch.zeros(0, cells)
        chosen = [nothing if row is None else row.shares(self.grids[cells]) for row in rows[span]]
        texts = [(row.prompts, n) for row in rows[span] if row for n in range(len(row.prompts.embeddings))]
        gathered = plan_query_gather(chosen, [len(owner.embeddings[n]) for owner, n in texts], like.dtype, like.device)
        return None if gathered is None else AttentionPlan(span, gathered, tuple(texts))


class RegionalAttnProcessor:
    """Attention processor of one cross-attention layer.

    Attention 1 is the base prompt's (and the unconditional one's) over all cells; attention 2 takes the queries of each
    region to the region's own keys and values. Both are mixed before `to_out`, which is affine: with shares that add up
    to 1, mixing before and after it is the same. Keys and values are computed once, as the texts stay over the steps,
    and again if the weights that project them have changed.
    """

    def __init__(self, state: ConditioningState, plain: Any, block: int) -> None:
        self.state = state
        self.plain = plain
        self.block = block
        self._changes = state.changes
        self._text: tuple[torch.Tensor, int] | None = None
        self._base: KeyValue
        self._regions: WeakKeyDictionary[RegionPrompts, list[KeyValue]] = WeakKeyDictionary()
        self._plan: AttentionPlan | None = None
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
        self._forget_if_changed()
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
        self._forget_if_changed()
        plan = self.state.plan(out, self.block)
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

    def _forget_if_changed(self) -> None:
        if self._changes != self.state.changes:
            self._changes, self._text, self._plan, self._regions = self.state.changes, None, None, WeakKeyDictionary()

    def _bucketed(self, attn: Any, plan: AttentionPlan, text: torch.Tensor) -> tuple[KeyValue, ...]:
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


class RegionalIPAdapterAttnProcessor(RegionalAttnProcessor):
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


def _attend(queries: torch.Tensor, plan: QueryGather, texts: tuple[KeyValue, ...]) -> torch.Tensor:
    """Each region's gathered queries (S, heads, D) on its own keys and values -> (S, heads * D)."""
    attended, start = [], 0
    for bucket, (key, value) in zip(plan.buckets, texts, strict=True):
        length = len(bucket.regions) * bucket.size
        query = queries[start : start + length].view(-1, bucket.size, *queries.shape[1:]).transpose(1, 2)
        out = F.scaled_dot_product_attention(query, key, value)  # (k, heads, size, D)
        attended.append(out.transpose(1, 2).flatten(2).flatten(0, 1))
        start += length
    return attended[0] if len(attended) == 1 else torch.cat(attended)


_innermost: WeakKeyDictionary[Any, ConditioningState] = WeakKeyDictionary()
"""By UNet: of nested regions, the ones that hold."""


@contextmanager
def attached(
    unet: Any, processor: Callable[[ConditioningState, Any, int], Any] | None = None
) -> Iterator[ConditioningState]:
    """Give every cross-attention of a UNet a regional processor; take them all back at the end.

    A call of the UNet raises BadSettings if somebody has put others in their place meanwhile.
    """
    unet = getattr(unet, "_orig_mod", unet)  # within what torch.compile gives
    before, outer = dict(unet.attn_processors), _innermost.get(unet)
    names = sorted((name for name in before if name.endswith(CROSS_ATTENTION)), key=_call_order)
    state = ConditioningState(blocks=len(names))
    placed = {name: (processor or _regional)(state, before[name], block) for block, name in enumerate(names)}
    layers = {name: unet.get_submodule(name.removesuffix(".processor")) for name in placed}

    def begin(_: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if _innermost.get(unet) is not state:
            return
        if any(layer.processor is not placed[name] for name, layer in layers.items()):
            raise BadSettings(
                f"the attention processors of {type(unet).__name__} were replaced within regional(): slice attention, "
                "fuse projections or load image adapters before it"
            )
        projections = (getattr(layer, name, None) for layer in layers.values() for name in PROJECTIONS)
        scale = (kwargs.get("cross_attention_kwargs") or {}).get("scale", 1.0)
        state.note_weights(weight_state(each for each in projections if isinstance(each, torch.nn.Module)), scale)
        state.begin(*(args[0] if args else kwargs["sample"]).shape[-2:])

    hook = unet.register_forward_pre_hook(untraced(begin), with_kwargs=True)
    try:
        _innermost[unet] = state
        unet.set_attn_processor(before | placed)  # takes the dictionary apart: never hand it one that is kept
        yield state
    finally:
        hook.remove()
        unet.set_attn_processor(dict(before))
        _forget_fused(unet, before, placed)
        if outer is None:
            _innermost.pop(unet, None)
        else:
            _innermost[unet] = outer


def _forget_fused(unet: Any, before: dict[str, Any], placed: dict[str, Any]) -> None:
    """Fused projections remember the processors that were in place then, and give them back later."""
    remembered = getattr(unet, "original_attn_processors", None) or {}
    if any(remembered.get(name) is each for name, each in placed.items()):
        unet.original_attn_processors = dict(before)


def _call_order(name: str) -> bool:
    """A UNet lists its middle after the way up, and calls it before."""
    return name.startswith("up_blocks")


def _regional(state: ConditioningState, plain: Any, block: int) -> RegionalAttnProcessor:
    """The regional processor in place of a plain one; inner regions take the place of outer ones."""
    plain = plain.plain if isinstance(plain, RegionalAttnProcessor) else plain
    return (RegionalIPAdapterAttnProcessor if hasattr(plain, "to_k_ip") else RegionalAttnProcessor)(state, plain, block)
