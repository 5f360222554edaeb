"""Complementary regional attention: each region of the canvas follows a prompt of its own, and all follow the base."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from numbers import Real
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from muralist.tools.errors import BackboneError, BadLayout, BadSettings
from muralist.tools.layout import BASE_RATIO, MAX_REGIONS, Region, every

if TYPE_CHECKING:
    from .families import ConditioningState, Family
    from .region_schedule import RegionPrompts, RegionSchedule, Side

Regions = Sequence[Region] | Sequence[Sequence[Region]]
"""One layout for every picture, or one for each prompt."""


@contextmanager
def regional(
    pipe: Any,
    regions: Regions,
    base_ratio: float | Sequence[float] = BASE_RATIO,
    *,
    since: float = 0,
    until: float = 1,
    feather: float = 0,
    blocks: range | None = None,
) -> Iterator[None]:
    """Within the `with`, `pipe` paints every region by its own prompt and the pipeline's prompt.

    At each cross-attention the output for a pixel p of region r is
    `b * Attn(q_p, base) + (1 - b) * Attn(q_p, prompt_r)` (RPG, arXiv 2401.11708, section 2.3); where text and image
    attend each other in one sequence, `b * Attn(q_p, [image, base]) + (1 - b) * Attn(q_p, [image, prompt_r])` (see
    `regional_attention.RegionalJointAttention`). Pixels that no region covers follow the base prompt, the one given to
    `pipe(...)`, alone; where regions overlap or have soft masks, they are mixed by their weights, normalised where
    those add up to more than 1. A region's `parts` have its prompt as their base. The unconditional half of
    classifier-free guidance is left alone, except inside regions that have a `negative_prompt`: there the same formula
    holds with the negative prompts.

    `pipe` is a diffusers pipeline (text-to-image, img2img, inpaint or ControlNet) of a family in
    `diffusion/families/`; for any other, the noise predicted for each region's prompt is composed, with a warning, as
    every region costs a call of the denoiser then. `regions` holds for every picture; or it is a list of layouts, dealt
    out in order to equally many neighbouring pictures: one per prompt.

    `base_ratio` is b, in [0, 1]: a number, or several over the steps, joined by straight lines; a region's own comes
    first. The regions hold from `since` to `until`, shares of the steps; in the others the base prompt rules alone.
    `blocks` are the transformer blocks in which cells follow the regions, counted from 0 in the order of the calls,
    such as `range(19)` or `range(0, 57, 2)`; in the others they follow the base prompt alone (in joint attention, the
    regions' texts still go through all blocks). `feather` is the width of the boxes' soft edges in cells of each
    resolution. For inference only: gradients do not flow through.

    Afterwards the pipeline is as it was, also after an exception. Raises BadLayout for no or too many regions,
    BadSettings for a setting out of range or a pipeline that is not supported, and BackboneError if the text
    encoder or the denoiser gives values that are not numbers.
    """
    from .families import family_of

    layouts, schedule = checked(regions, base_ratio, since=since, until=until, feather=feather, blocks=blocks)
    family = family_of(pipe)
    with scheduled(pipe, family, layouts, schedule, family.attached):
        yield


def checked(
    regions: Regions, base_ratio: float | Sequence[float], **steering: Any
) -> tuple[list[list[Region]], RegionSchedule]:
    """The layouts and the schedule, or BadLayout or BadSettings in a line; `steering` as `regional` takes it."""
    from .region_schedule import RegionSchedule

    layouts = _layouts(regions)
    for layout in layouts:
        if not 1 <= len(every(layout)) <= MAX_REGIONS:
            raise BadLayout(f"regional attention got {len(every(layout))} regions: give 1 to {MAX_REGIONS}")
    if (blocks := steering.pop("blocks", None)) is not None:
        if not isinstance(blocks, range):
            raise BadSettings(f"blocks {blocks!r} are no range: give range(first, last), which leaves out the last")
        steering["blocks"] = tuple(blocks)
    try:
        return layouts, RegionSchedule(base_ratio=_ratios(base_ratio), **steering)
    except ValidationError as error:
        first = error.errors()[0]
        if not first["loc"]:
            raise BadSettings(str(first["msg"]).removeprefix("Value error, ")) from None
        raise BadSettings(f"{first['loc'][0]} {first['input']} is out of range: {first['msg']}") from None


def _layouts(regions: Any) -> list[list[Region]]:
    """What `regional` was given, as a list of layouts."""
    wanted = "give a list of Region(prompt, x0, y0, x1, y1), or a list of such lists"
    if isinstance(regions, str | BaseModel) or not isinstance(regions, Iterable):
        raise BadLayout(f"regions are not a {type(regions).__name__}: {wanted}")
    given = list(regions)
    nested = bool(given) and not any(isinstance(each, Region) for each in given)
    layouts = [list(each) if isinstance(each, list | tuple) else [each] for each in given] if nested else [given]
    for each in (region for layout in layouts for region in layout):
        if not isinstance(each, Region):
            raise BadLayout(f"a region is not a {type(each).__name__}: {wanted}")
    return layouts


def _ratios(base_ratio: Any) -> list[float]:
    """The base ratio, or several over the steps."""
    base_ratio = base_ratio.tolist() if hasattr(base_ratio, "tolist") else base_ratio  # of an array
    ratios: Any = [base_ratio] if isinstance(base_ratio, Real | str) else base_ratio
    if not isinstance(ratios, Iterable) or not all(isinstance(each, Real) for each in ratios):
        raise BadSettings(f"base ratio {base_ratio!r} is no number: give one from 0 to 1, or several over the steps")
    for ratio in ratios:
        if not 0 <= ratio <= 1:
            raise BadSettings(
                f"base ratio {ratio:g} is out of range: choose one from 0 (regions alone) to 1 (base alone)"
            )
    return [float(ratio) for ratio in ratios]


@contextmanager
def scheduled(
    pipe: Any,
    family: Family,
    layouts: list[list[Region]],
    schedule: RegionSchedule,
    attached: Callable[[Any], AbstractContextManager[ConditioningState]],
) -> Iterator[None]:
    """`attached`, with every row's conditioning set before each denoiser call."""
    import torch

    from .batch_grouping import call_of, sample
    from .families import denoiser
    from .ownership import owned
    from .patching import untraced
    from .progress import progress
    from .prompt_encoding import encoded_as_called
    from .region_schedule import conditioning_at

    def encode(**length: int) -> list[dict[Side, RegionPrompts]]:
        return [encoded(pipe, family, layout, schedule, **length) for layout in layouts]

    network = denoiser(pipe)
    _check_supported(pipe, network)
    prompts = [region.prompt for layout in layouts for region in every(layout)]
    encoding = encoded_as_called(pipe, encode, getattr(family, "PADDING", None), prompts)
    with owned(network), encoding as texts, attached(pipe) as state:
        _check_blocks(schedule.blocks, state.blocks, network)

        def set_conditioning(network: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            call = call_of(network, args, kwargs)
            sides = family.sides(pipe, call)
            now = progress(pipe, call) if schedule.timed else 0.0
            chosen = texts(call)
            owners = assigned_layouts(sides, len(chosen))
            state.set_rows(
                [conditioning_at(chosen[owner].get(side), now) for owner, side in zip(owners, sides, strict=True)]
            )

        def check_finite(network: Any, _: Any, output: Any) -> None:
            hooks.pop().remove()  # once is enough: what is damaged shows at the first step
            if not all(torch.isfinite(row).all() for row in sample(output)):
                raise BackboneError(
                    f"the denoiser of {type(pipe).__name__} predicts values that are not numbers: its weights may be "
                    "damaged, or too large for its dtype; load another copy, or in float32"
                )

        hooks = [
            network.register_forward_pre_hook(untraced(set_conditioning), with_kwargs=True),
            network.register_forward_hook(untraced(check_finite)),
        ]
        try:
            yield
        except Exception as error:
            if type(error).__module__.startswith("torch._dynamo"):
                raise BadSettings(
                    f"the {type(network).__name__} cannot be compiled as one graph while it has regions: compile it "
                    "without fullgraph=True"
                ) from None
            raise
        finally:
            for hook in hooks:
                hook.remove()


def _check_supported(pipe: Any, network: Any) -> None:
    """Raise BadSettings for pipelines that encode no prompts, or whose calls of the denoiser are no pictures of the
    canvas, or are left out.
    """
    from .families import family_info

    name = type(pipe).__name__
    if any(kind.__name__ == "ModularPipeline" for kind in type(pipe).__mro__):
        raise BadSettings(f"regional attention does not know modular pipelines: use the stock pipeline, not {name}")
    if hasattr(type(pipe), "get_views"):
        raise BadSettings(f"{name} shows the denoiser parts of the canvas, not the whole: use the stock pipeline")
    if family_info(pipe) is not None and not hasattr(pipe, "encode_prompt"):
        raise BadSettings(f"{name} has no encode_prompt, by which regions' prompts are encoded: use another pipeline")
    if getattr(network, "is_cache_enabled", False):
        cache = type(getattr(network, "_cache_config", None)).__name__.removesuffix("Config")
        raise BadSettings(
            f"{type(network).__name__} leaves out attention by a cache ({cache}), in which regions mix: call its "
            "disable_cache() before regional()"
        )


def _check_blocks(chosen: tuple[int, ...] | None, blocks: int, network: Any) -> None:
    """Raise BadSettings for blocks that the denoiser does not have, or that are not known to be called one by one."""
    if chosen is None:
        return
    name = type(network).__name__
    if not blocks:
        raise BadSettings(f"regions of {name} do not hold block by block: leave blocks out")
    if not chosen or not all(0 <= block < blocks for block in chosen):
        which = f"{min(chosen)} to {max(chosen)}" if chosen else "of an empty range"
        raise BadSettings(f"blocks {which} are out of range: {name} has {blocks}, so choose some of range({blocks})")


def assigned_layouts(sides: Sequence[Side], layouts: int) -> list[int]:
    """The layout of each row: on either side, in order, equally many neighbouring rows each."""
    owners, counts = [], {side: sides.count(side) for side in sides}
    met = dict.fromkeys(counts, 0)
    for side in sides:
        if counts[side] % layouts:
            raise BadLayout(
                f"{layouts} layouts were given for {counts[side]} pictures: give one layout, or one for each prompt"
            )
        owners.append(met[side] * layouts // counts[side])
        met[side] += 1
    return owners


def encoded(
    pipe: Any, family: Family, layout: Sequence[Region], schedule: RegionSchedule, **length: int
) -> dict[Side, RegionPrompts]:
    """The regions' prompts by the pipeline's own text encoders; the negative side only if a region has any.

    `length`: the tokens that they are padded to, in families that pad (see `long_prompts.Padding`).
    """
    import torch

    from .prompt_encoding import encoding_side
    from .region_schedule import RegionPrompts, negative

    found: dict[Side, RegionPrompts] = {}
    chosen: dict[Side, list[Region]] = {"positive": list(layout), "negative": negative(layout)}
    for side, regions in chosen.items():
        if not regions:
            continue
        with torch.no_grad(), encoding_side(pipe, side):
            embeddings = family.encoded(pipe, [region.prompt for region in every(regions)], **length)
        tensors = [part for each in embeddings for part in (each if isinstance(each, tuple) else (each,))]
        if not all(torch.isfinite(each).all() for each in tensors if isinstance(each, torch.Tensor)):
            raise BackboneError(
                f"the text encoder of {type(pipe).__name__} gives values that are not numbers: its weights may be "
                "damaged; load another copy"
            )
        found[side] = RegionPrompts(regions, embeddings, schedule)
    return found
