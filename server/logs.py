"""What libraries log while the server runs: to stderr, and nothing of it moves a terminal's cursor."""

from __future__ import annotations

import logging
import sys

from muralist.tools.printable import printable


class PrintableFormatter(logging.Formatter):
    """Writes out what a terminal would obey: a warning may quote what a client sent."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


def log_warnings() -> None:
    """From now on, warnings and errors go to stderr, and stdout is the protocol's."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PrintableFormatter(logging.BASIC_FORMAT))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
