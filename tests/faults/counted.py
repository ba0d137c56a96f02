"""The same hits judged once more at public doors: mails go through the rewriter, and the projector counts."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from tests.faults.ground import Case
from tests.faults.traffic import known_mails
from tests.support import mails
from tests.support.doors import Doors

_MAILS = 60
_SECONDS = 60.0
_POLL_SECONDS = 0.5
Counts = Counter[tuple[str, int | None]]


@asynccontextmanager
async def _doors(case: Case) -> AsyncIterator[Doors]:
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        yield Doors(case.ground.stack, session, case.tenant)


async def use_mails(case: Case) -> None:
    """Have the hits of this case be of mails that the rewriter followed, many of each."""
    await asyncio.to_thread(case.ground.stack.start_service, "rewriter")
    try:
        async with _doors(case) as doors:
            mailed = [
                await doors.mail(mails.mail(to=[mails.recipient(number)]))
                for number in range(_MAILS)
            ]
    finally:
        await asyncio.to_thread(case.ground.stack.stop_service, "rewriter")
    case.hits = known_mails(mailed, case.tenant, case.ground.seed)


async def count(case: Case) -> str:
    """Hold what the projector counts against what lies in the log, each event of it once."""
    wanted: Counts = Counter()
    for copies in case.reading.found.values():
        for event_id in {copy.event_id for copy in copies}:
            one = next(copy for copy in copies if copy.event_id == event_id)
            wanted[one.message_id, one.link] += 1
    await asyncio.to_thread(case.ground.stack.start_service, "projector")
    try:
        async with _doors(case) as doors:
            counted = await _counts(doors, await _caught_up(doors, wanted.total()))
    finally:
        await asyncio.to_thread(case.ground.stack.stop_service, "projector")
    differences = {part for part in wanted | counted if wanted[part] != counted[part]}
    if differences:
        case.broken.append(
            f"the projector counts {counted.total()} for {wanted.total()}, "
            f"{len(differences)} figures differ"
        )
    return f"the projector counts {counted.total()}"


async def _caught_up(doors: Doors, wanted: int) -> list[Any]:
    """Return what the projector says of the messages once it has counted all, or gets no further."""
    rows: list[Any] = []
    further = time.monotonic()
    while time.monotonic() < further + _SECONDS:
        before, rows = _total(rows), await doors.all("projector", "/v1/messages")
        if _total(rows) >= wanted:
            break
        if _total(rows) > before:
            further = time.monotonic()
        await asyncio.sleep(_POLL_SECONDS)
    return rows


def _total(rows: list[Any]) -> int:
    return sum(row["opens"]["count"] + row["clicks"]["count"] for row in rows)


async def _counts(doors: Doors, rows: list[Any]) -> Counts:
    counted: Counts = Counter()
    for row in rows:
        counted[row["id"], None] = row["opens"]["count"]
        for link in (await doors.get("projector", f"/v1/messages/{row['id']}/links"))["data"]:
            if link["followed"]:
                counted[row["id"], link["index"]] = link["clicks"]["count"]
    return counted
