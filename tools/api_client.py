"""One request to a service by OpenAI's protocol, by the official client; what goes wrong with it, in one line."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache

import httpx2
import openai

from .address import Address
from .errors import EndpointError, MuralistError, Outage, Refused

CONNECT_SECONDS = 10.0
RETRIES = 2
"""Times that the client tries again after 408, 409, 429, 5xx or a lost connection, with back-off."""
NO_KEY = "none"
"""Sent where there is no key: the client wants one, local servers do not."""
DECLINED = ("content_filter", "content_policy_violation", "moderation_blocked")
"""Codes of errors by which a service declines the content."""

_PICTURES = ("image", "vision", "multimodal", "multi-modal", "picture")
_FORMS = ("tool", "function", "response_format", "json", "schema", "grammar", "stream")


class RequestRejected(Exception):
    """The service does not take a request of this form; the message is its own."""

    def __init__(self, status: int, said: str, model: str) -> None:
        super().__init__(said)
        self.status = status
        self._words = re.sub(
            rf"\S*(?<!\w){re.escape(model)}(?!\w)\S*", "", said
        ).lower()  # a name may have 'vision' in it

    @property
    def about_form(self) -> bool:
        """Whether it is tools, schemas or the like that are not taken."""
        return any(word in self._words for word in _FORMS)

    @property
    def about_pictures(self) -> bool:
        """Whether it seems to be pictures that are not taken."""
        return not self.about_form and any(word in self._words for word in _PICTURES)


@dataclass
class Sent:
    """How often a request was sent so far."""

    tries: int = 1


class ApiClient:
    """Asks one model of a service. `seconds` bounds an answer, from the first try to its last byte."""

    def __init__(self, model: str, address: Address, seconds: float) -> None:
        self.model = model
        self.address = address
        self.seconds = seconds

    @property
    def where(self) -> str:
        """The address for messages."""
        return self.address.where

    @asynccontextmanager
    async def connected(self, sent: Sent) -> AsyncIterator[openai.AsyncOpenAI]:
        """The client for one request, which is over with the block; `sent` counts the tries.

        What the block raises comes out as RequestRejected, Refused, Outage or EndpointError; what is ours, as it is.
        """
        try:
            # A client of its own for every request: it belongs to this event loop, and is closed with it.
            async with asyncio.timeout(self.seconds), self._client() as client:
                yield client
        except openai.APIStatusError as error:
            sent.tries = tries(error.request)
            raise self._trouble(error) from None
        except (TimeoutError, openai.APITimeoutError, httpx2.TimeoutException):
            raise Outage(f"{self.where} did not finish its answer within {self.seconds:g} seconds") from None
        except openai.APIConnectionError as error:
            sent.tries = tries(error.request)
            why = f" ({error.__cause__})" if str(error.__cause__ or "") else ""
            raise Outage(f"{self.where} cannot be reached{why}: check {self.address.variables.base_url}") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, openai.OpenAIError) as error:
            raise EndpointError(
                self.address.without_key(f"{self.where}: {one_line(error) or type(error).__name__}")
            ) from None

    def check_kind(self, content_type: str) -> None:
        """Raise EndpointError for a web page."""
        if "html" in content_type:
            variable = self.address.variables.base_url
            raise EndpointError(f"{self.where} answers with a web page: check {variable}, it often ends in /v1")

    def error_in(self, body: object) -> MuralistError | None:
        """The error that a reply tells of in spite of its status 200."""
        if not isinstance(body, dict) or not body.get("error"):
            return None
        said = self.address.without_key(message_in(body))
        error = body["error"]
        if isinstance(error, dict) and error.get("code") in DECLINED:
            return Refused(f"the endpoint declined: {said}")
        return EndpointError(f"{self.where} says: {said or 'error'}")

    def _client(self) -> openai.AsyncOpenAI:
        timeout = httpx2.Timeout(self.seconds, connect=min(CONNECT_SECONDS, self.seconds))
        http = httpx2.AsyncClient(verify=_certificates(), timeout=timeout, follow_redirects=True)
        return openai.AsyncOpenAI(
            api_key=self.address.key or NO_KEY, base_url=self.address.base_url, timeout=timeout, max_retries=RETRIES,
            http_client=http,
        )  # fmt: skip

    def _trouble(self, error: openai.APIStatusError) -> Exception:
        said, status = self.address.without_key(message_in(error.body) or one_line(error)), error.status_code
        variables = self.address.variables
        if error.code in DECLINED:
            return Refused(f"the endpoint declined: {said}")
        declined = RequestRejected(status, said, self.model)
        if status in (400, 422) or declined.about_pictures or (status == 404 and declined.about_form):
            return declined  # some local servers say so with a 5xx, some routers with a 404
        if error.code == "model_not_found" or (status == 404 and "model" in said.lower()):
            return EndpointError(f"{self.where} has no model '{self.model}' ({said}): check {variables.model}")
        if status == 404:
            return EndpointError(f"{self.where} answers 404 ({said}): check {variables.base_url}, it often ends in /v1")
        if status in (401, 403):
            return EndpointError(f"{self.where} does not accept the key ({status}: {said}): check {variables.key}")
        number = tries(error.request)
        again = f" after {number} tries" if number > 1 else ""
        return Outage(f"{self.where} failed with {status}{again}: {said}")


def tries(request: httpx2.Request) -> int:
    """How often the client has sent a request: it counts in a header."""
    count = request.headers.get("x-stainless-retry-count", "0")
    return 1 + int(count) if count.isdecimal() else 1


def message_in(body: object) -> str:
    """The message of an error's body: most have one, in one of three places."""
    while isinstance(body, dict):
        body = body.get("error") or body.get("message") or body.get("detail")
    return "" if body is None else one_line(body)


def one_line(said: object) -> str:
    """At most 300 characters of what a service or a client says."""
    text = " ".join(str(said).split())
    return text if len(text) <= 300 else text[:300] + "…"


@cache
def _certificates() -> ssl.SSLContext:
    """Read from disk once: it takes longer than all else about a client."""
    return ssl.create_default_context()
