"""A process that takes in many refusals one by one and says what that cost; run by `test_preferences`."""

import sys
from pathlib import Path

import orjson

from schemas.identity import RecipientRef, Tenant
from schemas.instant import Instant
from schemas.settings import Follow, PreferenceSet
from services.rewriter.preferences import Preferences
from tests.support.clock import START

TENANTS = [Tenant("demo"), *(Tenant(f"t-{number}") for number in range(100))]


def a_ref(number: int) -> RecipientRef:
    """Return one of many refs that differ and are spread evenly, as hashes are."""
    return RecipientRef(f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}")


def a_tenant(number: int) -> Tenant:
    """Give half of them to one tenant and spread the others."""
    return TENANTS[0] if number % 2 else TENANTS[number // 2 % len(TENANTS)]


def a_refusal(number: int) -> PreferenceSet:
    """Make one, set by one of a thousand sellers."""
    since = Instant(START + number)
    by = f"seller-{number % 1000}@demo.example"
    return PreferenceSet(ref=a_ref(number), follow=Follow.DO_NOT_ALLOW, since=since, by=by)


def memory(name: str) -> int:
    """Ask the kernel what this process has in memory now (`VmRSS`) or had at most (`VmHWM`), in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        key, _, rest = line.partition(":")
        if key == name:
            return int(rest.split()[0]) * 1024
    raise ValueError(name)


def main(count: int) -> None:
    """Take them in, look some of them up, and say what it cost."""
    held, before = Preferences(), memory("VmRSS")
    for number in range(count):
        held.set(a_tenant(number), a_refusal(number))
    highest = memory("VmHWM") - before
    found = held.get(a_tenant(count - 1), a_ref(count - 1))
    if found != a_refusal(count - 1) or not all(
        held.refuses(a_tenant(number), a_ref(number)) for number in range(0, count, 997)
    ):
        raise RuntimeError("not all are held")
    told = {"count": len(held), "highest": highest}
    sys.stdout.buffer.write(orjson.dumps(told))


if __name__ == "__main__":
    main(int(sys.argv[1]))
