"""One contract for both front ends, on both loops: the same bytes in, the same bytes out, the same hit recorded."""

import asyncio
import re
from ipaddress import ip_network

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.tracker.entry import Entry, Waiter
from tests.support.journal import MemoryJournal
from tests.tracker.front.given import FRONT_ENDS, LOOPS, Say, on, opened, statuses
from tests.tracker.front.table import ANSWERED, HOST, KEEP, LINK, NOBODY, PIXEL, REFUSED, Case, get
from tests.tracker.given import Tracker

CASES = (*ANSWERED, *REFUSED)
LOCAL = ip_network("127.0.0.0/8")
# What aiohttp takes for a version of HTTP, it answers in.
_VERSION = re.compile(rb"(?m)^HTTP/[0-9]\.[0-9] 400 ")


class LateJournal(MemoryJournal):
    """Settles a moment later, as the real one does."""

    def write(self, entry: Entry, waiter: Waiter, *, filtered: bool = True) -> None:
        """Keep an entry."""
        self.held = True
        super().write(entry, waiter, filtered=filtered)
        asyncio.get_running_loop().call_soon(self.release)


async def played(
    say: Say, pieces: list[bytes], journal: MemoryJournal
) -> tuple[bytes, list[Entry]]:
    """Return what one front end answers to that, and what is recorded by then."""
    tracker = Tracker(journal=journal)
    async with opened(tracker, LOCAL) as public:
        answered = await say(public.port, pieces)
    assert public.traffic.open == 0
    assert journal.waiting() == 0
    return answered, journal.entries


def both(loop: str, pieces: list[bytes], late: bool) -> tuple[bytes, list[Entry]]:
    """Return what both front ends answer and record; it is the same."""
    small, other = (
        on(loop, played(say, pieces, LateJournal() if late else MemoryJournal()))
        for say in FRONT_ENDS.values()
    )
    assert _VERSION.sub(b"400 ", small[0]) == _VERSION.sub(b"400 ", other[0])
    assert small[1] == other[1]
    return small


@pytest.mark.parametrize(("loop", "late"), [("asyncio", False), ("uvloop", True)])
@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.name))
def test_both_answer_alike(loop: str, case: Case, late: bool) -> None:
    answered, recorded = both(loop, [case.sent], late)
    assert (statuses(answered), len(recorded)) == (case.statuses, case.hits)


SEQUENCES = st.lists(
    st.sampled_from(
        [
            get(),
            get(LINK),
            get(NOBODY),
            get(method=b"HEAD"),
            get(PIXEL, b"User-Agent: a", b"Range: bytes=0-0"),
            get(PIXEL, KEEP, version=b"1.0"),
            get(PIXEL, HOST),
            get(b"/nobody"),
            get(LINK, b"Content-Length: 1"),
            get(LINK, b"Expect: 100-continue"),
            b"\r\n",
            b"GET /o",
            get(PIXEL, b"X: y\nZ"),
        ]
    ),
    min_size=1,
    max_size=6,
).map(b"".join)


@pytest.mark.parametrize("loop", LOOPS)
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), sent=SEQUENCES, late=st.booleans())
def test_where_bytes_are_split_makes_no_difference(
    loop: str, data: st.DataObject, sent: bytes, late: bool
) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(sent)), max_size=8).map(sorted))
    pieces = [sent[a:b] for a, b in zip([0, *cuts], [*cuts, len(sent)], strict=True)]
    whole = both(loop, [sent], late)
    assert both(loop, pieces, late) == whole
