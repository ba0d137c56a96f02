import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rewriter.sought import Sought

PATTERN = 'ab+c|=[ \t]*"[^"<>]*[<>]|(?i:kling)|d[-_]+e'
IN_PYTHON = re.compile(PATTERN)
SOUGHT = Sought(PATTERN)


@given(st.text('abcde-_="<> \tKkling\n', max_size=30))
def test_it_says_what_re_says(text: str) -> None:
    assert SOUGHT.may_stand_in(text) is (IN_PYTHON.search(text) is not None)


@pytest.mark.parametrize(
    ("text", "stands"),
    [
        ("", False),
        ("xxabbbcxx", True),
        ("ab\nc", False),
        ("a KLING b", True),
        ("\u212aling", True),
        ("é" * 1000 + "abc", True),
        ("é" * 1000, False),
        # What Rust cannot read it does not judge.
        ("\ud800", True),
        ("x\udc80y", True),
    ],
)
def test_it_stands_anywhere(text: str, stands: bool) -> None:
    assert SOUGHT.may_stand_in(text) is stands


def test_a_pattern_that_it_cannot_keep_linear_is_refused() -> None:
    with pytest.raises(ValueError, match="pattern"):
        Sought("(?=a)b")
