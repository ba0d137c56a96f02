"""How much a scan reports at most."""

from hypothesis import given
from hypothesis import strategies as st

from services.rewriter.html import (
    MAX_SPOTS,
    TEXT_LIMIT,
    scan,
)
from tests.rewriter.html.given import SOUP


@given(SOUP, st.text(max_size=5))
def test_no_text_raises_and_offsets_are_in_order(html: str, more: str) -> None:
    found = scan(html + more)
    places = [place for spot in found.links for place in (spot.start, spot.end)]
    assert places == sorted(places)
    assert 0 <= found.pixel_position <= len(html + more)
    assert all(len(spot.text) <= TEXT_LIMIT for spot in found.links)


def test_of_a_million_links_the_first_are_reported() -> None:
    assert len(scan("<a href=u data-inkling=no>" * (MAX_SPOTS + 5)).links) == MAX_SPOTS
