"""Every mail of the corpus: what is found in it, that the laws hold, and where its links lead once it is followed."""

import re
from pathlib import Path

import pytest

from services.rewriter import mime
from services.rewriter.html import scan
from services.rewriter.mime.document import Trouble
from tests.rewriter.mime import laws

CORPUS = Path(__file__).parents[1] / "corpus" / "mail"
MAILS = {path.stem: path.read_bytes() for path in sorted(CORPUS.glob("*.eml"))}
OTHERS = {path.stem: path.read_bytes() for path in sorted(CORPUS.parent.glob("*.eml"))}

# What is found: links in each HTML part, the number of texts, the names of files.
FOUND: dict[str, tuple[list[int], int, list[str]]] = {
    "8bit_headers": ([2], 0, []),
    "8bit_in_quoted_printable": ([1], 0, []),
    "8bit_multipart": ([2], 1, []),
    "998_octet_lines": ([2], 0, []),
    "alternative": ([1], 1, []),
    "amp": ([2], 1, []),
    "apple_mail": ([2, 1], 1, ["offer.pdf"]),
    "bare_carriage_returns": ([2], 0, []),
    "base64_cut_off": ([2], 0, []),
    "base64_html": ([2], 0, []),
    "base64_odd_lines": ([2], 0, []),
    "big5": ([2], 0, []),
    "binary_long_lines": ([20], 0, []),
    "boundary_with_blanks": ([2], 1, []),
    "boundary_prefixes": ([2], 1, ["offer.pdf"]),
    "calendar": ([2], 1, ["invite.ics"]),
    "content_md5": ([2], 0, ["a.pdf"]),
    "digest": ([2, 2], 0, []),
    "dkim": ([2], 0, []),
    "empty": ([], 0, []),
    "empty_parts": ([2], 0, ["empty.bin"]),
    "encoded_words": ([2], 0, []),
    "euc_kr": ([2], 0, []),
    "exchange_tnef": ([2], 0, ["winmail.dat"]),
    "folded_headers": ([2], 0, []),
    "format_flowed": ([2], 1, []),
    "gb18030": ([2], 0, []),
    "gb2312_lies": ([2], 0, []),
    "gmail": ([2], 1, ["logo.png"]),
    "half_a_character": ([2], 0, ["\ufffd.pdf"]),
    "header_only": ([], 0, []),
    "html_as_attachment": ([2], 0, ["report.html", "inline.html", "named.htm", ""]),
    "html_only": ([2], 0, []),
    "html_only_lf": ([2], 0, []),
    "iso_2022_jp": ([1], 0, []),
    "iso_2022_jp_link_in_kanji": ([1], 0, []),
    "latin1_means_windows_1252": ([2], 0, []),
    "mailing_list": ([2], 2, []),
    "mbox": ([2], 0, []),
    "meta_disagrees": ([2], 0, []),
    "minified_one_line": ([30], 1, []),
    "missing_boundary_end": ([2], 1, ["offer.pdf"]),
    "mixed_line_ends": ([2], 1, []),
    "named_body": ([2], 1, []),
    "nested_message": ([2], 0, []),
    "newsletter": ([7], 1, []),
    "no_content_type": ([], 1, []),
    "no_html": ([], 1, []),
    "notes": ([2], 1, []),
    "nuls_in_body": ([2], 0, []),
    "only_attachments_nested": ([2], 0, ["one.pdf", "two.pdf"]),
    "outlook_word": ([4], 1, ["image001.png"]),
    "quoted_printable_multipart": ([2], 0, []),
    "quoted_printable_unencoded": ([2], 0, []),
    "related_in_alternative": ([2], 1, ["logo.png", "offer.pdf"]),
    "related_with_start": ([2], 0, [""]),
    "rfc2231_names": ([2], 0, ["Grüße.pdf", "報价.pdf", 'a"b;c.txt']),
    "sender_of_no_form": ([2], 0, []),
    "shift_jis_broken": ([2], 0, []),
    "signed_file_attached": ([2], 0, ["contratto.pdf.p7m"]),
    "type_that_is_none": ([2], 0, ["a.pdf"]),
    "unknown_charset": ([2], 0, []),
    "unknown_encoding": ([2], 0, []),
    "utf16_body": ([2], 0, []),
    "utf16_said_to_be_utf8": ([2], 0, []),
    "utf16_without_mark": ([2], 0, []),
    "windows_1252_said_to_be_ascii": ([2], 0, []),
    "windows_1252_said_to_be_utf8": ([2], 0, []),
    "yenc": ([2], 1, []),
}
UNTOUCHABLE = {
    "bare_cr_before_boundary": Trouble.AMBIGUOUS_BOUNDARY,
    "bare_cr_in_header": Trouble.BAD_HEADER,
    "base64_with_garbage": Trouble.UNREADABLE_ENCODING,
    "boundary_empty": Trouble.NO_BOUNDARY,
    "boundary_never_stands": Trouble.NO_PARTS,
    "boundary_twice": Trouble.AMBIGUOUS_BOUNDARY,
    "content_type_twice": Trouble.BAD_HEADER,
    "ebcdic": Trouble.UNREADABLE_CHARSET,
    "junk_in_header": Trouble.BAD_HEADER,
    "list_footer_on_base64": Trouble.UNREADABLE_ENCODING,
    "multipart_encrypted": Trouble.MULTIPART_ENCRYPTED,
    "multipart_signed": Trouble.MULTIPART_SIGNED,
    "no_blank_line": Trouble.BAD_HEADER,
    "no_boundary": Trouble.NO_BOUNDARY,
    "pgp_in_html": Trouble.PGP_ENCRYPTED,
    "pgp_in_text": Trouble.PGP_SIGNED,
    "pkcs7_by_name": Trouble.SMIME_ENCRYPTED,
    "pkcs7_enveloped": Trouble.SMIME_ENCRYPTED,
    "pkcs7_signed": Trouble.SMIME_SIGNED,
    "signed_by_a_list": Trouble.MULTIPART_SIGNED,
    "utf8_mark": Trouble.UNREADABLE_CHARSET,
    "utf_7": Trouble.UNREADABLE_CHARSET,
    "uuencoded": Trouble.UNREADABLE_ENCODING,
}


def test_every_mail_of_the_corpus_is_judged() -> None:
    assert sorted([*FOUND, *UNTOUCHABLE]) == sorted(MAILS)


def test_every_mail_is_named_with_where_it_comes_from() -> None:
    page = (CORPUS / "README.md").read_text("utf-8")
    assert sorted(re.findall(r"`(\w+)`(?=,| \|)", page)) == sorted(MAILS)


@pytest.mark.parametrize("name", FOUND)
def test_what_may_be_edited_is_found(name: str) -> None:
    document = mime.read(MAILS[name])
    links, texts, files = FOUND[name]
    assert document.untouchable is None
    assert [len(scan(one.text).links) for one in document.bodies] == links
    assert len(document.texts) == texts
    assert [one.name for one in document.files] == files


@pytest.mark.parametrize("name", UNTOUCHABLE)
def test_what_must_not_be_touched_is_said(name: str) -> None:
    document = mime.read(MAILS[name])
    assert document.untouchable is not None
    assert document.untouchable.trouble is UNTOUCHABLE[name]
    assert (document.bodies, document.texts, document.files) == ((), (), ())


@pytest.mark.parametrize("name", MAILS)
def test_the_laws_hold(name: str) -> None:
    laws.check(MAILS[name])
    crlf = MAILS[name].replace(b"\r\n", b"\n")
    laws.check(crlf)
    laws.check(crlf.replace(b"\n", b"\r\n"))


@pytest.mark.parametrize("name", OTHERS)
def test_the_laws_hold_for_answers_too(name: str) -> None:
    laws.check(OTHERS[name])


@pytest.mark.parametrize("name", FOUND)
def test_every_link_leads_to_where_it_led(name: str) -> None:
    followed = laws.follow(MAILS[name])
    after = mime.read(followed.raw)
    for was, is_now in zip(followed.before.bodies, after.bodies, strict=True):
        before = [spot.url for spot in scan(was.text).links]
        links = [spot.url for spot in scan(is_now.text).links]
        assert len(links) == len(before)
        for url, link in zip(before, links, strict=True):
            followed_one = laws.WEB.match(url) and "\ufffd" not in url
            assert (laws.landed(link) if followed_one else link) == url


def test_only_what_is_signed_by_a_domain_is_said_to_be() -> None:
    assert [name for name in MAILS if mime.read(MAILS[name]).signed_by_dkim] == ["dkim"]
