"""Laws of mails: whatever bytes are read and written again, nothing but the edits changes, and others read it alike.

The laws are `tests.rewriter.mime.laws`; an input is a mail. What it begins with is the corpus of mails.
"""

from pathlib import Path
from typing import Final

from tests.rewriter.mime import laws

MOST_BYTES: Final = 4096
WORDS: Final = (
    *(b"Content-Type: ", b"Content-Transfer-Encoding: ", b"Content-Disposition: ", b"Content-ID: "),
    *(b"text/html", b"text/plain", b"multipart/mixed", b"multipart/alternative", b"message/rfc822"),
    *(b"multipart/related", b"multipart/digest", b"multipart/signed", b"application/pkcs7-mime"),
    *(
        b"; boundary=b",
        b"; charset=",
        b"; name=",
        b"; name*0*=utf-8''%C3%A9",
        b"; start=",
        b"--b",
        b"--b--",
    ),
    *(b"base64", b"quoted-printable", b"7bit", b"8bit", b"binary", b"attachment", b"inline"),
    *(
        b"utf-8",
        b"utf-16",
        b"iso-2022-jp",
        b"gb18030",
        b"big5",
        b"shift_jis",
        b"euc-kr",
        b"us-ascii",
    ),
    *(
        b"=3D",
        b"=3d",
        b"=\n",
        b"= \r\n",
        b"==",
        b"\n",
        b"\r\n",
        b"\r",
        b"\n\n",
        b"\n ",
        b"\0",
        b"\xff",
    ),
    *(
        b"\x1b$B",
        b"\x1b(B",
        b"\x1b(J",
        b"\xff\xfe",
        b"\xfe\xff",
        b"\x81",
        b"From ",
        b"=?utf-8?q?=C3=A9?=",
    ),
    *(
        b'<a href="http://x.example/">',
        b"</body>",
        b"-----BEGIN PGP MESSAGE-----",
        b"PGEgaHJlZj0i",
        b"Bcc: ",
    ),
)

_FOLDERS: Final = (
    Path(__file__).parent / "examples" / "mime",
    Path(__file__).parents[1] / "rewriter" / "corpus" / "mail",
)


def seeds() -> dict[str, bytes]:
    """Return what to begin with by name: the mails of the corpus, and what was found before."""
    paths = [path for folder in _FOLDERS for path in sorted(folder.glob("*"))]
    return {path.name: path.read_bytes() for path in paths}


def check(data: bytes, write: laws.Write = laws.WRITE) -> None:
    """Raise AssertionError, or anything else, for an input about which a law does not hold."""
    laws.check(data, write)
