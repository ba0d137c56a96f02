"""What is kept of a request's headers."""

import pytest

from services.tracker import hits


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("Mozilla/5.0 (X11)", "Mozilla/5.0 (X11)"),
        ("café 😀", "café 😀"),
        ("a\tb", "a b"),
        ("a\x00b\x7fc\udcff", "a\ufffdb\ufffdc\ufffd"),
        (r"C:\new", r"C:\new"),
        (r"\u0000\u0001", r"\u0000\u0001"),
        ("x" * 65, "x" * 64),
        ("é" * 65, "é" * 64),
    ],
)
def test_headers_are_cleaned_and_cut(sent: str, kept: str) -> None:
    assert hits.cleaned(sent, 64) == kept


@pytest.mark.parametrize(
    ("header", "forwarded"),
    [
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", True),
        ("00-00000000000000000000000000000000-b7ad6b7169203331-01", False),
        ("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", False),
        ("00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01", False),
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x", False),
        ("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", False),
        ("", False),
    ],
)
def test_a_trace_parent_is_forwarded_only_if_it_is_one(header: str, forwarded: bool) -> None:
    assert hits.traceparent(header) == (header if forwarded else None)
