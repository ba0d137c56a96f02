"""What recipients have decided, some twenty bytes for each: a million of them take a process about 25 MB.

For each tenant, its recipients' refs as numbers, sorted, in blocks of a few kilobytes, and beside them since when and
by whom. Nothing is ever merged or copied as a whole, so the memory has no peak and no change costs more than a block.
A ref is kept whole, so nobody is taken for anybody else. The tracker's table (`services/tracker/refusals/table.py`)
holds less of each refusal, in an array that processes share; here `GET /v1/preferences` wants the rest as well.
"""

from array import array
from bisect import bisect_left, bisect_right
from typing import Final, NamedTuple

from schemas.identity import RecipientRef, Tenant
from schemas.instant import Instant
from schemas.settings import Follow, PreferenceSet

_BLOCK: Final = 1024


class _Block(NamedTuple):
    """Some recipients in a row: refs, since when in microseconds, and by whom, doubled, with 1 added for a refusal."""

    refs: "array[int]"
    since: "array[int]"
    by: "array[int]"

    def halved(self) -> "tuple[_Block, _Block]":
        half = len(self.refs) // 2
        return (
            _Block(self.refs[:half], self.since[:half], self.by[:half]),
            _Block(self.refs[half:], self.since[half:], self.by[half:]),
        )


class Preferences:
    """All recipients' preferences, as they were set last."""

    def __init__(self) -> None:
        self._tenants: dict[Tenant, _Recipients] = {}
        # Few people set many preferences; each stands here once and is known by a number.
        self._subjects: list[str] = []
        self._numbers: dict[str, int] = {}
        self._count = 0

    def __len__(self) -> int:
        """Return how many recipients have a preference."""
        return self._count

    def set(self, tenant: Tenant, event: PreferenceSet) -> None:
        """Take in a preference; the latest call holds."""
        held = self._tenants.get(tenant)
        if held is None:
            held = self._tenants[tenant] = _Recipients()
        number = self._numbers.setdefault(event.by, len(self._subjects))
        if number == len(self._subjects):
            self._subjects.append(event.by)
        by = number << 1 | (event.follow is Follow.DO_NOT_ALLOW)
        self._count += held.put(int(event.ref, 16), event.since, by)

    def forget(self, tenant: Tenant, ref: RecipientRef) -> None:
        """Take in that a preference is gone."""
        held = self._tenants.get(tenant)
        if held is not None and held.remove(int(ref, 16)):
            self._count -= 1

    def refuses(self, tenant: Tenant, ref: RecipientRef) -> bool:
        """Tell whether a recipient does not allow following."""
        held = self._tenants.get(tenant)
        found = None if held is None else held.find(int(ref, 16))
        return found is not None and bool(found[1] & 1)

    def get(self, tenant: Tenant, ref: RecipientRef) -> PreferenceSet | None:
        """Return a recipient's preference, or None where nobody has set one."""
        held = self._tenants.get(tenant)
        found = None if held is None else held.find(int(ref, 16))
        if found is None:
            return None
        since, by = found
        return PreferenceSet(
            ref=ref,
            follow=Follow.DO_NOT_ALLOW if by & 1 else Follow.ALLOW,
            since=Instant(since),
            by=self._subjects[by >> 1],
        )


class _Recipients:
    """One tenant's."""

    __slots__ = ("_blocks", "_firsts")

    def __init__(self) -> None:
        self._blocks = [_Block(array("Q"), array("q"), array("I"))]
        # What each block but the first begins with.
        self._firsts: list[int] = []

    def find(self, ref: int) -> tuple[int, int] | None:
        block = self._blocks[bisect_right(self._firsts, ref)]
        place = bisect_left(block.refs, ref)
        if place == len(block.refs) or block.refs[place] != ref:
            return None
        return block.since[place], block.by[place]

    def put(self, ref: int, since: int, by: int) -> bool:
        """Set one; return whether it was not there."""
        number = bisect_right(self._firsts, ref)
        block = self._blocks[number]
        place = bisect_left(block.refs, ref)
        if place < len(block.refs) and block.refs[place] == ref:
            block.since[place], block.by[place] = since, by
            return False
        block.refs.insert(place, ref)
        block.since.insert(place, since)
        block.by.insert(place, by)
        if len(block.refs) > _BLOCK:
            lower, upper = block.halved()
            self._blocks[number : number + 1] = [lower, upper]
            self._firsts.insert(number, upper.refs[0])
        return True

    def remove(self, ref: int) -> bool:
        """Take one away; return whether it was there."""
        number = bisect_right(self._firsts, ref)
        block = self._blocks[number]
        place = bisect_left(block.refs, ref)
        if place == len(block.refs) or block.refs[place] != ref:
            return False
        for column in block:
            del column[place]
        if not block.refs and len(self._blocks) > 1:
            del self._blocks[number]
            del self._firsts[max(number - 1, 0)]
        return True
