"""Mails to hand in at the rewriter's door."""

from typing import Any

HTML = (
    '<html><body><p>Dear Li, <a href="https://shop.example/offer?a=1&amp;b=%20x#top">the offer</a>, '
    "<A HREF='https://shop.example/terms'>terms</A>, <a href=\"mailto:ana@demo.example\">me</a></p></body></html>"
)
TARGETS = ("https://shop.example/offer?a=1&b=%20x#top", "https://shop.example/terms")


def recipient(number: int = 17, kind: str = "contact", **more: Any) -> dict[str, Any]:
    """Make a recipient of that number."""
    return {
        "address": f"p{number}@customer.example",
        "name": f"Person {number}",
        "id": f"c-{number}",
        "kind": kind,
        **more,
    }


def mail(**changes: Any) -> dict[str, Any]:
    """Make a mail to one contact, with the changes given; None takes a member out."""
    body = {
        "from": {"address": "ana@demo.example", "name": "Ana"},
        "to": [recipient()],
        "subject": "Your offer",
        "html": HTML,
        "text": "Dear Li, the offer: https://shop.example/offer",
        "owner": "ana",
        **changes,
    }
    return {name: value for name, value in body.items() if value is not None}
