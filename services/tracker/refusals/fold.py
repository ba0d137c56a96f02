"""The settings topic folded into a table: what a record changes, and what happens when the log must be read anew.

Nothing here reads Kafka or the disk: `follower` and `keeper` do.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple
from zlib import crc32

from schemas import envelope, identity
from schemas.errors import BadIdentity, Refused
from schemas.identity import RecipientRef, Tenant
from schemas.settings import Follow, PreferenceSet, TenantSet
from services.runtime.kafka import Record
from services.runtime.log import get_logger
from services.tracker.refusals.table import Frozen, Table

log = get_logger(__name__)

# How many changes two processes may be apart and still find out that they read the same log.
_RECENT: Final = 4096


class Mark(NamedTuple):
    """The last record folded: a log in which it no longer lies where it lay is another log, or was cut."""

    offset: int
    timestamp_ms: int
    crc: int


class State(NamedTuple):
    """What is known, up to a place in the log; what a snapshot holds."""

    frozen: Frozen
    next_offset: int
    mark: Mark | None
    read_at: int
    """When the log was last read to its end, in microseconds since the epoch."""


def mark_of(record: Record) -> Mark:
    """Say what tells this record from another at the same offset of another log."""
    crc = crc32(record.value or b"", crc32(record.key or b""))
    return Mark(record.offset, record.timestamp_ms, crc)


class Fold:
    """Who refuses as of `next_offset`; `known` once a snapshot was loaded or the log was read to its end.

    While the log is read anew, a second table is filled from its beginning. Until that has reached the end, the first
    goes on judging, with everything read folded over it; then the second takes its place, and what the log did not
    state again is forgotten. Before anything is known the first table is empty, so nobody is judged by half a log.
    """

    def __init__(self) -> None:
        self.table = Table()
        self.known = False
        self.refused = 0
        self.next_offset = 0
        self.mark: Mark | None = None
        self.read_at = 0
        self._anew: Table | None = Table()
        self._recent: deque[Mark] = deque(maxlen=_RECENT)

    @property
    def reading_anew(self) -> bool:
        """Whether the log has to be read to its end before everything in it holds."""
        return self._anew is not None

    def apply(self, records: Sequence[Record]) -> None:
        """Fold records in the order of the log; one that cannot be read is passed over, counted and logged."""
        for record in records:
            self._apply_one(record)
        if records:
            self.next_offset = records[-1].offset + 1
            # Reading a million, only their last can be where another process stopped.
            self._recent.extend(map(mark_of, records[-1:] if self.reading_anew else records))
            self.mark = self._recent[-1]

    def pass_to(self, offset: int) -> None:
        """Go on to an offset before which no more records lie: compaction has taken them."""
        self.next_offset = max(self.next_offset, offset)

    def start_over(self, offset: int) -> None:
        """Read anew from the beginning of a log that does not continue the one that was read."""
        self._anew = Table()
        self._recent.clear()
        self.next_offset, self.mark = offset, None

    def reached_end(self, at: int) -> bool:
        """Note that all was read that lay in the log at that time; return whether that ended a reading anew."""
        self.read_at = at
        anew, self._anew = self._anew, None
        if anew is None:
            return False
        anew.merge()
        self.table, self.known = anew, True
        return True

    def state(self) -> State | None:
        """Return what is known now, for a snapshot; None while the log is read anew."""
        if self._anew is not None:
            return None
        return State(self.table.freeze(), self.next_offset, self.mark, self.read_at)

    def start_from(self, state: State) -> None:
        """Begin with a snapshot, before anything was read."""
        keys, _, off = state.frozen
        self.table, self.known, self._anew = Table(keys, off, state.next_offset), True, None
        self.next_offset, self.mark, self.read_at = state.next_offset, state.mark, state.read_at
        if state.mark is not None:
            self._recent.append(state.mark)

    def has_read(self, mark: Mark | None) -> bool:
        """Tell whether we have read this very record lately: then whoever stopped there reads the same log."""
        return mark is not None and not self.reading_anew and mark in self._recent

    def share(self, state: State) -> bool:
        """Put a snapshot's array in the place of our own, so that all who do hold it once; return whether it fits.

        It must be of our log and not ahead of us; what we know since stays on top.
        """
        return self.has_read(state.mark) and self.table.rebase(state.frozen.keys, state.next_offset)

    def _apply_one(self, record: Record) -> None:
        try:
            if record.value:
                self._apply_event(record)
            else:
                self._apply_tombstone(record)
        except Refused as refused:
            self._refuse(record, refused.reason)
        except BadIdentity:
            self._refuse(record, "bad_key")

    def _apply_event(self, record: Record) -> None:
        received = envelope.decode(record.key, record.value, record.headers)
        event, tenant = received.event, received.envelope.tenant
        if isinstance(event, PreferenceSet):
            self._set(tenant, event.ref, event.follow is Follow.DO_NOT_ALLOW, record.offset)
        elif isinstance(event, TenantSet):
            self._engagement(tenant, event.engagement)
        else:
            self._refuse(record, "not_a_setting")

    def _apply_tombstone(self, record: Record) -> None:
        name, colon, ref = (record.key or b"").decode("ascii", "replace").partition(":")
        tenant = identity.tenant(name)
        if colon:
            self._set(tenant, identity.ref(ref), False, record.offset)
        else:
            self._engagement(tenant, True)

    def _set(self, tenant: Tenant, ref: RecipientRef, refuses: bool, offset: int) -> None:
        for table in self._tables():
            table.set(tenant, ref, refuses, offset=offset)

    def _engagement(self, tenant: Tenant, on: bool) -> None:
        for table in self._tables():
            table.engagement(tenant, on)

    def _tables(self) -> Iterator[Table]:
        if self.known:
            yield self.table
        if self._anew is not None:
            yield self._anew

    def _refuse(self, record: Record, reason: str) -> None:
        self.refused += 1
        log.error("setting_refused", offset=record.offset, reason=reason)
