"""`lanes`, `lanes resume`, `lanes halt`, `lanes gaps`: what an operator sees of lanes and does about them."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import orjson

from services.runtime.clock import SystemClock
from services.runtime.operator.command import Context, Service, perform
from services.runtime.operator.lanes import Lanes, LaneStand
from services.runtime.operator.logs import extents, logs_or_none, places
from services.runtime.operator.resuming import Way, Wish, around
from services.runtime.operator.tables import aligned, instant

D = TypeVar("D")
_HEADS = ("LANE", "OWNER", "EPOCH", "NEXT", "END", "LAG", "BEHIND", "HALTED SINCE", "WHY")


def lanes(service: Service[D], environ: Mapping[str, str], arguments: Sequence[str]) -> int:
    """Do what a verb says; returns the exit code."""
    return perform(service, _parser(service.name), environ, arguments)


def _parser(service: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m services.{service} lanes",
        description="Shows the lanes: partitions as this service reads them. See docs/lanes.md.",
    )
    parser.add_argument("--json", action="store_true", help="for machines to read")
    parser.set_defaults(verb=_show)
    verbs = parser.add_subparsers()
    resume = verbs.add_parser("resume", help="let a halted lane go on")
    _lane(resume)
    where = resume.add_mutually_exclusive_group()
    where.add_argument("--at", type=_offset, metavar="OFFSET", help="there")
    where.add_argument("--from-start", action="store_true", help="at the first record there is")
    where.add_argument(
        "--skip-to", type=_skipped, metavar="OFFSET|end", help="there, past what lies between"
    )
    resume.set_defaults(verb=_resume)
    halt = verbs.add_parser("halt", help="stop a lane until it is resumed")
    _lane(halt)
    halt.add_argument("--reason", default="", metavar="TEXT", help="for whoever finds it halted")
    halt.set_defaults(verb=_halt)
    gaps = verbs.add_parser("gaps", help="what was passed over and never folded")
    gaps.add_argument("lane", nargs="?", metavar="LANE", help="topic/partition")
    gaps.add_argument("--json", action="store_true", help="for machines to read")
    gaps.set_defaults(verb=_gaps)
    return parser


def _lane(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("lane", metavar="LANE", help="topic/partition")
    parser.add_argument("--by", metavar="NAME", help="who decides this; by default $USER")


def _offset(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is no offset")
    return int(text)


def _skipped(text: str) -> int | None:
    # An end that is known only later; argparse keeps None for what was not given.
    return -1 if text == "end" else _offset(text)


async def _show(context: Context[Any]) -> int:
    lanes = Lanes(context.pool, context.service.name)
    logs, trouble = await logs_or_none(context.servers, await lanes.known())
    found = await lanes.survey(logs)
    if context.options.json:
        shown = {"lanes": [one.shown() for one in found], "kafka": trouble or None}
        sys.stdout.write(orjson.dumps(shown).decode() + "\n")
    else:
        sys.stdout.write(aligned(_HEADS, map(_row, found)))
        if trouble:
            context.say(trouble)
    return 0


def _row(one: LaneStand) -> tuple[object, ...]:
    behind = None if one.behind_seconds is None else f"{one.behind_seconds:.0f} s"
    why = one.halted and f"{one.halted}: {one.detail or 'no more is known'}"
    stand = (one.lane, one.owner, one.epoch, one.next_offset, one.end, one.lag, behind)
    return (*stand, instant(one.halted_at), why)


async def _resume(context: Context[Any]) -> int:
    options = context.options
    lanes = Lanes(context.pool, context.service.name)
    lane = await lanes.parse(options.lane)
    wish = _wish(options)
    log, looked = None, None
    if wish.way is not Way.AS_IT_IS:
        log = (await extents(context.servers, [lane])).get(lane)
    if log is not None and lane.topic not in context.service.compacted:
        offsets = around(await lanes.stand(lane), log, wish)
        looked = await places(context.servers, lane, offsets, log, SystemClock())
    taken = await lanes.resume(lane, wish, log, options.by, looked)
    where = "where it stands" if taken.next_offset is None else f"at {taken.next_offset}"
    sys.stdout.write(f"{lane}: goes on {where}, within some seconds\n")
    if taken.gap is not None:
        first, after = taken.gap
        sys.stdout.write(
            f"{lane}: {first} up to {after - 1} are never folded; `lanes gaps` shows it\n"
        )
    return 0


def _wish(options: argparse.Namespace) -> Wish:
    if options.at is not None:
        return Wish(Way.AT, options.at)
    if options.from_start:
        return Wish(Way.FROM_START)
    if options.skip_to is not None:
        return Wish(Way.SKIP_TO, None if options.skip_to < 0 else options.skip_to)
    return Wish(Way.AS_IT_IS)


async def _halt(context: Context[Any]) -> int:
    lanes = Lanes(context.pool, context.service.name)
    lane = await lanes.parse(context.options.lane)
    await lanes.halt(lane, context.options.by, context.options.reason)
    sys.stdout.write(f"{lane}: stands still within some seconds; `lanes resume` lets it go on\n")
    return 0


async def _gaps(context: Context[Any]) -> int:
    lanes = Lanes(context.pool, context.service.name)
    lane = None if context.options.lane is None else await lanes.parse(context.options.lane)
    found = await lanes.gaps(lane)
    if context.options.json:
        shown = {"gaps": [one.shown() for one in found]}
        sys.stdout.write(orjson.dumps(shown).decode() + "\n")
        return 0
    rows = [
        (one.lane, one.from_offset, one.to_offset, one.reason, one.made_by, instant(one.made_at))
        for one in found
    ]
    sys.stdout.write(aligned(("LANE", "FROM", "UP TO", "REASON", "BY", "WHEN"), rows))
    return 0
