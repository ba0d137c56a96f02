"""Mints the event of a hit, as the log will hold it: the id and the time are given here and never change again.

Runs for each hit, so it writes the JSON and the attributes itself instead of going through `schemas.codec`; that
both say the same is a law with a test (`tests/tracker/test_mint.py`).
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

import orjson

from schemas import envelope, identity, instant
from schemas.envelope import Headers
from schemas.identity import Tenant
from schemas.instant import Instant
from schemas.token import Seen
from services.runtime.clock import Clock
from services.tracker import hits
from services.tracker.entry import Entry
from services.tracker.hits import Hit

Entropy = Callable[[int], bytes]

# One call to the kernel serves this many ids.
_IDS_AT_A_TIME: Final = 256
_DIGITS: Final = 2 * identity.ENTROPY_BYTES
_TOLD: Final = len(Hit._fields) - 1
"""How many fields of a hit go into the event; the trace parent goes beside it."""
_REMEMBERED: Final = 4096
_REMEMBERED_BYTES: Final = 768
_BELOW: Final = len("000Z")
"""What of a time stands behind its milliseconds."""
_MICROSECONDS: Final = tuple(f"{number:03d}Z".encode() for number in range(1000))

_Told = tuple[str | None, ...]


class Mint:
    """Makes entries for the journal out of verified tokens and hits."""

    def __init__(self, edge: str, clock: Clock, entropy: Entropy) -> None:
        self._edge: Final = edge
        self._clock: Final = clock
        self._entropy: Final = entropy
        self._tails: list[bytes] = []
        self._milliseconds = -1
        self._id_head = b""
        self._time_head = b""
        # A few programs in a few networks send many requests.
        self._facts: Final[dict[_Told, bytes]] = {}
        fixed = (*envelope.FIXED, ("ce_source", f"/tracker/{edge}".encode()))
        self._opened: Final = (*fixed, ("ce_type", b"message.opened.v1"))
        self._clicked: Final = (*fixed, ("ce_type", b"link.clicked.v1"))
        self._viewed: Final = (*fixed, ("ce_type", b"attachment.viewed.v1"))

    def opened(self, seen: Seen, hit: Hit) -> Entry:
        """State that the pixel of a mail was requested."""
        return self._entry(self._opened, seen, hit, "")

    def clicked(self, seen: Seen, hit: Hit) -> Entry:
        """State that a link was requested; the token of a link has a number."""
        return self._entry(self._clicked, seen, hit, f'"link_index":{seen.part},')

    def viewed(self, seen: Seen, hit: Hit) -> Entry:
        """State that a followed file was requested; the token of a file has a number."""
        return self._entry(self._viewed, seen, hit, f'"attachment_index":{seen.part},')

    def _entry(self, fixed: Headers, seen: Seen, hit: Hit, part: str) -> Entry:
        milliseconds, microseconds = divmod(self._clock.now(), 1000)
        if milliseconds != self._milliseconds:
            self._tick(milliseconds)
        tenant, raw, refs, _, _, _ = seen
        digits = raw.hex()
        message = f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
        ref = refs[0] if len(refs) == 1 else '","'.join(refs)
        # Of what stands before the facts, nothing needs to be escaped.
        head = f'{{"message_id":"{message}","refs":["{ref}"],{part}'
        told = hit[:_TOLD]
        headers = (
            *fixed,
            ("ce_id", self._id_head + (self._tails or self._refilled()).pop()),
            _of_tenant(tenant),
            ("ce_time", self._time_head + _MICROSECONDS[microseconds]),
        )
        if hit.traceparent is not None:
            headers += _trace(hit.traceparent)
        value = head.encode() + (self._facts.get(told) or self._facts_of(told))
        # its own __new__ would cost three times as much
        return tuple.__new__(Entry, (tenant, message.encode(), value, headers))

    def _tick(self, milliseconds: int) -> None:
        """Write what all events of a millisecond have in common, of which there are dozens under load."""
        self._milliseconds = milliseconds
        self._id_head = identity.uuid7_head(milliseconds).encode()
        self._time_head = instant.text(Instant(milliseconds * 1000))[:-_BELOW].encode()

    def _refilled(self) -> list[bytes]:
        """Write the random parts of the next ids."""
        digits = self._entropy(_IDS_AT_A_TIME * identity.ENTROPY_BYTES).hex()
        starts = range(0, len(digits), _DIGITS)
        self._tails = [identity.uuid7_tail(digits[at : at + _DIGITS]).encode() for at in starts]
        self._tails.reverse()  # they are taken from the end
        return self._tails

    def _facts_of(self, told: _Told) -> bytes:
        """Write what the headers tell, and remember it where it is short: strangers decide how long it is."""
        facts = _written(self._edge, told)
        if len(facts) <= _REMEMBERED_BYTES:
            if len(self._facts) >= _REMEMBERED:
                del self._facts[
                    next(iter(self._facts))
                ]  # the oldest; what comes often is soon back
            self._facts[told] = facts
        return facts


def _written(edge: str, told: _Told) -> bytes:
    """Write what the headers tell, as the rest of a JSON object."""
    hit = Hit(*told)  # type: ignore[arg-type]  # the method is first and always there
    facts = {
        "method": hit.method,
        "edge": edge,
        "user_agent": hits.cleaned(hit.user_agent or "", hits.USER_AGENT_CHARACTERS),
    }
    if hit.network is not None:
        facts["network"] = hit.network
    if hit.language:
        facts["language"] = hits.cleaned(hit.language, hits.LANGUAGE_CHARACTERS)
    for name in ("purpose", "sec_purpose", "range"):
        if header := getattr(hit, name):
            facts[name] = hits.cleaned(header, hits.HINT_CHARACTERS)
    return orjson.dumps(facts)[1:]


@lru_cache(maxsize=4096)
def _of_tenant(tenant: Tenant) -> tuple[str, bytes]:
    return "ce_tenant", tenant.encode("ascii")


def _trace(header: str) -> Headers:
    parent = hits.traceparent(header)
    return () if parent is None else (("traceparent", parent.encode()),)
