"""What the tracker answers, complete: status, headers, body. The same for every front end."""

from typing import Final, NamedTuple

from services.tracker.files.conditions import Validators

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


# What keeps a browser from running anything that came from here, whatever its bytes are.
_SANDBOX: Final = (
    ("Content-Security-Policy", "sandbox; default-src 'none'"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
)


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


def _page(status: int, title: str, heading: str, text: str, *more: tuple[str, str]) -> Answer:
    headers = (
        ("Content-Type", "text/html; charset=utf-8"),
        ("Cache-Control", "no-store"),
        *_SANDBOX,
        ("Cross-Origin-Resource-Policy", "same-origin"),
        (RECORDED, "no"),
        *more,
        _SERVER,
    )
    body = (
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{title}</title></head>\n'
        f"<body>\n<h1>{heading}</h1>\n<p>{text}</p>\n</body>\n</html>\n"
    )
    return Answer(status, headers, body.encode("ascii"))


NO_SUCH_LINK: Final = _page(
    404,
    "Link not found",
    "This link leads nowhere",
    "It is incomplete or was changed on its way. Please take it from the original mail again.",
)
NO_SUCH_FILE: Final = _page(
    404,
    "File not found",
    "There is no such file",
    "The link is incomplete or was changed on its way. Please take it from the original mail again.",
)
FILE_GONE: Final = _page(
    410,
    "File no longer available",
    "This file is no longer available",
    "Its sender withdrew it, or its time is over. Please ask the sender for it.",
)
FILE_UNAVAILABLE: Final = _page(
    503,
    "File not available now",
    "This file cannot be had at the moment",
    "Nothing is wrong with the link. Please try again in a moment.",
    ("Retry-After", str(RETRY_SECONDS)),
)


def no_such_range(size: int) -> Answer:
    """Answer to a range that a file of that size does not have."""
    return _page(
        416,
        "No such part",
        "The file has no such part",
        f"It has {size} bytes.",
        ("Content-Range", f"bytes */{size}"),
    )


def _around(recorded: str) -> tuple[tuple[str, str], ...]:
    return (
        ("Cache-Control", "no-store"),
        ("Referrer-Policy", "no-referrer"),
        (RECORDED, recorded),
        _SERVER,
    )


_REDIRECT_RECORDED: Final = _around("yes")
_REDIRECT_NOT_RECORDED: Final = _around("no")


def redirect(location: str, *, recorded: bool) -> Answer:
    """Answer a click: to the target and nowhere else, each time anew, without telling it where from."""
    around = _REDIRECT_RECORDED if recorded else _REDIRECT_NOT_RECORDED
    # its own __new__ would cost twice as much
    return tuple.__new__(Answer, (302, (("Location", location), *around), b""))


class Presented(NamedTuple):
    """How a file is to be taken: its type, its name, who may keep it and which pages may embed it."""

    media_type: str
    disposition: str
    cache_control: str
    resource_policy: str


def file_headers(
    presented: Presented, content: Validators, *, recorded: bool
) -> tuple[tuple[str, str], ...]:
    """Return the headers of every answer that is about a file's content, all of it, part of it or none."""
    return (
        ("Content-Type", presented.media_type),
        ("Content-Disposition", presented.disposition),
        *_SANDBOX,
        ("Cross-Origin-Resource-Policy", presented.resource_policy),
        ("Cache-Control", presented.cache_control),
        ("ETag", content.etag),
        ("Last-Modified", content.last_modified),
        ("Accept-Ranges", "bytes"),
        (RECORDED, "yes" if recorded else "no"),
        _SERVER,
    )
