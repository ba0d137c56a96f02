"""What a consumer needs of whatever it reads lanes from: Kafka, or what stands in for it in a simulation."""

from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from services.runtime.leases import Lane
from services.runtime.records import Polled, Topic


class Reader(Protocol):
    """Reads chosen lanes from chosen offsets; raises Transient, or Fatal, and takes no longer than it is told."""

    async def start(self, seconds: float) -> None:
        """Connect, or raise within the seconds given."""

    async def close(self, seconds: float) -> None:
        """Disconnect within the seconds given."""

    def assign(self, positions: Mapping[Lane, int]) -> None:
        """Read exactly these lanes from these offsets on; what was fetched before is dropped."""

    async def poll(self, wait_seconds: float, lane_records: int) -> Polled:
        """Return up to that many records of each lane, waiting only while there are none at all.

        After a raise, and for a lane it calls unreadable, positions are uncertain: assign again.
        """
        ...

    def end_offset(self, lane: Lane) -> int | None:
        """Return the offset after the lane's last record as of the last fetch, if there was one."""

    async def position(self, lane: Lane, seconds: float) -> int:
        """Return the offset from which an assigned lane is read on, past what compaction has taken away."""
        ...

    async def topics(self, names: Collection[str], seconds: float) -> dict[str, Topic]:
        """Return those of the topics that there are."""
        ...

    async def beginning_offsets(self, lanes: Collection[Lane], seconds: float) -> dict[Lane, int]:
        """Return the first offset still kept in each lane."""
        ...

    async def end_offsets(self, lanes: Collection[Lane], seconds: float) -> dict[Lane, int]:
        """Return the offset that the next record of each lane will get."""
        ...


Open = Callable[[str, str], Reader]
"""Makes a reader, not started, from the servers' addresses and a name to be known by."""
