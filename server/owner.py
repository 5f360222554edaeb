"""Whose runs, jobs and pictures a request is about."""

from __future__ import annotations

LOCAL = "local"
"""Whoever speaks over stdio, or over HTTP without authentication, owns the runs of this machine's user."""


def owner() -> str:
    """The owner of the current request."""
    return LOCAL
