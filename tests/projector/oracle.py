"""The read models by definition: from a set of events, without order, slices or SQL."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from schemas.events import (
    AttachmentViewed,
    Held,
    Hit,
    Inbound,
    LinkClicked,
    MessageBounced,
    MessageCancelled,
    MessageComplained,
    MessageOpened,
    MessagePrepared,
    MessageRescheduled,
    MessageSent,
    ReplyAuthor,
    ReplyKind,
    ReplyReceived,
)
from schemas.identity import MessageId, RecipientRef, Tenant
from schemas.instant import Instant, to_datetime
from services.projector import views
from services.projector.verdicts import rules
from tests.projector.store import Tables

Row = dict[str, object]
Place = tuple[str, date, str]
Told = MessagePrepared | Held | Hit | Inbound
_KINDS = (
    ("opens", "opened", "opened"),
    ("clicks", "clicked", "clicked"),
    ("attachment_views", "attachment_viewed", "viewed"),
    ("replies", "replied", "replied"),
)


class Happened(NamedTuple):
    """One event with its envelope's essentials."""

    id: UUID
    tenant: Tenant
    at: int
    event: Told


class Counted(NamedTuple):
    """One interaction, as every counting read model sees it; a visitor is one message's network and program."""

    kind: int
    item: int | None
    ref: RecipientRef | None
    at: int
    human: bool
    visitor: tuple[MessageId, str | None, str] | None = None


def tables(happened: Iterable[Happened], lane: int) -> Tables:
    """Work out every read model but the histories, from events that are all different."""
    by_message: dict[tuple[Tenant, MessageId], list[Happened]] = defaultdict(list)
    for each in happened:
        by_message[each.tenant, each.event.message_id].append(each)
    names = ("message", "recipient", "link", "attachment", "viewer")
    found: Tables = {name: [] for name in names}
    owned: list[tuple[Row, list[Counted]]] = []
    template_parts: dict[tuple[Tenant, str], list[tuple[Happened, list[Counted]]]]
    template_parts = defaultdict(list)
    for (tenant, message), group in sorted(by_message.items()):
        name: Row = {"tenant": tenant, "message_id": message}
        prepared = next((one for one in group if isinstance(one.event, MessagePrepared)), None)
        event = prepared.event if prepared else None
        assert event is None or isinstance(event, MessagePrepared)
        counted = [known for one in group if (known := _counted(one, event)) is not None]
        found["message"].append(name | _message(group) | _counts(counted, 0, 4))
        found["recipient"] += _recipients(name, event, counted)
        found["link"] += _links(name, event, counted)
        found["attachment"] += _attachments(name, event, counted)
        found["viewer"] += _viewers(name, counted)
        if prepared is not None:
            owned.append((found["message"][-1], counted))
        if prepared is not None and event is not None and event.template is not None:
            template_parts[tenant, event.template.id].append((prepared, counted))
    found["template"] = [
        {"tenant": tenant, "template_id": template, "lane": lane} | _template(parts)
        for (tenant, template), parts in sorted(template_parts.items())
    ]
    found["tenant_day"] = _days(owned, lane)
    found["hour_of_week"] = _hours(owned, lane)
    return found


def _counted(one: Happened, prepared: MessagePrepared | None) -> Counted | None:
    match one.event:
        case MessageOpened() | LinkClicked() | AttachmentViewed() as hit:
            ref = hit.refs[0] if len(hit.refs) == 1 else None
            kind, item = 0, None
            if isinstance(hit, LinkClicked):
                kind, item = 1, hit.link_index
            elif isinstance(hit, AttachmentViewed):
                kind, item = 2, hit.attachment_index
            visitor = (hit.message_id, hit.network, hit.user_agent)
            return Counted(kind, item, ref, one.at, rules.judge(hit).human, visitor)
        case ReplyReceived() as reply if prepared is not None:
            author, ref = _author(reply, prepared)
            if author is not ReplyAuthor.SENDER:
                return Counted(3, None, ref, one.at, reply.kind is ReplyKind.HUMAN)
    return None


def _author(
    reply: ReplyReceived, prepared: MessagePrepared
) -> tuple[ReplyAuthor, RecipientRef | None]:
    wrote = reply.from_ref
    named = wrote in {one.ref for one in prepared.recipients}
    ref = wrote if named else reply.ref
    if wrote is None:
        return reply.author, ref
    if wrote == prepared.sender_ref:
        return ReplyAuthor.SENDER, ref
    return ReplyAuthor.RECIPIENT if named else ReplyAuthor.OTHER, ref


def _counts(counted: Sequence[Counted], first: int, last: int) -> Row:
    row: Row = {}
    for kind in range(first, last):
        name, verb, _ = _KINDS[kind]
        for prefix, human in (("", False), ("human_", True)):
            chosen = [one for one in counted if one.kind == kind and (one.human or not human)]
            times = [one.at for one in chosen]
            row[f"{prefix}{name}"] = _many(chosen)
            row[f"{prefix}first_{verb}_at"] = min(times, default=None)
            row[f"{prefix}last_{verb}_at"] = max(times, default=None)
    return row


def _many(counted: Sequence[Counted]) -> int:
    """Count interactions of one kind; views of a file by one visitor in one slot are one."""
    if any(one.kind == 2 for one in counted):
        return len({(one.item, one.ref, one.visitor, one.at // views.SLOT) for one in counted})
    return len(counted)


def _message(group: Sequence[Happened]) -> Row:
    def times(kind: type[Told]) -> list[int]:
        return [one.at for one in group if isinstance(one.event, kind)]

    prepared = [(one.at, one.event) for one in group if isinstance(one.event, MessagePrepared)]
    at, event = prepared[0] if prepared else (None, None)
    moved = [
        (one.at, one.event.scheduled_at)
        for one in group
        if isinstance(one.event, MessageRescheduled)
    ]
    rescheduled_at, scheduled_at = max(moved, default=(None, event and event.scheduled_at))
    handed_at = min(times(MessageSent), default=None)
    bounces = [
        one.at for one in group if isinstance(one.event, MessageBounced) and one.event.permanent
    ]
    return {
        "prepared_at": at,
        "owner": event and event.owner,
        "followed": event and event.followed,
        "reason": event and event.reason,
        "renditions": event and event.renditions,
        "mode": event and event.mode,
        "template_id": event and event.template and event.template.id,
        "template_version": event and event.template and event.template.version,
        "regarding": event and event.regarding,
        "labels": event and dict(event.labels),
        "thread": event and event.thread,
        "scheduled_at": scheduled_at,
        "sender_ref": event and event.sender_ref,
        "recipient_count": len({one.ref for one in event.recipients}) if event else 0,
        "rescheduled_at": rescheduled_at,
        "handed_at": handed_at,
        "sent_at": handed_at if handed_at or scheduled_at else at,
        "cancelled_at": min(times(MessageCancelled), default=None),
        "bounced_at": min(bounces, default=None),
        "complained_at": min(times(MessageComplained), default=None),
    }


def _recipients(name: Row, event: MessagePrepared | None, counted: list[Counted]) -> list[Row]:
    known = {one.ref: (place, one) for place, one in enumerate(event.recipients if event else ())}
    rows = []
    for ref in sorted({*known, *(one.ref for one in counted if one.ref is not None)}):
        place, one = known.get(ref, (None, None))
        shown = {key: one and getattr(one, key) for key in ("kind", "field", "followed", "reason")}
        own = [each for each in counted if each.ref == ref]
        row = {"ref": ref, "position": place, "time_zone": None} | shown | _counts(own, 0, 4)
        rows.append(name | row)
    return rows


def _links(name: Row, event: MessagePrepared | None, counted: list[Counted]) -> list[Row]:
    known = {one.index: one for one in (event.links if event else ())}
    rows = []
    for index in sorted({*known, *_items(counted, 1)}):
        one = known.get(index)
        keys = ("position", "host", "followed", "reason")
        own = [each for each in counted if each.item == index]
        shown = {key: one and getattr(one, key) for key in keys}
        rows.append(name | {"link_index": index} | shown | _counts(own, 1, 2))
    return rows


def _attachments(name: Row, event: MessagePrepared | None, counted: list[Counted]) -> list[Row]:
    known = {one.index: one for one in (event.attachments if event else ())}
    rows = []
    for index in sorted({*known, *_items(counted, 2)}):
        one = known.get(index)
        keys = ("size", "content_type", "followed", "reason")
        own = [each for each in counted if each.item == index]
        shown = {key: one and getattr(one, key) for key in keys}
        rows.append(name | {"attachment_index": index} | shown | _counts(own, 2, 3))
    return rows


def _viewers(name: Row, counted: list[Counted]) -> list[Row]:
    seen = {(one.item, one.ref) for one in counted if one.kind == 2 and one.ref is not None}
    rows = []
    for item, ref in sorted(seen, key=str):
        own = [each for each in counted if (each.item, each.ref) == (item, ref)]
        rows.append(name | {"attachment_index": item, "ref": ref} | _counts(own, 2, 3))
    return rows


def _days(owned: Sequence[tuple[Row, list[Counted]]], lane: int) -> list[Row]:
    """Mails on the day they were sent, interactions on their own; days of which nothing is left are not told."""
    sent: dict[Place, list[Row]] = defaultdict(list)
    happened: dict[Place, list[Counted]] = defaultdict(list)
    for row, counted in owned:
        tenant, owner, sent_at = str(row["tenant"]), str(row["owner"]), row["sent_at"]
        if isinstance(sent_at, int):
            sent[tenant, _day(sent_at), owner].append(row)
        for one in counted if row["followed"] else ():
            happened[tenant, _day(one.at), owner].append(one)
    return [
        {"tenant": place[0], "day": place[1], "owner": place[2], "lane": lane}
        | _cohort(sent[place])
        | _counts(happened[place], 0, 4)
        for place in sorted({*sent, *happened})
    ]


def _cohort(mails: Sequence[Row]) -> Row:
    followed = [row for row in mails if row["followed"]]
    row: Row = {"emails": len(mails), "followed_emails": len(followed)}
    for name, _, email in _KINDS:
        for prefix in ("", "human_"):
            row[f"{prefix}{email}_emails"] = sum(bool(one[f"{prefix}{name}"]) for one in followed)
    return row


def _hours(owned: Sequence[tuple[Row, list[Counted]]], lane: int) -> list[Row]:
    happened: dict[tuple[str, str, int], list[Counted]] = defaultdict(list)
    for row, counted in owned:
        for one in counted if row["followed"] else ():
            at = to_datetime(Instant(one.at))
            hour = at.weekday() * 24 + at.hour
            happened[str(row["tenant"]), str(row["owner"]), hour].append(one)
    return [
        {"tenant": place[0], "owner": place[1], "hour": place[2], "lane": lane}
        | _counts(happened[place], 0, 4)
        for place in sorted(happened)
    ]


def _day(at: int) -> date:
    return to_datetime(Instant(at)).date()


def firsts(happened: Sequence[Happened]) -> set[tuple[object, ...]]:
    """Work out what is to be stated: people's firsts with prepared messages, by recipient and type."""
    known = {
        (one.tenant, one.event.message_id): one.event
        for one in happened
        if isinstance(one.event, MessagePrepared)
    }
    found: set[tuple[object, ...]] = {(*place, "", "message.registered") for place in known}
    for one in happened:
        place = (one.tenant, one.event.message_id)
        counted = _counted(one, known.get(place))
        if place in known and counted is not None and counted.human:
            kind = f"message.first_{_KINDS[counted.kind][1]}"
            found.add((*place, counted.ref or "", kind))
    return found


def _items(counted: Iterable[Counted], kind: int) -> set[int]:
    return {one.item for one in counted if one.kind == kind and one.item is not None}


def _template(parts: list[tuple[Happened, list[Counted]]]) -> Row:
    followed = []
    naming = []
    for one, counted in parts:
        event = one.event
        assert isinstance(event, MessagePrepared)
        assert event.template is not None
        naming.append((one.at, event.template.version or "", event.template.name or ""))
        if event.followed:
            followed.append(counted)
    named_at, version, name = max(naming)
    row: Row = {"named_at": named_at, "version": version, "name": name, "emails": len(parts)}
    row["followed_emails"] = len(followed)
    for kind, (_, _, email) in enumerate(_KINDS):
        for prefix, human in (("", False), ("human_", True)):
            row[f"{prefix}{email}_emails"] = sum(
                any(one.kind == kind and (one.human or not human) for one in counted)
                for counted in followed
            )
    return row | _counts([one for counted in followed for one in counted], 0, 4)
