"""A history of mails and what people and machines did with them; it knows by itself what has to be counted."""

import itertools
import random
import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas import identity, instant, topics
from schemas.envelope import Encoded, Envelope, encode
from schemas.events import (
    AddressField,
    AttachmentViewed,
    Event,
    LinkClicked,
    MessageOpened,
    MessagePrepared,
    PreparedAttachment,
    PreparedLink,
    PreparedRecipient,
    RecipientKind,
    ReplyAuthor,
    ReplyKind,
    ReplyReceived,
    Template,
)
from schemas.identity import MessageId, RecipientRef, Tenant
from schemas.instant import Instant
from schemas.personal import Mailbox, MessagePersonal, PersonalRecipient
from tests.support.doors import PERSON

OWNER = "ana"
_MACHINE = "python-requests/2.31.0"
_RECIPIENTS = 2
_LINKS = 2
_TEMPLATES = 3
_HOUR = 3600 * instant.SECOND


class Place(NamedTuple):
    """What something is counted under: a part of a message, of one of its links or files, or of a template."""

    tenant: str
    of: str
    part: str
    human: bool


class Named(NamedTuple):
    """What a fact is about; a fact about the whole message has no ref."""

    tenant: str
    message: str
    ref: str | None
    type: str


class Figure(NamedTuple):
    """How often, and between which instants, as the doors write them."""

    times: int
    first_at: str | None
    last_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Told:
    """One event of the history, with where it counts and which fact it may be the cause of."""

    envelope: Envelope
    event: Event
    counts: tuple[tuple[str, str], ...] = ()
    """What is counted of what, as `(message, "opens")`."""
    human: bool = True
    fact: Named | None = None

    def record(self, recorded_at: Instant) -> Encoded:
        """Lay it into a record as it is produced now."""
        return encode(self.envelope, self.event, recorded_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A prepared mail."""

    tenant: Tenant
    message: MessageId
    refs: tuple[RecipientRef, ...]
    template: str
    subject: str

    @property
    def key(self) -> bytes:
        return topics.message_key(self.message)


@dataclass(slots=True)
class Ledger:
    """What Kafka has acknowledged, each event once, and the figures that follow from it."""

    told: dict[str, Told] = field(default_factory=dict)

    def acknowledge(self, one: Told) -> None:
        """Note an event that is safe in the log, for the first time or again."""
        self.told.setdefault(str(one.envelope.id), one)

    @property
    def hits(self) -> int:
        """Return how many different events there are to be counted."""
        return sum(1 for one in self.told.values() if one.counts)

    def figures(self) -> dict[Place, Figure]:
        """Work out every figure from the set of events, in no order."""
        times: dict[Place, list[Instant]] = defaultdict(list)
        for one in self.told.values():
            for of, part in one.counts:
                for human in (False, True) if one.human else (False,):
                    place = Place(one.envelope.tenant, of, part, human)
                    times[place].append(one.envelope.occurred_at)
        return {
            place: Figure(len(at), instant.text(min(at)), instant.text(max(at)))
            for place, at in times.items()
        }

    def facts(self) -> set[Named]:
        """Name every fact that has to be stated: of prepared mails, what a person did first."""
        found = {one.fact for one in self.told.values() if one.fact is not None and one.human}
        prepared = {name.message for name in found if name.type == "message.registered.v1"}
        return {name for name in found if name.message in prepared}


class Story:
    """Mails of some tenants with everything that happens to them; repeated by its seed, but for its names and times."""

    def __init__(
        self,
        seed: int,
        *,
        now: Instant,
        partitions: int,
        tenants: int = 3,
        mails: int = 36,
        late: float = 0.1,
    ) -> None:
        """`late` is the part of the hits that come hours after they happened."""
        self._chance = random.Random(seed)  # noqa: S311 a load, not a secret
        self._now = now
        self._late = late
        self._run = secrets.token_hex(4)
        self._numbers = itertools.count()
        self._lived: list[Told] = []
        self.tenants = [Tenant(f"p-{self._run}-{number}") for number in range(tenants)]
        self.mails = [self._mail(number, partitions) for number in range(mails)]
        self.partitions = partitions

    def _mail(self, number: int, partitions: int) -> Mail:
        """Name a mail so that it lies on the partition that is due."""
        tenant = self.tenants[number % len(self.tenants)]
        wanted = number % partitions
        while True:
            header = f"<{next(self._numbers)}.{self._run}@{tenant}.example>"
            message = identity.message_of_header(tenant, header)
            if topics.partition_of(topics.message_key(message), partitions) == wanted:
                break
        return Mail(
            tenant=tenant,
            message=message,
            refs=tuple(RecipientRef(f"{number:08x}{each:08x}") for each in range(_RECIPIENTS)),
            template=f"template-{number % _TEMPLATES}",
            subject=f"Offer {number} of {self._run}",
        )

    def prepared(self, mails: Iterable[Mail] | None = None) -> list[Told]:
        """Tell of mails that were handed in, and who stands behind them."""
        return [one for mail in mails or self.mails for one in self._prepared(mail)]

    def _prepared(self, mail: Mail) -> Iterator[Told]:
        at = Instant(self._now - 30 * _HOUR)
        event = MessagePrepared(
            message_id=mail.message,
            owner=OWNER,
            followed=True,
            template=Template(id=mail.template, name=mail.template, version="1"),
            recipients=tuple(
                PreparedRecipient(
                    ref=ref, kind=RecipientKind.CONTACT, field=AddressField.TO, followed=True
                )
                for ref in mail.refs
            ),
            links=tuple(
                PreparedLink(index=index, position=index * 10, followed=True, host="example.org")
                for index in range(_LINKS)
            ),
            attachments=(
                PreparedAttachment(index=0, size=99, content_type="application/pdf", followed=True),
            ),
        )
        name = Named(mail.tenant, str(mail.message), None, "message.registered.v1")
        yield self._named(mail, "message.prepared.v1", at, event, name)
        personal = MessagePersonal(
            message_id=mail.message,
            subject=mail.subject,
            sender=Mailbox(address=f"ana@{mail.tenant}.example"),
            recipients=tuple(
                PersonalRecipient(ref=ref, address=f"{ref}@customer.example") for ref in mail.refs
            ),
        )
        yield self._named(mail, "message.personal.v1", at, personal, None)

    @staticmethod
    def _named(mail: Mail, kind: str, at: Instant, event: Event, fact: Named | None) -> Told:
        identifier = identity.event_id(kind, mail.tenant, str(mail.message))
        envelope = Envelope(id=identifier, source="/tests", tenant=mail.tenant, occurred_at=at)
        return Told(envelope=envelope, event=event, fact=fact)

    def happenings(self, count: int, mails: Iterable[Mail] | None = None) -> list[Told]:
        """Tell of so many opens, clicks, views of files and replies, in the order of their times."""
        among = list(mails or self.mails)
        made = [self._happening(self._chance.choice(among)) for _ in range(count)]
        return sorted(made, key=lambda one: one.envelope.occurred_at)

    def living(self, count: int) -> list[Told]:
        """Tell of so many more, a fifth of which were told before, just now or long ago."""
        fresh = self.happenings(count - count // 5)
        self._lived += fresh
        again = [self._chance.choice(self._lived) for _ in range(count // 5)]
        return self._chance.sample([*fresh, *again], len(fresh) + len(again))

    def open_of(self, mail: Mail, at: Instant) -> Told:
        """Tell of a person who opens a mail."""
        return self._hit(mail, at, mail.refs[0], "opens")

    def _happening(self, mail: Mail) -> Told:
        """A twentieth of all are replies, which are known by their own names."""
        hours = 28.0 if self._chance.random() < self._late else 0.2
        at = Instant(self._now - int(self._chance.uniform(0, hours) * _HOUR))
        part = self._chance.choices(
            ("opens", "clicks", "attachment_views", "replies"), (60, 25, 10, 5)
        )[0]
        ref = self._chance.choice(mail.refs)
        return self._reply(mail, at, ref) if part == "replies" else self._hit(mail, at, ref, part)

    def _hit(self, mail: Mail, at: Instant, ref: RecipientRef, part: str) -> Told:
        human = self._chance.random() < 0.8 or at >= self._now
        agent = PERSON if human else _MACHINE
        entropy = self._chance.randbytes(identity.ENTROPY_BYTES)
        number = next(self._numbers)
        # Each from a network of its own: two views of a file from one within minutes are one.
        network = f"2001:{number >> 16:x}:{number & 0xFFFF:x}::/48"
        envelope = Envelope(
            id=identity.uuid7(at, entropy), source="/tests", tenant=mail.tenant, occurred_at=at
        )
        told = {
            "message_id": mail.message,
            "refs": (ref,),
            "method": "GET",
            "edge": "edge-1",
            "user_agent": agent,
            "network": network,
        }
        event: Event
        of, item = str(mail.message), self._chance.randrange(_LINKS)
        counts: list[tuple[str, str]] = []
        match part:
            case "clicks":
                event = LinkClicked(link_index=item, **told)  # type: ignore[arg-type]
                kind = "message.first_clicked.v1"
                counts = [(f"{of} link {item}", part)]
            case "attachment_views":
                event = AttachmentViewed(attachment_index=0, **told)  # type: ignore[arg-type]
                kind = "message.first_attachment_viewed.v1"
                counts = [(f"{of} file 0", part)]
            case _:
                event = MessageOpened(**told)  # type: ignore[arg-type]
                kind = "message.first_opened.v1"
        return Told(
            envelope=envelope,
            event=event,
            counts=((of, part), (mail.template, part), *counts),
            human=human,
            fact=Named(mail.tenant, of, ref, kind),
        )

    def _reply(self, mail: Mail, at: Instant, ref: RecipientRef) -> Told:
        human = self._chance.random() < 0.7
        inbound = f"<reply-{next(self._numbers)}.{self._run}@customer.example>"
        identifier = identity.event_id("reply.received.v1", mail.tenant, inbound)
        of = str(mail.message)
        return Told(
            envelope=Envelope(id=identifier, source="/tests", tenant=mail.tenant, occurred_at=at),
            event=ReplyReceived(
                message_id=mail.message,
                kind=ReplyKind.HUMAN if human else ReplyKind.AUTOMATIC,
                author=ReplyAuthor.RECIPIENT,
                rule="in_reply_to",
                ref=ref,
            ),
            counts=((of, "replies"), (mail.template, "replies")),
            human=human,
            fact=Named(mail.tenant, of, ref, "message.first_replied.v1"),
        )


def repeated(events: list[Told], part: float, chance: random.Random) -> list[Told]:
    """Return the events with that part of them once more, at once or much later."""
    placed = [(float(place), one) for place, one in enumerate(events)]
    for place, one in enumerate(events):
        if chance.random() < part:
            placed.append((place + chance.choice((0.5, chance.uniform(1, len(events)))), one))
    return [one for _, one in sorted(placed, key=lambda pair: pair[0])]


def shuffled(events: list[Told], chance: random.Random) -> list[Told]:
    """Return the events in another order."""
    return chance.sample(events, len(events))


def take(events: list[Told], many: int) -> list[Told]:
    """Take that many from the beginning of what is left."""
    taken = events[:many]
    del events[:many]
    return taken
