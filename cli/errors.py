"""How a command ends: expected errors are one line on stderr, and an exit code."""

from __future__ import annotations

from typing import Any, cast

import typer
from typer.core import TyperGroup

from muralist.deciding import WaitsForDecision
from muralist.signals import exit_code
from muralist.tools.errors import Cancelled, MuralistError

USAGE = cast("type[Exception]", typer.BadParameter.__bases__[0])
"""What click raises for options and arguments that it does not understand: typer has a click of its own."""
AS_JSON = "muralist.as_json"
MISTAKE = 2
"""Exit code for what the caller can mend."""
REJECTED = 1
"""Exit code if a person did not want the plan to be painted."""
WAITS = 3
"""Exit code if a person has to decide about the plan."""


class Rejected(MuralistError):
    """A person did not want the plan to be painted."""


class OneLineErrors(TyperGroup):
    """Ends a command that fails with one line on stderr, no traceback, and with --json an object on stdout."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Find out whether the answer has to be JSON: known even if the rest cannot be understood."""
        ctx.meta[AS_JSON] = "--json" in args
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; expected errors become exit codes."""
        try:
            return super().invoke(ctx)
        except (MuralistError, KeyboardInterrupt, USAGE) as error:
            code, report = _told(error)
        from .terminal import say, say_json

        say(f"muralist: {report['message']}", err=True)
        if ctx.meta[AS_JSON]:
            say_json({"error": report})
        raise typer.Exit(code)


def _told(error: BaseException) -> tuple[int, dict[str, str]]:
    """The exit code, and what is said."""
    kind, message = type(error).__name__, str(error)
    match error:
        case Cancelled() | KeyboardInterrupt():
            return exit_code(), {"kind": Cancelled.__name__, "message": message or "stopped"}
        case WaitsForDecision():
            return WAITS, {"kind": kind, "message": message, "run_id": error.run_id}
        case Rejected():
            return REJECTED, {"kind": kind, "message": message}
        case MuralistError():
            return MISTAKE, {"kind": kind, "message": message}
        case _:
            return MISTAKE, {"kind": USAGE.__name__, "message": _usage(error)}


def _usage(error: Any) -> str:
    """What is wrong with the arguments, in one line, and where it says what is right."""
    said = " ".join(error.format_message().split()).rstrip(".")
    where = error.ctx.command_path if error.ctx else "muralist"
    return f"{said[:1].lower()}{said[1:]} (see `{where} --help`)"
