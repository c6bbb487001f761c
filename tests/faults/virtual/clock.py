"""Virtual time, and processes that live in it: each has its clock, may sleep and be killed.

A process with code of asyncio is a `Loop`, in which that code runs as it is.  What is to happen at
one moment happens in the order in which it was asked for, so a run follows from its seed.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import weakref
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any


class _Call:
    """What is called later; as `asyncio.Handle`, of which there are many, too."""

    __slots__ = ("_arguments", "_cancelled", "_what")

    def __init__(self, what: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self._what, self._arguments, self._cancelled = what, arguments, False

    def _run(self) -> None:
        self._what(*self._arguments)


class World:
    """Its time in seconds, and what happens next."""

    def __init__(self) -> None:
        self.now = 0.0
        self.wrong: list[str] = []
        self.steps = 0
        self._next: deque[tuple[Process, Any]] = deque()
        self._later: list[tuple[float, int, Process, Any]] = []
        self._count = itertools.count()

    def at(self, when: float, process: Process, what: Any) -> None:
        """Something of ``process`` at that time."""
        if when <= self.now:
            self._next.append((process, what))
        else:
            heapq.heappush(self._later, (when, next(self._count), process, what))

    def run(self, until: Callable[[], bool], limit: float, check: Callable[[], None]) -> bool:
        """Go on ``until`` something, with a check after each step; False: not before the limit."""
        while not until():
            while self._next:
                self._step(*self._next.popleft())
                check()
            if not self._later or self._later[0][0] > limit:
                return False
            self.now, _, process, what = heapq.heappop(self._later)
            self._step(process, what)
            check()
        return True

    def _step(self, process: Process, what: Any) -> None:
        if what._cancelled or not process.alive:
            return
        if process.asleep:
            process.held.append(what)
            return
        self.steps += 1
        asyncio._set_running_loop(process.loop)
        try:
            what._run()
        finally:
            asyncio._set_running_loop(None)


class Process:
    """Something that may be killed, and be put to sleep."""

    loop: asyncio.AbstractEventLoop | None = None

    def __init__(self, world: World, ahead_s: float = 0.0) -> None:
        """Its clock is ``ahead_s`` of the world's."""
        self.world, self.ahead_s = world, ahead_s
        self.alive, self.asleep = True, False
        self.held: list[Any] = []

    def time(self) -> float:
        return self.world.now + self.ahead_s

    def after(self, seconds: float, what: Callable[..., Any], *arguments: Any) -> None:
        self.world.at(self.world.now + seconds, self, _Call(what, arguments))

    def sleep(self, seconds: float) -> None:
        """SIGSTOP, or a lid that is shut; what would have happened happens when it wakes up."""
        if not self.asleep:
            self.asleep = True
            clock = Process(self.world)
            clock.after(seconds, self.wake)

    def wake(self) -> None:
        held, self.held, self.asleep = self.held, [], False
        for what in held:
            self.world.at(self.world.now, self, what)

    def kill(self) -> None:
        self.alive = False
        self.held.clear()


class Loop(Process, asyncio.AbstractEventLoop):
    """A process whose code is asyncio's."""

    def __init__(self, world: World, ahead_s: float, name: str) -> None:
        Process.__init__(self, world, ahead_s)
        self.loop, self.name = self, name
        self.tasks: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()

    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> asyncio.Handle:  # type: ignore[override]
        handle = asyncio.Handle(callback, args, self, context)
        if self.alive:
            self.world.at(self.world.now, self, handle)
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment]

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Any, *args: Any, context: Any = None
    ) -> Any:  # fmt: skip
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Any, *args: Any, context: Any = None
    ) -> Any:  # fmt: skip
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        if self.alive:
            self.world.at(when - self.ahead_s, self, handle)
        return handle

    def _timer_handle_cancelled(self, handle: Any) -> None:
        pass

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, **_: Any) -> asyncio.Task[Any]:
        task = asyncio.Task(coro, loop=self)
        self.tasks.add(task)
        return task

    def start(self, main: Coroutine[Any, Any, Any]) -> None:
        """Have it done as the process's main; an exception is an error of ours."""
        task = self.create_task(main)

        def ended(_: asyncio.Task[Any]) -> None:
            if not task.cancelled() and (error := task.exception()) is not None:
                self.world.wrong.append(f"{self.name} ended by {error!r}")

        task.add_done_callback(ended)

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]
        """After as long as the executor says; a moment where there is none."""
        future = self.create_future()

        def do() -> None:
            if future.cancelled():
                return
            try:
                future.set_result(func(*args))
            except Exception as error:
                future.set_exception(error)

        self.call_later(0.001 if executor is None else executor.seconds(*args), do)
        return future

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if self.alive:
            error = context.get("exception")
            self.world.wrong.append(f"{self.name}: {context.get('message')}: {error!r}")

    def kill(self) -> None:
        super().kill()
        for task in list(self.tasks):
            coroutine: Any = task.get_coro()
            coroutine.close()  # nothing of it is ever said
