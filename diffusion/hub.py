"""Backbones of the hub, when the hub cannot be reached."""

from __future__ import annotations

from muralist.tools.errors import BackboneError

SECONDS = 5
"""That the hub has to answer in."""


def at_hand(backbone: str) -> str:
    """A hub id; or where it lies in the cache, if the hub does not answer or is not to be asked.

    The hub is asked once, where the libraries would try for a minute. Raises BackboneError if it is in neither place.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    if (trouble := _trouble()) is None:
        return backbone
    try:
        return str(snapshot_download(backbone, local_files_only=True))
    except LocalEntryNotFoundError:
        raise BackboneError(
            f"backbone '{backbone}' is not on this machine, and the hub cannot be reached ({trouble}): connect to it, "
            "or give picturebook, a folder in diffusers format or a .safetensors file"
        ) from None


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
