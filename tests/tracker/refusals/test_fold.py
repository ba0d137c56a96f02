"""What a record of the settings topic changes, and what survives when the log is read anew."""

import pytest

from services.runtime.kafka import Outgoing
from services.tracker.refusals.fold import Fold, mark_of
from services.tracker.refusals.table import Verdict
from tests.support.clock import START
from tests.tracker.refusals.given import (
    OTHER,
    REF,
    SECOND,
    TENANT,
    at,
    engagement,
    log_of,
    preference,
    removed,
)


def read(*settings: Outgoing) -> Fold:
    """Fold a log to its end."""
    fold = Fold()
    fold.apply(log_of(*settings))
    fold.reached_end(START)
    return fold


def test_the_latest_in_the_log_holds() -> None:
    fold = read(preference(), engagement(False, OTHER))
    assert fold.table.judge(TENANT, (REF,)) is Verdict.REFUSED
    assert fold.table.judge(OTHER, (REF,)) is Verdict.ENGAGEMENT_OFF
    fold.apply([at(2, preference(refuses=False)), at(3, engagement(True, OTHER))])
    assert fold.table.records(TENANT, (REF,))
    assert fold.table.records(OTHER, (REF,))
    assert fold.next_offset == 4


def test_tombstones_forget() -> None:
    fold = read(preference(), engagement(False, OTHER), removed(), removed(None, OTHER))
    assert fold.table.records(TENANT, (REF,))
    assert fold.table.records(OTHER, (REF,))
    assert fold.refused == 0


@pytest.mark.parametrize(
    "unreadable",
    [
        Outgoing(key=b"demo:00112233445566ff", value=b"{", headers=preference().headers),
        Outgoing(key=b"demo:00112233445566ff", value=b"{}", headers=()),
        Outgoing(key=b"demo", value=preference().value, headers=preference().headers),
        Outgoing(key=b"demo:00112233445566f", value=None),
        Outgoing(key=b"NO TENANT", value=None),
        Outgoing(key=b"\xff", value=None),
        Outgoing(key=b"", value=None),
    ],
)
def test_what_cannot_be_read_is_passed_over_and_counted(unreadable: Outgoing) -> None:
    fold = read(preference(), unreadable, preference(SECOND))
    assert fold.refused == 1
    assert fold.next_offset == 3
    assert not fold.table.records(TENANT, (REF,))
    assert not fold.table.records(TENANT, (SECOND,))


def test_nobody_is_judged_before_the_end_was_reached() -> None:
    fold = Fold()
    fold.apply(log_of(preference()))
    assert not fold.known
    assert fold.state() is None
    assert fold.table.records(TENANT, (REF,))
    assert fold.reached_end(START)
    assert fold.known
    assert not fold.table.records(TENANT, (REF,))
    assert not fold.reached_end(START + 1)
    assert fold.read_at == START + 1


def test_read_anew_old_and_new_hold_until_the_end_and_then_the_new_alone() -> None:
    fold = read(preference(REF), engagement(False, OTHER))
    fold.start_over(0)
    assert fold.known
    assert fold.state() is None
    assert not fold.table.records(TENANT, (REF,))
    fold.apply([at(0, preference(SECOND))])
    assert not fold.table.records(TENANT, (REF,))
    assert not fold.table.records(TENANT, (SECOND,))
    assert fold.reached_end(START)
    assert fold.table.records(TENANT, (REF,))
    assert fold.table.records(OTHER, (REF,))
    assert not fold.table.records(TENANT, (SECOND,))
    assert fold.next_offset == 1


def test_a_refusal_taken_back_in_the_new_log_does_not_come_back_from_the_old() -> None:
    fold = read(preference(REF))
    fold.start_over(0)
    fold.apply(log_of(preference(REF, refuses=False)))
    assert fold.table.records(TENANT, (REF,))
    fold.reached_end(START)
    assert fold.table.records(TENANT, (REF,))


def test_a_snapshot_goes_on_where_it_stopped() -> None:
    one = read(preference(REF), engagement(False, OTHER))
    state = one.state()
    assert state is not None
    two = Fold()
    two.start_from(state._replace(frozen=state.frozen._replace(keys=state.frozen.merged())))
    assert two.known
    assert (two.next_offset, two.mark, two.read_at) == (2, one.mark, START)
    assert two.table.judge(TENANT, (REF,)) is Verdict.REFUSED
    assert two.table.judge(OTHER, (REF,)) is Verdict.ENGAGEMENT_OFF
    two.apply([at(2, removed(REF))])
    assert two.table.records(TENANT, (REF,))


def test_an_array_is_shared_only_with_whoever_read_the_same_record() -> None:
    log = log_of(preference(REF), preference(SECOND), removed(REF))
    writer, behind, ahead, stranger = Fold(), Fold(), Fold(), Fold()
    for fold, records in (
        (writer, log[:2]),
        (behind, log[:1]),
        (ahead, log[:2]),
        (stranger, log_of(preference(REF), preference(SECOND, refuses=False))),
    ):
        fold.apply(records)
        fold.reached_end(START)
    ahead.apply(log[2:])
    state = writer.state()
    assert state is not None
    on_disk = state._replace(frozen=state.frozen._replace(keys=state.frozen.merged(), changes={}))
    assert not behind.share(on_disk)
    assert not stranger.share(on_disk)
    assert ahead.share(on_disk)
    assert ahead.table.changes == 1
    assert ahead.table.records(TENANT, (REF,))
    assert not ahead.table.records(TENANT, (SECOND,))
    assert stranger.table.records(TENANT, (SECOND,))


def test_a_mark_tells_records_apart() -> None:
    one = at(5, preference())
    assert mark_of(one) == mark_of(at(5, preference()))
    others = [
        one._replace(offset=6),
        one._replace(timestamp_ms=1),
        at(5, preference(refuses=False)),
        at(5, removed()),
    ]
    assert mark_of(one) not in list(map(mark_of, others))


def test_what_compaction_took_is_passed() -> None:
    fold = read(preference())
    fold.pass_to(7)
    assert fold.next_offset == 7
    fold.pass_to(3)
    assert fold.next_offset == 7
