"""What travels from a hit to safety."""

from schemas.identity import Tenant
from services.tracker.entry import Entry


def test_the_size_counts_all_that_is_variable() -> None:
    small = Entry(Tenant("demo"), b"k", b"v", (("ce_id", b"1"),))
    large = small._replace(value=b"v" * 100, headers=(*small.headers, ("more", b"x" * 10)))
    assert large.size() - small.size() == 99 + len("more") + 10 + 4
