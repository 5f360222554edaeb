"""Backbones of the hub: what the cache has of them, and what the hub gives if it can be reached."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from muralist.tools.errors import BackboneError
from muralist.tools.painting_settings import PaintingSettings

from .model_files import INDEX, ModelFiles, resolved

SECONDS = 5
"""That the hub has to answer in."""
CONFIGURATIONS = [INDEX, "*/config.json", "*/scheduler_config.json"]
VARIANT = "fp16"
"""That of models on the hub whose weights have no plain files."""


def cached(backbone: str, revision: str | None = None) -> Path | None:
    """The folder of the cache in which a hub id lies, whole or in part; None if there is nothing of it."""
    from huggingface_hub import try_to_load_from_cache

    index = try_to_load_from_cache(backbone, INDEX, revision=revision)
    return Path(index).parent if isinstance(index, str) else None


@cache
def fetch_configurations(backbone: str, revision: str | None = None) -> None:
    """Bring the few kilobytes that say what a model is into the cache; once, and only if the hub answers."""
    from huggingface_hub import snapshot_download

    if cached(backbone, revision) is None and _trouble() is None:
        try:
            snapshot_download(backbone, revision=revision, allow_patterns=CONFIGURATIONS)
        except Exception:  # whether it can be had is said by whoever needs all of it
            return


def fetched(backbone: str, painting: PaintingSettings) -> ModelFiles:
    """The files of a hub id in the cache, brought there before if the hub answers.

    The hub is asked once, where the libraries would try for a minute. Raises BackboneError if it is in neither place.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    if (trouble := _trouble()) is None:
        return _downloaded(backbone, painting)
    try:
        return resolved(
            Path(snapshot_download(backbone, revision=painting.revision, local_files_only=True)), painting.variant
        )
    except LocalEntryNotFoundError:
        raise BackboneError(
            f"backbone '{backbone}' is not on this machine, and the hub cannot be reached ({trouble}): connect to it, "
            "or give picturebook, a folder in diffusers format or a .safetensors file"
        ) from None


def _downloaded(backbone: str, painting: PaintingSettings) -> ModelFiles:
    """Only what is loaded afterwards: one variant of the weights, in safetensors."""
    from diffusers import DiffusionPipeline

    def download(variant: str | None) -> ModelFiles:
        folder = DiffusionPipeline.download(
            backbone, revision=painting.revision, variant=variant, use_safetensors=True, safety_checker=None
        )
        return resolved(Path(folder), variant)

    try:
        return download(painting.variant)
    except BackboneError:
        if painting.variant is not None:
            raise
        return download(VARIANT)


def _trouble() -> str | None:
    """Why the hub cannot be asked, if so."""
    from huggingface_hub import constants, get_session

    if constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE is set"
    try:
        get_session().head(constants.ENDPOINT, timeout=SECONDS)
    except Exception as error:  # whatever the network's library raises, which is not always the same one
        return f"{constants.ENDPOINT}: {str(error) or type(error).__name__}"[:200]
    return None
