"""The solvers by name, and which one a model is painted with. Importing this module loads no torch."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from muralist.tools.errors import BadSettings

STABLE_DIFFUSION = ("StableDiffusionPipeline", "StableDiffusionXLPipeline")
NOISE = (*STABLE_DIFFUSION, "PixArtSigmaPipeline")
"""Pipelines that denoise by a noise schedule; all others follow a flow."""


@dataclass(frozen=True)
class Solver:
    """A scheduler's class in diffusers, and what is set besides the model's own configuration."""

    scheduler: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def is_by(self, scheduler: str, config: Mapping[str, Any]) -> bool:
        """Whether that class with that configuration is this solver."""
        return scheduler == self.scheduler and all(config.get(name) == value for name, value in self.options.items())


OWN = "own"
"""The model's own scheduler, whichever it is."""
DPM_2M = "dpm++2m"
FLOW = "flow-euler"
TRAILING = {"timestep_spacing": "trailing"}
SOLVERS = {
    DPM_2M: Solver("DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver++", "solver_order": 2}),
    "dpm++2m-karras": Solver(
        "DPMSolverMultistepScheduler",
        {"algorithm_type": "dpmsolver++", "solver_order": 2, "use_karras_sigmas": True},
    ),
    "dpm++2m-sde": Solver("DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver++", "solver_order": 2}),
    "ddim": Solver("DDIMScheduler"),
    "unipc": Solver("UniPCMultistepScheduler"),
    "euler-trailing": Solver("EulerDiscreteScheduler", TRAILING),
    "euler": Solver("EulerDiscreteScheduler"),
    "euler-ancestral-trailing": Solver("EulerAncestralDiscreteScheduler", TRAILING),
    "euler-ancestral": Solver("EulerAncestralDiscreteScheduler"),
    "lcm": Solver("LCMScheduler"),
    "tcd": Solver("TCDScheduler"),
    FLOW: Solver("FlowMatchEulerDiscreteScheduler"),
}
EDM = "EDM"
"""How schedulers are called whose noise is that of EDM (arXiv 2206.00364): no other solver knows it."""
DISTILLED = ("lcm", "tcd", "euler-trailing", "euler-ancestral-trailing")
"""With which few-step models are trained or published: no other solver gives their pictures."""


def check_solver(name: str) -> None:
    """Raise BadSettings if there is none of that name."""
    if name != OWN and name not in SOLVERS:
        raise BadSettings(f"there is no scheduler '{name}': choose {OWN}, {', '.join(SOLVERS)}")


def solver_of(pipeline: str, scheduler: str, config: Mapping[str, Any]) -> str:
    """What a model is painted with, by its pipeline's class and its scheduler's class and configuration.

    Its own scheduler if that is of a distilled kind or of EDM, or the pipeline is not of Stable Diffusion, else DPM++
    2M.
    """
    if scheduler.startswith(EDM):
        return OWN
    name = next((name for name in (*DISTILLED, FLOW) if SOLVERS[name].is_by(scheduler, config)), OWN)
    return DPM_2M if name == OWN and pipeline in STABLE_DIFFUSION else name


def with_solver(pipe: Any, name: str = "") -> Any:
    """The same pipeline with a fresh solver, for solvers remember their last steps. `name`: left out, `solver_of`.

    Raises BadSettings for a solver that is not there, or that the pipeline cannot be painted with.
    """
    import diffusers

    config, pipeline, scheduler = pipe.scheduler.config, type(pipe).__name__, type(pipe.scheduler).__name__
    known = solver_of(pipeline, scheduler, config)
    check_solver(name := name or known)
    own = copy.copy(pipe)
    if name == OWN or (name == known and name != DPM_2M):
        own.scheduler = type(pipe.scheduler).from_config(config)
        return own
    check_fits(name, pipeline, scheduler)
    chosen = SOLVERS[name]
    own.scheduler = getattr(diffusers, chosen.scheduler).from_config(config, **chosen.options)
    return own


def check_fits(name: str, pipeline: str, scheduler: str) -> None:
    """Raise BadSettings for a solver of noise schedules on a flow, the other way round, or any but EDM's own on EDM."""
    if name != OWN and scheduler.startswith(EDM):
        raise BadSettings(f"scheduler '{name}' does not fit the noise of an {scheduler}: choose {OWN}")
    if name != OWN and (name == FLOW) == (pipeline in NOISE):
        fitting = [each for each in SOLVERS if (each == FLOW) != (pipeline in NOISE)]
        raise BadSettings(f"scheduler '{name}' does not fit a {pipeline}: choose {OWN}, {', '.join(fitting)}")
