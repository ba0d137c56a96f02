import pytest

from services.rewriter import plain
from services.rewriter.html import TEXT_LIMIT


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("See https://shop.example/a?b=1&c=2#d.", ["https://shop.example/a?b=1&c=2#d"]),
        ("(https://x.example/a_(b)), then", ["https://x.example/a_(b)"]),
        ("<http://x.example>\n<HTTPS://y.example/ü>", ["http://x.example", "HTTPS://y.example/ü"]),
        ('"https://x.example/a" and https://y.example/;', ["https://x.example/a", "https://y.example/"]),
        ("*https://x.example/* [https://y.example/[1]]", ["https://x.example/", "https://y.example/[1]"]),
        ("mailto:a@b.example ftp://x.example www.x.example xhttps://y.example", []),
        ("https://x.example/{{id}}?a", ["https://x.example/{{id}}?a"]),
        ("https://x.example/?u=https://y.example/!!", ["https://x.example/?u=https://y.example/"]),
        ("https://x.example/\r\nhttps://y.example/", ["https://x.example/", "https://y.example/"]),
        ("“https://x.example/a” „https://x.example/b“ «https://x.example/c»",
         ["https://x.example/a", "https://x.example/b", "https://x.example/c"]),
        ("https://x.example/a\u200b,見てhttps://x.example/b。以上\uff08https://x.example/c\uff09",
         ["https://x.example/a", "https://x.example/b", "https://x.example/c"]),
        ("https://x.example/を見て https://x.example/를, <https://x.example/見> https://x.example/ü",
         ["https://x.example/見", "https://x.example/ü"]),
        ("", []),
    ],
)  # fmt: skip
def test_addresses_are_found_as_mail_programs_find_them(text: str, found: list[str]) -> None:
    spots = plain.scan(text)
    assert [one.url for one in spots] == found
    assert [text[one.start : one.end] for one in spots] == found


def test_of_a_long_address_as_much_is_told_as_of_any_link() -> None:
    url = "https://x.example/" + "a" * 2_000
    (spot,) = plain.scan(url)
    assert (spot.url, len(spot.text)) == (url, TEXT_LIMIT)
    assert url.startswith(spot.text.removesuffix("…"))


def test_an_address_that_a_line_end_breaks_is_passed_over() -> None:
    text = "https://x.example/a \r\nb https://x.example/c, \nd https://x.example/e  \r\nf https://x.example/g \n\n"
    found = [one.url for one in plain.scan(text, True)]
    assert found == ["https://x.example/e", "https://x.example/g"]
    assert len(plain.scan(text)) == 4
    # The end of a line at which there is no blank ends the address, too.
    assert len(plain.scan("https://x.example/a\r\nb", True)) == 1


def test_what_never_ends_is_found_in_one_pass() -> None:
    (spot,) = plain.scan("https://x.example/" + ")" * 1_000_000)
    assert spot.end == 1_000_018
    assert len(plain.scan("https://x.example/)))) " * 50_000)) == 50_000
