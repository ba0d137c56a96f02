from hypothesis import given
from hypothesis import strategies as st

from services.rewriter.holding import holding

WORDS = st.lists(st.text("abc", min_size=1, max_size=3), max_size=4)
LINES = st.lists(st.text("abcd", max_size=6), min_size=1, max_size=6)


@given(WORDS, LINES)
def test_those_are_found_that_hold_a_word_and_no_others(words: list[str], lines: list[str]) -> None:
    expected = {number for number, line in enumerate(lines) if any(word in line for word in words)}
    assert holding(words, "\n".join(lines)) == expected


def test_no_word_reaches_from_one_line_into_the_next() -> None:
    assert holding(["ab"], "a\nb\nxab\n") == {2}
    assert holding(["ab"], "") == set()
