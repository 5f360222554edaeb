"""What a model can do, found out with one small question about one small picture."""

from __future__ import annotations

from typing import NamedTuple

from langchain_core.messages import HumanMessage
from PIL import Image
from pydantic import BaseModel, Field

from muralist.tools.errors import NoAnswer, NoVision
from muralist.tools.metering import metered

from .conversation import picture_block
from .endpoint import Endpoint
from .output_mode import OutputMode

COLOUR, SIDE = "red", 64

ABLE = {
    OutputMode.TOOLS: "calls tools",
    OutputMode.SCHEMA: "calls no tools, but keeps to a JSON schema",
    OutputMode.FORCED: "calls one tool at a time when forced to, so runs are pipelines",
    OutputMode.OBJECT: "knows neither tools nor schemas, but writes JSON",
    OutputMode.TEXT: "knows neither tools nor JSON mode: it is asked in plain text",
}


class Seen(BaseModel):
    """Say what the picture shows."""

    colour: str = Field(description="The colour that fills the picture, in one word; 'none' if you see no picture.")


class ProbeResult(NamedTuple):
    """A line about the model's capabilities and what the probe cost; whether it takes pictures."""

    summary: str
    sees: bool


async def probe(endpoint: Endpoint) -> ProbeResult:
    """Ask one small question. Raises Refused, EndpointError."""
    sees = True
    question = [{"type": "text", "text": "Which colour fills this picture?"}]
    picture = picture_block(Image.new("RGB", (SIDE, SIDE), COLOUR))
    with metered() as meter:
        try:
            seen = await endpoint.ask([HumanMessage([*question, picture])], Seen)
            sight = "sees pictures" if COLOUR in seen.colour.lower() else f"took {COLOUR} for {seen.colour[:30]}"
            summary = f"{ABLE[endpoint.mode]}; {sight}"
        except NoVision:
            sees = False
            summary = f"takes no pictures: good for planning, not for inspecting ({await _blind(endpoint)})"
        except NoAnswer as error:
            summary = f"{error}; the offline rules would fill in"
    spent = meter.spent
    calls = "1 call" if spent.calls == 1 else f"{spent.calls} calls"
    tokens = f"{'about ' if spent.estimated else ''}{spent.input_tokens + spent.output_tokens} tokens"
    return ProbeResult(f"{summary}; {calls}, {tokens}, at {endpoint.transport.where}", sees)


async def _blind(endpoint: Endpoint) -> str:
    try:
        await endpoint.ask([HumanMessage(f"Which colour is {COLOUR}?")], Seen)
    except NoAnswer as error:
        return str(error)
    return ABLE[endpoint.mode]
