"""A process that paints in block world and kills itself at the n-th of something that happens in it.

`python mortal.py HOME POINT N [RUN]`: draws, or resumes RUN, and prints the SHA-256 and what was used. POINT is
`node` (before a node), `save` (before a save of the ledger), `stored` (after a picture is stored), `judged` (after an
inspector has answered), `step` (a denoising step), or `never`. What is counted across processes is in HOME/counts.
With `PRICED` in the environment, a picture is paid for; then `judged` comes after each is paid, too.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from block_world import BlockInspector, BlockPainter

from muralist.runs.plugs import Plugs
from muralist.runs.step import Step
from muralist.storage import FileStore
from muralist.tools.abilities import Abilities
from muralist.tools.metering import Spending, spend
from muralist.tools.ports import PaintSpec

PROMPT = "a red cup to the left of a blue book, and a green apple"


class Death:
    """Kills the process the n-th time that it comes to the point."""

    def __init__(self, point: str, number: int, how: signal.Signals = signal.SIGKILL) -> None:
        self.point = point
        self.left = number
        self.how = how

    def at(self, point: str) -> None:
        if point == self.point:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), self.how)


def counted(home: Path, what: str) -> None:
    """A line per effect, which a killed process has written, too."""
    with (home / "counts").open("a", encoding="utf-8") as file:
        file.write(f"{what}\n")


def install(home: Path, death: Death) -> dict[str, Any]:
    """Painter and inspector that are counted, and a store and a graph in which one can die."""
    from muralist.graphs import working

    class Painter(BlockPainter):
        abilities = Abilities(metered="PRICED" in os.environ)

        async def paint(self, spec: PaintSpec, on_step: Any, cancel: Any) -> Any:
            def step(number: int, steps: int) -> None:
                on_step(number, steps)
                death.at("step")

            picture = await super().paint(spec, step, cancel)
            counted(home, "painted")
            if self.abilities.metered:
                spend(Spending(calls=1, money=0.25))
            return picture

    class Inspector(BlockInspector):
        async def inspect(self, *args: Any) -> Any:
            answers = await super().inspect(*args)
            counted(home, "inspected")
            return answers

    put, record, save, enter = FileStore.put_image, FileStore.record, Step.save, working.working

    async def put_image(self: FileStore, *args: Any) -> str:
        image_id = await put(self, *args)
        death.at("stored")
        return image_id

    async def recorded(self: FileStore, *args: Any) -> None:
        await record(self, *args)
        death.at("judged")

    async def saved(self: Step, *args: Any, **named: Any) -> Any:
        death.at("save")
        run = await save(self, *args, **named)
        death.at("saved")
        return run

    def entered(*args: Any, **named: Any) -> Any:
        death.at("node")
        return enter(*args, **named)

    FileStore.put_image = put_image  # type: ignore[method-assign]
    FileStore.record = recorded  # type: ignore[method-assign]
    Step.save = saved  # type: ignore[method-assign]
    for module in (working, *(sys.modules[name] for name in ("muralist.graphs.rpg",))):
        module.working = entered  # type: ignore[attr-defined]
    return {"painter": Painter(faults={0: [1], 1: [0]}), "inspector": Inspector()}


def plugs_of(parts: dict[str, Any]) -> Plugs:
    return Plugs(**parts)


def main() -> None:
    home, point, number, *run = sys.argv[1:]
    import muralist.painting

    parts = install(Path(home), Death(point, int(number)))
    told = {"home": home, "steps": 3, **parts}

    async def work() -> Any:
        def first(event: Any) -> None:
            if event.kind == "opened":
                print(event.run_id, flush=True)

        if run:
            return await muralist.aresume(run[0], **told)
        return await muralist.adraw(PROMPT, seed=0, on_event=first, **told)

    result = asyncio.run(work())
    used = result.run.usage.model_dump(exclude={"seconds"})
    digest = hashlib.sha256(result.image.tobytes()).hexdigest()
    print(json.dumps({"sha256": digest, "usage": used, "attempts": len(result.attempts), "reason": result.reason}))


if __name__ == "__main__":
    main()
