"""What the thread is told: a tool's answer in a sentence, and how a run has ended, each with its picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from langchain_core.messages import AnyMessage, ToolMessage

from muralist.tools.outcome import Outcome
from muralist.tools.run import Run

from .pictures import served_at


def tool_message(outcome: Outcome, name: str, call_id: str) -> ToolMessage:
    """A sentence, with the picture that it is about; the structure behind it is its artifact."""
    said: dict[str, Any] = {"name": name, "tool_call_id": call_id, "id": f"{outcome.run.run_id}-{call_id}"}
    if outcome.stopped is not None:
        return ToolMessage(str(outcome.stopped), status="error", **said)
    plan = shown_plan(outcome.run.run_id) if name == "plan" else ""
    shown = [outcome.text, plan, shown_picture(outcome.data.get("image_id"), outcome.run)]
    return ToolMessage("\n\n".join(filter(None, shown)), artifact=outcome.data, **said)


def superseded(messages: Sequence[AnyMessage]) -> list[AnyMessage]:
    """The answers whose findings later ones take the place of, without them: a thread holds one set of verdicts."""
    return [
        message.model_copy(update={"artifact": {key: message.artifact[key] for key in ("run_id", "image_id")}})
        for message in messages
        if isinstance(message, ToolMessage) and {"findings", "image_id"} <= set(message.artifact or ())
    ]


def closing(run: Run) -> str:
    """How a run has ended, and its best picture."""
    best = run.submitted
    said = (
        f"{'Done' if run.passed else 'Not passed' if run.status == 'done' else run.status.capitalize()}: {run.reason}."
    )
    if run.filled_in:
        said += f" The offline rules filled in {', '.join(run.filled_in)}."
    if best is None:
        return said
    share = best.share_passed or 0.0
    said += f" Picture {best.image_id}: {share:.0%} of the questions answered with yes, score {best.score or 0:.2f}."
    return "\n\n".join(filter(None, [said, shown_picture(best.image_id, run), linked(run.run_id)]))


def picture_of(run: Run) -> str | None:
    """The id of the picture that a run would hand over now."""
    best = run.submitted
    return best.image_id if best is not None else None


def shown_plan(run_id: str) -> str:
    """The drawing of a run's layout, in the same way."""
    base = served_at()
    return f"![the plan]({base}/plans/{quote(run_id)}.png)" if base else ""


def linked(run_id: str) -> str:
    """A link to the run's page, in the same way."""
    base = served_at()
    return f"[How it came about]({base}/runs/{quote(run_id)})" if base else ""


def shown_picture(image_id: str | None, run: Run) -> str:
    """The picture in Markdown, where the server that the graph runs in serves pictures; empty elsewhere."""
    base = served_at()
    if not base or image_id is None:
        return ""
    prompt = " ".join(run.prompt.replace("[", "(").replace("]", ")").split())[:80]
    return f"![{prompt}]({base}/images/{quote(image_id)}.png)"
