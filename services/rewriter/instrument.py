"""Make a mail followed: decide of its recipients, links, files and pictures, once for all its copies.

Values in, values out. The same mail under the same terms, keys and id is decided alike; `copies` makes the copies.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final

from schemas import identity
from schemas.events import Renditions
from schemas.identity import MessageId, RecipientRef
from services.rewriter import attachments, follow, html, links, offer, pictures, plain
from services.rewriter.attachments import AttachmentReason
from services.rewriter.follow import Decision, FollowReason
from services.rewriter.html import Scan
from services.rewriter.links import MAX_TRACKING_LINK_CHARACTERS, Link, LinkReason
from services.rewriter.mail import Attachment, Mail
from services.rewriter.naming import our_message_id
from services.rewriter.offer import Offered
from services.rewriter.pictures import PictureReason, Pictures
from services.rewriter.tracking import Keys, Terms, Tracking

Reason = FollowReason | LinkReason | AttachmentReason | PictureReason

# What all copies of one mail may come to, files included: many stand in one answer, so in memory.
MAX_COPIES_BYTES: Final = 64 * 1024 * 1024
# Of UTF-8, at most.
_BYTES_A_CHARACTER: Final = 4


class TooLarge(ValueError):
    """A mail whose copies or records would be larger than they may be; names the field that makes them so."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A mail and everything decided of it; `refs` and the decision's lines are in the order of its recipients.

    `scans` are of its HTML texts, in their order. The links of all of them are numbered through, then those of its
    plain texts, where the tenant has them followed; `plain_spots` is how many each of these has.
    """

    mail: Mail
    message_id: MessageId
    message_id_header: str
    terms: Terms
    keys: Keys
    refs: tuple[RecipientRef, ...]
    decision: Decision
    scans: tuple[Scan, ...]
    plain_spots: tuple[int, ...]
    links: tuple[Link, ...]
    attachment_reasons: tuple[AttachmentReason | FollowReason | None, ...]
    pictures: Pictures
    first: Tracking

    @property
    def offered(self) -> tuple[Offered, ...]:
        """The followed files."""
        return tuple(
            Offered(index=index, name=one.name, size=one.size)
            for index, one in enumerate(self.mail.attachments)
            if self.attachment_reasons[index] is None
        )

    @property
    def dropped(self) -> frozenset[int]:
        """The files that are not attached to the followed copies."""
        offered = {one.index for one in self.offered}
        return frozenset(offered | {*self.pictures.hosted} - self.pictures.kept)

    @property
    def attached(self) -> tuple[Attachment, ...]:
        """What stays attached to the followed copies."""
        gone = self.dropped
        return tuple(one for index, one in enumerate(self.mail.attachments) if index not in gone)

    @property
    def canary_url(self) -> str:
        """Where the link that no person sees leads: where the first followed one does, which is odd to nobody."""
        followed = (link.url for link in self.links if link.followed)
        return next(followed, f"{self.terms.tracking_url}/")

    @property
    def followed_links(self) -> list[tuple[int, str]]:
        """The followed links, by index and address."""
        return [(link.index, link.spot.url) for link in self.links if link.reason is None]

    @property
    def count(self) -> int:
        """How many copies there are."""
        followed = sum(line.followed for line in self.decision.recipients)
        if self.mail.renditions is Renditions.MESSAGE:
            return 1
        return followed + (followed < len(self.mail.recipients))

    def links_by_text(self) -> Iterator[tuple[Link, ...]]:
        """Give the links of each HTML text in turn, then those of each plain text."""
        at = 0
        for size in chain((len(scan.links) for scan in self.scans), self.plain_spots):
            yield self.links[at : at + size]
            at += size

    def link_reason(self, link: Link) -> LinkReason | FollowReason | None:
        """Say why a link stays as it was: its own reason, or the message's."""
        return link.reason or self.decision.reason


def prepare(
    mail: Mail,
    message_id: MessageId,
    terms: Terms,
    keys: Keys,
    refuses: Callable[[RecipientRef], bool],
) -> Prepared:
    """Decide of a mail, its recipients, links and files; raises `TooLarge` if its copies would be."""
    refs = tuple(
        identity.recipient_ref(keys.recipients, terms.tenant, one.address)
        for one in mail.recipients
    )
    decision = _decide(mail, refs, terms, refuses)
    first = Tracking(keys, terms, message_id, _first_refs(mail, refs, decision))
    scans = tuple(html.scan(one) for one in mail.bodies)
    plain_spots = (
        list(map(plain.scan, mail.texts, mail.texts_break_words)) if terms.text_links else []
    )
    hosted = pictures.decide(mail, [scan.pictures for scan in scans], terms.files, decision.reason)
    prepared = Prepared(
        mail=mail,
        message_id=message_id,
        message_id_header=mail.message_id_header
        or our_message_id(keys.tokens, terms.tenant, message_id, terms.tracking_url),
        terms=terms,
        keys=keys,
        refs=refs,
        decision=decision,
        scans=scans,
        plain_spots=tuple(map(len, plain_spots)),
        links=links.decide(
            chain.from_iterable([*(scan.links for scan in scans), *plain_spots]),
            own_urls=terms.own_urls,
            make=first.link if decision.followed else _not_made,
            excluded_domains=terms.excluded_domains,
            follow_unsubscribe=terms.follow_unsubscribe,
            unsubscribe_urls=mail.unsubscribe_urls,
        ),
        attachment_reasons=attachments.decide(
            mail.attachments, terms.files, decision.reason, hosted.shown
        ),
        pictures=hosted,
        first=first,
    )
    _check_size(prepared)
    return prepared


def unavailable(prepared: Prepared) -> Prepared:
    """Take back that a mail is followed, because its records cannot be kept."""
    mail, files, reason = prepared.mail, prepared.terms.files, FollowReason.UNAVAILABLE
    return replace(
        prepared,
        decision=follow.unfollowed(_lines(mail, prepared.refs, _nobody), reason),
        attachment_reasons=attachments.decide(mail.attachments, files, reason),
        pictures=pictures.decide(mail, [scan.pictures for scan in prepared.scans], files, reason),
    )


# What speaks against a mail whatever is in it.
_BEFORE_READING: Final = (FollowReason.NOT_REQUESTED, FollowReason.ENGAGEMENT_OFF)


def _decide(
    mail: Mail,
    refs: tuple[RecipientRef, ...],
    terms: Terms,
    refuses: Callable[[RecipientRef], bool],
) -> Decision:
    request = follow.Request(
        follow=mail.follow,
        has_html=any(mail.bodies),
        recipients=_lines(mail, refs, refuses),
        renditions=mail.renditions,
    )
    decision = follow.decide(
        request,
        engagement=terms.engagement,
        policy=terms.policy,
        follow_bcc=terms.follow_bcc,
    )
    untouchable = None if mail.document is None else mail.document.untouchable
    if untouchable is None or decision.reason in _BEFORE_READING:
        return decision
    return follow.unfollowed(request.recipients, FollowReason(untouchable.code.value))


def _lines(
    mail: Mail, refs: tuple[RecipientRef, ...], refuses: Callable[[RecipientRef], bool]
) -> list[follow.Recipient]:
    return [
        follow.Recipient(
            ref=ref,
            field=one.field,
            kind=None if one.kind_unknown else one.kind,
            refuses=one.refuses or refuses(ref),
        )
        for one, ref in zip(mail.recipients, refs, strict=True)
    ]


def _nobody(ref: RecipientRef) -> bool:
    return False


def _not_made(index: int, url: str) -> str:
    """Stand for a tracking link where the mail is not followed, so that none is made and none is too long."""
    return ""


def _first_refs(
    mail: Mail, refs: tuple[RecipientRef, ...], decision: Decision
) -> tuple[RecipientRef, ...]:
    followed = [
        ref for ref, line in zip(refs, decision.recipients, strict=True) if line.followed
    ] or list(refs)
    return tuple(followed if mail.renditions is Renditions.MESSAGE else followed[:1])


def _check_size(prepared: Prepared) -> None:
    """Refuse copies that would be too large together, before any is made: all followed ones are equally long."""
    mail = prepared.mail
    if _surely_fits(prepared):
        return
    followed = sum(line.followed for line in prepared.decision.recipients)
    if mail.renditions is Renditions.MESSAGE:
        followed = min(followed, 1)
    if mail.document is not None:
        plain_bytes = len(mail.document.raw)
        gone = prepared.dropped
        spans = (one.span for one in mail.document.files if one.index in gone)
        words = plain_bytes - sum(end - start for start, end in spans)
    else:
        words = sum(
            len(one.encode("utf-8", "surrogatepass")) for one in (*mail.bodies, *mail.texts)
        )
        plain_bytes = words + sum(len(one.content) for one in mail.attachments)
        words += sum(len(one.content) for one in prepared.attached) if followed else 0
    one_followed = words + _growth(prepared) if followed else 0
    if followed * one_followed + (prepared.count - followed) * plain_bytes > MAX_COPIES_BYTES:
        raise TooLarge(
            "/to",
            f"All copies of the mail together would exceed {MAX_COPIES_BYTES} bytes: hand it in for fewer recipients "
            "at a time, or as one shared copy.",
        )


def _surely_fits(prepared: Prepared) -> bool:
    """Tell of most mails that they cannot be too large, without making anything."""
    mail = prepared.mail
    if mail.document is not None or mail.attachments or prepared.terms.canary:
        return False
    characters = sum(map(len, (*mail.bodies, *mail.texts)))
    links = MAX_TRACKING_LINK_CHARACTERS * len(prepared.links)
    return prepared.count * (_BYTES_A_CHARACTER * characters + links) <= MAX_COPIES_BYTES


def _growth(prepared: Prepared) -> int:
    """What a followed copy has beside what the mail has: all that leads to us."""
    first, offered, links = prepared.first, prepared.offered, prepared.followed_links
    made = first.links(links)
    return (
        sum([len(made[index]) for index, _ in links])
        + (len(first.canary(prepared.canary_url)) if prepared.terms.canary else 0)
        + sum(len(first.picture(index)) for one in prepared.pictures.spots for _, index in one)
        + len(offer.markup(offered, first.attachment).encode()) * 2
    )
