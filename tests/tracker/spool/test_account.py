from dataclasses import replace
from pathlib import Path

from services.tracker.spool.account import Account
from services.tracker.spool.bounds import Bounds, Refusal
from services.tracker.spool.growing import Sealed
from services.tracker.spool.recovery import Found

SEGMENT = Sealed(
    path=Path("a"),
    first_seq=1,
    next_seq=4,
    records=3,
    created_ms=1_000,
    oldest_ms=2_000,
    newest_ms=3_000,
    size=100,
    length=100,
    shares=b"",
)


def an_account() -> Account:
    return Account(Bounds(1000, 25, 1000))


def test_what_waits_is_in_sealed_segments_and_in_the_open_one() -> None:
    account = an_account()
    account.backlog.add(SEGMENT)
    account.open_records = 2
    assert account.waiting == 5


def test_the_books_balance_only_when_every_record_is_somewhere() -> None:
    account = an_account()
    assert account.balanced
    account.taken, account.recovered = 10, 3
    assert not account.balanced
    account.backlog.add(SEGMENT)
    account.replayed, account.dropped, account.expired, account.damaged = 4, 3, 2, 1
    assert account.balanced
    account.open_records = 1
    assert not account.balanced


def test_the_oldest_is_in_the_first_segment_or_in_the_open_one() -> None:
    account = an_account()
    assert account.oldest_seconds(10_000_000) == 0.0
    account.open_ms = 4_000
    assert account.oldest_seconds(10_000_000) == 6.0
    account.backlog.add(SEGMENT)
    assert account.oldest_seconds(10_000_000) == 8.0
    account.open_ms = 1_000  # the clock was set back
    assert account.oldest_seconds(10_000_000) == 9.0
    assert account.oldest_seconds(0) == 0.0


def test_what_recovery_met_is_counted() -> None:
    account = an_account()
    found = Found(torn_bytes=1, corrupt_bytes=2, quarantined=3, damaged=4, gaps=5, unreadable=6)
    account.note(found)
    account.note(replace(found, segments=[SEGMENT]))
    assert (account.torn_bytes, account.corrupt_bytes, account.quarantined) == (2, 4, 6)
    assert (account.lost, account.gaps, account.unreadable) == (8, 10, 12)
    assert account.waiting == 0


def test_every_reason_to_refuse_is_there_from_the_start() -> None:
    assert an_account().refused == dict.fromkeys(Refusal, 0)
