"""Whose history of a day is over."""

from datetime import date, timedelta

from services.projector.expiry import LEAST_DAYS, expired

TODAY = date(2026, 3, 1)


def _ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def test_without_a_word_history_is_kept_for_ever() -> None:
    assert expired(date(2000, 1, 1), TODAY, None, {}).nobody


def test_a_day_goes_at_once_when_nobody_keeps_it() -> None:
    assert expired(_ago(32), TODAY, 30, {}).everybody
    assert expired(_ago(32), TODAY, 30, {"acme": 20}).everybody
    assert expired(_ago(31), TODAY, 30, {}).nobody


def test_who_keeps_a_day_longer_keeps_only_his_own() -> None:
    over = expired(_ago(32), TODAY, 30, {"acme": 90, "rival": 10})
    assert over.others
    assert not over.everybody
    assert over.keeping == {"acme"}


def test_a_tenants_own_time_is_over_before_the_others() -> None:
    over = expired(_ago(20), TODAY, None, {"acme": 10, "rival": 90})
    assert over.named == {"acme"}
    assert not over.others
    assert not over.keeping


def test_nothing_goes_while_a_hit_may_still_be_late() -> None:
    assert LEAST_DAYS == 8
    assert expired(_ago(9), TODAY, 1, {"acme": 1}).nobody
    assert expired(_ago(10), TODAY, 1, {}).everybody
