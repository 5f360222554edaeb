"""What is logged may quote a client; a terminal gets to see it, and obeys nothing of it."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from muralist.server.logs import log_warnings


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


def test_a_header_with_an_escape_sequence_is_written_out(capsys: pytest.CaptureFixture[str]) -> None:
    log_warnings()
    logging.getLogger("mcp").warning("Invalid Host header: %s", "\x1b[31mevil")
    logging.getLogger("mcp").info("nobody needs this")
    told = capsys.readouterr()
    assert told.err == "WARNING:mcp:Invalid Host header: \\x1b[31mevil\n"
    assert told.out == ""
