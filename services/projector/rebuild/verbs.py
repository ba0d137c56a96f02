"""The operator's verbs: `rebuild run`, `compare`, `switch`, `back`, `status` and `drop`; see `docs/rebuild.md`."""

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
import uvloop

from services.projector.config import Config
from services.projector.rebuild import beside, report, structure
from services.projector.rebuild.config import RebuildConfig
from services.projector.rebuild.pacing import Pace
from services.projector.rebuild.session import Session, StoppedError, claimed, session
from services.projector.rebuild.stillness import NotStillError, Vector
from services.projector.rebuild.switching import NotAlikeError, ReadersError
from services.projector.rebuild.tables import LIVE, UnknownTablesError, present
from services.runtime.clock import Deadline, SystemClock
from services.runtime.config import ConfigError, load
from services.runtime.errors import Fatal, Poison, Transient
from services.runtime.leases import Lane
from services.runtime.lifecycle import Life, spare_the_collector
from services.runtime.postgres import Pool

_FAILURES: Final = (
    *(Transient, Poison, Fatal, StoppedError),
    *(NotStillError, NotAlikeError, ReadersError, UnknownTablesError),
)
_DRAIN_SECONDS: Final = 10.0
# A server that restarts is back by then; an address that is wrong is told soon enough.
_PATIENCE_SECONDS: Final = 60.0
_AGAIN_SECONDS: Final = 2.0
INTERRUPTED: Final = 130

Answer = dict[str, Any]


def rebuild(environ: Mapping[str, str], arguments: Sequence[str]) -> int:
    """Do what a verb says; returns the exit code: 0 done, 1 not done, 2 not understood, 130 stopped."""
    try:
        options = _parser().parse_args(arguments)
    except SystemExit as end:
        return int(end.code or 0)
    try:
        config = load(RebuildConfig, environ, LIVE, beside=[Config])
    except ConfigError as error:
        for problem in error.problems:
            _say(problem)
        return 2
    spare_the_collector()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            answer = runner.run(_run(config, options))
    except ExceptionGroup as group:
        causes = _causes(group)
        if not all(isinstance(one, _FAILURES) for one in causes):
            raise
        for one in causes:
            _say(str(one))
        return INTERRUPTED if any(isinstance(one, StoppedError) for one in causes) else 1
    lines = answer.pop("lines")
    if options.json:
        sys.stdout.write(orjson.dumps(answer).decode() + "\n")
    else:
        sys.stdout.write("\n".join(lines) + "\n")
    return 0


async def _run(config: RebuildConfig, options: argparse.Namespace) -> Answer:
    """Do it, and go on with it when PostgreSQL or Kafka was away, for a minute at the most."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    clock = SystemClock()
    patience = Deadline.after(clock, _PATIENCE_SECONDS)
    while True:
        begun = clock.monotonic()
        try:
            return await _attempt(config, options, stopping)
        except ExceptionGroup as group:
            if not all(isinstance(one, Transient) for one in _causes(group)):
                raise
            if clock.monotonic() - begun > _PATIENCE_SECONDS:
                patience = Deadline.after(clock, _PATIENCE_SECONDS)
            if options.verb in ("status", "drop") or patience.expired():
                raise
            _say(f"waiting: {_causes(group)[0]}")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_AGAIN_SECONDS):
                await stopping.wait()


async def _attempt(
    config: RebuildConfig, options: argparse.Namespace, stopping: asyncio.Event
) -> Answer:
    async with asyncio.TaskGroup() as tasks:
        life = Life("projector", tasks, _DRAIN_SECONDS)
        watch = tasks.create_task(_stop(life, stopping))
        try:
            return await _do(config, options, life)
        finally:
            life.stop()
            watch.cancel()


async def _stop(life: Life, stopping: asyncio.Event) -> None:
    await stopping.wait()
    life.stop()


async def _do(config: RebuildConfig, options: argparse.Namespace, life: Life) -> Answer:
    if options.verb == "status":
        return await _status(config)
    async with claimed(config) as owner:
        if options.verb == "drop":
            async with owner.acquire() as connection:
                dropped = await beside.drop(connection)
            told = "dropped" if dropped else "there was nothing beside"
            return {"dropped": dropped, "lines": [told]}
        known = await beside.state(owner)
        if options.verb == "run":
            known = await _made(owner, known)
        if known is None:
            raise Fatal("there is nothing beside: `rebuild run` makes it")
        models = await _chosen(owner, options.models)
        pace = Pace(rate=options.rate, behind_seconds=options.behind)
        async with session(config, owner, pace, life, _say, options.pause) as one:
            return await _with(one, options, known, models)


async def _with(
    one: Session, options: argparse.Namespace, known: beside.State, models: tuple[str, ...]
) -> Answer:
    match options.verb:
        case "back":
            if not known.switched:
                raise Fatal("nothing was switched that could be taken back")
            return _switched(await one.switch(known.models, back=True), known.models, back=True)
        case "switch":
            if known.indexed_at is None:
                raise Fatal("it is not finished: `rebuild run` goes on with it")
            return await _switch(one, options, known, models)
        case "run":
            await one.index()
            for line in _missing(one):
                _say(line)
        case _:
            pass
    answer = await _compare(one, options, models)
    if options.switch:
        for line in answer["lines"]:
            _say(line)
        switched = await _switch(one, options, known, models)
        answer |= switched | {"lines": answer["lines"] + switched["lines"]}
    return answer


async def _compare(one: Session, options: argparse.Namespace, models: tuple[str, ...]) -> Answer:
    vector, found = await one.compare(models, options.sample)
    refused = await one.refused()
    lines = [report.table(found)]
    lines += [
        f"left out, but not by live: {records:,} records, {reason}"
        for reason, records in refused.items()
    ]
    if one.left_out:
        lines.append(f"left out, as by live: {one.left_out:,} records")
    return {
        "same": all(each.same for each in found),
        "vector": _places(vector),
        "compared": report.shape(found),
        "refused": refused,
        "left_out_as_live": one.left_out,
        "truncated": _places(one.truncated()),
        "lines": lines,
    }


async def _switch(
    one: Session, options: argparse.Namespace, known: beside.State, models: tuple[str, ...]
) -> Answer:
    if known.switched:
        raise Fatal("it was switched already; `rebuild back` takes that back")
    if one.truncated() and not options.truncated:
        raise Fatal(
            "; ".join([*_missing(one), "--truncated, if it is to be switched all the same"])
        )
    return _switched(await one.switch(models, back=False), models, back=False)


def _switched(vector: Vector, models: tuple[str, ...], *, back: bool) -> Answer:
    lines = [f"switched{' back' if back else ''}: {', '.join(models)}"]
    if not back:
        lines.append(
            "what was live is kept for a day: `rebuild back` takes it back, `rebuild drop` drops it"
        )
    told = {"switched": list(models), "back": back, "switched_at": _places(vector)}
    return told | {"lines": lines}


async def _made(owner: Pool, known: beside.State | None) -> beside.State:
    """Make the tables beside, unless they are there; those of a switch whose day is over make room."""
    async with owner.acquire() as connection:
        if known is not None and known.switched:
            if not known.outdated:
                raise Fatal(
                    f"what was live before is kept beside until {known.kept_until:%Y-%m-%d %H:%M} UTC:"
                    " `rebuild back` takes it back, `rebuild drop` drops it"
                )
            await beside.drop(connection)
            _say("dropped what was live before its day was over")
            known = None
        if known is None:
            await beside.make(connection)
            _say("made the tables beside")
        else:
            _say("going on with what is beside")
        found = await beside.state(connection)
    if found is None:
        raise Fatal("what was beside is gone")
    return found


async def _chosen(owner: Pool, wanted: str) -> tuple[str, ...]:
    async with owner.acquire() as connection, connection.transaction():
        models = present((await structure.read(connection, LIVE)).tables)
    if not wanted:
        return models
    chosen = [name.strip() for name in wanted.split(",")]
    if unknown := sorted(set(chosen) - set(models)):
        raise Fatal(f"no read model {', '.join(unknown)}; there are {', '.join(models)}")
    return tuple(name for name in models if name in chosen)


async def _status(config: RebuildConfig) -> Answer:
    async with Pool(
        config.owner.owner_url, application="inkling-projector-rebuild", schema=LIVE, size=1
    ) as owner:
        known = await beside.state(owner)
        if known is None:
            return {"state": "none", "lines": ["there is nothing beside"]}
        places = await beside.places(owner)
        size = await owner.fetchval(beside.SQL["size"])
    state = "switched" if known.switched else "built" if known.indexed_at else "building"
    left = sum(max(0, (one.live or 0) - (one.beside or 0)) for one in places)
    told = {
        "state": state,
        "begun_at": known.begun_at.isoformat(),
        "switched_at": known.switched_at and known.switched_at.isoformat(),
        "kept_until": known.kept_until and known.kept_until.isoformat(),
        "models": list(known.models),
        "bytes": size,
        "behind_records": left,
    }
    lines = [
        f"{name:<15} {', '.join(value) if isinstance(value, list) else value}"
        for name, value in told.items()
        if value not in (None, [])
    ]
    return told | {"lines": lines}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m services.projector rebuild", description=__doc__
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="verb")
    for name, told in _VERBS.items():
        verb = verbs.add_parser(name, help=told, description=told)
        verb.add_argument("--json", action="store_true", help="write the result as JSON")
        verb.set_defaults(models="", switch=False, sample=0, truncated=False)
        if name in ("status", "drop"):
            continue
        verb.add_argument("--rate", type=_positive, help="records a second at most")
        verb.add_argument(
            "--behind",
            type=_positive,
            default=5.0,
            metavar="SECONDS",
            help="give way when live is further behind than this (5)",
        )
        verb.add_argument(
            "--pause",
            type=_positive,
            default=2.0,
            metavar="SECONDS",
            help="the longest that live may wait while both come to one place (2)",
        )
        if name != "back":
            verb.add_argument("--models", default="", metavar="A,B", help="only these read models")
        if name in ("run", "compare"):
            verb.add_argument("--sample", type=int, default=5, help="rows to show of each (5)")
        if name == "run":
            verb.add_argument("--switch", action="store_true", help="switch after comparing")
        if name in ("run", "switch"):
            verb.add_argument(
                "--truncated",
                action="store_true",
                help="switch although the log does not go back to its beginning",
            )
    return parser


_VERBS: Final = {
    "run": "make the read models anew beside the live ones, or go on with it, and compare",
    "compare": "compare live with what is beside, at one place of the log",
    "switch": "let what is beside be live, and keep what was live for a day",
    "back": "take a switch back",
    "status": "say what is beside",
    "drop": "drop what is beside",
}


def _positive(written: str) -> float:
    value = float(written)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("it must be more than 0")
    return value


def _missing(one: Session) -> list[str]:
    return [
        f"the log of {lane} begins at {at}: what lay before it cannot be made anew"
        for lane, at in one.truncated().items()
    ]


def _places(vector: Mapping[Lane, int]) -> dict[str, int]:
    return {str(lane): offset for lane, offset in vector.items()}


def _causes(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for one in group.exceptions:
        found += _causes(one) if isinstance(one, BaseExceptionGroup) else [one]
    return found


def _say(line: str) -> None:
    """Tell how it goes, where results do not go."""
    sys.stderr.write(f"projector: {line}\n")
    sys.stderr.flush()
