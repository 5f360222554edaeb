"""A web server with pictures behind real TLS, on a loopback address that stands in for the public internet."""

from __future__ import annotations

import datetime
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

NAME = "pictures.example"
ADDRESS = "127.0.0.1"


@dataclass
class Page:
    """What one path answers with; a chunk at a time, without saying how many."""

    chunks: Iterator[bytes] | list[bytes] = field(default_factory=list)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "image/png"})


@dataclass
class PictureHost:
    """The pages by their paths, and what was asked for."""

    pages: dict[str, Page]
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Host header and path."""
    port: int = 0

    @property
    def trusting(self) -> ssl.SSLContext:
        """What a client needs to believe that this is NAME."""
        return ssl.create_default_context(cadata=_certificate()[0].decode())


@contextmanager
def hosting(pages: dict[str, Page]) -> Iterator[PictureHost]:
    """Serve the pages."""
    host = PictureHost(pages)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host.asked.append((self.headers["Host"], self.path))
            page = host.pages.get(self.path, Page(status=404))
            self.send_response(page.status)
            for name, value in page.headers.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                for chunk in page.chunks:
                    self.wfile.write(chunk)
            except OSError:
                pass  # the client has seen enough

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer((ADDRESS, 0), Handler) as server:
        server.daemon_threads = True
        server.socket = _tls().wrap_socket(server.socket, server_side=True)
        host.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield host
        server.shutdown()


def _tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate, key = _certificate()
    with TemporaryDirectory() as folder:
        both = Path(folder) / "both.pem"
        both.write_bytes(key + certificate)
        context.load_cert_chain(both)
    return context


@cache
def _certificate() -> tuple[bytes, bytes]:
    """Signed by itself, for NAME only."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return (
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )
