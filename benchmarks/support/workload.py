"""A log as it would be: prepared mails, who stands behind them, and their recipients' hits, some of them sent twice."""

import itertools
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from schemas import identity, instant, topics
from schemas.envelope import Encoded, Envelope, encode
from schemas.events import (
    AddressField,
    LinkClicked,
    MessageOpened,
    MessagePrepared,
    PreparedLink,
    PreparedRecipient,
    RecipientKind,
    Template,
)
from schemas.identity import MessageId, RecipientRef, Tenant
from schemas.instant import Instant
from schemas.personal import Mailbox, MessagePersonal, PersonalLink, PersonalRecipient
from services.runtime.kafka import Outgoing, Producer
from services.runtime.leases import Lane

TENANT = Tenant("demo")
OWNERS = 20
TEMPLATES = 40
RECIPIENTS = 2
LINKS = 5
CLICKS = 0.25
DUPLICATES = 0.05
# How far back a hit lies that is sent again, as a spool would after an answer that was lost.
BACK = 20_000
BATCH = 500
SECONDS = 20.0
# What asks for pixels and links, and how often; the braces take a version, since real agents are many.
AGENTS = {
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/{}.0.0.0 Safari/537.36": 45,
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Thunderbird/{}.5.0": 10,
    "Mozilla/5.0": 20,
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)": 15,
    "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html": 3,
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)": 3,
    "python-requests/2.{}.0": 4,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much of it; `hits` without the repeated ones."""

    messages: int
    hits: int


class Workload:
    """The same log for the same size, but for its times: it ends about now."""

    def __init__(self, size: Size, now: Instant) -> None:
        self._size = size
        self._random = random.Random(size.hits)
        # Hits spread over an hour, after the mails that went out over the hour before.
        self._begun = Instant(now - 2 * 3600 * instant.SECOND)
        self._messages = [message_of(number) for number in range(size.messages)]

    def records(self) -> Iterator[Encoded]:
        """Give every record in the order in which it would be produced."""
        step = 3600 * instant.SECOND // self._size.messages
        for number, message in enumerate(self._messages):
            at = Instant(self._begun + number * step)
            yield self._personal(number, message, at)
            yield self._prepared(number, message, at)
        yield from self.hits()

    def hits(self) -> Iterator[Encoded]:
        """Give the hits alone, and those of them that are repeated."""
        step = 3600 * instant.SECOND // self._size.hits
        # A few mails get most of the hits.
        shares = itertools.accumulate(1 / (50 + number) for number in range(len(self._messages)))
        weights, agents = list(shares), list(itertools.accumulate(AGENTS.values()))
        chosen = self._random.choices(range(len(weights)), cum_weights=weights, k=self._size.hits)
        names = self._random.choices(list(AGENTS), cum_weights=agents, k=self._size.hits)
        sent: list[Encoded] = []
        for number, (message, agent) in enumerate(zip(chosen, names, strict=True)):
            at = Instant(self._begun + 3600 * instant.SECOND + number * step)
            sent.append(self._hit(message, agent.format(self._random.randint(100, 160)), at))
            yield sent[-1]
            if self._random.random() < DUPLICATES:
                yield sent[-self._random.randint(1, min(len(sent), BACK))]

    def _hit(self, number: int, agent: str, at: Instant) -> Encoded:
        recorded_at = Instant(at + 5_000)
        identifier = identity.uuid7(at, self._random.randbytes(identity.ENTROPY_BYTES))
        envelope = Envelope(id=identifier, source="/tracker/edge-1", tenant=TENANT, occurred_at=at)
        event = MessageOpened(
            message_id=self._messages[number],
            refs=(_ref(number, self._random.randrange(RECIPIENTS)),),
            method="GET",
            edge="edge-1",
            user_agent=agent,
            network=f"203.0.{self._random.randrange(256)}.0/24",
            language="en-GB,en;q=0.9",
        )
        if self._random.random() < CLICKS:
            named = {name: getattr(event, name) for name in MessageOpened.__slots__}
            link = self._random.randrange(LINKS)
            return encode(envelope, LinkClicked(**named, link_index=link), recorded_at)
        return encode(envelope, event, recorded_at)

    def _prepared(self, number: int, message: MessageId, at: Instant) -> Encoded:
        return self._encode(
            MessagePrepared(
                message_id=message,
                owner=f"owner-{number % OWNERS}",
                followed=True,
                template=Template(id=f"template-{number % TEMPLATES}", name="Offer", version="2"),
                regarding=f"opportunity-{number}",
                labels={"step": "1"},
                recipients=tuple(
                    PreparedRecipient(
                        ref=_ref(number, each),
                        kind=RecipientKind.CONTACT,
                        field=AddressField.TO,
                        followed=True,
                    )
                    for each in range(RECIPIENTS)
                ),
                links=tuple(
                    PreparedLink(index=each, position=each * 90, followed=True, host="example.org")
                    for each in range(LINKS)
                ),
            ),
            at,
        )

    def _personal(self, number: int, message: MessageId, at: Instant) -> Encoded:
        return self._encode(
            MessagePersonal(
                message_id=message,
                subject=f"Your offer {number}",
                sender=Mailbox(address="ana@demo.example", name="Ana"),
                recipients=tuple(
                    PersonalRecipient(
                        ref=_ref(number, each),
                        address=f"p{number}-{each}@customer.example",
                        name=f"Person {number}",
                        id=f"c-{number}",
                    )
                    for each in range(RECIPIENTS)
                ),
                links=tuple(
                    PersonalLink(index=each, url=f"https://example.org/{each}?a=b", text="Look")
                    for each in range(LINKS)
                ),
            ),
            at,
        )

    def _encode(self, event: MessagePrepared | MessagePersonal, at: Instant) -> Encoded:
        name = f"{type(event).__name__}:{event.message_id}"
        identifier = identity.event_id("benchmark", TENANT, name)
        envelope = Envelope(id=identifier, source="/rewriter", tenant=TENANT, occurred_at=at)
        return encode(envelope, event, at)


def message_of(number: int) -> MessageId:
    """Name a mail of the log."""
    return identity.message_of_header(TENANT, f"<{number}@demo.example>")


async def produce(servers: str, workload: Workload) -> dict[Lane, int]:
    """Write a log to Kafka and return how many records each lane has."""
    lanes: dict[Lane, list[Outgoing]] = defaultdict(list)
    for one in workload.records():
        partition = topics.partition_of(one.key, topics.DEFAULT_PARTITIONS)
        outgoing = Outgoing(key=one.key, value=one.value, headers=one.headers)
        lanes[Lane(one.topic, partition)].append(outgoing)
    producer = Producer(servers, "benchmark")
    await producer.start(SECONDS)
    try:
        for lane, records in lanes.items():
            for start in range(0, len(records), BATCH):
                batch = records[start : start + BATCH]
                await producer.send_batch(lane, batch, 1_764_000_000_000, SECONDS)
    finally:
        await producer.close(SECONDS)
    return {lane: len(records) for lane, records in lanes.items()}


def _ref(number: int, position: int) -> RecipientRef:
    return RecipientRef(f"{number:08x}{position:08x}")
