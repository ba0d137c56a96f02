from hypothesis import given
from hypothesis import strategies as st

from services.rewriter.holding import holding

WORDS = st.lists(st.text("abc", min_size=1, max_size=3), max_size=4)
TEXTS = st.lists(st.text("abc\nd", max_size=6), max_size=6)


@given(WORDS, TEXTS)
def test_those_are_found_that_hold_a_word_and_no_others(words: list[str], texts: list[str]) -> None:
    expected = {number for number, text in enumerate(texts) if any(word in text for word in words)}
    assert holding(words, texts) == expected


def test_no_word_reaches_from_one_text_into_the_next() -> None:
    assert holding(["ab"], ["a", "b", "xab", ""]) == {2}
    assert holding(["ab"], []) == set()
