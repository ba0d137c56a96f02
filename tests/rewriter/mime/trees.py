"""Mails made up by hypothesis: any tree, any way to write its parts, some of them broken."""

import quopri
from base64 import b64encode

from hypothesis import strategies as st

WORDS = (
    "Hello",
    "Grüße",
    "こんにちは",
    "您好",
    " ",
    "\n",
    "\r\n",
    "\t",
    "=",
    "x" * 90,
    "--",
    ".",
    "\N{GRINNING FACE}",
)
LINKS = (
    '<a href="https://shop.example/?a=1&amp;b=2">one</a>',
    "<a href='http://shop.example/\u00e9'>two</a>",
    "<a\nhref=https://shop.example/x=3D>three</a>",
    '<a href="mailto:li@customer.example">four</a>',
    f'<a href="https://shop.example/{"long/" * 40}">five</a>',
    "</body>",
    "<p>",
    "<!--",
)
CHARSETS = (
    *("utf-8", "us-ascii", "iso-8859-1", "windows-1252", "iso-2022-jp", "gb18030", "big5"),
    *("shift_jis", "euc-kr", "utf-16", "utf-16be", "x-unknown", "koi8-r"),
)
BOUNDARIES = ("b", "bb", "b-b", "----=_Part_1", "a'b()+_,-./:=?", "outer")
HEADERS = (
    *("", "Content-Disposition: inline", "Content-Disposition: attachment; filename=a.html"),
    *("Content-ID: <a@b>", 'Content-Disposition: inline; filename="b.htm"', "X-Other: a\n b"),
)


@st.composite
def markup(draw: st.DrawFn) -> str:
    return "".join(draw(st.lists(st.sampled_from(WORDS + LINKS), max_size=12)))


def _encoded(text: str, charset: str) -> bytes:
    codec = {"x-unknown": "latin-1", "us-ascii": "latin-1", "big5": "big5hkscs"}.get(
        charset, charset
    )
    return text.encode(codec, "xmlcharrefreplace")


@st.composite
def leaf(draw: st.DrawFn) -> bytes:
    kind = draw(
        st.sampled_from(
            ["text/html", "text/html", "text/plain", "application/pdf", "text/calendar"]
        )
    )
    charset = draw(st.sampled_from(CHARSETS))
    body = _encoded(draw(markup()), charset)
    if draw(st.integers(0, 9)) == 0:
        at = draw(st.integers(0, len(body)))
        body = body[:at] + draw(st.binary(max_size=3)) + body[at:]
    encoding = draw(st.sampled_from(["7bit", "8bit", "binary", "quoted-printable", "base64", ""]))
    if encoding == "quoted-printable":
        body = quopri.encodestring(body)
        if draw(st.booleans()):
            body = body.replace(b"=\n", b"= \t\n").replace(b"=3D", b"=3d")
    elif encoding == "base64":
        letters, width = b64encode(body), draw(st.sampled_from([4, 60, 76, 100, 5000]))
        body = b"\n".join(letters[at : at + width] for at in range(0, len(letters), width))
    lines = [f"Content-Type: {kind}; charset={charset}", draw(st.sampled_from(HEADERS))]
    lines.append(f"Content-Transfer-Encoding: {encoding}" if encoding else "")
    head = "".join(f"{line}\n" for line in lines if line)
    return head.encode() + b"\n" + body


@st.composite
def multipart(draw: st.DrawFn, children: st.SearchStrategy[bytes]) -> bytes:
    kind = draw(st.sampled_from(["mixed", "alternative", "related", "digest", "x-unknown"]))
    boundary = draw(st.sampled_from(BOUNDARIES))
    line = b"--" + boundary.encode()
    head = f'Content-Type: multipart/{kind}; boundary="{boundary}"\n\n'.encode()
    parts = [line + b"\n" + one + b"\n" for one in draw(st.lists(children, min_size=1, max_size=4))]
    end = draw(st.sampled_from([line + b"--\n", line + b"-- \nepilogue\n", b""]))
    return head + draw(st.sampled_from([b"", b"preamble\n"])) + b"".join(parts) + end


def message(inner: bytes) -> bytes:
    return b"Content-Type: message/rfc822\n\nSubject: inner\n" + inner


@st.composite
def mails(draw: st.DrawFn) -> bytes:
    tree = draw(
        st.recursive(leaf(), lambda inner: multipart(inner) | inner.map(message), max_leaves=6)
    )
    raw = b"From: ana@demo.example\nTo: li@customer.example\nSubject: x\nMIME-Version: 1.0\n" + tree
    match draw(st.sampled_from(["lf", "crlf", "as it is"])):
        case "lf":
            return raw.replace(b"\r\n", b"\n")
        case "crlf":
            return raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        case _:
            return raw
