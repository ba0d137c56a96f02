import pytest

from services.rewriter.references import decode_attribute


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("a=1&amp;b=2", "a=1&b=2"),
        ("a=1&b=2", "a=1&b=2"),
        ("a=1&copy=2", "a=1&copy=2"),
        ("a=1&copy;=2", "a=1©=2"),
        ("&copy", "©"),
        ("&copy/", "©/"),
        ("&copyx", "&copyx"),
        ("&notit;", "&notit;"),
        ("&notin;", "∉"),
        ("&nosuch;", "&nosuch;"),
        ("&Amp;&AMP;", "&Amp;&"),
        ("&amp;amp;", "&amp;"),
        ("&amp;amp;&amp;lt;", "&amp;&lt;"),
        ("&amp;&ampx;&amp;", "&&ampx;&"),
        ("&#65;&#x41;&#X41;&#65", "AAAA"),
        ("&#;&#x;&;&", "&#;&#x;&;&"),
        ("&#128;&#129;&#x9f;", "€\x81Ÿ"),
        ("&#0;&#xD800;&#x110000;&#99999999999;", "\ufffd" * 4),
        ("&#" + "9" * 10_000 + ";", "\ufffd"),
        ("&#" + "0" * 10_000 + "65;", "A"),
        ("&#x1F600;", "😀"),
        ("a\0b", "a\ufffdb"),
    ],
)
def test_references_are_decoded_as_in_an_attribute(raw: str, value: str) -> None:
    assert decode_attribute(raw) == value
