"""Hostile texts: the work grows no faster than they do, and none of it holds others up."""

import gc
import sys
import time
from collections.abc import Callable
from functools import partial
from types import FrameType

import pytest
from hypothesis import given

from services.rewriter.html import (
    scan,
    scanner,
    scanning,
    tags,
)
from tests.rewriter.html.given import SOUP

FLOODS = [
    *["<a href=", "<!--", "<", '<a href="', "<a ", "</", "<script><!--<script>", "<svg><![CDATA["],
    *["<style></styl", "<a href=u>", "<a href=u>&#1", "&amp", "<!-->", "<?", "<a =", " =a"],
    *[
        "<p '",
        "<img alt='",
        "{{",
        "\0",
        "<img src=cid:a>",
        "<p data-inkling-attachments>",
        "<p cid:",
    ],
]


def calls(work: Callable[[], object]) -> int:
    """How many functions, C ones included, were called."""
    count = 0

    def count_one(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    previous = sys.getprofile()
    gc.disable()  # what earlier tests left behind would be counted when it is collected
    sys.setprofile(count_one)
    try:
        work()
    finally:
        sys.setprofile(previous)
        gc.enable()
    return count


@pytest.mark.parametrize("flood", FLOODS)
@pytest.mark.parametrize("opening", ["", "<a ", '<a href="'])
def test_work_grows_no_faster_than_the_text(flood: str, opening: str) -> None:
    half, whole = opening + flood * 1_000, opening + flood * 2_000
    with pytest.MonkeyPatch.context() as patch:
        # How far ahead is looked grows where all is ordinary, so calls are counted at its least.
        patch.setattr(scanner, "_REACH", scanner._SHORT_REACH)
        one, two = calls(partial(scan, half)), calls(partial(scan, whole))
    assert two <= 2 * one + 20
    # Looking further ahead spares calls; it never costs a tenth more.
    assert calls(partial(scan, whole)) <= 1.1 * two + 20
    # The steps inside the regular expressions are not counted above, but quadratic ones would not end at this size.
    scan(opening + flood * (150_000 // len(flood)) + ">")


@given(SOUP)
def test_a_text_read_in_small_pieces_says_the_same(html: str) -> None:
    whole = scan(html)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("_SLICE", "_REACH", "_SHORT_REACH"):
            patch.setattr(scanner, name, 24)
        patch.setattr(scanner, "WINDOW", 24)
        patch.setattr(tags, "WINDOW", 5)
        assert scan(html) == whole


LONG = [
    *[
        '<a href="',
        "<a ",
        "<",
        "<!--",
        "<!--[if mso]>",
        "<script><!--<script>",
        "<a b=",
        "</",
        "=",
        "<?",
    ],
    *[
        "<style></styl",
        "<a href=u>",
        "<div>",
        "<a href=u data-inkling=no>",
        "<svg>",
        "<math></svg>",
        "\"'",
    ],
]


@pytest.mark.parametrize("flood", LONG)
@pytest.mark.parametrize("opening", ["", "<p ", "<!--[if mso]>", "cid:"])
def test_no_step_does_much_of_the_work(flood: str, opening: str) -> None:
    steps = scanning(opening + flood * (150_000 // len(flood)))
    longest, begun = 0.0, time.process_time()
    gc.disable()  # what earlier tests left behind would be counted when it is collected
    try:
        while next(steps, steps) is None:
            now = time.process_time()
            longest, begun = max(longest, now - begun), now
    finally:
        gc.enable()
    assert max(longest, time.process_time() - begun) < 0.05
