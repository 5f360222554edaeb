"""Where a service by OpenAI's protocol is: its address, its key, and the variables that they come from."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from .errors import BadSettings

OPENAI = "https://api.openai.com/v1"
LOOPBACK = ("127.0.0.1", "::1", "localhost")
"""This machine, as addresses name it."""


@dataclass(frozen=True)
class Variables:
    """What a message tells the user to check."""

    base_url: str = "OPENAI_BASE_URL"
    key: str = "OPENAI_API_KEY"
    model: str = "MURALIST_MODEL"


@dataclass(frozen=True)
class Address:
    """A base URL such as http://localhost:8000/v1, and the key that is sent there; local servers have none."""

    base_url: str = OPENAI
    key: str = field(default="", repr=False)
    variables: Variables = Variables()

    def check(self) -> None:
        """Raise BadSettings unless it can be an address and a key; a password or a key is not repeated."""
        if not (self.key.isascii() and self.key.isprintable()):  # an error of the client's would quote it
            raise BadSettings(f"{self.variables.key} has characters that cannot be sent: paste it anew")
        try:
            parts = urlsplit(self.base_url)
            if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
                return
            why = "it has to begin with http:// or https://"
        except ValueError as error:
            why = str(error).lower()
        shown = re.sub(r"//[^/]*@", "//…@", self.base_url)
        raise BadSettings(f"{self.variables.base_url} is '{shown}': {why}, such as http://localhost:8000/v1")

    @property
    def where(self) -> str:
        """The address for messages: without what might be a secret."""
        parts = urlsplit(self.base_url)
        host = parts.hostname or ""
        return f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}{parts.path}".rstrip("/")

    def without_key(self, said: str) -> str:
        """What a service says goes into messages, files and reports; its key must not."""
        return said.replace(self.key, "…") if self.key else said
