"""Where a run stands, and what can be done with it next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from muralist.tools.errors import NotFound, StoreError
from muralist.tools.run import Run

if TYPE_CHECKING:
    from muralist.runs.service import RunService

SHORT = 8
"""Letters of an id that are shown, and enough to name a run by."""
State = Literal["open", "interrupted", "waiting for approval", "done", "failed", "stopped"]
ENDED: dict[str, State] = {"done": "done", "failed": "failed", "cancelled": "stopped"}


@dataclass(frozen=True)
class Standing:
    """`changed`: when it was last saved; `held`: somebody works on it; `waits`: for a person's decision; `lost`: ids of
    pictures that cannot be read; `adrift`: it was begun, and there are no checkpoints that it could go on from."""

    run: Run
    changed: datetime | None = None
    held: bool = False
    waits: bool = False
    lost: tuple[str, ...] = ()
    adrift: bool = False

    @property
    def state(self) -> State:
        """In a word. An open run that nobody works on was interrupted, unless an assistant may still go on with it."""
        if self.run.status != "open":
            return ENDED[self.run.status]
        if self.waits:
            return "waiting for approval"
        begun = self.run.scene is not None or self.run.source is not None
        by_hand = begun and not self.run.turns
        return "open" if self.held or by_hand else "interrupted"

    @property
    def resumable(self) -> bool:
        """Whether it can go on where it is."""
        return not self.held and not self.lost and not self.adrift and (self.run.status == "open" or self.run.paused)

    @property
    def next(self) -> list[str]:
        """The commands that lead on."""
        short = self.run.run_id[:SHORT]
        if self.held:
            return []
        if self.waits:
            return [f"muralist resume {short} --decide approve|reject|'respond: …'|edit:FILE"]
        if self.resumable:
            return [f"muralist resume {short}"]
        seed = max((each.seed for each in self.run.attempts), default=0) + 1
        if self.lost:
            return [f"muralist fork {short} --at plan --seed {seed}"]
        if self.adrift:
            return [f"muralist fork {short}"]
        if self.run.layout is None:
            return [f"muralist fork {short} --at start"]
        return [f"muralist fork {short} --seed {seed}"]


async def standing(service: RunService, run: Run, *, thorough: bool = True) -> Standing:
    """Look where a run stands; `thorough`: also whether its pictures and checkpoints can be read."""
    held = await service.store.held(run.run_id)
    changed = datetime.fromtimestamp(await service.store.changed_at(run.run_id)).astimezone()
    may_wait = run.status == "open" and run.options.approve and run.layout is not None and not held
    waits = may_wait and await _waits(service, run)
    begun = thorough and not held and (run.status == "open" or run.paused) and bool(run.turns)
    lost = [each.image_id for each in run.attempts if thorough and not await _readable(service, each.image_id)]
    return Standing(run, changed, held, waits, tuple(lost), begun and not await _kept(service, run))


async def _waits(service: RunService, run: Run) -> bool:
    """False if that cannot be read."""
    from muralist.painting import waits

    try:
        return await waits(service, run)
    except StoreError:
        return False


async def _kept(service: RunService, run: Run) -> bool:
    from muralist.runs.checkpoints import kept

    try:
        return await kept(service.home, run.run_id)
    except StoreError:
        return False


async def _readable(service: RunService, image_id: str) -> bool:
    try:
        await service.store.get_image(image_id)
    except (NotFound, StoreError):
        return False
    return True
