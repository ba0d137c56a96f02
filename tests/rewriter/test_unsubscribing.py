from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rewriter.unsubscribing import STEMS, is_unsubscribe, suspects

SHOP = "https://shop.example/spring"


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("https://news.example/Unsubscribe?u=1", ""),
        ("https://unsubscribe.news.example/1", "here"),
        ("https://news.example/?action=opt_out", ""),
        ("https://news.example/d%C3%A9sabonnement", "ici"),
        ("https://news.example/d\u00e9sinscription", "ici"),
        (SHOP, "Se désabonner"),
        (SHOP, "Abmelden"),
        (SHOP, "Darse  de\u00a0baja"),
        (SHOP, "Opt-out"),
        (SHOP, "Отписаться"),
        (SHOP, "配信停止はこちら"),
        (SHOP, "수신거부"),
        (SHOP, "Aboneliği iptal et"),
    ],
)
def test_a_link_out_of_a_list_is_told_by_its_address_or_its_words(url: str, text: str) -> None:
    assert is_unsubscribe(url, text)


@pytest.mark.parametrize(
    ("url", "text"),
    [
        (SHOP, "Subscribe"),
        (SHOP, "Our offer"),
        ("https://x.example/abc%zz", ""),
        (SHOP, "unsubscribe " + "words " * 20),
        ("https://x.example/optimal/outlet", "Outlet"),
    ],
)
def test_other_links_are_not(url: str, text: str) -> None:
    assert not is_unsubscribe(url, text)


def test_what_the_mail_itself_names_is_one() -> None:
    assert is_unsubscribe(SHOP, "", {SHOP})
    assert not is_unsubscribe(SHOP + "/2", "", {SHOP})


@pytest.mark.parametrize("stem", [stem for stems in STEMS.values() for stem in stems])
def test_every_stem_is_found_in_words(stem: str) -> None:
    assert is_unsubscribe(SHOP, f"> {stem.capitalize()} <")


PIECES = st.sampled_from(
    [
        *[
            *STEMS["en"],
            *STEMS["de"],
            *STEMS["fr"],
            "Unsubscrib",
            "désabonn",
            "opt-out",
            "opt_ out",
        ],
        *[
            "%6fpt-out",
            "%20",
            "é",
            "x",
            "/",
            " ",
            "\u212a",
            "отписк",
            "配信停止",
            "preferences",
            "out",
        ],
    ]
)
LINKS = st.lists(
    st.tuples(st.lists(PIECES, max_size=3).map("".join), st.lists(PIECES, max_size=3).map("".join)),
    max_size=4,
)


@given(LINKS)
def test_who_is_no_suspect_is_no_such_link(links: list[tuple[str, str]]) -> None:
    named = {links[0][0]} if links else set[str]()
    found = suspects([url for url, _ in links], [text for _, text in links], named)
    for number, (url, text) in enumerate(links):
        assert number in found or not is_unsubscribe(url, text, named)


@pytest.mark.parametrize("stem", [stem for stems in STEMS.values() for stem in stems])
@pytest.mark.parametrize("form", ["{}", "x{}y", "{}.", "1{}2"])
def test_whatever_holds_a_stem_is_a_suspect(stem: str, form: str) -> None:
    text = form.format(stem)
    for one in (text, text.upper(), text.replace(" ", "-"), text.replace(" ", "\n")):
        assert suspects([SHOP, SHOP], ["", one]) == {1}
        assert suspects([one, SHOP], ["", ""]) == {0}
        assert suspects([SHOP, quote(one)], ["", ""]) == {1}


def test_most_links_are_no_suspects() -> None:
    urls = [SHOP, SHOP + "/unsubscribe", SHOP, SHOP + "/options/outlet?mode=date&show=preference"]
    assert suspects(
        urls, ["the offer", "here", "Abmelden", "Cancelled? Remove the strap, see details"]
    ) == {
        1,
        2,
    }
    assert suspects([], []) == set()
