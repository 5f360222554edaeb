"""Pictures from https URLs, without ever reaching into the network that the server stands in."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import anyio
import httpx

from muralist.tools.errors import BadImage, NotAllowed

from .addresses import is_public

DEADLINE = 20.0
"""Seconds for the whole of it: names, redirects and the body."""
REDIRECTS = 3
MAX_URL = 2048
TYPES = ("image/png", "image/jpeg", "image/webp")
HEADERS = {"User-Agent": "muralist", "Accept": ", ".join(TYPES), "Accept-Encoding": "identity"}


async def resolved(host: str) -> list[str]:
    """The addresses of a name, as the system answers; none if it has none."""
    try:
        return [str(place[4][0]) for place in await anyio.getaddrinfo(host, None)]
    except (OSError, UnicodeError):
        return []


@dataclass(frozen=True)
class Network:
    """The public internet; what stands in for it may have names, addresses and certificates of its own."""

    addresses: Callable[[str], Awaitable[list[str]]] = resolved
    is_public: Callable[[str], bool] = is_public
    port: int = 443
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)


async def fetched(url: str, limit: int, network: Network | None = None) -> bytes:
    """The body of an https URL that answers with a picture, `limit` at most.

    A name is resolved once; if every address is public, the first is connected to itself, so that no second answer of
    the name can lead elsewhere, while TLS still has to prove the name. Redirects go the same way, three at most.
    Environment proxies are not used. Raises NotAllowed and BadImage.
    """
    network = network or Network()
    try:
        with anyio.fail_after(DEADLINE):
            return await _followed(url, limit, network)
    except TimeoutError:
        raise BadImage(f"the picture did not arrive within {DEADLINE:.0f} s") from None
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError):
        # Which of them says something about the network, so it is not told.
        raise BadImage("the picture could not be fetched: its server does not answer as a web server should") from None


async def _followed(url: str, limit: int, network: Network) -> bytes:
    for _ in range(REDIRECTS + 1):
        place = _checked(url, network.port)
        body = await _get(place, await _address(place.raw_host.decode("ascii"), network), limit, network.tls)
        if isinstance(body, bytes):
            return body
        url = str(place.join(body))
    raise NotAllowed(f"the URL redirects more than {REDIRECTS} times: give the one that it ends at")


def _checked(url: str, port: int) -> httpx.URL:
    """The parsed URL, if it is one that may be fetched."""
    if len(url) > MAX_URL:
        raise NotAllowed(f"the URL has {len(url)} characters: at most {MAX_URL} are taken")
    try:
        place = httpx.URL(url)
    except httpx.InvalidURL:
        raise NotAllowed("that is no URL: give one like https://host/picture.png") from None
    if place.scheme != "https" or not place.host:
        raise NotAllowed("only https is fetched, also after redirects: give a URL like https://host/picture.png")
    if place.userinfo:
        raise NotAllowed("the URL has a user name or password in it: give one without")
    if (place.port or 443) != port:
        raise NotAllowed(f"the URL names port {place.port or 443}: only {port} is fetched from")
    return place


async def _address(host: str, network: Network) -> str:
    """The address to connect to."""
    addresses = await network.addresses(host)
    if not addresses or not all(map(network.is_public, addresses)):
        raise NotAllowed(f"{host} has no public address: give the URL of a public server")
    return addresses[0]


async def _get(place: httpx.URL, address: str, limit: int, tls: ssl.SSLContext) -> bytes | str:
    """The body, or where it redirects to. A client of its own: a kept connection would have proved another name."""
    async with (
        httpx.AsyncClient(verify=tls, trust_env=False, follow_redirects=False, timeout=DEADLINE) as client,
        client.stream(
            "GET",
            place.copy_with(host=address, fragment=None),
            headers={**HEADERS, "Host": place.netloc.decode("ascii")},
            extensions={"sni_hostname": place.raw_host.decode("ascii")},
        ) as response,
    ):
        if response.has_redirect_location:
            return response.headers["location"]
        return await _body(response, limit)


async def _body(response: httpx.Response, limit: int) -> bytes:
    if response.status_code != httpx.codes.OK:
        raise BadImage(f"the picture's server answered with status {response.status_code}")
    kind = response.headers.get("content-type", "nothing").partition(";")[0].strip().lower()
    if kind not in TYPES or response.headers.get("content-encoding", "identity") != "identity":
        raise BadImage(f"the URL leads to {kind[:80]}, not to a picture: {', '.join(TYPES)} are taken")
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > limit:
            raise BadImage(f"the picture at that URL has more than {limit:,} bytes: that many are taken")
    return bytes(body)
