"""Complementary regional attention: each region of the canvas follows a prompt of its own, and all follow the base."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from muralist.tools.errors import BackboneError, BadLayout, BadSettings
from muralist.tools.layout import BASE_RATIO, MAX_REGIONS, Region, every

if TYPE_CHECKING:
    from .control import Control, RegionTexts, Side
    from .families import Denoising, Family

Regions = Sequence[Region] | Sequence[Sequence[Region]]
"""One layout for every picture, or one for each prompt."""


@contextmanager
def regional(
    pipe: Any,
    regions: Regions,
    base_ratio: float | Sequence[float] = BASE_RATIO,
    *,
    until: float = 1,
    feather: float = 0,
) -> Iterator[None]:
    """Within the `with`, `pipe` paints every region by its own prompt and the pipeline's prompt.

    At each cross-attention the output for a pixel p of region r is
    `b * Attn(q_p, base) + (1 - b) * Attn(q_p, prompt_r)` (RPG, arXiv 2401.11708, section 2.3); where text and image
    attend each other in one sequence, the two prompts' tokens enter the softmax with the weights b and 1 - b (see
    `routes.JointAttention`). Pixels that no region covers follow the base prompt, the one given to `pipe(...)`, alone;
    where regions overlap or have soft masks, they are mixed by their weights, normalised where those add up to more
    than 1. A region's `parts` have its prompt as their base. The unconditional half of classifier-free guidance is left
    alone, except inside regions that have a `negative_prompt`: there the same formula holds with the negative prompts.

    `pipe` is a diffusers pipeline (text-to-image, img2img, inpaint or ControlNet) of a family in
    `diffusion/families/`; for any other, the noise predicted for each region's prompt is composed, with a warning, as
    every region costs a call of the denoiser then. `regions` holds for every picture; or it is a list of layouts, dealt
    out in order to equally many neighbouring pictures: one per prompt.

    `base_ratio` is b, in [0, 1]: a number, or several over the steps, joined by straight lines; a region's own comes
    first. From `until`, a share of the steps, on the base prompt rules alone. `feather` is the width of the boxes' soft
    edges in cells of each resolution. For inference only: gradients do not flow through.

    Afterwards the pipeline is as it was, also after an exception. Raises BadLayout for no or too many regions,
    BadSettings for a setting out of range or a pipeline that cannot be led, and BackboneError if the text
    encoder or the denoiser gives values that are not numbers.
    """
    from .families import family_of

    layouts, control = checked(regions, base_ratio, until, feather)
    family = family_of(pipe)
    with led(pipe, family, layouts, control, family.attached):
        yield


def checked(
    regions: Regions, base_ratio: float | Sequence[float], until: float, feather: float
) -> tuple[list[list[Region]], Control]:
    """The layouts and the settings, or BadLayout or BadSettings in a line."""
    from .control import Control

    one = isinstance(regions[0], Region) if regions else True
    layouts: list[list[Region]] = [list(regions)] if one else [list(each) for each in regions]  # type: ignore[arg-type]
    for layout in layouts:
        if not 1 <= len(every(layout)) <= MAX_REGIONS:
            raise BadLayout(f"regional attention got {len(every(layout))} regions: give 1 to {MAX_REGIONS}")
    ratios = [base_ratio] if isinstance(base_ratio, int | float) else list(base_ratio)
    for ratio in ratios:
        if not 0 <= ratio <= 1:
            raise BadSettings(
                f"base ratio {ratio:g} is out of range: choose one from 0 (regions alone) to 1 (base alone)"
            )
    try:
        return layouts, Control(base_ratio=ratios, until=until, feather=feather)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadSettings(f"{first['loc'][0]} {first['input']} is out of range: {first['msg']}") from None


@contextmanager
def led(
    pipe: Any,
    family: Family,
    layouts: list[list[Region]],
    control: Control,
    attached: Callable[[Any], AbstractContextManager[Denoising]],
) -> Iterator[None]:
    """`attached`, with its rows dealt out before every call of the denoiser."""
    import torch

    from .by_rows import bound, sample
    from .control import following
    from .families import denoiser
    from .pictured_prompts import encoded_beside
    from .progress import progress

    def encode() -> list[dict[Side, RegionTexts]]:
        return [encoded(pipe, family, layout, control) for layout in layouts]

    with encoded_beside(pipe, encode) as texts, attached(pipe) as denoising:

        def deal(network: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            call = bound(network.forward, args, kwargs)
            sides = family.sides(pipe, call)
            now = progress(pipe, call) if control.timed else 0.0
            chosen = texts()
            owners = dealt(sides, len(chosen))
            denoising.follow(
                [following(chosen[owner].get(side), now) for owner, side in zip(owners, sides, strict=True)]
            )

        def look(network: Any, _: Any, output: Any) -> None:
            hooks.pop().remove()  # once is enough: what is damaged shows at the first step
            if not all(torch.isfinite(row).all() for row in sample(output)):
                raise BackboneError(
                    f"the denoiser of {type(pipe).__name__} predicts values that are not numbers: its weights may be "
                    "damaged, or too large for its dtype; load another copy, or in float32"
                )

        network = denoiser(pipe)
        hooks = [network.register_forward_pre_hook(deal, with_kwargs=True), network.register_forward_hook(look)]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()


def dealt(sides: Sequence[Side], layouts: int) -> list[int]:
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


def encoded(pipe: Any, family: Family, layout: Sequence[Region], control: Control) -> dict[Side, RegionTexts]:
    """The regions' prompts by the pipeline's own text encoders; the negative side only if a region has any."""
    import torch

    from .control import RegionTexts, negative

    found: dict[Side, RegionTexts] = {}
    chosen: dict[Side, list[Region]] = {"positive": list(layout), "negative": negative(layout)}
    for side, regions in chosen.items():
        if not regions:
            continue
        with torch.no_grad():
            embeddings = family.encoded(pipe, [region.prompt for region in every(regions)])
        if not all(torch.isfinite(each).all() for each in embeddings if isinstance(each, torch.Tensor)):
            raise BackboneError(
                f"the text encoder of {type(pipe).__name__} gives values that are not numbers: its weights may be "
                "damaged; load another copy"
            )
        found[side] = RegionTexts(regions, embeddings, control)
    return found
