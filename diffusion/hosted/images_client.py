"""One picture by the OpenAI images protocol: asked for, paid for, and fetched."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx2

from muralist.intake.decoding import from_base64
from muralist.intake.fetching import fetched
from muralist.tools.api_client import ApiClient, RequestRejected, Sent, one_line, tries
from muralist.tools.errors import BackboneError, BadImage, EndpointError, NotAllowed
from muralist.tools.metering import Price, Spending, check_budget, spend, tokens_in

from .capabilities import capabilities_of, optional_fields, to_leave_out
from .reply import BOUNDS, MOST_BYTES, Events, Item, MalformedReply, reply_of
from .request import ImageRequest
from .settings import HostedSettings

OnPart = Callable[[int], None]
"""Told the number of partial pictures so far."""


class ImagesClient:
    """Has one model of a service paint. `seconds` bounds an answer, from the first try to its last byte."""

    def __init__(self, model: str, settings: HostedSettings, seconds: float, price: Price | None) -> None:
        self._client = ApiClient(model, settings.address, seconds)
        self._partial = settings.images_partial
        self._price = price

    async def send(self, request: ImageRequest, on_part: OnPart) -> bytes:
        """The bytes of the picture as the service made them, whatever they are.

        Optional fields that it rejects are left out one by one, the one that it names first; if that helped, it is
        remembered. Raises Refused with the reason, Outage, EndpointError, BackboneError for a reply without a picture
        that can be had, and OutOfBudget before anything is sent. What it cost is told to the running meters, however it
        ends.
        """
        model, where = self._client.model, self._client.where
        known = capabilities_of(self._client.address.base_url, model)
        rejected = set(known.rejected)
        while True:
            optional = optional_fields(model, self._partial, rejected)
            try:
                data = await self._asked(request, optional, on_part)
            except RequestRejected as error:
                another = to_leave_out(optional, str(error))
                if another is None:
                    raise EndpointError(f"{where} answers {error.status}: {error}") from None
                rejected.add(another)
            except MalformedReply as error:
                said = self._client.address.without_key(str(error))
                raise BackboneError(f"{where} answered without a picture: {said}") from None
            else:
                known.rejected |= rejected
                return data

    async def _asked(self, request: ImageRequest, optional: dict[str, Any], on_part: OnPart) -> bytes:
        check_budget()
        sent, used = Sent(), Spending()
        try:
            async with self._client.connected(sent) as client:
                ask = client.images.with_streaming_response
                how: Any = ask.generate if request.image is None else ask.edit
                async with how(model=self._client.model, **request.fields, **optional) as response:
                    sent.tries = tries(response.http_request)
                    body = await self._body(response, on_part)
                if (wrong := self._client.error_in(body)) is not None:
                    raise wrong
                item = reply_of(body).picture
                # It is paid for, whatever is to be thought of it.
                used = tokens_in(body, "input_tokens", "output_tokens") or self._uncounted
                used = used.model_copy(update={"pictures": 1})
                return await self._bytes(item)
        finally:
            spent = used.model_copy(update={"calls": sent.tries})
            spend(spent if self._price is None else self._price.of(spent))

    @property
    def _uncounted(self) -> Spending:
        """Of a reply that does not say how many tokens it took: what it costs may be more than is known."""
        return Spending(estimated=self._price is not None and self._price.counts_tokens)

    async def _body(self, response: Any, on_part: OnPart) -> Any:
        """The reply's JSON, put together if it comes in events. Raises MalformedReply, EndpointError."""
        kind = str(response.headers.get("content-type", ""))
        self._client.check_kind(kind)
        if "event-stream" in kind:
            events = Events()
            async for chunk in response.iter_bytes():
                before = events.partial
                events.add(chunk)
                for part in range(before, events.partial):
                    on_part(part + 1)
            return events.end()
        data = bytearray()
        async for chunk in response.iter_bytes():
            data += chunk
            if len(data) > MOST_BYTES:
                raise MalformedReply(f"it is longer than {MOST_BYTES >> 20} MiB")
        try:
            return await asyncio.to_thread(json.loads, data)
        except (ValueError, RecursionError) as error:
            raise MalformedReply(f"it is not JSON: {one_line(error)}") from None

    async def _bytes(self, item: Item) -> bytes:
        """The picture's, fetched if only its URL is given: from the service itself, or over https from the internet."""
        try:
            if item.b64_json:
                return await asyncio.to_thread(from_base64, item.b64_json, BOUNDS)
            url = urljoin(f"{self._client.address.base_url.rstrip('/')}/", item.url or "")
            return await (self._own(url) if self._is_own(url) else fetched(url, BOUNDS.bytes))
        except (BadImage, NotAllowed, ValueError) as error:
            raise BackboneError(f"{self._client.where} answered with a picture that cannot be taken: {error}") from None

    def _is_own(self, url: str) -> bool:
        """Whether it is of the very server that was asked."""
        asked, other = (urlsplit(address) for address in (self._client.address.base_url, url))
        return (asked.scheme, asked.hostname, asked.port) == (other.scheme, other.hostname, other.port)

    async def _own(self, url: str) -> bytes:
        """A file of the server that was asked, which may be on this machine: it is sent the key, and not followed."""
        key = self._client.address.key
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        data = bytearray()
        async with (
            httpx2.AsyncClient(timeout=self._client.seconds, follow_redirects=False) as client,
            client.stream("GET", url, headers=headers) as response,
        ):
            if response.status_code != httpx2.codes.OK:
                raise BadImage(f"its own URL answers {response.status_code}")
            async for chunk in response.aiter_bytes():
                data += chunk
                if len(data) > BOUNDS.bytes:
                    raise BadImage(f"it has more than {BOUNDS.bytes:,} bytes: that many are taken")
        return bytes(data)
