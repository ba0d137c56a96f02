"""All refusals of all tenants, in eight bytes each: a sorted array that many processes can share, and what came since.

A refusal is a key of 64 bits: the recipient's ref, which is a keyed hash of tenant and address already, xored with a
hash of the tenant. Within a tenant two refs never share a key. Across tenants two do with a chance of 2^-64: among a
million refusals and a hundred million recipients about one run in two hundred thousand has a recipient whose hits are
held back for somebody else's refusal.
"""

from bisect import bisect_left
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap
from typing import Final, NamedTuple

from schemas.identity import RecipientRef, Tenant

Keys = memoryview
"""Sorted keys without repetition, as a view of native unsigned 64-bit numbers."""

KEY_BYTES: Final = 8
NONE: Final[Keys] = memoryview(b"").cast("Q")
# Merging costs the loop a pass over the array (about 10 ms for a million), so it is done for many changes at once.
MOST_CHANGES: Final = 2048
# About this many keys are left to search once the first bits of a key are looked up.
_BUCKET_BITS: Final = 8
_MOST_BITS: Final = 12


class Verdict(StrEnum):
    """Why a hit is not to be recorded."""

    REFUSED = "refused"
    """One of the recipients it may be from does not allow following."""
    ENGAGEMENT_OFF = "engagement_off"
    """The tenant records nothing at all."""


class Frozen(NamedTuple):
    """A table as it is at one moment, for a thread that writes it; later changes do not reach it."""

    keys: Keys
    changes: dict[int, int]
    off: frozenset[Tenant]

    def merged(self) -> Keys:
        """Return all keys in one array."""
        return merge(self.keys, self.changes)


@lru_cache(maxsize=4096)
def _salt(tenant: Tenant) -> int:
    digest = blake2b(tenant.encode("ascii"), digest_size=KEY_BYTES, person=b"inkling-refuses")
    return int.from_bytes(digest.digest(), "big")


def key_of(tenant: Tenant, ref: RecipientRef) -> int:
    """Name a tenant's recipient in 64 bits."""
    return int(ref, 16) ^ _salt(tenant)


def merge(keys: Keys, changes: dict[int, int]) -> Keys:
    """Return the keys with the changes made: an odd number adds its key, an even one takes it away.

    Whole stretches are copied at a time; there is never a number object for each key.
    """
    # Pages of its own: the heap would keep megabytes that were freed, for the next time.
    room = mmap(-1, (len(keys) + len(changes) + 1) * KEY_BYTES, flags=MAP_PRIVATE | MAP_ANONYMOUS)
    merged = memoryview(room).cast("Q")
    read = written = 0
    for key in sorted(changes):
        place = bisect_left(keys, key, read)
        count = place - read
        merged[written : written + count] = keys[read:place]
        written += count
        read = place + (place < len(keys) and keys[place] == key)
        if changes[key] & 1:
            merged[written] = key
            written += 1
    rest = len(keys) - read
    merged[written : written + rest] = keys[read:]
    return merged[: written + rest]


class Table:
    """Who refuses, as of a place in the log; the keys given must be sorted, without repetition.

    Changes carry the offset of the setting that made them, so that an array which another process wrote can be taken
    over and only what is newer kept (`rebase`).
    """

    def __init__(self, keys: Keys = NONE, off: Iterable[Tenant] = (), next_offset: int = 0) -> None:
        self._changes: dict[int, int] = {}
        self._off: set[Tenant] = set(off)
        self._put_below(keys, next_offset)

    def __len__(self) -> int:
        """Return how many recipients refuse."""
        return self._count

    @property
    def off(self) -> frozenset[Tenant]:
        """The tenants that have engagement off."""
        return frozenset(self._off)

    @property
    def changes(self) -> int:
        """How many changes are not in the array yet."""
        return len(self._changes)

    def records(self, tenant: Tenant, refs: Iterable[RecipientRef]) -> bool:
        """Tell whether a hit of these recipients is recorded."""
        return self.judge(tenant, refs) is None

    def judge(self, tenant: Tenant, refs: Iterable[RecipientRef]) -> Verdict | None:
        """Return why a hit is not recorded, or None.

        One refusal among the refs of a shared copy is enough: nobody can say which of them it was.
        """
        if tenant in self._off:
            return Verdict.ENGAGEMENT_OFF
        if not self._count:
            return None
        salt, changes = _salt(tenant), self._changes
        keys, starts, shift = self._keys, self._starts, self._shift
        for ref in refs:
            key = int(ref, 16) ^ salt
            change = changes.get(key)
            if change is None:
                # `_holds`, written out: this runs for each hit
                bucket = key >> shift
                end = starts[bucket + 1]
                place = bisect_left(keys, key, starts[bucket], end)
                if place < end and keys[place] == key:
                    return Verdict.REFUSED
            elif change & 1:
                return Verdict.REFUSED
        return None

    def set(self, tenant: Tenant, ref: RecipientRef, refuses: bool, *, offset: int = 0) -> None:
        """Take in a recipient's preference, which stands at that offset; the latest call holds."""
        key = key_of(tenant, ref)
        change = self._changes.get(key)
        before = self._holds(key) if change is None else bool(change & 1)
        self._count += refuses - before
        self._changes[key] = offset << 1 | refuses
        if len(self._changes) > MOST_CHANGES:
            self.merge()

    def engagement(self, tenant: Tenant, on: bool) -> None:
        """Take in whether a tenant records at all."""
        if on:
            self._off.discard(tenant)
        else:
            self._off.add(tenant)

    def merge(self) -> None:
        """Make one array of array and changes; for a moment there are two."""
        if self._changes:
            changes, self._changes = self._changes, {}
            self._put_below(merge(self._keys, changes), 1 + (max(changes.values()) >> 1))

    def freeze(self) -> Frozen:
        """Return the table as it is now."""
        return Frozen(self._keys, dict(self._changes), self.off)

    def rebase(self, keys: Keys, next_offset: int) -> bool:
        """Take over an array that holds all settings before that offset, and keep the changes from there on.

        Returns False, and changes nothing, where our own array is newer than that.
        """
        if next_offset < self._array_offset:
            return False
        kept = {key: one for key, one in self._changes.items() if one >> 1 >= next_offset}
        self._put_below(keys, next_offset)
        self._changes = kept
        self._count += sum((one & 1) - self._holds(key) for key, one in kept.items())
        return True

    def _put_below(self, keys: Keys, next_offset: int) -> None:
        self._array_offset = next_offset
        self._keys = keys
        self._count = len(keys)
        bits = max(0, min(_MOST_BITS, len(keys).bit_length() - _BUCKET_BITS))
        self._shift = 64 - bits
        self._starts = [bisect_left(keys, first << self._shift) for first in range(1 << bits)]
        self._starts.append(len(keys))

    def _holds(self, key: int) -> bool:
        bucket = key >> self._shift
        end = self._starts[bucket + 1]
        place = bisect_left(self._keys, key, self._starts[bucket], end)
        return place < end and self._keys[place] == key
