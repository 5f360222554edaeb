"""Whether the weights and adapters of some modules are still those that a cache was made with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True, eq=False)
class WeightState:
    """Of modules at some moment; cheap, for it looks at no number."""

    parameters: tuple[torch.Tensor, ...]
    """Held on to, so that no other takes their place in memory."""
    details: tuple[Any, ...]

    def __eq__(self, other: object) -> bool:
        """False once a weight was replaced, moved or written to, or an adapter added, switched, scaled or merged.

        Only what is written through `parameter.data` goes unseen.
        """
        if not isinstance(other, WeightState) or len(self.parameters) != len(other.parameters):
            return False
        same = all(one is two for one, two in zip(self.parameters, other.parameters, strict=True))
        return same and self.details == other.details

    __hash__ = None  # type: ignore[assignment]


def weight_state(modules: Iterable[Any], located: bool = True) -> WeightState:
    """The present state. `located` false: where the weights lie does not matter, as offloading moves them."""
    parameters: list[torch.Tensor] = []
    details: list[Any] = []
    for module in modules:
        for part in module.modules() if module._modules else (module,):
            own = [each for each in part._parameters.values() if each is not None]
            parameters += own
            details += [_details(each, located) for each in own]
            if hasattr(part, "active_adapters") and isinstance(getattr(part, "scaling", None), dict):  # of PEFT
                names = (tuple(part.active_adapters), tuple(part.merged_adapters))
                details.append((part.disable_adapters, *names, tuple(part.scaling.items())))
    return WeightState(tuple(parameters), tuple(details))


def _details(parameter: torch.Tensor, located: bool) -> tuple[Any, ...]:
    version = 0 if parameter.is_inference() else parameter._version
    if not located:
        return version, parameter.dtype
    try:
        address = parameter.data_ptr()
    except RuntimeError:  # a quantised one that has no memory of its own
        address = 0
    return version, parameter.dtype, parameter.device, address
