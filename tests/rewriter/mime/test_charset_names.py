import codecs
from encodings import aliases

import pytest

from services.rewriter.mime import charset_names


def test_every_name_leads_to_a_codec() -> None:
    for codec in charset_names._CODECS.values():
        codecs.lookup(codec)
    assert charset_names.find("x" * 1000) is None
    assert charset_names.find(None) is None
    assert charset_names.find("ISO_8859-1:1987") == charset_names.FALLBACK


@pytest.mark.parametrize(
    ("name", "said"),
    [(None, True), ("US-ASCII", True), ("ansi_x3.4-1968", False), ("latin1", False), ("utf-8", False)],
)  # fmt: skip
def test_saying_ascii_is_no_more_than_saying_nothing(name: str | None, said: bool) -> None:
    assert charset_names.says_ascii(name) is said


@pytest.mark.parametrize(
    "name",
    [
        *("UTF-7", "utf-32be", "HZ-GB-2312", "ISO-2022-KR", "iso-2022-cn", "SCSU", "EBCDIC-CP-NL"),
        *("IBM037", "cp37", "CP1026", "ibm-1047", "IBM01140", "ccsid00500", "cp930"),
    ],
)
def test_nothing_is_edited_where_ascii_is_something_else(name: str) -> None:
    assert charset_names.is_uneditable(name)


def test_every_other_charset_of_python_holds_ascii() -> None:
    for name in sorted({*aliases.aliases.values()}):
        try:
            same = b'<a href="">'.decode(name) == '<a href="">'
        except (LookupError, ValueError):
            continue  # no charset, or two bytes for each letter
        assert same or charset_names.is_uneditable(name) or name.startswith(("utf_16", "rot_")), (
            name
        )
