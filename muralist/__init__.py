"""Paints pictures that verifiably show what the prompt asked for.

    import muralist
    result = muralist.draw("a red car to the left of a blue vase", seed=7)
    result.image, result.path, result.score, result.passed, result.scene, result.layout, result.attempts, result.run_id

Importing this package loads neither torch nor LangGraph; what is not asked for is not imported.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from muralist.agent import Settings
    from muralist.tools.errors import MuralistError
    from muralist.tools.layout import Grid, Layout, Region
    from muralist.tools.run import Event
    from muralist.tools.scene import Scene

    from .deciding import WaitsForDecision
    from .drawing import adraw, afork, aresume, draw, fork, list_runs, resume, stream
    from .editing import aedit, edit
    from .foreign import langchain_tools
    from .result import Result

__all__ = [
    "Event", "Grid", "Layout", "MuralistError", "Region", "Result", "Scene", "Settings", "WaitsForDecision", "adraw",
    "aedit", "afork", "aresume", "draw", "edit", "fork", "langchain_tools", "list_runs", "resume", "stream",
]  # fmt: skip

_HOMES = {
    "Event": "tools.run",
    "Grid": "tools.layout",
    "Layout": "tools.layout",
    "MuralistError": "tools.errors",
    "Region": "tools.layout",
    "Result": "result",
    "Scene": "tools.scene",
    "Settings": "agent",
    "WaitsForDecision": "deciding",
    "adraw": "drawing",
    "aedit": "editing",
    "afork": "drawing",
    "aresume": "drawing",
    "draw": "drawing",
    "edit": "editing",
    "fork": "drawing",
    "langchain_tools": "foreign",
    "resume": "drawing",
    "list_runs": "drawing",
    "stream": "drawing",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"muralist.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'muralist' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
