"""Marks in tags, and tags of any length."""

import pytest
from hypothesis import given

from services.rewriter.html import (
    remove_marks,
    scan,
    splice,
)
from tests.rewriter.html.given import SOUP


@pytest.mark.parametrize(
    ("html", "mark"),
    [
        ("<a href=u data-inkling-follow=no>", "no"),
        ("<a DATA-INKLING-FOLLOW=' N&#79; ' href=u>", " NO "),
        ("<a href=u data-inkling-follow>", ""),
        ("<a href=u>", None),
    ],
)
def test_the_mark_beside_a_link_is_reported(html: str, mark: str | None) -> None:
    assert scan(html).links[0].mark == mark


def test_a_tag_with_any_number_of_attributes_is_read() -> None:
    link = '<a {} href="https://x.example/">x</a>'
    assert len(scan(link.format("b " * 9_000)).links) == 1
    assert len(scan(link.format("b " * 200_000)).links) == 1


@pytest.mark.parametrize(
    ("html", "left"),
    [
        ('<a data-inkling="no" href="u">', '<a href="u">'),
        ("<a href=u data-inkling=no>", "<a href=u>"),
        ("<a href=u data-inkling=no/>", "<a href=u>"),
        ('<a href=u data-inkling="no"/>', "<a href=u />"),
        ('<a b data-inkling="no"c href=u>', "<a b c href=u>"),
        ('<a b data-inkling="no"=c href=u>', '<a b data-inkling="no"=c href=u>'),
        ("<a\r\n DATA-INKLING-FOLLOW = 'n&#111;'\r\n href=u>", "<a\r\n href=u>"),
        ("<a href=u data-inkling data-inkling='yes'>", "<a href=u>"),
        (
            "<!--[if mso]><v:rect data-inkling=no href=u><![endif]-->",
            "<!--[if mso]><v:rect href=u><![endif]-->",
        ),
        ("<p data-inkling=no>", "<p data-inkling=no>"),
        ("<a href=u " + "b " * 5000 + "data-inkling=no>", "<a href=u " + "b " * 4999 + "b>"),
    ],
)
def test_marks_are_taken_away_with_the_blank_before_them(html: str, left: str) -> None:
    assert splice(html, remove_marks(scan(html).marks)) == left


@given(SOUP)
def test_marks_leave_and_nothing_else_changes(html: str) -> None:
    before = scan(html)
    after = scan(splice(html, remove_marks(before.marks)))
    assert [(spot.raw, spot.text) for spot in after.links] == [
        (spot.raw, spot.text) for spot in before.links
    ]
