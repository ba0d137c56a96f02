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
# Strangers decide what is remembered, so it is bounded in size as well as in number.
_CACHED_CHARACTERS: Final = 512


class Mint:
    """Makes entries for the journal out of verified tokens and hits."""

    def __init__(self, edge: str, clock: Clock, entropy: Entropy) -> None:
        self._edge: Final = edge
        self._clock: Final = clock
        self._entropy: Final = entropy
        self._pool = ""
        self._taken = 0
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
        at = Instant(self._clock.now())
        digits = seen.message.hex()
        message = f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
        refs = '","'.join(seen.refs)
        told = hit[:_TOLD]
        tell = _facts if sum(map(len, filter(None, told))) <= _CACHED_CHARACTERS else _facts_anew
        # Of what stands before the facts, nothing needs to be escaped.
        head = f'{{"message_id":"{message}","refs":["{refs}"],{part}'
        headers = (
            *fixed,
            ("ce_id", identity.uuid7_text(at, self._random()).encode()),
            ("ce_tenant", _encoded(seen.tenant)),
            ("ce_time", instant.text(at).encode()),
        )
        if hit.traceparent is not None:
            headers = (*headers, *_trace(hit.traceparent))
        return Entry(seen.tenant, message.encode(), head.encode() + tell(self._edge, told), headers)

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


# A few programs in a few networks send many requests.
_facts: Final = lru_cache(maxsize=4096)(_facts_anew)


@lru_cache(maxsize=4096)
def _encoded(tenant: Tenant) -> bytes:
    return tenant.encode("ascii")


def _trace(header: str) -> Headers:
    parent = hits.traceparent(header)
    return () if parent is None else (("traceparent", parent.encode()),)
