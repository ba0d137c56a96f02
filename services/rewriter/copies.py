"""Make the copies of a prepared mail: each followed one with tokens of its own, every other as it was.

Values in, values out: the same prepared mail gives the same copies, byte for byte.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from schemas.events import Renditions
from schemas.settings import PixelPosition
from services.rewriter import html, links, mailboxes, offer, pictures
from services.rewriter.html import Edit
from services.rewriter.instrument import Prepared
from services.rewriter.links import Link
from services.rewriter.mail import MESSAGE_ID, Attachment, Recipient
from services.rewriter.mime import Changes
from services.rewriter.tracking import Tracking

REPLY_TO: Final = "Reply-To"
# What never leaves: options are for us, and nobody may learn who was hidden.
STRIPPED: Final = ("bcc", "resent-bcc", "inkling-*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """One copy: for whom (a caller's id or a ref, None if shared), its envelope, its parts and files.

    Of a mail that came as MIME there are `changes` instead of HTML, text and files.
    """

    recipient: str | None
    to: tuple[str, ...]
    followed: bool
    html: str | None
    text: str | None
    attachments: tuple[Attachment, ...]
    reply_to: str | None = None
    changes: Changes | None = None


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
        yield _untouched(prepared, _addresses(untouched))


def _untouched(prepared: Prepared, to: tuple[str, ...]) -> Rendition:
    mail = prepared.mail
    changes = None
    if mail.document is not None:
        changes = Changes(strip_headers=STRIPPED, set_headers=_named(prepared))
    return Rendition(
        recipient=None,
        to=to,
        followed=False,
        html=mail.html,
        text=mail.text,
        attachments=mail.attachments,
        changes=changes,
    )


def _followed(
    prepared: Prepared, recipient: str | None, to: tuple[str, ...], tracking: Tracking
) -> Rendition:
    mail = prepared.mail
    bodies, texts = _edits(prepared, tracking)
    reply_to = tracking.reply_to()
    if mail.document is not None:
        return Rendition(
            recipient=recipient,
            to=to,
            followed=True,
            html=None,
            text=None,
            attachments=(),
            reply_to=reply_to,
            changes=Changes(
                bodies=dict(enumerate(bodies)),
                texts={number: made for number, made in enumerate(texts) if made},
                dropped_files=prepared.dropped,
                strip_headers=STRIPPED,
                set_headers=(*_named(prepared), *_answered(prepared, reply_to)),
            ),
        )
    return Rendition(
        recipient=recipient,
        to=to,
        followed=True,
        html=html.splice(mail.html or "", bodies[0]),
        text=None if mail.text is None else html.splice(mail.text, texts[0]),
        attachments=prepared.attached,
        reply_to=reply_to,
    )


def _edits(prepared: Prepared, tracking: Tracking) -> tuple[list[list[Edit]], list[list[Edit]]]:
    """The edits of each HTML text, and of each plain text."""
    scans, spots, offered = prepared.scans, prepared.pictures.spots, prepared.offered
    linked = prepared.links_by_text()
    made = tracking.links(prepared.followed_links)
    # In this order, so that nothing of `linked` is taken beyond them.
    bodies = [
        [*html.remove_marks(scan.marks), *links.edits(found, made)]
        for scan, found in zip(scans, linked, strict=False)
    ]
    for edits, shown in zip(bodies, spots, strict=False):
        edits += pictures.edits(shown, tracking.picture)
    last = len(scans) - 1
    end = (last, scans[last].pixel_position)
    places = ((number, place) for number, scan in enumerate(scans) for place in scan.places)
    for number, edit in offer.edits(offered, places, end, tracking.attachment):
        bodies[number].append(edit)
    first = prepared.terms.pixel_position is PixelPosition.START
    number, position = (0, scans[0].body_start) if first else end
    if prepared.terms.canary:
        canary = html.insert_canary(position, tracking.canary(prepared.canary_url))
        bodies[number].append(canary)
    bodies[number].append(html.insert_pixel(position, tracking.pixel()))
    texts: list[list[Edit]] = [_plain(found, made) for found in linked]
    if prepared.mail.texts:
        texts = texts or [[] for _ in prepared.mail.texts]
        texts[-1] += offer.append(prepared.mail.texts[-1], offered, tracking.attachment)
    return bodies, texts


def _plain(found: tuple[Link, ...], made: Mapping[int, str]) -> list[Edit]:
    return [Edit(one.spot.start, one.spot.end, made[one.index]) for one in found if one.followed]


def _named(prepared: Prepared) -> tuple[tuple[str, str], ...]:
    """Give all copies of a followed mail without a `Message-ID` ours; a mail that nobody follows stays as it is."""
    if prepared.mail.message_id_header is not None or not prepared.decision.followed:
        return ()
    return ((MESSAGE_ID, prepared.message_id_header),)


def _answered(prepared: Prepared, reply_to: str | None) -> tuple[tuple[str, str], ...]:
    """Have answers come to us under the sender's name, unless the mail says where they go."""
    mail = prepared.mail
    if reply_to is None or mail.document is None or mail.document.header.raw(REPLY_TO):
        return ()
    return ((REPLY_TO, mailboxes.write(mail.sender.name, reply_to)),)


def _addresses(recipients: tuple[Recipient, ...] | list[Recipient]) -> tuple[str, ...]:
    return tuple(one.address for one in recipients)
