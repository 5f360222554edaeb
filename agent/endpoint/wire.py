"""One request over HTTP, by the official client; what goes wrong with it, in one line."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from collections.abc import Callable
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpx2
import openai

from muralist.tools.errors import EndpointError, Refused
from muralist.tools.metering import Price, Spending, check_budget, spend

from .completion import Assembly, Completion, Garbled, completion_of, estimated, usage_of
from .offers import Json

MOST_BYTES = 4 << 20
"""Bytes of a reply that are read."""
CONNECT_SECONDS = 10.0
RETRIES = 2
"""Times that the client tries again after 408, 409, 429, 5xx or a lost connection, with back-off."""
NO_KEY = "none"
"""Sent where there is no key: the client wants one, local servers do not."""

OnText = Callable[[str], None]

_PICTURES = ("image", "vision", "multimodal", "multi-modal", "picture")
_FORMS = ("tool", "function", "response_format", "json", "schema", "grammar", "stream")


class Declined(Exception):
    """The endpoint does not take a request of this form; the message is its own."""

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


class Wire:
    """Sends chat completions to one model. `seconds` bounds an answer, from the first try to its last byte."""

    def __init__(self, model: str, base_url: str, api_key: str, seconds: float, price: Price | None = None) -> None:
        self.model = model
        self.base_url = base_url
        self.seconds = seconds
        self._key = api_key
        self._price = price

    @property
    def where(self) -> str:
        """The address for messages: without what might be a secret."""
        parts = urlsplit(self.base_url)
        host = parts.hostname or ""
        return f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}{parts.path}".rstrip("/")

    async def send(self, messages: list[Json], parameters: Json, on_text: OnText | None = None) -> Completion:
        """Ask once. `on_text`: is told every piece of text as it comes, and makes it come in pieces.

        Raises Declined, Garbled for a body that is no completion, Refused, EndpointError, or OutOfBudget before
        anything is sent. What it cost is told to the running meters, however it ends.
        """
        check_budget()
        request: Json = {"model": self.model, "messages": messages, **parameters}
        if on_text is not None:
            request |= {"stream": True, "stream_options": {"include_usage": True}}
        spent = Spending(calls=1)
        try:
            # A client of its own for every request: it belongs to this event loop, and is closed with it.
            async with asyncio.timeout(self.seconds), self._client() as client:
                streaming = client.chat.completions.with_streaming_response
                async with streaming.create(**request) as response:
                    spent = Spending(calls=_tries(response.http_request))
                    body = await self._body(response, on_text)
            completion = completion_of(body)
            used = usage_of(body) or estimated(messages, completion)
            spent = used.model_copy(update={"calls": spent.calls})
            return completion
        except Garbled as error:
            raise Garbled(self._without_key(str(error))) from None
        except openai.APIStatusError as error:
            spent = Spending(calls=_tries(error.request))
            raise self._trouble(error) from None
        except (TimeoutError, openai.APITimeoutError, httpx2.TimeoutException):
            raise EndpointError(f"{self.where} did not finish its answer within {self.seconds:g} seconds") from None
        except openai.APIConnectionError as error:
            spent = Spending(calls=_tries(error.request))
            why = f" ({error.__cause__})" if str(error.__cause__ or "") else ""
            raise EndpointError(f"{self.where} cannot be reached{why}: check OPENAI_BASE_URL") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, openai.OpenAIError) as error:
            raise EndpointError(
                self._without_key(f"{self.where}: {_one_line(error) or type(error).__name__}")
            ) from None
        finally:
            spend(spent if self._price is None else self._price.of(spent))

    def _client(self) -> openai.AsyncOpenAI:
        timeout = httpx2.Timeout(self.seconds, connect=min(CONNECT_SECONDS, self.seconds))
        http = httpx2.AsyncClient(verify=_certificates(), timeout=timeout, follow_redirects=True)
        return openai.AsyncOpenAI(
            api_key=self._key or NO_KEY, base_url=self.base_url, timeout=timeout, max_retries=RETRIES, http_client=http
        )

    async def _body(self, response: Any, on_text: OnText | None) -> Any:
        """The reply's JSON, put together if it comes in pieces. Raises Garbled, EndpointError."""
        kind = str(response.headers.get("content-type", ""))
        streamed = "event-stream" in kind
        assembly, data, size = Assembly(), bytearray(), 0
        async for chunk in response.iter_bytes():
            size += len(chunk)
            if size > MOST_BYTES:
                raise Garbled(f"the reply is longer than {MOST_BYTES >> 20} MiB: answer in far fewer words")
            data += chunk
            while streamed and (end := data.find(b"\n")) >= 0:
                line = bytes(data[:end])
                del data[: end + 1]
                if (text := assembly.add(line)) and on_text is not None:
                    on_text(text)
        if streamed:
            assembly.add(bytes(data))  # a last line may lack its end
            return assembly.body()
        if "html" in kind:
            raise EndpointError(f"{self.where} answers with a web page: check OPENAI_BASE_URL, it often ends in /v1")
        try:
            body = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise Garbled(f"the reply is not JSON: {_one_line(error)}") from None
        if isinstance(body, dict) and body.get("error") and not body.get("choices"):
            raise EndpointError(self._without_key(f"{self.where} says: {_message_in(body) or 'error'}"))
        return body

    def _trouble(self, error: openai.APIStatusError) -> Exception:
        said, status = self._without_key(_message_in(error.body) or _one_line(error)), error.status_code
        if error.code in ("content_filter", "content_policy_violation"):
            return Refused(f"the endpoint declined: {said}")
        declined = Declined(status, said, self.model)
        if status in (400, 422) or declined.about_pictures or (status == 404 and declined.about_form):
            return declined  # some local servers say so with a 5xx, some routers with a 404
        if error.code == "model_not_found" or (status == 404 and "model" in said.lower()):
            return EndpointError(f"{self.where} has no model '{self.model}' ({said}): check MURALIST_MODEL")
        if status == 404:
            return EndpointError(f"{self.where} answers 404 ({said}): check OPENAI_BASE_URL, it often ends in /v1")
        if status in (401, 403):
            return EndpointError(f"{self.where} does not accept the key ({status}: {said}): check OPENAI_API_KEY")
        tries = _tries(error.request)
        again = f" after {tries} tries" if tries > 1 else ""
        return EndpointError(f"{self.where} failed with {status}{again}: {said}")

    def _without_key(self, said: str) -> str:
        """What an endpoint says goes into messages, files and reports; its key must not."""
        return said.replace(self._key, "…") if self._key else said


def _tries(request: httpx2.Request) -> int:
    """How often the client has sent a request: it counts in a header."""
    count = request.headers.get("x-stainless-retry-count", "0")
    return 1 + int(count) if count.isdecimal() else 1


def _message_in(body: object) -> str:
    """The message of an error's body: most have one, in one of three places."""
    while isinstance(body, dict):
        body = body.get("error") or body.get("message") or body.get("detail")
    return "" if body is None else _one_line(body)


def _one_line(said: object) -> str:
    text = " ".join(str(said).split())
    return text if len(text) <= 300 else text[:300] + "…"


@cache
def _certificates() -> ssl.SSLContext:
    """Read from disk once: it takes longer than all else about a client."""
    return ssl.create_default_context()
