"""A model behind any OpenAI-compatible endpoint, asked in the most demanding output mode that it supports."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from pydantic import BaseModel, ValidationError

from muralist.tools.address import OPENAI, Address
from muralist.tools.api_client import RequestRejected
from muralist.tools.catalogue import one_line
from muralist.tools.errors import BadSettings, EndpointError, NoAnswer, NoVision, Refused
from muralist.tools.metering import Price, price_of

from .completion import MalformedCompletion
from .conversation import has_pictures, to_openai_messages
from .output_mode import OutputMode
from .reply_parsing import ParsedReply, parse_reply
from .tool_specs import ToolSpec, as_prompt
from .transport import OnText, Transport

if TYPE_CHECKING:
    from muralist.agent.settings import Settings

T = TypeVar("T", bound=BaseModel)

REPAIRS = 2
"""Times that a model is told what was wrong with its answer, per step."""


@dataclass
class EndpointCapabilities:
    """What an endpoint's model was found to support."""

    mode: OutputMode = OutputMode.TOOLS
    sees: bool = True
    streams: bool = True


_known: dict[tuple[str, str], EndpointCapabilities] = {}
"""By address and model, for as long as the process lives."""


@dataclass(frozen=True)
class Reply:
    """A model's reply: a call, or a fault to feed back. `mode` is the output mode that it was asked in last."""

    parsed: ParsedReply
    mode: OutputMode


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
        address = Address(base_url, api_key)
        address.check()
        self.model = model
        self.transport = Transport(model, address, seconds, price)
        self._vision = vision
        self._capabilities = _known.setdefault((base_url, model), EndpointCapabilities())

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
        return cls(
            name,
            base_url=os.environ.get("OPENAI_BASE_URL") or OPENAI,
            api_key=os.environ.get("OPENAI_API_KEY", "").strip(),
            seconds=settings.call_seconds,
            price=price_of(name, settings.prices, settings.money),
            vision=settings.vision if name == settings.model else None,
        )

    @property
    def sees(self) -> bool:
        """Whether pictures are sent to it."""
        return self._capabilities.sees if self._vision is None else self._vision

    @property
    def mode(self) -> OutputMode:
        """Where it will be asked first."""
        return self._capabilities.mode

    async def ask(self, messages: Sequence[BaseMessage], form: type[T]) -> T:
        """Have the model fill in a form: the exact error is fed back, twice at most.

        Raises Refused with the model's reason, NoAnswer after all repairs, NoVision if there are pictures in the
        messages and it takes none, EndpointError, OutOfBudget.
        """
        specs, said, fault = [ToolSpec.of(form)], list(messages), ""
        for _ in range(1 + REPAIRS):
            reply = (await self.reply(said, specs, may_go_blind=False)).parsed
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
        specs: Sequence[ToolSpec],
        *,
        on_text: OnText | None = None,
        may_go_blind: bool = True,
    ) -> Reply:
        """Ask once, in the best output mode that works: falls back one mode for each that is rejected or ignored.

        `may_go_blind`: whether to ask without the pictures if the model takes none. `on_text`: is told text as it
        comes, where text is not the answer itself. Raises Refused, NoVision, EndpointError, OutOfBudget.
        """
        known, mode, sees = self._capabilities, self._capabilities.mode, self.sees
        streaming, dropped_at = on_text if known.streams else None, None
        pictures = has_pictures(messages)
        if pictures and not sees and not may_go_blind:
            raise NoVision(self._blind("it is set or known to take none"))
        prompt = next((str(each.text) for each in messages if isinstance(each, HumanMessage)), "")
        while True:
            asked = mode.specs(specs)
            rules = "" if mode.native else as_prompt(asked)
            wired = to_openai_messages(messages, native=mode.native, sees=sees, rules=rules)
            try:
                completion = await self.transport.send(
                    wired, mode.parameters(asked), streaming if mode.native else None
                )
                parsed = parse_reply(completion, asked, mode.native, prompt)
            except RequestRejected as error:
                if streaming is not None and mode.native:
                    streaming, dropped_at = None, mode  # perhaps it cannot stream: ask for the same in one piece
                elif pictures and sees and error.about_pictures and not may_go_blind:
                    raise NoVision(self._blind(f"{error.status}: {error}")) from None
                elif pictures and sees and may_go_blind and (error.about_pictures or mode.fallback is None):
                    sees, mode = False, known.mode
                elif mode.fallback is None:
                    raise EndpointError(f"{self.transport.where} answers {error.status}: {error}") from None
                else:
                    mode = mode.fallback
                continue
            except MalformedCompletion as error:
                if streaming is not None and mode.native:  # or it streams badly
                    streaming, dropped_at = None, mode
                    continue
                return Reply(ParsedReply(fault=str(error)), mode)
            known.mode, known.sees = mode, known.sees and (sees or not pictures)
            known.streams = known.streams and dropped_at is not mode
            if not parsed.ignored or mode.fallback is None:
                return Reply(parsed, mode)
            known.mode = mode.fallback
            if parsed.call is not None:
                return Reply(parsed, mode)
            mode = mode.fallback

    async def talk(self, messages: Sequence[BaseMessage], *, on_text: OnText | None = None) -> Reply:
        """What the model says when nothing is offered to it. Raises as `reply` does."""
        try:
            completion = await self.transport.send(
                to_openai_messages(messages, native=True, sees=self.sees), {}, on_text
            )
        except RequestRejected as error:
            raise EndpointError(f"{self.transport.where} answers {error.status}: {error}") from None
        except MalformedCompletion as error:
            raise NoAnswer(f"model {self.model}: {error}") from None
        if completion.refusal:
            raise Refused(f"the model declined: {completion.refusal}")
        return Reply(ParsedReply(completion.message.text), OutputMode.TEXT)

    def _blind(self, why: str) -> str:
        return f"model {self.model} takes no pictures ({why}): choose one that does"
