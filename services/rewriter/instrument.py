"""Make a mail followed: decide, splice each followed copy with tokens of its own, leave every other copy as it is.

Values in, values out. The same mail under the same terms, keys and id gives the same copies, byte for byte.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from schemas import identity, token
from schemas.events import Renditions
from schemas.identity import MessageId, RecipientRef, Tenant
from schemas.settings import FollowPolicy
from schemas.token import Claim, KeyRing, Minter, Mode, Purpose
from services.rewriter import attachments, follow, html, links, offer, pictures
from services.rewriter.attachments import AttachmentReason, FileRules
from services.rewriter.follow import Decision, FollowReason
from services.rewriter.html import Scan
from services.rewriter.links import Link, LinkReason
from services.rewriter.mail import Attachment, Mail, Recipient
from services.rewriter.naming import our_message_id
from services.rewriter.offer import Offered
from services.rewriter.pictures import PictureReason, Pictures

Reason = FollowReason | LinkReason | AttachmentReason | PictureReason

# What all copies of one mail may come to, files included: they stand in one answer, so in memory.
MAX_COPIES_BYTES: Final = 48 * 1024 * 1024


class TooLarge(ValueError):
    """A mail whose copies or records would be larger than they may be; names the field that makes them so."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The secrets of following: what signs tokens, and what hashes addresses."""

    tokens: KeyRing
    recipients: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the tenant has decided, and where tracking links lead; `own_urls` are all bases that are ours."""

    tenant: Tenant
    engagement: bool
    policy: FollowPolicy
    tracking_url: str
    own_urls: tuple[str, ...]
    mode: Mode = Mode.FULL
    reply_domain: str | None = None
    files: FileRules


class Tracking:
    """The tracking URLs of one copy; each is made once."""

    def __init__(
        self, keys: Keys, terms: Terms, message_id: MessageId, refs: tuple[RecipientRef, ...]
    ) -> None:
        self._ring = keys.tokens
        self._minter: Minter | None = None
        self._base = terms.tracking_url
        self._tenant = terms.tenant
        self._mode = terms.mode.value
        self._reply_domain = terms.reply_domain
        self._message_id = message_id
        self._refs = refs
        self._links: dict[int, str] = {}

    def reply_to(self) -> str | None:
        """Make the address that answers to this copy go to; None without a reply domain, or for a shared copy."""
        if self._reply_domain is None or len(self._refs) != 1:
            return None
        made = token.mint_reply(self._ring, self._tenant, self._message_id, self._refs[0])
        return f"reply+{made}@{self._reply_domain}"

    def pixel(self) -> str:
        """Make the URL of the pixel."""
        return f"{self._base}/o/{self._mint(Purpose.OPEN)}.gif"

    def link(self, index: int, url: str) -> str:
        """Make the tracking link that stands for a link of the mail."""
        made = self._links.get(index)
        if made is None:
            made = self._links[index] = f"{self._base}/c/{self._mint(Purpose.CLICK, index, url)}"
        return made

    def attachment(self, index: int) -> str:
        """Make the link to a followed file."""
        return f"{self._base}/a/{self._mint(Purpose.ATTACHMENT, index)}"

    def picture(self, index: int) -> str:
        """Make the URL of a hosted picture."""
        return f"{self._base}/i/{self._mint(Purpose.PICTURE, index)}"

    def _mint(self, purpose: Purpose, index: int | None = None, url: str | None = None) -> str:
        # Not at the start: what nobody follows may be for more recipients than a token can name.
        if self._minter is None:
            claim = Claim(
                tenant=self._tenant, message_id=self._message_id, refs=self._refs, mode=self._mode
            )
            self._minter = Minter(self._ring, claim)
        return self._minter.mint(purpose, index, url)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A mail and everything decided of it; `refs` and the decision's lines are in the order of its recipients."""

    mail: Mail
    message_id: MessageId
    message_id_header: str
    terms: Terms
    keys: Keys
    refs: tuple[RecipientRef, ...]
    decision: Decision
    scan: Scan
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
    def attached(self) -> tuple[Attachment, ...]:
        """What stays attached to the followed copies."""
        gone = {one.index for one in self.offered} | {*self.pictures.hosted} - self.pictures.kept
        return tuple(one for index, one in enumerate(self.mail.attachments) if index not in gone)

    def link_reason(self, link: Link) -> LinkReason | FollowReason | None:
        """Say why a link stays as it was: its own reason, or the message's."""
        return link.reason or self.decision.reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """One copy: for whom (a caller's id or a ref, None if shared), its envelope, its parts and files."""

    recipient: str | None
    to: tuple[str, ...]
    followed: bool
    html: str | None
    text: str | None
    attachments: tuple[Attachment, ...]
    reply_to: str | None = None


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
    scan = html.scan(mail.html or "")
    hosted = pictures.decide(mail, scan.pictures, terms.files, decision.reason)
    prepared = Prepared(
        mail=mail,
        message_id=message_id,
        message_id_header=mail.message_id_header
        or our_message_id(keys.tokens, terms.tenant, message_id, terms.tracking_url),
        terms=terms,
        keys=keys,
        refs=refs,
        decision=decision,
        scan=scan,
        links=links.decide(
            scan.links,
            own_urls=terms.own_urls,
            make=first.link if decision.followed else _not_made,
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
        pictures=pictures.decide(mail, prepared.scan.pictures, files, reason),
    )


def renditions(prepared: Prepared) -> Iterator[Rendition]:
    """Make the copies, one at a time: the followed ones in the order of the recipients, then the untouched one."""
    mail, decision = prepared.mail, prepared.decision
    if decision.followed and mail.renditions is Renditions.MESSAGE:
        yield _followed(prepared, None, _addresses(mail.recipients), prepared.first)
        return
    untouched: list[Recipient] = []
    tracking: Tracking | None = prepared.first
    for one, ref, line in zip(mail.recipients, prepared.refs, decision.recipients, strict=True):
        if not line.followed:
            untouched.append(one)
            continue
        if tracking is None:
            tracking = Tracking(prepared.keys, prepared.terms, prepared.message_id, (ref,))
        yield _followed(prepared, one.id or ref, (one.address,), tracking)
        tracking = None
    if untouched:
        yield Rendition(
            recipient=None,
            to=_addresses(untouched),
            followed=False,
            html=mail.html,
            text=mail.text,
            attachments=mail.attachments,
        )


def _followed(
    prepared: Prepared, recipient: str | None, to: tuple[str, ...], tracking: Tracking
) -> Rendition:
    mail, scan, offered = prepared.mail, prepared.scan, prepared.offered
    edits = [
        *links.edits(prepared.links, tracking.link),
        *pictures.edits(prepared.pictures, tracking.picture),
        *offer.edits(offered, scan.places, scan.pixel_position, tracking.attachment),
        html.insert_pixel(scan.pixel_position, tracking.pixel()),
    ]
    text = None if mail.text is None else offer.append(mail.text, offered, tracking.attachment)
    return Rendition(
        recipient=recipient,
        to=to,
        followed=True,
        html=html.splice(mail.html or "", edits),
        text=text,
        attachments=prepared.attached,
        reply_to=tracking.reply_to(),
    )


def _addresses(recipients: tuple[Recipient, ...] | list[Recipient]) -> tuple[str, ...]:
    return tuple(one.address for one in recipients)


def _decide(
    mail: Mail,
    refs: tuple[RecipientRef, ...],
    terms: Terms,
    refuses: Callable[[RecipientRef], bool],
) -> Decision:
    request = follow.Request(
        follow=mail.follow,
        has_html=bool(mail.html),
        recipients=_lines(mail, refs, refuses),
        renditions=mail.renditions,
    )
    return follow.decide(request, engagement=terms.engagement, policy=terms.policy)


def _lines(
    mail: Mail, refs: tuple[RecipientRef, ...], refuses: Callable[[RecipientRef], bool]
) -> list[follow.Recipient]:
    return [
        follow.Recipient(
            ref=ref, field=one.field, kind=one.kind, refuses=one.refuses or refuses(ref)
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
    mail, decision = prepared.mail, prepared.decision
    followed = sum(line.followed for line in decision.recipients)
    untouched = followed < len(mail.recipients)
    if decision.followed and mail.renditions is Renditions.MESSAGE:
        followed, untouched = 1, False
    words = len((mail.html or "").encode()) + len((mail.text or "").encode())
    plain = words + sum(len(one.content) for one in mail.attachments)
    one_followed = words + _growth(prepared) if followed else 0
    if followed * one_followed + untouched * plain > MAX_COPIES_BYTES:
        raise TooLarge(
            "/to",
            f"All copies of the mail together would exceed {MAX_COPIES_BYTES} bytes: hand it in for fewer recipients "
            "at a time, or as one shared copy.",
        )


def _growth(prepared: Prepared) -> int:
    """What a followed copy has beside the words of the mail: its files, and what leads to us."""
    first, offered = prepared.first, prepared.offered
    return (
        sum(len(one.content) for one in prepared.attached)
        + sum(len(first.link(link.index, link.url)) for link in prepared.links if link.followed)
        + sum(len(first.picture(index)) for _, index in prepared.pictures.spots)
        + len(offer.markup(offered, first.attachment).encode()) * 2
    )
