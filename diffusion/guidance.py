"""How strongly a picture follows its prompt: one number, as each pipeline's own arguments have it."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from muralist.tools.errors import BadSettings

ASKED_TO_GUIDE = ("FluxPipeline",)
"""Pipelines that guide away from anything only if the whole picture has a negative prompt."""


def guided(pipe: Any, scale: float | None, negative_prompt: str = "", absent: Sequence[str] = ()) -> dict[str, Any]:
    """The arguments that guide `pipe`, away from a negative prompt and from what must not be there, if it can.

    `scale`: None leaves the pipeline's own default, up to 1 does not guide. Qwen-Image guides by `true_cfg_scale`, and
    only if it gets a negative prompt, be it a space. FLUX.1, whose guidance is distilled into the denoiser, does so for
    a negative prompt's sake; its distilled guidance rests then. Ideogram 4 has a schedule of its own for 48 steps, in
    place of which the scale holds at every step. LongCat-Image would rewrite the prompt by its text encoder: it does
    not here, as regions are told by the words that were planned. HunyuanImage has a guider, which is replaced in `pipe`
    by one of that scale, unless its guidance is distilled. Raises BadSettings for a negative prompt where the
    pipeline takes none; `absent` is left to the inspector there.
    """
    known = inspect.signature(type(pipe).__call__).parameters
    if negative_prompt and "negative_prompt" not in known:
        raise BadSettings(f"{type(pipe).__name__} takes no negative prompt: leave it out, or use another backbone")
    if "negative_prompt" in known:
        negative_prompt = ", ".join(filter(None, [negative_prompt, *absent]))
    away: dict[str, Any] = {"negative_prompt": negative_prompt} if negative_prompt else {}
    if "enable_prompt_rewrite" in known:
        away |= {"enable_prompt_rewrite": False}
    if "guidance_schedule" in known:
        return away | ({} if scale is None else {"guidance_scale": scale, "guidance_schedule": None})
    if "distilled_guidance_scale" in known:
        return away | _of_guider(pipe, scale)
    distilled = known["guidance_scale"].default if "guidance_scale" in known else None
    if "true_cfg_scale" not in known or (distilled is not None and not negative_prompt):
        return away | ({} if scale is None else {"guidance_scale": scale})
    if distilled is not None:
        return {**away, "true_cfg_scale": distilled if scale is None else scale, "guidance_scale": 1.0}
    if scale is None:
        return away or {"negative_prompt": " "}
    return {**(away or ({"negative_prompt": " "} if scale > 1 else {})), "true_cfg_scale": scale}


def _of_guider(pipe: Any, scale: float | None) -> dict[str, Any]:
    """HunyuanImage's arguments."""
    if scale is None:
        return {}
    if pipe.transformer.config.guidance_embeds:
        return {"distilled_guidance_scale": scale}
    for name in ("guider", "ocr_guider"):
        if (guider := getattr(pipe, name)) is not None:
            setattr(pipe, name, guider.new(guidance_scale=scale))
    return {}
