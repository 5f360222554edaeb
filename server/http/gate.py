"""What every request has to pass, whatever it asks for: the Host and Origin that it names."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from muralist.server.settings import ServerSettings
from muralist.tools.address import LOOPBACK
from muralist.tools.errors import BadSettings

from .probes import PROBES

LINES = {
    421: "this server does not go by that Host: MURALIST_ALLOWED_HOSTS names those that it takes",
    403: "pages of that Origin may not ask this server: MURALIST_ALLOWED_ORIGINS names those that may",
}


class Gate:
    """Refuses a foreign Host (421) and Origin (403), which is how a web page would reach into this machine.

    The SDK checks them for the protocol's own path only, and for no route beside it. Probes are let in by any name:
    load balancers ask by an address that nobody has configured, and all they learn is a line.
    """

    def __init__(self, app: ASGIApp, security: TransportSecuritySettings) -> None:
        self.app = app
        self.check = TransportSecurityMiddleware(security)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass the request on."""
        guarded = scope["type"] == "http" and scope["path"] not in PROBES
        if guarded and (refused := await self.check.validate_request(Request(scope))):
            line = LINES.get(refused.status_code, "")
            await PlainTextResponse(line, refused.status_code)(scope, receive, send)
            return
        await self.app(scope, receive, send)


def security(settings: ServerSettings, port: int) -> TransportSecuritySettings:
    """The hosts and origins of this machine at that port, of the public URL, and those that the settings name."""
    local = [f"[{name}]" if ":" in name else name for name in LOOPBACK]
    hosts = [f"{name}:{port}" for name in local] + (local if port == 80 else [])
    origins = [f"http://{host}" for host in hosts]
    if settings.public_url:
        public = urlsplit(settings.public_url)
        hosts.append(public.netloc)
        origins.append(f"{public.scheme}://{public.netloc}")
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=[*hosts, *settings.allowed_hosts],
        allowed_origins=[*origins, *settings.allowed_origins],
    )


def check_exposure(settings: ServerSettings, host: str) -> None:
    """Raise BadSettings if others could reach the server there, or are meant to, and anybody would be let in.

    A proxy on this machine reaches a server that listens on 127.0.0.1, and serves it to everybody: the settings tell
    of it by the names that the outside knows the server by.
    """
    guarded = bool(settings.bearer_tokens or settings.oauth_issuer)
    if not is_loopback(host) and not (guarded and settings.allowed_hosts):
        raise BadSettings(
            f"{host} can be reached from other machines: set MURALIST_BEARER_TOKENS or MURALIST_OAUTH_ISSUER, and "
            "MURALIST_ALLOWED_HOSTS, or listen on 127.0.0.1"
        )
    if not guarded and (public := _public(settings)):
        variable, name = public
        raise BadSettings(
            f"{variable} names {name}, so this server is meant for others, and nobody has to log in: set "
            f"MURALIST_BEARER_TOKENS or MURALIST_OAUTH_ISSUER, or unset {variable}"
        )


def _public(settings: ServerSettings) -> tuple[str, str] | None:
    """A variable that names what is not this machine, and that name."""
    if settings.public_url and not is_loopback(urlsplit(settings.public_url).hostname or ""):
        return "MURALIST_PUBLIC_URL", settings.public_url
    foreign = [host for host in settings.allowed_hosts if not is_loopback(_without_port(host))]
    return ("MURALIST_ALLOWED_HOSTS", foreign[0]) if foreign else None


def _without_port(host: str) -> str:
    """The name or address of a Host header, IPv6 without its brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def is_loopback(host: str) -> bool:
    """True for an address or name that only this machine reaches."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host in LOOPBACK
