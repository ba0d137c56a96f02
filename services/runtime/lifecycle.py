"""How a process starts, waits to be stopped, drains inside one deadline, and with what it exits.

Exit codes: 0 stopped when asked, 1 failed, 2 refused its configuration, 130 told to stop twice.
The only file that catches every exception.
"""

import asyncio
import faulthandler
import gc
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from types import FrameType
from typing import Any, Final, NoReturn, Protocol, TypeVar

import uvloop

from services.runtime import log as logs
from services.runtime.clock import Clock, Deadline, SystemClock
from services.runtime.config import ConfigError, ProcessConfig, load
from services.runtime.errors import Fatal

C = TypeVar("C", bound="Configured")
T = TypeVar("T")
Check = Callable[[], str | None]

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
# What a drain may overrun before the process is ended from outside the event loop, with a trace
# of where it hangs: a step that swallows its cancellation must not live for ever.
_OVERRUN_SECONDS: Final = 2.0

# Of the youngest objects, and of the collections of each generation.
_COLLECT_AFTER: Final = (50_000, 20, 50)

log = logs.get_logger(__name__)


class Refused(Fatal):
    """The configuration cannot be used after all: exit with 2, as when it could not be read."""


class Configured(Protocol):
    """A service's configuration: it says, among other things, how the process behaves."""

    @property
    def process(self) -> ProcessConfig:
        """How much the process says and how long it may take to stop."""
        ...


class ReadinessChecks:
    """What must hold for this process to be sent work, by name."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}

    def add(self, name: str, check: Check) -> None:
        """Register a check: it answers at once, with None or with what is wrong."""
        if name in self._checks:
            raise ValueError(f"there is a check named {name} already")
        self._checks[name] = check

    def problems(self) -> dict[str, str | None]:
        """Ask every check; None means all is well with it."""
        return {name: check() for name, check in self._checks.items()}


class Life:
    """One run of a process: its clock, its tasks, and whether it is being stopped.

    A task that fails takes the process down. Those in `tasks` are cancelled once the service has
    closed; one that must finish by itself when `stopping` is set belongs in a task group that the
    service opens around its `yield`. `deadline` is set with `stopping`, for all steps of the drain.
    """

    def __init__(self, service: str, tasks: asyncio.TaskGroup, drain_seconds: float) -> None:
        self.service: Final = service
        self.tasks: Final = tasks
        self.clock: Final[Clock] = SystemClock()
        self.stopping: Final = asyncio.Event()
        self.checks: Final = ReadinessChecks()
        self.deadline: Deadline | None = None
        # What is still done when we are told to stop twice; it must not block and not raise.
        self.at_once: Callable[[], None] = lambda: None
        self._drain_seconds = drain_seconds

    def stop(self) -> None:
        """Begin the drain; the second time nothing happens."""
        if self.deadline is None:
            self.deadline = Deadline.after(self.clock, self._drain_seconds)
            self.stopping.set()

    def remaining(self) -> float:
        """Return the seconds that a closing step may take, whether or not we were asked to stop."""
        return self._drain_seconds if self.deadline is None else self.deadline.remaining()


Build = Callable[[C, Life], AbstractAsyncContextManager[None]]


def run(
    service: str,
    config_type: type[C],
    build: Build[C],
    environ: Mapping[str, str],
    beside: Collection[type[Any]] = (),
) -> NoReturn:
    """Run a service until it is told to stop, then exit with the code that says how it went."""
    live(service, configured(service, config_type, environ, beside), build)


def configured(
    service: str,
    config_type: type[C],
    environ: Mapping[str, str],
    beside: Collection[type[Any]] = (),
) -> C:
    """Read a service's configuration, or tell every problem with it and exit with 2."""
    try:
        return load(config_type, environ, service, beside)
    except ConfigError as error:
        for problem in error.problems:
            sys.stderr.write(f"{service}: {problem}\n")
        sys.exit(2)


def live(
    service: str, config: C, build: Build[C], told: Mapping[str, object] | None = None
) -> NoReturn:
    """Run a service that is configured, as `run` does; `told` stands on each line of its log."""
    logs.configure(service, config.process.log_level, always=told)
    faulthandler.enable()
    spare_the_collector()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        code = runner.run(_survive(service, config, build))
    faulthandler.cancel_dump_traceback_later()
    sys.exit(code)


def spare_the_collector() -> None:
    """Have the collector of cycles look less often, and never at what was there before the work begins.

    What passes through is records, rows and answers by the thousand, which hold each other in no cycle. At Python's own
    thresholds the collector took 11 % of what a projector works while it folds, to free nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)


async def contain(awaitable: Awaitable[T], on_error: Callable[[Exception], T]) -> T:
    """Await, and let `on_error` answer for any failure: for doors, which must always answer."""
    try:
        return await awaitable
    except Exception as error:  # noqa: BLE001 a door answers 500 and logs; see the module
        return on_error(error)


async def _survive(service: str, config: C, build: Build[C]) -> int:
    asyncio.get_running_loop().set_exception_handler(_log_lost_error)
    try:
        return await _live(service, config, build)
    except Exception as error:  # noqa: BLE001 turned into the exit code; see the module
        causes = list(_causes(error))
        for cause in causes:
            if isinstance(cause, Fatal):
                log.error("fatal", reason=str(cause))
            else:
                log.error("crashed", exception=cause)
        return 2 if all(isinstance(cause, Refused) for cause in causes) else 1


class _Stopped(Exception):
    """Ends the task group, and with it the tasks that outlived the service."""


async def _live(service: str, config: C, build: Build[C]) -> int:
    code = 1
    try:
        async with asyncio.TaskGroup() as tasks:
            code = await _serve(Life(service, tasks, config.process.drain_seconds), config, build)
            raise _Stopped
    except* _Stopped:
        pass
    return code


async def _serve(life: Life, config: C, build: Build[C]) -> int:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    guard = asyncio.timeout(None)
    serving = _Serving(life, guard)
    for number in _SIGNALS:
        loop.add_signal_handler(number, serving.on_signal, number)
    stopped_by_itself = life.tasks.create_task(serving.drain_when_stopping(), name="stopping")
    try:
        async with guard, build(config, life):
            serving.started = True
            log.info("started", seconds=round(loop.time() - begun, 3))
            try:
                await life.stopping.wait()
            finally:
                serving.drain()
    except TimeoutError:
        if not guard.expired():
            raise
        if serving.started:
            log.error("drain_incomplete")
            return 1
    finally:
        stopped_by_itself.cancel()
        faulthandler.dump_traceback_later(life.remaining() + _OVERRUN_SECONDS, exit=True)
    log.info("stopped")
    return 0


class _Serving:
    """Turns a signal into a drain, and the drain into a time limit for the whole service."""

    def __init__(self, life: Life, guard: asyncio.Timeout) -> None:
        self._life = life
        self._guard = guard
        self._draining = False
        self.started = False

    def on_signal(self, number: signal.Signals) -> None:
        for again in _SIGNALS:
            asyncio.get_running_loop().remove_signal_handler(again)
            signal.signal(again, self._exit_at_once)
        log.info("stopping", signal=number.name)
        self.drain()

    async def drain_when_stopping(self) -> None:
        await self._life.stopping.wait()
        self.drain()

    def drain(self) -> None:
        life = self._life
        if not self._draining:
            self._draining = True
            life.stop()
            # before the start is complete nothing was accepted, so there is nothing to finish
            seconds = life.remaining() if self.started else 0.0
            self._guard.reschedule(asyncio.get_running_loop().time() + seconds)
            faulthandler.dump_traceback_later(life.remaining() + _OVERRUN_SECONDS, exit=True)

    def _exit_at_once(self, number: int, frame: FrameType | None) -> None:
        self._life.at_once()
        os._exit(130)


def _causes(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _causes(one)
    else:
        yield error


def _log_lost_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    log.error("error_without_owner", exception=context.get("exception"), what=context["message"])
