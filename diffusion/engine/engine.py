"""The engine: one thread that owns one backbone, and a queue of pictures before it."""

from __future__ import annotations

import contextlib
import logging
import math
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, InvalidStateError, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from PIL import Image

from muralist.diffusion.backbone import load
from muralist.diffusion.loading_ladder import LoadingPlan, plan_of
from muralist.tools.device_health import check_device, is_fatal, lost
from muralist.tools.device_memory import MEMORY, bytes_on, empty_cache
from muralist.tools.errors import BackboneError, Busy
from muralist.tools.painting_settings import PaintingSettings

from . import settings as environment
from .request import Request
from .settings import EngineSettings
from .threads import set_threads

if TYPE_CHECKING:
    from .batch import Batch

Size = tuple[int, int]
log = logging.getLogger(__name__)


class Engine:
    """Paints requests in the order in which they come; the backbone is loaded for the first, and kept until idle.

    One by one (`settings.batch` 1, the default) equal requests give equal bytes. Otherwise pictures of one size are
    painted together, if the backbone is of the Stable Diffusion family: a request joins before the next step, and
    comes out within 1e-4 (before quantisation) of what it would be alone. The head of the queue is never overtaken: one
    of another size waits until the batch is through, and who comes after it waits as well.

    Of the process's memory it is one `Holder`: other models make room for it, and it for them while nothing is painted.
    Once its device is lost it paints nothing more.
    """

    def __init__(
        self,
        backbone: str,
        settings: EngineSettings | None = None,
        loader: Callable[[str], Any] | None = None,
        painting: PaintingSettings | None = None,
    ) -> None:
        self.backbone = backbone
        self.painting = painting or PaintingSettings()
        self.plan: LoadingPlan | None = None
        """How the backbone was loaded last."""
        self.settings = settings or environment.load()
        self.relieved: list[str] = []
        """What was done for want of memory; it may change a picture's bytes."""
        self._loader = loader or (lambda name: load(name, self.painting))
        self._pipe: Any = None
        self._device: str | None = None
        """What it was loaded for last."""
        self._at_work = False
        self._waiting: deque[Request] = deque()
        self._releases = 0
        """That are due; meanwhile nobody joins a batch, or it might never end."""
        self._lock = threading.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"painter-{backbone}")
        self._alarm = threading.Timer(0, lambda: None)

    @property
    def loaded(self) -> bool:
        """Whether the backbone is in memory."""
        return self._pipe is not None

    def submit(self, request: Request) -> Future[Image.Image]:
        """Queue up; the future gets the picture or the error, and can be cancelled until the picture is begun.

        Raises Busy if the queue is full.
        """
        with self._lock:
            self._waiting = deque(each for each in self._waiting if not each.future.cancelled())
            if len(self._waiting) >= self.settings.queue:
                raise Busy(
                    f"the painter is busy: {len(self._waiting)} pictures are waiting, and no more may; try again "
                    "later, or allow more with MURALIST_QUEUE"
                )
            self._alarm.cancel()
            self._thread.submit(self._work)
            self._waiting.append(request)
        return request.future

    def release(self) -> Future[None]:
        """Unload the backbone, once what is queued by now is painted, so that others can use its memory."""
        with self._lock:
            self._releases += 1
            return self._thread.submit(self._release)

    @property
    def name(self) -> str:
        """The backbone's, as a `Holder`."""
        return self.backbone

    def held(self, device: str) -> int:
        """Bytes of its weights on that device."""
        pipe = self._pipe
        parts = [] if pipe is None else [part for part in pipe.components.values() if hasattr(part, "parameters")]
        return bytes_on(device, parts)

    def needs(self, device: str) -> int:
        """Nothing: it is loaded when it is its turn, and decides then how."""
        return 0

    def unload(self, wait: bool) -> bool:
        """Unload the backbone, unless there is anything to paint; it waits for no picture in any case."""
        with self._lock:
            if self._at_work or self._waiting:
                return False
            unloaded = self._thread.submit(self._unload)
        unloaded.result()
        return True

    def _work(self) -> None:
        """On the thread, once for each request: paint the one whose turn it is, unless a batch took it along."""
        if (request := self._next()) is not None:
            self._answer(request, self._begun)
        with self._lock:
            self._at_work = False
            if not self._waiting:
                self._alarm.cancel()
                self._alarm = threading.Timer(min(self.settings.idle, threading.TIMEOUT_MAX), self._rest)
                self._alarm.daemon = True
                self._alarm.start()

    def _next(self) -> Request | None:
        """The request whose turn it is; None if nobody waits."""
        with self._lock:
            while self._waiting:
                request = self._waiting.popleft()
                if not request.future.cancelled():
                    self._at_work = True
                    return request
            return None

    def _joining(self, batch: Batch, size: Size) -> Iterator[Request]:
        """Those whose turn it is, and who may join the batch."""
        while len(batch.running) < self.settings.batch:
            with self._lock:
                if self._releases or not self._waiting or self._waiting[0].size != size:
                    return
                request = self._waiting.popleft()
            if request.future.set_running_or_notify_cancel():
                yield request

    def _begun(self, request: Request) -> Image.Image | None:
        """Paint it, alone or with those who join; None if it has been answered already."""
        request.check("before the picture was begun")
        check_device(self._device or "")
        MEMORY.used(self)
        if self._pipe is None:
            self._pipe = self._loader(self.backbone)
            self._device = str(self._pipe._execution_device).removesuffix(":0")
            self.plan = plan_of(self._pipe)
        elif self.plan is not None and self.plan.rung != "full":  # what others took meanwhile
            MEMORY.make_room(str(self._device), self.plan.peak, self, wait=True)
        set_threads(self.backbone, self._pipe)
        if not request.future.set_running_or_notify_cancel():  # cancelled while the backbone was loaded
            return None
        if self.settings.batch > 1:
            from .batch import can_batch

            if can_batch(self._pipe):
                self._together(request)
                return None
        return self._alone(request)

    def _alone(self, request: Request) -> Image.Image:
        """Paint one picture, with less and less memory if need be, once others have given theirs."""
        from .memory import is_out_of_memory, relieve, unrelieve
        from .picture import paint

        others = False
        while True:
            check_device(self._device or "")
            try:
                solver = self.painting.scheduler or ""
                return paint(self._pipe, request.spec, request.after_step, solver=solver, placement=request.placement)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
            # Only here, without the error and all that its traceback holds, is the memory free again.
            if not others:
                others = True
                if MEMORY.make_room(str(self._device), math.inf, self, wait=True):
                    continue
            relief = relieve(self._pipe, self.relieved)
            if relief is None:
                unrelieve(self._pipe, self.relieved)  # it did not help, and others may be smaller
                raise BackboneError(
                    f"backbone '{self.backbone}' ran out of memory at {request.spec.width}x{request.spec.height}: "
                    "choose a smaller size"
                )
            self.relieved.append(relief)

    def _together(self, first: Request) -> None:
        """Paint a batch, from its first request until it is empty; who runs out of memory is painted alone then."""
        from .batch import open_batch
        from .memory import is_out_of_memory

        short: list[Request] = []
        with open_batch(self._pipe, self.painting.scheduler or "") as batch:
            try:
                batch.add(first)
                while batch.running:
                    check_device(self._device or "")
                    if not short:  # who is short is not to wait for ever
                        for request in self._joining(batch, first.size):
                            batch.add(request)
                    short += self._left(batch)
                    batch.step()
                    short += self._left(batch)
            except BaseException as error:
                if is_out_of_memory(error):
                    short += [each.request for each in batch.running]
                else:
                    for each in batch.running:
                        each.request.future.set_exception(self._told(error))
        for request in short:
            self._answer(request, self._alone)

    def _left(self, batch: Batch) -> list[Request]:
        """Answer those who are done; return those that memory ran out for."""
        from .memory import is_out_of_memory

        short = []
        for each in batch.pop_finished():
            try:
                picture = each.coroutine.result()
            except BaseException as error:
                if is_out_of_memory(error):
                    short.append(each.request)
                else:
                    each.request.future.set_exception(self._told(error))
            else:
                each.request.future.set_result(picture)
        return short

    def _answer(self, request: Request, paint: Callable[[Request], Image.Image | None]) -> None:
        """Give the future what `paint` gives or raises."""
        try:
            picture = paint(request)
        except BaseException as error:
            try:
                request.future.set_exception(self._told(error))
            except InvalidStateError:  # cancelled before it was begun, or, as the first of a batch, answered long ago
                log.exception("nobody waits for this picture any more")
        else:
            if picture is not None:
                request.future.set_result(picture)

    def _told(self, error: BaseException) -> BaseException:
        """The error, or if the device is lost, one that says so; then the backbone is gone, too."""
        if not is_fatal(error):
            return error
        self._pipe = None
        return lost(self._device or self.painting.device or "cuda", error)

    def _rest(self) -> None:
        """On the alarm's thread: nothing was asked for in a while."""
        with contextlib.suppress(RuntimeError):  # the interpreter is shutting down
            self._thread.submit(lambda: None if self._waiting else self._unload())

    def _release(self) -> None:
        try:
            self._unload()
        finally:
            with self._lock:
                self._releases -= 1

    def _unload(self) -> None:
        if self._pipe is not None:
            self._pipe = None
            self.relieved.clear()
            empty_cache()
