"""What the tracker answers, complete: status, headers, body. The same for every front end."""

from typing import Final, NamedTuple

RECORDED: Final = "Inkling-Recorded"
RETRY_SECONDS: Final = 5

PIXEL: Final = bytes.fromhex(
    "474946383961"  # GIF89a
    "0100010080000000000000000021f90401000000002c00000000010001000002024401003b"
)
"""One transparent pixel in 43 bytes."""

# Gmail's proxy keeps a picture unless told no-cache and max-age=0; no-store and private are for all the others.
_UNCACHEABLE: Final = "no-store, no-cache, must-revalidate, max-age=0, private"
_SERVER: Final = ("Server", "inkling")


class Answer(NamedTuple):
    """One complete answer; to a HEAD the body is left out, its headers are not."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def _pixel(status: int, recorded: str, *more: tuple[str, str]) -> Answer:
    headers = (
        ("Content-Type", "image/gif"),
        ("Cache-Control", _UNCACHEABLE),
        ("Pragma", "no-cache"),
        ("Expires", "0"),
        ("X-Content-Type-Options", "nosniff"),
        ("Cross-Origin-Resource-Policy", "cross-origin"),
        (RECORDED, recorded),
        *more,
        _SERVER,
    )
    return Answer(status, headers, PIXEL)


PIXEL_RECORDED: Final = _pixel(200, "yes")
PIXEL_NOT_RECORDED: Final = _pixel(200, "no")
PIXEL_UNAVAILABLE: Final = _pixel(503, "no", ("Retry-After", str(RETRY_SECONDS)))

NO_SUCH_LINK: Final = Answer(
    404,
    (
        ("Content-Type", "text/html; charset=utf-8"),
        ("Cache-Control", "no-store"),
        ("Content-Security-Policy", "default-src 'none'"),
        ("Referrer-Policy", "no-referrer"),
        ("X-Content-Type-Options", "nosniff"),
        (RECORDED, "no"),
        _SERVER,
    ),
    b'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>Link not found</title></head>\n'
    b"<body>\n<h1>This link leads nowhere</h1>\n"
    b"<p>It is incomplete or was changed on its way. Please take it from the original mail again.</p>\n"
    b"</body>\n</html>\n",
)


def redirect(location: str, *, recorded: bool) -> Answer:
    """Answer a click: to the target and nowhere else, each time anew, without telling it where from."""
    headers = (
        ("Location", location),
        ("Cache-Control", "no-store"),
        ("Referrer-Policy", "no-referrer"),
        (RECORDED, "yes" if recorded else "no"),
        _SERVER,
    )
    return Answer(302, headers, b"")
