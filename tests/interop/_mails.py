"""Mails to be followed: the corpus of odd shapes, and what three foreign programs write themselves."""

import base64
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final

from deploy.local.unprivileged import CHECKOUT
from tests.interop._mail_programs import Programs, written_by_nodemailer, written_by_swaks

CORPUS: Final = CHECKOUT / "tests" / "rewriter" / "corpus" / "mail"
TO: Final = "li@customer.example"
_HTML: Final = (
    "<html><body><p>Dear Li,</p>\r\n"
    '<p><a href="https://shop.example/offer?a=1&amp;b=%20x&c=2#top">the offer</a>,\r\n'
    ". a dot begins this line\r\n"
    "<A HREF='https://shop.example/terms'>terms</A>,\r\n"
    '<a href="mailto:ana@demo.example">me</a>, '
    '<a href=https://shop.example/plain>plain</a></p>\r\n..\r\n<img src="cid:logo@demo">\r\n</body></html>\r\n'
)
_WORDS: Final = "Grüße, 李小姐 🦑 - "
# Addresses as people write them; what browsers make of each is worked out anew by `_mail_compare`.
_HARD: Final = (
    "https://shop.example/?a=1&amp;copy=2&copy=3&reg;=4&amp;amp;b",
    "https://bücher.example/straße?q=ä ö#ü",
    "  https://shop.example/%2525%20%C3%A4/../x?u=https%3A%2F%2Fother.example%2F%3Fa%3D1#frag?ment  ",
    "HTTPS://SHOP.example:443/A(b)'c~!$*;,=@|^[]?{}",
    "https://shop.example/line\r\nbroken\tin it",
    "https://user:pw@shop.example/&#x26;&#38;&lt;tag&gt;&quot;",
    "https://shop.example/" + "long/" * 200,
    "https://shop.example/" + "longer/" * 300,
    "https://shop.example/🦑/李?🦑=李",
    "http://[2001:db8::1]:8080/x",
    "mailto:ana@demo.example?subject=a&amp;body=b",
    "{{unsubscribe_url}}",
    "https://shop.example/%%NAME%%",
)
_HARD_HTML: Final = (
    "<!DOCTYPE html>\r\n<html><body>\r\n"
    + "".join(f'<p><a class=x href="{url}"\r\n title="a > b">{url}</a></p>\r\n' for url in _HARD)
    + "<!-- <a href='https://shop.example/comment'>x</a> </body> -->\r\n"
    "<A HREF = https://shop.example/unquoted?a=1&b=2>unquoted</A><map><area href='https://shop.example/area'></map>\r\n"
    '<a data-inkling="no" href="https://shop.example/left">left</a> '
    '<a href="https://shop.example/left/too" data-inkling=no>left</a>\r\n'
    '<!--[if mso]><v:roundrect xmlns:v="urn:schemas-microsoft-com:vml" href="https://shop.example/vml?a=1&amp;b=2"'
    ' style="height:40px"><center>Buy</center></v:roundrect><![endif]-->\r\n'
    '<!--[if !mso]><!--><a href="https://shop.example/not-mso">Buy</a><!--<![endif]-->\r\n'
    '<![if gte mso 9]><a href="https://shop.example/revealed">Buy</a><![endif]>\r\n'
    '<a href="https://shop.example/unsubscribe?u=1">unsubscribe</a>\r\n'
    "<script>var a = '<a href=\"https://shop.example/script\">';</script>\r\n</BODY>\r\n</html>\r\n"
)
_PICTURE: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
_FILE: Final = b"%PDF-1.4 \x00\r\n.\r\n" + bytes(range(256)) * 30
_CALENDAR: Final = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//demo//EN\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:1@demo.example\r\n"
    "DTSTAMP:20260715T080000Z\r\nDTSTART:20260720T080000Z\r\nSUMMARY:Call\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


@dataclass(frozen=True, slots=True)
class Sample:
    """A mail, and the name by which the table calls it; `files` asks for its files to be followed as well.

    With `options`, its tenant has chosen whatever can be chosen beside what holds for everybody.
    """

    name: str
    raw: bytes
    files: bool = False
    options: bool = False


def samples(programs: Programs) -> list[Sample]:
    """Every mail there is to try."""
    corpus = [Sample(path.stem, path.read_bytes()) for path in sorted(CORPUS.glob("*.eml"))]
    # swaks sends no mail of no bytes.
    corpus = [one for one in corpus if one.raw]
    written = [*_from_python(), *_from_nodemailer(), *_from_swaks(programs)]
    plain = (Sample(one.name, one.raw) for one in written)
    offered = (Sample(f"{one.name} offered", one.raw, files=True) for one in written if one.files)
    chosen = (
        Sample(f"{one.name}, options", one.raw, files=one.files, options=True) for one in written
    )
    return [*corpus, *plain, *offered, *chosen]


def _from_python() -> Iterator[Sample]:
    smtp, utf8 = policy.SMTP, policy.SMTPUTF8
    short = policy.SMTP.clone(max_line_length=0)
    for encoding in ("7bit", "quoted-printable", "base64"):
        yield Sample(
            f"python {encoding}", _alternative("Offer", _HTML, encoding).as_bytes(policy=smtp)
        )
    words = _HTML.replace("Dear", _WORDS)
    for encoding in ("8bit", "quoted-printable", "base64"):
        made = _alternative(_WORDS, words, encoding)
        yield Sample(f"python {encoding} utf-8", made.as_bytes(policy=smtp))
    yield Sample("python smtputf8", _alternative(_WORDS, words, "8bit").as_bytes(policy=utf8))
    yield Sample(
        "python unfolded",
        _alternative(_WORDS * 20, words, "quoted-printable").as_bytes(policy=short),
    )
    for encoding in ("8bit", "quoted-printable", "base64"):
        yield Sample(
            f"python hard links {encoding}",
            _alternative("Hard", _HARD_HTML, encoding).as_bytes(policy=smtp),
        )
    newsletter = "<html><body>" + "".join(
        f'<p>{_WORDS}<a href="https://shop.example/{number}?q=%C3%A4&amp;n={number}">{number}</a></p>'
        for number in range(300)
    )
    yield Sample(
        "python one line of 300 links",
        _alternative("Many", newsletter, "quoted-printable").as_bytes(policy=smtp),
    )
    made = _alternative("Files", words, "quoted-printable")
    html = made.get_body(("html",))
    assert isinstance(html, EmailMessage)
    html.add_related(_PICTURE, "image", "png", cid="<logo@demo>", filename="logo.png")
    made.add_attachment(_FILE, maintype="application", subtype="pdf", filename="Angebot für 李.pdf")
    made.add_attachment("One line\r\n.\r\n", filename="notes.txt")
    yield Sample("python files", made.as_bytes(policy=smtp), files=True)
    coded = base64.encodebytes(_FILE).replace(b"\n", b"\r\n").strip()
    pieces = b"\r\n".join(base64.b64encode(_FILE[at : at + 50]) for at in range(0, len(_FILE), 50))
    # Each piece padded, as some programs write it: no two readers agree on what that is.
    yield Sample(
        "python padded pieces", made.as_bytes(policy=smtp).replace(coded, pieces), files=True
    )
    large = _alternative("Large", words, "quoted-printable")
    large.add_attachment(_FILE * 300, maintype="application", subtype="pdf", filename="large.pdf")
    yield Sample("python 2 MB", large.as_bytes(policy=smtp), files=True)
    made.add_attachment(_alternative("Inside", _HTML, "7bit"))
    yield Sample("python a mail in a mail", made.as_bytes(policy=smtp))


def _alternative(subject: str, html: str, encoding: str) -> EmailMessage:
    made = EmailMessage(policy=policy.SMTP)
    made["From"] = "Ana Lopez <ana@demo.example>"
    made["To"] = f"Li <{TO}>"
    made["Subject"] = subject
    made["Date"] = "Wed, 15 Jul 2026 10:00:00 +0200"
    made["Message-ID"] = f"<{zlib.crc32(f'{subject} {encoding}'.encode())}@demo.example>"
    made["List-Unsubscribe"] = "<https://demo.example/u?1>, <mailto:u@demo.example>"
    text = "Dear Li,\r\n.\r\n..a line\r\nFrom here on (see https://shop.example/offer?a=1&b=%20x#top).\r\n"
    if not html.isascii():
        text += f"{_WORDS}\r\n"
    made.set_content(text, cte=encoding)
    made.add_alternative(html, subtype="html", cte=encoding)
    return made


def _from_nodemailer() -> Iterator[Sample]:
    words = _HTML.replace("Dear", _WORDS)
    head = {
        "from": "Ana Lopez <ana@demo.example>",
        "to": f"Li <{TO}>",
        "date": "2026-07-15T08:00:00Z",
        "html": words,
        "text": "Dear Li,\n.\n..a line\nhttps://shop.example/offer?a=1&b=2\n",
    }
    picture = {
        "filename": "logo.png",
        "content": base64.b64encode(_PICTURE).decode(),
        "encoding": "base64",
    }
    file = {
        "filename": "Angebot für 李.pdf",
        "content": base64.b64encode(_FILE).decode(),
        "encoding": "base64",
    }
    asked: dict[str, dict[str, Any]] = {
        "alternative": {"subject": _WORDS},
        "base64": {"subject": "Offer", "textEncoding": "base64"},
        "html only": {"subject": "Offer", "text": None, "html": _HTML},
        "files": {"subject": "Files", "attachments": [{**picture, "cid": "logo@demo"}, file]},
        "calendar": {"subject": "Call", "icalEvent": {"method": "REQUEST", "content": _CALENDAR}},
        "amp": {
            "subject": "AMP",
            "amp": "<!doctype html><html ⚡4email><body><a href='https://amp.example/'>x</a></body></html>",
        },
        "list": {"subject": "List", "list": {"unsubscribe": "https://demo.example/u?1"}},
    }
    made = written_by_nodemailer(
        {**head, "messageId": f"<{name.replace(' ', '-')}@node.example>", **more}
        for name, more in asked.items()
    )
    for name, raw in zip(asked, made, strict=True):
        yield Sample(f"nodemailer {name}", raw, files=name == "files")


def _from_swaks(programs: Programs) -> Iterator[Sample]:
    head = [
        "--from",
        "ana@demo.example",
        "--header",
        "Subject: Offer",
        "--add-header",
        "Date: Wed, 15 Jul 2026 10:00:00 +0200",
    ]
    with tempfile.TemporaryDirectory() as directory:
        html, file = Path(directory, "mail.html"), Path(directory, "offer.pdf")
        html.write_bytes(_HTML.encode())
        file.write_bytes(_FILE)
        plain = [
            "--add-header",
            "MIME-Version: 1.0",
            "--add-header",
            "Content-Type: text/html; charset=us-ascii",
        ]
        yield Sample(
            "swaks html", written_by_swaks(programs, [*head, *plain, "--body", f"@{html}"])
        )
        bodies = [
            "--attach-type",
            "text/plain",
            "--attach-body",
            "Dear Li",
            "--attach-type",
            "text/html",
            "--attach-body",
            f"@{html}",
        ]
        parts = [*bodies, "--attach-type", "application/pdf", "--attach", f"@{file}"]
        yield Sample("swaks parts", written_by_swaks(programs, [*head, *parts]))
