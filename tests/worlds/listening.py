"""A web server on a free port of this machine, for the length of a block."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Silent:
    """What a handler is besides: it tells nobody what it was asked."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        pass  # whoever asked has gone


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler], closing: Callable[[], object] = lambda: None) -> Iterator[int]:
    """Its port; `closing` is called before it is closed, to let go of what waits."""
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port
    finally:
        closing()
        server.shutdown()
        server.server_close()
        thread.join()
