"""What a service is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ImageRequest:
    """A picture to be painted, or with `image` and `mask` (PNG bytes) one to be edited."""

    prompt: str
    size: tuple[int, int]
    image: bytes | None = None
    mask: bytes | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    """Fields that the official client does not know."""

    @property
    def fields(self) -> dict[str, Any]:
        """As the official client's `generate` and `edit` take them."""
        size = "{}x{}".format(*self.size)
        fields: dict[str, Any] = {"prompt": self.prompt, "size": size, "n": 1, "extra_body": self.extra or None}
        for name, data in (("image", self.image), ("mask", self.mask)):
            if data is not None:
                fields[name] = (f"{name}.png", data, "image/png")
        return fields
