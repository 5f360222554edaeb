"""One chat completion over HTTP: how it is asked for, read and paid for."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from muralist.tools.address import Address
from muralist.tools.api_client import ApiClient, Sent, one_line, tries
from muralist.tools.metering import Price, Spending, check_budget, spend, tokens_in

from .completion import Assembly, Completion, MalformedCompletion, completion_of, estimated
from .local_server import note_use
from .tool_specs import Json

MOST_BYTES = 4 << 20
"""Bytes of a reply that are read."""

OnText = Callable[[str], None]


class Transport:
    """Sends chat completions to one model. `seconds` bounds an answer, from the first try to its last byte."""

    def __init__(self, model: str, address: Address, seconds: float, price: Price | None = None) -> None:
        self._client = ApiClient(model, address, seconds)
        self._price = price

    @property
    def where(self) -> str:
        """The address for messages: without what might be a secret."""
        return self._client.where

    async def send(self, messages: list[Json], parameters: Json, on_text: OnText | None = None) -> Completion:
        """Ask once. `on_text`: is told every piece of text as it comes, and makes it come in pieces.

        Raises RequestRejected, MalformedCompletion for a body that is no completion, Refused, EndpointError, or
        OutOfBudget before anything is sent. What it cost is told to the running meters, however it ends.
        """
        check_budget()
        request: Json = {"model": self._client.model, "messages": messages, **parameters}
        if on_text is not None:
            request |= {"stream": True, "stream_options": {"include_usage": True}}
        sent, used = Sent(), Spending()
        note_use(self._client.address, self._client.model)
        try:
            async with self._client.connected(sent) as client:
                streaming = client.chat.completions.with_streaming_response
                async with streaming.create(**request) as response:
                    sent.tries = tries(response.http_request)
                    body = await self._body(response, on_text)
            completion = completion_of(body)
            used = tokens_in(body, "prompt_tokens", "completion_tokens") or estimated(messages, completion)
            return completion
        except MalformedCompletion as error:
            raise MalformedCompletion(self._client.address.without_key(str(error))) from None
        finally:
            spent = used.model_copy(update={"calls": sent.tries})
            spend(spent if self._price is None else self._price.of(spent))

    async def _body(self, response: Any, on_text: OnText | None) -> Any:
        """The reply's JSON, put together if it comes in pieces. Raises MalformedCompletion, EndpointError."""
        kind = str(response.headers.get("content-type", ""))
        streamed = "event-stream" in kind
        assembly, data, size = Assembly(), bytearray(), 0
        async for chunk in response.iter_bytes():
            size += len(chunk)
            if size > MOST_BYTES:
                raise MalformedCompletion(f"the reply is longer than {MOST_BYTES >> 20} MiB: answer in far fewer words")
            data += chunk
            while streamed and (end := data.find(b"\n")) >= 0:
                line = bytes(data[:end])
                del data[: end + 1]
                if (text := assembly.add(line)) and on_text is not None:
                    on_text(text)
        if streamed:
            assembly.add(bytes(data))  # a last line may lack its end
            return assembly.body()
        self._client.check_kind(kind)
        try:
            body = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise MalformedCompletion(f"the reply is not JSON: {one_line(error)}") from None
        wrong = None if isinstance(body, dict) and body.get("choices") else self._client.error_in(body)
        if wrong is not None:
            raise wrong
        return body
