"""A model behind any OpenAI-compatible endpoint, asked by whichever rung of the ladder it can do."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from pydantic import BaseModel, ValidationError

from muralist.tools.catalogue import one_line
from muralist.tools.errors import BadSettings, EndpointError, NoAnswer, NoVision, Refused
from muralist.tools.metering import Price

from .completion import Garbled
from .conversation import has_pictures, on_the_wire
from .offers import Offer, in_words
from .reading import Reading, read
from .rungs import Rung
from .wire import Declined, OnText, Wire

if TYPE_CHECKING:
    from muralist.agent.settings import Settings

T = TypeVar("T", bound=BaseModel)

REPAIRS = 2
"""Times that a model is told what was wrong with its answer, per step."""
OPENAI = "https://api.openai.com/v1"


@dataclass
class Manner:
    """What has been found out about a model at an endpoint."""

    rung: Rung = Rung.TOOLS
    sees: bool = True
    streams: bool = True


_known: dict[tuple[str, str], Manner] = {}
"""By address and model, for as long as the process lives."""


@dataclass(frozen=True)
class Reply:
    """What a model said to one question: a call, or a fault to feed back. `rung` is where it was asked last."""

    reading: Reading
    rung: Rung


class Endpoint:
    """One model at one endpoint. `vision`: whether it takes pictures; None finds out by sending one."""

    def __init__(
        self,
        model: str,
        *,
        base_url: str = OPENAI,
        api_key: str = "",
        seconds: float = 120,
        price: Price | None = None,
        vision: bool | None = None,
    ) -> None:
        _check_address(base_url)
        if not (api_key.isascii() and api_key.isprintable()):  # an error of the client's would quote it
            raise BadSettings("OPENAI_API_KEY has characters that cannot be sent: paste it anew")
        self.model = model
        self.wire = Wire(model, base_url, api_key, seconds, price)
        self._vision = vision
        self._manner = _known.setdefault((base_url, model), Manner())

    @staticmethod
    def configured() -> bool:
        """Whether the environment names an endpoint, or has a key for OpenAI's."""
        return bool(os.environ.get("OPENAI_BASE_URL") or os.environ.get("OPENAI_API_KEY"))

    @classmethod
    def of(cls, settings: Settings, model: str | None = None) -> Endpoint:
        """`model`, or the settings' own, at the environment's endpoint. Raises BadSettings if there is none."""
        name = model or settings.model
        if not cls.configured():
            raise BadSettings(
                f"there is no model '{name}' without an endpoint: set OPENAI_BASE_URL or OPENAI_API_KEY, or choose "
                "the model 'offline'"
            )
        if settings.money is not None and name not in settings.prices:
            raise BadSettings(f"money is {settings.money:g}, but prices does not say what '{name}' costs: add it there")
        return cls(
            name,
            base_url=os.environ.get("OPENAI_BASE_URL") or OPENAI,
            api_key=os.environ.get("OPENAI_API_KEY", "").strip(),
            seconds=settings.call_seconds,
            price=settings.prices.get(name),
            vision=settings.vision if name == settings.model else None,
        )

    @property
    def sees(self) -> bool:
        """Whether pictures are sent to it."""
        return self._manner.sees if self._vision is None else self._vision

    @property
    def rung(self) -> Rung:
        """Where it will be asked first."""
        return self._manner.rung

    async def ask(self, messages: Sequence[BaseMessage], form: type[T]) -> T:
        """Have the model fill in a form: the exact error is fed back, twice at most.

        Raises Refused with the model's reason, NoAnswer after all repairs, NoVision if there are pictures in the
        messages and it takes none, EndpointError, OutOfBudget.
        """
        offers, said, fault = [Offer.of(form)], list(messages), ""
        for _ in range(1 + REPAIRS):
            reply = (await self.reply(said, offers, may_go_blind=False)).reading
            fault = reply.fault
            if reply.call is not None:
                try:
                    return form.model_validate(reply.call.arguments)
                except (ValidationError, RecursionError) as error:
                    fault = one_line(error) if isinstance(error, ValidationError) else "nested too deeply"
            answer = reply.text or ("" if reply.call is None else str(reply.call.arguments))
            said += [AIMessage(answer[:2000]), HumanMessage(f"Your answer cannot be used: {fault}. Answer again.")]
        raise NoAnswer(f"model {self.model} gave no answer that can be used: {fault}")

    async def reply(
        self,
        messages: Sequence[BaseMessage],
        offers: Sequence[Offer],
        *,
        on_text: OnText | None = None,
        may_go_blind: bool = True,
    ) -> Reply:
        """Ask once, by the best rung that works: down one for every form that is not taken, or is ignored.

        `may_go_blind`: whether to ask without the pictures if the model takes none. `on_text`: is told text as it
        comes, where text is not the answer itself. Raises Refused, NoVision, EndpointError, OutOfBudget.
        """
        manner, rung, sees = self._manner, self._manner.rung, self.sees
        streaming, dropped_at = on_text if manner.streams else None, None
        pictures = has_pictures(messages)
        if pictures and not sees and not may_go_blind:
            raise NoVision(self._blind("it is set or known to take none"))
        prompt = next((str(each.text) for each in messages if isinstance(each, HumanMessage)), "")
        while True:
            asked = rung.offers(offers)
            rules = "" if rung.native else in_words(asked)
            wired = on_the_wire(messages, native=rung.native, sees=sees, rules=rules)
            try:
                completion = await self.wire.send(wired, rung.parameters(asked), streaming if rung.native else None)
                reading = read(completion, asked, rung.native, prompt)
            except Declined as error:
                if streaming is not None and rung.native:
                    streaming, dropped_at = None, rung  # perhaps it cannot stream: ask for the same in one piece
                elif pictures and sees and error.about_pictures and not may_go_blind:
                    raise NoVision(self._blind(f"{error.status}: {error}")) from None
                elif pictures and sees and may_go_blind and (error.about_pictures or rung.below is None):
                    sees, rung = False, manner.rung
                elif rung.below is None:
                    raise EndpointError(f"{self.wire.where} answers {error.status}: {error}") from None
                else:
                    rung = rung.below
                continue
            except Garbled as error:
                if streaming is not None and rung.native:  # or it streams badly
                    streaming, dropped_at = None, rung
                    continue
                return Reply(Reading(fault=str(error)), rung)
            manner.rung, manner.sees = rung, manner.sees and (sees or not pictures)
            manner.streams = manner.streams and dropped_at is not rung
            if not reading.ignored or rung.below is None:
                return Reply(reading, rung)
            manner.rung = rung.below
            if reading.call is not None:
                return Reply(reading, rung)
            rung = rung.below

    async def talk(self, messages: Sequence[BaseMessage], *, on_text: OnText | None = None) -> Reply:
        """What the model says when nothing is offered to it. Raises as `reply` does."""
        try:
            completion = await self.wire.send(on_the_wire(messages, native=True, sees=self.sees), {}, on_text)
        except Declined as error:
            raise EndpointError(f"{self.wire.where} answers {error.status}: {error}") from None
        except Garbled as error:
            raise NoAnswer(f"model {self.model}: {error}") from None
        if completion.refusal:
            raise Refused(f"the model declined: {completion.refusal}")
        return Reply(Reading(completion.message.text), Rung.TEXT)

    def _blind(self, why: str) -> str:
        return f"model {self.model} takes no pictures ({why}): choose one that does"


def _check_address(base_url: str) -> None:
    """Raise BadSettings unless it is one; a password in it is not repeated."""
    try:
        parts = urlsplit(base_url)
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
            return
        why = "it has to begin with http:// or https://"
    except ValueError as error:
        why = str(error).lower()
    shown = re.sub(r"//[^/]*@", "//…@", base_url)
    raise BadSettings(f"OPENAI_BASE_URL is '{shown}': {why}, such as http://localhost:8000/v1")
