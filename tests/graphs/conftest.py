"""A model behind a real socket as the endpoint of the test's environment."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import fake_endpoint
import pytest
from fake_endpoint import Dialect, FakeEndpoint, Mind, serving
from minds import foreman

Serve = Callable[..., AbstractContextManager[FakeEndpoint]]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Serve:
    """Serve a mind in a dialect as the endpoint of this environment."""

    @contextmanager
    def serve(mind: Mind = foreman, dialect: Dialect = fake_endpoint.tools) -> Any:
        with serving(mind, dialect) as fake:
            monkeypatch.setenv("OPENAI_BASE_URL", fake.url)
            monkeypatch.setenv("OPENAI_API_KEY", "the key")
            yield fake

    return serve
