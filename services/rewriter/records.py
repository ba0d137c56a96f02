"""The two records of a prepared mail: what happened, without a name in it, and apart from it what names people.

One event is at most 256 KB. A mail whose record would be larger first loses what is only convenient (the texts of its
links, the tails of unfollowed URLs, the hosts); if that is not enough, it is refused.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from schemas import codec, envelope, identity, topics
from schemas.codec import Json
from schemas.envelope import Encoded, Envelope
from schemas.errors import Refusal, Refused
from schemas.events import (
    CANARY_LINK_INDEX,
    TYPE_OF,
    MessagePrepared,
    PreparedAttachment,
    PreparedLink,
    PreparedRecipient,
)
from schemas.identity import Tenant
from schemas.instant import Instant
from schemas.personal import (
    MessagePersonal,
    PersonalAttachment,
    PersonalLink,
    PersonalRecipient,
)
from services.rewriter.attachments import MAX_FILES
from services.rewriter.follow import FollowReason
from services.rewriter.instrument import Prepared, TooLarge
from services.rewriter.links import MAX_LINKS, Link

SOURCE: Final = "/rewriter"
# A followed link is shorter in any case. Of what is longer, a `data:` URL or the like, the beginning says enough.
MAX_URL_CHARACTERS: Final = 2_000
_CUT_URL_CHARACTERS: Final = 100

# From a link as it is written to the same without something that is only convenient.
_Smaller = Callable[[Json], Json]


def encode(prepared: Prepared, now: Instant, traceparent: str | None) -> tuple[Encoded, Encoded]:
    """Write the personal record and the prepared one; raises `TooLarge` when one cannot be made small enough."""
    tenant = prepared.terms.tenant
    around = (tenant, now, traceparent)
    smaller = (_without_texts, _with_cut_urls)
    return (
        _encode(_personal(prepared, ()), _personal_rows(prepared), *around, smaller),
        _encode(_happened(prepared, ()), _rows(prepared), *around, (_without_hosts,)),
    )


def personal(prepared: Prepared) -> MessagePersonal:
    """State who and what stands behind the refs and indices of a mail."""
    links = tuple(
        PersonalLink(index=link.index, url=link.url[:MAX_URL_CHARACTERS], text=link.text)
        for link in prepared.links[:MAX_LINKS]
        if link.url
    )
    return _personal(prepared, links)


def _personal(prepared: Prepared, links: tuple[PersonalLink, ...]) -> MessagePersonal:
    mail = prepared.mail
    return MessagePersonal(
        message_id=prepared.message_id,
        subject=mail.subject,
        sender=mail.sender,
        recipients=tuple(
            PersonalRecipient(ref=ref, address=one.address, name=one.name, id=one.id)
            for one, ref in zip(mail.recipients, prepared.refs, strict=True)
        ),
        links=links,
        attachments=tuple(
            PersonalAttachment(index=index, name=one.name)
            for index, one in enumerate(mail.attachments[:MAX_FILES])
        ),
    )


def _personal_rows(prepared: Prepared) -> list[Json]:
    """Write the links as `codec` writes those of `personal`, without a value for each: they are most of the event."""
    return [
        {"index": link.index, "url": spot.url[:MAX_URL_CHARACTERS], "text": spot.text}
        for link in prepared.links[:MAX_LINKS]
        if (spot := link.spot).url
    ]


def happened(prepared: Prepared) -> MessagePrepared:
    """State that a mail was prepared, followed or not, and why what is not followed is not."""
    links = [
        PreparedLink(
            index=link.index,
            position=link.position,
            followed=(reason := prepared.link_reason(link)) is None,
            host=link.host,
            reason=_code(reason),
        )
        for link in prepared.links[:MAX_LINKS]
    ]
    return _happened(prepared, (*links, *_canary(prepared)))


def _happened(prepared: Prepared, links: tuple[PreparedLink, ...]) -> MessagePrepared:
    mail, decision = prepared.mail, prepared.decision
    return MessagePrepared(
        message_id=prepared.message_id,
        owner=mail.owner,
        sender_ref=identity.recipient_ref(
            prepared.keys.recipients, prepared.terms.tenant, mail.sender.address
        ),
        followed=decision.followed,
        renditions=mail.renditions,
        reason=_code(decision.reason),
        template=mail.template,
        regarding=mail.regarding,
        labels=mail.labels,
        recipients=tuple(
            PreparedRecipient(
                ref=ref,
                kind=one.kind,
                field=one.field,
                followed=line.followed,
                reason=_code(line.reason),
                time_zone=one.time_zone,
            )
            for one, ref, line in zip(
                mail.recipients, prepared.refs, decision.recipients, strict=True
            )
        ),
        links=links,
        attachments=tuple(
            PreparedAttachment(
                index=index,
                size=one.size,
                content_type=one.content_type,
                followed=reason is None,
                reason=_code(reason),
            )
            for index, (one, reason) in enumerate(
                zip(mail.attachments[:MAX_FILES], prepared.attachment_reasons, strict=False)
            )
        ),
        follow_requested=mail.follow,
    )


def _rows(prepared: Prepared) -> list[Json]:
    """Write the links as `codec` writes those of `happened`, likewise."""
    message = prepared.decision.reason
    rows: list[Json] = [
        {"index": link.index, "position": link.spot.start, "followed": True, "host": link.host}
        if link.reason is None and message is None and link.host is not None
        else _row(link, message)
        for link in prepared.links[:MAX_LINKS]
    ]
    return rows + [codec.write(one) for one in _canary(prepared)]


def _row(link: Link, message: FollowReason | None) -> Json:
    reason = link.reason or message
    row = {"index": link.index, "position": link.position, "followed": reason is None}
    host = {} if link.host is None else {"host": link.host}
    return row | host | ({} if reason is None else {"reason": reason.value})


def _canary(prepared: Prepared) -> tuple[PreparedLink, ...]:
    """State the link that no person sees, if there is one."""
    if not (
        prepared.terms.canary and prepared.decision.followed and len(prepared.links) < MAX_LINKS
    ):
        return ()
    # Nobody asks where it stands: by its number alone it is known.
    return (PreparedLink(index=CANARY_LINK_INDEX, position=0, followed=True, canary=True),)


def _code(reason: Any) -> str | None:
    return None if reason is None else str(reason.value)


def _encode(
    event: MessagePersonal | MessagePrepared,
    links: list[Json],
    tenant: Tenant,
    now: Instant,
    traceparent: str | None,
    smaller: Sequence[_Smaller],
) -> Encoded:
    event_type = TYPE_OF[type(event)]
    written = codec.write(event) | {"links": links}
    envelope.check_written(event_type, written)
    around = Envelope(
        id=identity.event_id(event_type, tenant, written["message_id"]),
        source=SOURCE,
        tenant=tenant,
        occurred_at=now,
        traceparent=traceparent,
    )
    encoded = _laid(around, event, written, now)
    for reduce in smaller:
        if encoded is None:
            written = written | {"links": [reduce(link) for link in written["links"]]}
            encoded = _laid(around, event, written, now)
    if encoded is None:
        raise _too_large(written)
    return encoded


def _laid(
    around: Envelope, event: MessagePersonal | MessagePrepared, written: Json, now: Instant
) -> Encoded | None:
    """Lay an event into a record, or return None where it is too large."""
    try:
        return envelope.lay(around, event, written, now)
    except Refused as refused:
        if refused.reason is not Refusal.TOO_LARGE:
            raise
        return None


def _too_large(written: Json) -> TooLarge:
    field = "/html" if len(written["links"]) > len(written["recipients"]) else "/to"
    return TooLarge(
        field,
        f"The recipients, links and files of the mail do not fit into a record of {topics.MAX_EVENT_BYTES} bytes.",
    )


def _without_texts(link: Json) -> Json:
    return link | {"text": ""}


def _with_cut_urls(link: Json) -> Json:
    return link | {"url": link["url"][:_CUT_URL_CHARACTERS]}


def _without_hosts(link: Json) -> Json:
    return {name: value for name, value in link.items() if name != "host"}
