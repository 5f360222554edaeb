"""What a chat model of any kind has used, where it does not tell the running meters itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_core.messages import AIMessage

from muralist.tools.metering import METERED, Spending, spend

if TYPE_CHECKING:
    from muralist.agent import Settings


def metered_reply(reply: AIMessage, settings: Settings) -> None:
    """Tell the running meters what `usage_metadata` says, by the settings' prices."""
    used = reply.usage_metadata
    if used is None or reply.response_metadata.get(METERED):
        return
    spent = Spending(calls=1, input_tokens=used["input_tokens"], output_tokens=used["output_tokens"])
    price = settings.prices.get(settings.model)
    spend(spent if price is None else price.of(spent))
