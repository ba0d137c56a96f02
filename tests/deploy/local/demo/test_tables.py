from deploy.local.demo import tables

COUNTS = {
    "count": 5,
    "first_at": None,
    "last_at": "2026-11-24T09:30:00.000000Z",
    "human": {"count": 2},
}
REASON = {"code": "recipient_refuses", "detail": "A recipient does not allow following."}


def test_figures_stand_to_the_right_and_words_to_the_left() -> None:
    lines = tables.table(("Who", "How many"), [("Li", 5), ("Ana", 12)]).splitlines()
    assert [line.split() for line in lines[2:]] == [["Li", "5"], ["Ana", "12"]]
    assert lines[2].index("5") == lines[3].index("2")


def test_a_long_cell_is_cut_but_a_sentence_at_the_end_is_not() -> None:
    long = "x" * 60
    row = tables.table(("A", "B"), [(long, long)]).splitlines()[2]
    assert row == f"{'x' * 43}…  {long}"


def test_both_counts_are_shown() -> None:
    assert tables.both(COUNTS) == "5 (2)"
    assert tables.clock_time("2026-11-24T09:30:00.000000Z") == "2026-11-24 09:30:00"
    assert tables.clock_time(None) is None


def test_a_rate_shows_what_it_was_made_of() -> None:
    assert tables.percent({"value": 0.5, "numerator": 1, "denominator": 2}) == "50 % (1 of 2)"
    assert tables.percent({"value": None, "numerator": 0, "denominator": 0}) is None


def test_each_refusal_is_a_row_of_its_own() -> None:
    person = {"name": None, "address": "kim@private.example", "followed": False, "reason": REASON}
    mail = {"subject": "A question", "followed": False, "reason": REASON, "recipients": [person]}
    lines = tables.refusals([mail]).splitlines()[2:]
    assert ["the mail" in lines[0], "kim@private.example" in lines[1]] == [True, True]
    assert all(REASON["detail"] in line for line in lines)


def test_a_table_without_rows_is_its_head() -> None:
    assert tables.templates([]).splitlines()[0].split()[:1] == ["Template"]
