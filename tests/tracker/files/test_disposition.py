"""Under which names files are saved, read back as a browser and as Python's mail parser read them."""

import re
from email.message import Message
from email.utils import collapse_rfc2231_value
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tracker.files.disposition import NAME_BYTES, attachment, cleaned, inline

# RFC 6266 with RFC 8187's ext-value; the quoted string without any backslash.
GRAMMAR = re.compile(
    r"(attachment|inline); filename=\"([\x20-\x21\x23-\x5b\x5d-\x7e]+)\";"
    r" filename\*=UTF-8''((?:%[0-9A-F]{2}|[A-Za-z0-9!#$&+\-.^_`|~])+)"
)


def read(header: str) -> tuple[str, str]:
    """Return the plain and the extended name."""
    found = GRAMMAR.fullmatch(header)
    assert found is not None, header
    return found[2], unquote(found[3], errors="strict")


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("offer.pdf", "offer.pdf"),
        ("Offer (final), v2; signed.pdf", "Offer (final), v2; signed.pdf"),
        ("it's 100% sure.pdf", "it's 100_ sure.pdf"),
        ("a%41b.txt", "a_41b.txt"),
        ("Angebot für Österreich.pdf", "Angebot fur Osterreich.pdf"),
        ("契約書.docx", "___.docx"),
        ("коммерческое.xls", "____________.xls"),
        ("🎉 party.png", "_ party.png"),
        ("👩‍💻.txt", "___.txt"),
        ("file.tar.gz", "file.tar.gz"),
        ("no ending", "no ending"),
        ("x" * 235 + ".pdf", "x" * 235 + ".pdf"),
    ],
)
def test_a_name_that_is_clean_stays_as_it_is(name: str, plain: str) -> None:
    assert read(attachment(name)) == (plain, name)
    assert inline(name) == attachment(name).replace("attachment", "inline", 1)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "_.._etc_passwd"),
        ("..\\..\\boot.ini", "_.._boot.ini"),
        ("C:\\offer.pdf", "C:_offer.pdf"),
        ("/", "_"),
        (".htaccess", "htaccess"),
        ("...", "file"),
        ("", "file"),
        (" \t\u00a0. ", "file"),
        ("\x00\x1f\x7f\x9f", "file"),
        (' "offer".pdf', "_offer_.pdf"),
        ("offer.pdf. . ", "offer.pdf"),
        ("a\r\nSet-Cookie: x=y", "aSet-Cookie: x=y"),
        ("a\r\n\r\n<script>alert(1)</script>", "a<script>alert(1)<_script>"),
        ('x"; filename="evil.exe', "x_; filename=_evil.exe"),
        ("offer\u202efdp.exe", "offerfdp.exe"),
        ("\u2066offer\u2069.pdf\ufeff", "offer.pdf"),
        ("zero\u200bwidth.pdf", "zerowidth.pdf"),
        ("\u200d.pdf", "pdf"),
        ("half\ud83d.pdf", "half.pdf"),
        ("line\u2028end\u2029.pdf", "lineend.pdf"),
        ("private\ue000.pdf", "private.pdf"),
        ("tag\U000e0041.pdf", "tag.pdf"),
    ],
)
def test_what_could_mislead_is_taken_out(name: str, kept: str) -> None:
    assert read(attachment(name))[1] == kept


def test_a_full_width_quote_does_not_end_the_plain_name() -> None:
    plain, extended = read(attachment("a\uff02b\uff0fc\uff3cd.pdf"))
    assert (plain, extended) == ("a_b_c_d.pdf", "a\uff02b\uff0fc\uff3cd.pdf")


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("x" * 300 + ".pdf", ".pdf"),
        ("ü" * 200 + ".docx", ".docx"),
        ("🎉" * 100 + ".pdf", ".pdf"),
        ("x" * 10_000, "x"),
        ("x." + "y" * 400, "y"),
        ("x" * 300 + ". pdf", ". pdf"),
    ],
)
def test_a_long_name_is_cut_and_keeps_its_ending(name: str, ending: str) -> None:
    kept = read(attachment(name))[1]
    assert kept.endswith(ending)
    assert NAME_BYTES - 4 <= len(kept.encode()) <= NAME_BYTES
    assert name.startswith(kept.removesuffix(ending))


NAMES = st.one_of(
    st.text(max_size=300),
    st.text('./\\"%; \r\n\x00\u202e\u200dü🎉a', max_size=60),
    st.lists(st.sampled_from(["..", "/", "\\", '"', "\ud800", ".exe", "a", " "])).map("".join),
)


@given(NAMES)
def test_any_name_can_be_read_back_and_never_leaves_its_place(name: str) -> None:
    header = attachment(name)
    assert header.isascii()
    assert header.isprintable()
    plain, extended = read(header)
    assert extended == (cleaned(name) or "file")
    for one in (plain, extended):
        assert not one.startswith((".", " "))
        assert not one.endswith((".", " "))
        assert not set(one) & set('/\\"\r\n\x00')
    assert len(extended.encode()) <= NAME_BYTES


@given(NAMES)
def test_pythons_mail_parser_reads_the_same_name(name: str) -> None:
    message = Message()
    message["Content-Disposition"] = attachment(name)
    assert message.get_content_disposition() == "attachment"
    parameters = dict(message.get_params(header="content-disposition") or [])
    assert set(parameters) == {"attachment", "filename"}
    extended = message.get_param("filename", header="content-disposition")
    plain, expected = read(attachment(name))
    found = collapse_rfc2231_value(extended) if isinstance(extended, tuple) else extended
    assert found in (plain, expected)


@given(NAMES)
def test_a_clean_name_is_cleaned_no_further(name: str) -> None:
    assert cleaned(cleaned(name)) == cleaned(name)
