"""Find the message that an inbound mail is about: by the address it came to, then by what it says it answers.

The rewriter keeps no state, so it cannot know which messages there are. A token proves that there was one; an id that
a caller made names one that may not exist, and whoever folds the event sets it aside until it does.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from schemas import identity, token
from schemas.errors import BadToken
from schemas.identity import MessageId, RecipientRef, Tenant
from schemas.token import KeyRing
from services.rewriter.replies import addresses
from services.rewriter.replies.parse import Headers

MESSAGE_ID_CHARACTERS: Final = 44
MAX_IDS: Final = 100
# In a reply address the token stands alone or between signs that it does not use: reply+<token>, bounce-<token>=x.
_REPLY_TOKEN: Final = re.compile(r"(?<![a-z0-9])[a-z2-7]{56}(?![a-z0-9])")
_BRACKETED: Final = re.compile(r"<([^<>\s]+)>")
_LONGEST_ID: Final = 900


class MatchedBy(StrEnum):
    """What named the message."""

    ADDRESS_TOKEN = "address_token"  # noqa: S105 a name
    MESSAGE_ID_TOKEN = "message_id_token"  # noqa: S105 a name
    IN_REPLY_TO = "in_reply_to"
    REFERENCES = "references"
    RETURNED_MESSAGE = "returned_message"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Whose mail it is and what that tenant's tokens are made with; `hosts` stand right in `Message-ID`s of ours."""

    tenant: Tenant
    ring: KeyRing
    recipient_key: bytes = field(repr=False)
    reply_domain: str | None
    hosts: frozenset[str]

    def ref(self, address: str) -> RecipientRef:
        """Hash an address as that of a recipient."""
        return identity.recipient_ref(self.recipient_key, self.tenant, address)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The message a mail is about, what said so, and whose copy it was where that is known."""

    message_id: MessageId
    matched_by: MatchedBy
    ref: RecipientRef | None = None


def find(headers: Headers, terms: Terms) -> Match | None:
    """Find the message that a mail with these headers answers."""
    answered = ids(headers.first("in-reply-to") or "")
    thread = ids(" ".join(headers.all("references")))[::-1][:MAX_IDS]
    return (
        by_address(addresses.delivered(headers), terms)
        or _first([*answered, *thread], lambda one: _by_our_id(one, terms))
        or _by_callers_id(headers, answered, thread, terms)
    )


def find_returned(returned: Headers, terms: Terms) -> Match | None:
    """Find the message that came back inside a report: by its reply address, then by its id."""
    reply_to = Headers({"to": returned.all("reply-to")})
    for one in ids(returned.first("message-id") or ""):
        ours = by_address(addresses.delivered(reply_to), terms) or _by_our_id(one, terms)
        return ours or _callers(one, MatchedBy.RETURNED_MESSAGE, terms)
    return by_address(addresses.delivered(reply_to), terms)


def by_address(delivered: Iterable[tuple[str, str]], terms: Terms) -> Match | None:
    """Find the message by a token in an address of the tenant's reply domain."""
    domain = (terms.reply_domain or "").lower()
    for left, right in delivered:
        if domain and right == domain:
            for found in _REPLY_TOKEN.findall(left):
                try:
                    message, ref = token.read_reply(terms.ring, terms.tenant, found)
                except BadToken:
                    continue
                return Match(message_id=message, matched_by=MatchedBy.ADDRESS_TOKEN, ref=ref)
    return None


def is_ours(headers: Headers, terms: Terms) -> bool:
    """Tell whether a mail is one that left through us, come back as it was."""
    return any(_by_our_id(one, terms) for one in ids(headers.first("message-id") or ""))


def ids(value: str) -> list[str]:
    """Return the ids in a header; without brackets, whatever has a right side and no blanks."""
    found: list[str] = _BRACKETED.findall(value) or [one for one in value.split() if "@" in one]
    return [one for one in found if len(one) <= _LONGEST_ID]


def _first(each: Iterable[str], look: Callable[[str], Match | None]) -> Match | None:
    return next((found for one in each if (found := look(one)) is not None), None)


def _by_our_id(one: str, terms: Terms) -> Match | None:
    left, _, _ = one.partition("@")
    if len(left) != MESSAGE_ID_CHARACTERS or not left.isascii():
        return None
    try:
        message = token.read_message_id(terms.ring, terms.tenant, left)
    except BadToken:
        return None
    return Match(message_id=message, matched_by=MatchedBy.MESSAGE_ID_TOKEN)


def _callers(one: str, matched_by: MatchedBy, terms: Terms) -> Match | None:
    """Take an id for one that a caller made, unless it looks like a damaged one of ours."""
    left, _, right = one.partition("@")
    if len(left) == MESSAGE_ID_CHARACTERS and right.lower() in terms.hosts:
        return None
    named = identity.message_of_header(terms.tenant, f"<{one}>")
    return Match(message_id=named, matched_by=matched_by)


def _by_callers_id(
    headers: Headers, answered: list[str], thread: list[str], terms: Terms
) -> Match | None:
    """Find the message by an id of a caller's: what is answered, then the thread from its end.

    Somebody who writes twice answers their own first mail. An id from the host that made this mail's own is passed
    over where another one comes from the domain of somebody it is addressed to.
    """
    candidates = [
        found
        for one, matched_by in _labelled(answered, thread)
        if (found := (one, _callers(one, matched_by, terms)))[1] is not None
    ]
    own = {addresses.domain(one) for one in ids(headers.first("message-id") or "")}
    asked = {right for _, right in addresses.delivered(headers)}
    if candidates and addresses.domain(candidates[0][0]) in own - asked:
        candidates = [
            one for one in candidates if _within(addresses.domain(one[0]), asked - own)
        ] or candidates
    return candidates[0][1] if candidates else None


def _labelled(answered: list[str], thread: list[str]) -> Iterator[tuple[str, MatchedBy]]:
    yield from ((one, MatchedBy.IN_REPLY_TO) for one in answered)
    yield from ((one, MatchedBy.REFERENCES) for one in thread)


def _within(host: str, domains: set[str]) -> bool:
    return any(host == one or host.endswith(f".{one}") for one in domains)
