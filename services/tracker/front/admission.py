"""Who may connect: so many at a time for this process, and for one address.

Where addresses are many for one client, as with IPv6, a network counts as one. Addresses are counted while their
connections are open, and forgotten with the last of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Final

from services.tracker import clients
from services.tracker.clients import Network
from services.tracker.front.traffic import Refusal, Traffic

# A customer of an access provider has at least one /64 to choose addresses from.
_HOST_BITS: Final = 64


@dataclass(frozen=True, slots=True)
class Place:
    """A connection's place among those that are open; to be given back once."""

    peer: str | None
    """The address at the other end, None if it has none (a Unix socket)."""
    trusted: bool
    """Whether that is a configured proxy."""
    counted_as: str | None
    """What it counts as, None if it is exempt."""


class Admission:
    """Gives places to connections."""

    def __init__(
        self, traffic: Traffic, connections: int, per_address: int, trusted: Sequence[Network]
    ) -> None:
        self._traffic: Final = traffic
        self._connections: Final = connections
        self._per_address: Final = per_address
        self._trusted: Final = trusted
        self._counts: Final[dict[str, int]] = {}

    def admit(self, peername: object) -> Place | None:
        """Give a place to a connection with that peer name (as sockets have it), or None, counted."""
        traffic = self._traffic
        if traffic.open >= self._connections:
            traffic.refused[Refusal.PROCESS] += 1
            return None
        peer = peername[0] if isinstance(peername, tuple) and peername else None
        if not isinstance(peer, str):
            place = Place(None, trusted=False, counted_as=None)
        elif self._trusted and clients.is_trusted(peer, self._trusted):
            place = Place(peer, trusted=True, counted_as=None)
        else:
            key = counted_as(peer)
            held = self._counts.get(key, 0)
            if held >= self._per_address:
                traffic.refused[Refusal.ADDRESS] += 1
                return None
            self._counts[key] = held + 1
            place = Place(peer, trusted=False, counted_as=key)
        traffic.accepted += 1
        traffic.open += 1
        return place

    def leave(self, place: Place) -> None:
        """Take a place back."""
        self._traffic.open -= 1
        key = place.counted_as
        if key is None:
            return
        held = self._counts[key] - 1
        if held:
            self._counts[key] = held
        else:
            del self._counts[key]

    def addresses(self) -> int:
        """Return how many addresses have connections that count."""
        return len(self._counts)


@lru_cache(maxsize=4096)
def counted_as(peer: str) -> str:
    """Return what an address counts as: itself, or the /64 it is in."""
    if ":" not in peer:
        return peer
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return peer
    if not isinstance(address, IPv6Address):
        return peer
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return f"{int(address) >> _HOST_BITS:016x}/64"
