"""`quarantine list`, `show`, `redrive`, `give-up`: what an operator sees of records set aside and does about them."""

import argparse
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import orjson

from services.runtime.clock import SystemClock
from services.runtime.leases import Lane
from services.runtime.operator.command import Context, Service, perform
from services.runtime.operator.redriving import Outcome, Redriver, State
from services.runtime.operator.resuming import Refused
from services.runtime.operator.superseding import LaterInLog
from services.runtime.operator.tables import aligned, counted, instant, readable
from services.runtime.postgres import Queries, Row
from services.runtime.quarantine import restored

D = TypeVar("D")
_SQL: Final = Queries.load("services.runtime.operator", "quarantine.sql")
_EVERYTHING: Final = 2_000_000_000
_HEADS: Final = ("LANE", "OFFSET", "REASON", "SET ASIDE", "STATE", "TRIED", "BY", "DETAIL")
_STATES: Final = {"waiting": State.WAITING, "applied": State.APPLIED, "given-up": State.GIVEN_UP}


def quarantine(service: Service[D], environ: Mapping[str, str], arguments: Sequence[str]) -> int:
    """Do what a verb says; returns the exit code."""
    return perform(service, _parser(service), environ, arguments)


def _parser(service: Service[D]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m services.{service.name} quarantine",
        description="Records set aside because they could not be folded. See docs/lanes.md.",
    )
    verbs = parser.add_subparsers(required=True)
    listing = verbs.add_parser("list", help="which there are")
    _chosen(listing)
    listing.add_argument("--state", choices=(*_STATES, "any"), default="waiting")
    listing.add_argument("--limit", type=int, default=100)
    listing.add_argument("--json", action="store_true", help="for machines to read")
    listing.set_defaults(verb=_list)
    show = verbs.add_parser("show", help="one whole record, as JSON")
    show.add_argument("lane", metavar="LANE", help="topic/partition")
    show.add_argument("offset", type=int, metavar="OFFSET")
    show.set_defaults(verb=_show)
    redrive = verbs.add_parser("redrive", help="fold them now, each once")
    redrive.set_defaults(verb=_redrive, accept_late=False)
    give_up = verbs.add_parser("give-up", help="leave them for good; they stay to be seen")
    give_up.set_defaults(verb=_give_up)
    for changing in (redrive, give_up):
        _chosen(changing)
        changing.add_argument("--all", action="store_true", help="all that wait")
        changing.add_argument("--by", metavar="NAME", help="who decides this; by default $USER")
        changing.add_argument(
            "--dry-run", action="store_true", help="say what would become of them"
        )
        changing.add_argument("--json", action="store_true", help="for machines to read")
    if service.lateness:
        redrive.add_argument(
            "--accept-late", action="store_true", help="late hits too, which could count twice"
        )
    return parser


def _chosen(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--lane", metavar="LANE", help="topic/partition")
    parser.add_argument("--offset", type=int, metavar="OFFSET", help="one record of the lane")
    parser.add_argument("--reason", metavar="WORD")
    parser.add_argument("--since", type=_instant, metavar="TIME", help="set aside then or later")
    parser.add_argument("--until", type=_instant, metavar="TIME", help="set aside before")


def _instant(text: str) -> int:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time, such as 2026-01-31T12:00Z"
        ) from error
    aware = found if found.tzinfo else found.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1_000_000)


def _lane(text: str) -> Lane:
    topic, _, number = text.rpartition("/")
    if not (topic and number.isascii() and number.isdigit()):
        raise Refused("--lane", f"{text!r} is not topic/partition")
    return Lane(topic, int(number))


async def _found(context: Context[Any], state: State | None, limit: int) -> list[Row]:
    options = context.options
    if options.offset is not None and options.lane is None:
        raise Refused("--offset", "say of which --lane")
    where = (None, None) if options.lane is None else _lane(options.lane)
    filters = (options.offset, options.reason, options.since, options.until)
    return await context.pool.fetch(_SQL["find"], state, *where, *filters, limit)


async def _list(context: Context[Any]) -> int:
    state = None if context.options.state == "any" else _STATES[context.options.state]
    rows = await _found(context, state, context.options.limit)
    if context.options.json:
        shown = [{**row, "state": _named(row["state"])} for row in map(dict, rows)]
        sys.stdout.write(orjson.dumps({"records": shown}).decode() + "\n")
        return 0
    table = [
        (
            Lane(row["topic"], row["partition"]),
            *(row["record_offset"], row["reason"], instant(row["first_at"])),
            *(_named(row["state"]), row["attempts"], row["changed_by"], row["detail"][:80]),
        )
        for row in rows
    ]
    sys.stdout.write(aligned(_HEADS, table))
    return 0


async def _show(context: Context[Any]) -> int:
    lane = _lane(context.options.lane)
    row = await context.pool.fetchrow(_SQL["row"], *lane, context.options.offset)
    if row is None:
        raise Refused("OFFSET", f"{lane} has no record {context.options.offset} in quarantine")
    record = restored(row)
    shown = {
        "lane": str(lane),
        "offset": record.offset,
        "reason": row["reason"],
        "detail": row["detail"],
        "state": _named(row["state"]),
        "set_aside": instant(row["first_at"]),
        "tried": row["attempts"],
        "changed": instant(row["changed_at"]),
        "by": row["changed_by"],
        "timestamp_ms": row["timestamp_ms"],
        "key": readable(record.key),
        "headers": [[name, readable(value)] for name, value in record.headers],
        "value": readable(record.value),
    }
    sys.stdout.write(orjson.dumps(shown, option=orjson.OPT_INDENT_2).decode() + "\n")
    return 0


async def _chosen_lanes(context: Context[Any]) -> dict[Lane, list[int]]:
    options = context.options
    narrowed = (options.lane, options.reason, options.since, options.until)
    if not options.all and all(one is None for one in narrowed):
        raise Refused("--all", "say which records, or that you mean all of them")
    lanes: dict[Lane, list[int]] = {}
    for row in await _found(context, State.WAITING, _EVERYTHING):
        lanes.setdefault(Lane(row["topic"], row["partition"]), []).append(row["record_offset"])
    return lanes


def _redriver(context: Context[Any]) -> Redriver[Any]:
    service, options = context.service, context.options
    return Redriver(
        context.pool,
        service.name,
        service.fold(getattr(options, "accept_late", False)),
        LaterInLog(context.servers, service.compacted, SystemClock()),
        options.by,
        dry=options.dry_run,
    )


async def _redrive(context: Context[Any]) -> int:
    redriver, outcome = _redriver(context), Outcome()
    for lane, offsets in (await _chosen_lanes(context)).items():
        await redriver.run(lane, offsets, outcome)
    again = Counter(str(one.reason) for lane in outcome.refused.values() for one in lane)
    dry = context.options.dry_run
    if context.options.json:
        shown = {
            "dry_run": dry,
            "applied": {str(lane): offsets for lane, offsets in outcome.applied.items()},
            "superseded": {str(lane): offsets for lane, offsets in outcome.superseded.items()},
            "refused_again": dict(again),
        }
        sys.stdout.write(orjson.dumps(shown).decode() + "\n")
    else:
        told = "would be " if dry else ""
        sys.stdout.write(f"{told}applied: {outcome.total('applied')}\n")
        sys.stdout.write(
            f"{told}given up for a later record of the same key: {outcome.total('superseded')}\n"
        )
        sys.stdout.write(f"{told}refused again: {counted(again)}\n")
    return 0


async def _give_up(context: Context[Any]) -> int:
    redriver = _redriver(context)
    given = 0
    for lane, offsets in (await _chosen_lanes(context)).items():
        given += await redriver.give_up(lane, offsets)
    if context.options.json:
        shown = {"dry_run": context.options.dry_run, "given_up": given}
        sys.stdout.write(orjson.dumps(shown).decode() + "\n")
    else:
        told = "would be " if context.options.dry_run else ""
        sys.stdout.write(f"{told}given up: {given}\n")
    return 0


def _named(state: int) -> str:
    return next(name for name, known in _STATES.items() if known == state)
