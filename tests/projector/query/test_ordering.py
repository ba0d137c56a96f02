import pytest

from services.projector.query.ordering import MESSAGES, TEMPLATES, Sorts


@pytest.mark.parametrize("sorts", [MESSAGES, TEMPLATES])
def test_every_sort_goes_both_ways(sorts: Sorts) -> None:
    for name in sorts.keys:
        up, down = sorts.order(name), sorts.order(f"-{name}")
        assert (up.key, up.descending, down.key, down.descending) == (up.key, False, up.key, True)
        assert up.name != down.name
    assert set(sorts.choices()) == {sign + name for name in sorts.keys for sign in ("", "-")}


@pytest.mark.parametrize(("sorts", "name"), [(MESSAGES, "-sent_at"), (TEMPLATES, "-email_count")])
def test_without_a_choice_there_is_an_order_all_the_same(sorts: Sorts, name: str) -> None:
    assert sorts.order(None) == sorts.order(name)


def test_times_and_rates_may_be_missing_and_counts_may_not() -> None:
    assert MESSAGES.order("last_opened_at").nullable
    assert TEMPLATES.order("open_rate").nullable
    assert not MESSAGES.order("opens").nullable
