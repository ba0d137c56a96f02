"""From a request to the event it means: which facts are kept, how they are cleaned and cut.

Headers come from strangers. Whatever bytes they hold, the event made here satisfies its closed schema.
"""

import re
from typing import Final, NamedTuple, TypedDict

from schemas.events import AttachmentViewed, LinkClicked, MessageOpened
from schemas.identity import MessageId, RecipientRef
from schemas.token import Claim

USER_AGENT_CHARACTERS: Final = 512
LANGUAGE_CHARACTERS: Final = 128
HINT_CHARACTERS: Final = 64

_TRACEPARENT: Final = re.compile(
    r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII
)
# Controls, and halves of surrogate pairs: what is left of bytes that are no UTF-8.
_UNCLEAN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"


class Hit(NamedTuple):
    """One request to the tracker before it is judged: the headers as received, the network already cut.

    A tuple, since every request becomes one.
    """

    method: str
    network: str | None = None
    user_agent: str | None = None
    language: str | None = None
    purpose: str | None = None
    sec_purpose: str | None = None
    range: str | None = None
    traceparent: str | None = None


class _Facts(TypedDict):
    message_id: MessageId
    refs: tuple[RecipientRef, ...]
    method: str
    edge: str
    user_agent: str
    network: str | None
    language: str | None
    purpose: str | None
    sec_purpose: str | None
    range: str | None


def opened(claim: Claim, hit: Hit, edge: str) -> MessageOpened:
    """State that the pixel of a mail was requested."""
    return MessageOpened(**_facts(claim, hit, edge))


def clicked(claim: Claim, hit: Hit, edge: str) -> LinkClicked:
    """State that a link was requested; the claim of a link has an index."""
    return LinkClicked(link_index=claim.index or 0, **_facts(claim, hit, edge))


def viewed(claim: Claim, hit: Hit, edge: str) -> AttachmentViewed:
    """State that a followed file was requested; the claim of a file has an index."""
    return AttachmentViewed(attachment_index=claim.index or 0, **_facts(claim, hit, edge))


def traceparent(header: str | None) -> str | None:
    """Return the W3C trace parent that may be forwarded: version 00, well-formed, neither id zero."""
    return header if header is not None and _TRACEPARENT.fullmatch(header) else None


def cleaned(header: str, characters: int) -> str:
    """Return a header fit to be stored: cut, and without what JSON or PostgreSQL could not hold."""
    text = header[:characters]
    if text.isascii() and text.isprintable():
        return text
    return _UNCLEAN.sub(_REPLACEMENT, text.replace("\t", " "))


def _facts(claim: Claim, hit: Hit, edge: str) -> _Facts:
    return _Facts(
        message_id=claim.message_id,
        refs=claim.refs,
        method=hit.method,
        edge=edge,
        user_agent=cleaned(hit.user_agent, USER_AGENT_CHARACTERS) if hit.user_agent else "",
        network=hit.network,
        language=_hint(hit.language, LANGUAGE_CHARACTERS),
        purpose=_hint(hit.purpose, HINT_CHARACTERS),
        sec_purpose=_hint(hit.sec_purpose, HINT_CHARACTERS),
        range=_hint(hit.range, HINT_CHARACTERS),
    )


def _hint(header: str | None, characters: int) -> str | None:
    return cleaned(header, characters) if header else None
