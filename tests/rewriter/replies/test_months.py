from services.rewriter.replies import months


def test_every_month_has_its_english_name_and_names_are_lower_case() -> None:
    english = {number for name, number in months.MONTHS.items() if name in months.ENGLISH_MONTHS}
    assert english == set(range(1, 13))
    assert set(months.MONTHS) >= months.ENGLISH_MONTHS
    assert all(name == name.lower() for name in months.MONTHS)


def test_no_name_is_two_months() -> None:
    names = [name for _, words in months._NAMES for name in words.split()]
    assert len(names) == len(set(names))


def test_no_phrase_is_empty() -> None:
    for phrases in (months.RETURNING, months.UNTIL, months.EAST_ASIAN_RETURNING):
        assert all(one and one == one.strip().lower() for one in phrases)
