"""No type that a browser runs is ever served."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tracker.files import media

DANGEROUS = [
    "text/html",
    "TEXT/HTML; charset=utf-8",
    "application/xhtml+xml",
    "image/svg+xml",
    "text/xml",
    "application/xml",
    "application/rss+xml",
    "application/atom+xml",
    "application/mathml+xml",
    "text/javascript",
    "application/javascript",
    "application/ecmascript",
    "application/json",
    "text/css",
    "text/xsl",
    "application/x-shockwave-flash",
    "application/java-archive",
    "application/wasm",
    "multipart/x-mixed-replace",
    "message/rfc822",
]
ODD = ["", ";", "image", "image/png image/png", "image/png\r\nX: y", "image/png,text/html", "*/*"]


@pytest.mark.parametrize("content_type", [*DANGEROUS, *ODD])
def test_what_a_browser_might_run_is_bytes_and_no_picture(content_type: str) -> None:
    assert media.served(content_type) == "application/octet-stream"
    assert media.shown(content_type) is None


@pytest.mark.parametrize(
    ("content_type", "served"),
    [
        ("application/pdf", "application/pdf"),
        ("Application/PDF", "application/pdf"),
        ("text/plain; charset=utf-7", "text/plain"),
        (" text/csv ;header=present", "text/csv"),
        ("image/jpeg", "image/jpeg"),
    ],
)
def test_what_is_harmless_keeps_its_type_without_parameters(content_type: str, served: str) -> None:
    assert media.served(content_type) == served


@pytest.mark.parametrize("content_type", ["image/png", "image/JPEG;x=y", "image/gif", "image/webp"])
def test_four_kinds_of_pictures_are_shown(content_type: str) -> None:
    assert media.shown(content_type) == content_type.partition(";")[0].lower()


@pytest.mark.parametrize("content_type", ["image/bmp", "image/tiff", "image/avif", "text/plain"])
def test_others_are_not(content_type: str) -> None:
    assert media.shown(content_type) is None


@given(st.text())
def test_only_listed_types_are_served(content_type: str) -> None:
    assert media.served(content_type) in media.FILES | {media.BYTES}
    assert media.shown(content_type) in media.PICTURES | {None}


def test_the_lists_hold_no_markup_and_no_script() -> None:
    for one in media.FILES:
        assert not one.endswith(("xml", "html", "script", "css", "svg", "json"))
