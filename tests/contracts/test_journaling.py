"""What the journal and the tests' own in memory both promise to the doors."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator

import pytest

from services.runtime.errors import Transient
from services.tracker.entry import Journaling, Where
from tests.support.journal import MemoryJournal
from tests.tracker.journaling import Given, a_journal
from tests.tracker.producing import MemoryLog
from tests.tracker.spooling import Noting, an_entry


class JournalingContract(ABC):
    """Collected once for each journal, by its subclasses."""

    @abstractmethod
    def journal(self) -> Journaling:
        """Return the journal, which takes everything."""

    @abstractmethod
    def taken(self) -> list[bytes]:
        """Return the values of the entries that are safe."""

    @abstractmethod
    def take_nothing(self) -> None:
        """Have neither Kafka nor the spool take anything from now on."""

    async def test_each_entry_is_kept_once_and_its_waiter_told_once(self) -> None:
        waiters = [Noting() for _ in range(40)]
        for number, waiter in enumerate(waiters):
            self.journal().write(an_entry(number), waiter)
        assert [await waiter.told() for waiter in waiters] == [Where.KAFKA] * 40
        assert sorted(self.taken()) == sorted(an_entry(number).value for number in range(40))

    async def test_what_was_not_judged_is_not_sent_to_kafka(self) -> None:
        waiter = Noting()
        self.journal().write(an_entry(1), waiter, filtered=False)
        assert await waiter.told() is Where.SPOOL
        assert self.taken() == [an_entry(1).value]

    async def test_where_nobody_takes_it_the_waiter_is_told_so(self) -> None:
        self.take_nothing()
        waiters = [Noting(), Noting()]
        for waiter, filtered in zip(waiters, (True, False), strict=True):
            self.journal().write(an_entry(1), waiter, filtered=filtered)
        assert [await waiter.told() for waiter in waiters] == [Where.NOWHERE] * 2
        assert self.taken() == []


class TestMemoryJournal(JournalingContract):
    @pytest.fixture(autouse=True)
    def memory(self) -> None:
        self.given = MemoryJournal()

    def journal(self) -> Journaling:
        return self.given

    def taken(self) -> list[bytes]:
        return [entry.value for entry in self.given.entries]

    def take_nothing(self) -> None:
        self.given.where = Where.NOWHERE


class TestJournal(JournalingContract):
    @pytest.fixture(autouse=True)
    async def running(self) -> AsyncIterator[None]:
        self.log = MemoryLog()
        async with a_journal(self.log.build) as given:
            self.given: Given = given
            yield

    def journal(self) -> Journaling:
        return self.given.journal

    def taken(self) -> list[bytes]:
        sent = [one.value or b"" for records in self.log.records.values() for one in records]
        return sent + self.given.spool.values()

    def take_nothing(self) -> None:
        self.given.spool.trouble = "spool: full"
        self.log.failure = self.log.unreachable = Transient("kafka: gone")
