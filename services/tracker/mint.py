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
_CACHED_CHARACTERS: Final = 512
_BELOW: Final = len("000Z")
"""What of a time stands behind its milliseconds."""


class Mint:
    """Makes entries for the journal out of verified tokens and hits."""

    def __init__(self, edge: str, clock: Clock, entropy: Entropy) -> None:
        self._edge: Final = edge
        self._clock: Final = clock
        self._entropy: Final = entropy
        self._pool = ""
        self._taken = 0
        self._milliseconds = -1
        self._id_head = ""
        self._time_head = ""
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
        digits = seen.message.hex()
        message = f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
        refs = seen.refs[0] if len(seen.refs) == 1 else '","'.join(seen.refs)
        told = hit[:_TOLD]
        tell = _facts if _is_short(hit) else _facts_anew
        # Of what stands before the facts, nothing needs to be escaped.
        head = f'{{"message_id":"{message}","refs":["{refs}"],{part}'
        headers = (
            *fixed,
            ("ce_id", (self._id_head + identity.uuid7_tail(self._random())).encode()),
            ("ce_tenant", _encoded(seen.tenant)),
            ("ce_time", f"{self._time_head}{microseconds:03d}Z".encode()),
        )
        if hit.traceparent is not None:
            headers = (*headers, *_trace(hit.traceparent))
        return Entry(seen.tenant, message.encode(), head.encode() + tell(self._edge, told), headers)

    def _tick(self, milliseconds: int) -> None:
        """Write what all events of a millisecond have in common, of which there are dozens under load."""
        self._milliseconds = milliseconds
        self._id_head = identity.uuid7_head(milliseconds)
        self._time_head = instant.text(Instant(milliseconds * 1000))[:-_BELOW]

    def _random(self) -> str:
        """Take the random digits of one id."""
        start = self._taken
        if start == len(self._pool):
            self._pool = self._entropy(_IDS_AT_A_TIME * identity.ENTROPY_BYTES).hex()
            start = 0
        self._taken = start + _DIGITS
        return self._pool[start : self._taken]


def _facts_anew(edge: str, told: tuple[str | None, ...]) -> bytes:
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


def _is_short(hit: Hit) -> bool:
    """Tell whether what the headers tell may be remembered; strangers decide how long they are."""
    if hit.purpose or hit.sec_purpose or hit.range:
        return False
    return len(hit.user_agent or "") + len(hit.language or "") <= _CACHED_CHARACTERS


# A few programs in a few networks send many requests.
_facts: Final = lru_cache(maxsize=4096)(_facts_anew)


@lru_cache(maxsize=4096)
def _encoded(tenant: Tenant) -> bytes:
    return tenant.encode("ascii")


def _trace(header: str) -> Headers:
    parent = hits.traceparent(header)
    return () if parent is None else (("traceparent", parent.encode()),)
