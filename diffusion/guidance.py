"""How strongly a picture follows its prompt: one number, as each pipeline's own arguments have it."""

from __future__ import annotations

import inspect
from typing import Any

from muralist.tools.errors import BadSettings


def guided(pipe: Any, scale: float, negative_prompt: str = "") -> dict[str, Any]:
    """The arguments that guide `pipe` by `scale`, away from a negative prompt if there is one.

    Qwen-Image guides by `true_cfg_scale`, and only if it gets a negative prompt, be it a space. FLUX.1, whose guidance
    is distilled into the denoiser, does so for a negative prompt's sake; its distilled guidance rests then. Raises
    BadSettings for a negative prompt where the pipeline takes none.
    """
    known = inspect.signature(type(pipe).__call__).parameters
    distilled = "true_cfg_scale" in known and known["guidance_scale"].default is not None
    if "true_cfg_scale" in known and (negative_prompt or not distilled):
        rest = {"guidance_scale": 1.0} if distilled else {}
        return {"true_cfg_scale": scale, "negative_prompt": negative_prompt or " ", **rest}
    if negative_prompt and "negative_prompt" not in known:
        raise BadSettings(f"{type(pipe).__name__} takes no negative prompt: leave it out, or use another backbone")
    return {"guidance_scale": scale} | ({"negative_prompt": negative_prompt} if negative_prompt else {})
