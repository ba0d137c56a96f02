from typing import Any
from uuid import UUID

from schemas.instant import Instant, parse
from services.projector.query import shapes
from services.projector.query.shapes import NOBODY, personal

NOW = parse("2026-03-04T12:00:00Z")
FIRST, LAST = parse("2026-03-01T08:00:00Z"), parse("2026-03-03T08:00:00.000250Z")
REF = "00112233aabbccdd"
KNOWN = personal(
    "Your offer",
    {
        "recipients": [{"ref": REF, "address": "li@customer.example", "id": "c-17"}],
        "links": [{"index": 0, "url": "https://shop.example/a", "text": "Offer"}],
        "attachments": [{"index": 2, "name": "offer.pdf"}],
    },
)


def figures(**given: object) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, verb in shapes.INTERACTIONS.items():
        for whose in ("", "human_"):
            row |= {f"{whose}{name}": 0}
            row |= {f"{whose}first_{verb}_at": None, f"{whose}last_{verb}_at": None}
    return row | given


def test_every_kind_of_interaction_has_one_shape() -> None:
    row = figures(opens=5, first_opened_at=FIRST, last_opened_at=LAST)
    row |= {"human_opens": 2, "human_first_opened_at": LAST, "human_last_opened_at": LAST}
    shape = shapes.interactions(row, *shapes.INTERACTIONS)
    assert list(shape) == ["opens", "clicks", "attachment_views", "replies"]
    last = "2026-03-03T08:00:00.000250Z"
    assert shape["opens"] == {
        "count": 5,
        "first_at": "2026-03-01T08:00:00.000000Z",
        "last_at": last,
        "human": {"count": 2, "first_at": last, "last_at": last},
    }
    assert shape["replies"] == {
        "count": 0,
        "first_at": None,
        "last_at": None,
        "human": {"count": 0, "first_at": None, "last_at": None},
    }


def test_a_message_is_shown_with_its_people_and_status() -> None:
    row = figures(
        message_id=UUID(int=1), owner="ana", sent_at=FIRST, scheduled_at=None, followed=True,
        reason=None, renditions="recipient", template_id=None, regarding="deal-9", labels=None, recipient_count=7,
        cancelled_at=None, bounced_at=None, opens=1, last_opened_at=LAST, human_opens=1,
        human_last_opened_at=LAST,
    )  # fmt: skip
    people = [
        {"ref": REF, "kind": "contact", "field": "to", "followed": False, "reason": "no_html"}
    ]
    shape = shapes.message(row, people, KNOWN, NOW)
    assert shape["status"] == {"code": "opened", "text": "Last opened yesterday"}
    assert (shape["subject"], shape["template"], shape["labels"]) == ("Your offer", None, {})
    assert shape["recipient_count"] == 7
    assert shape["recipients"] == [
        {
            "ref": REF, "id": "c-17", "name": None, "address": "li@customer.example",
            "kind": "contact", "field": "to", "followed": False,
            "reason": {
                "code": "no_html",
                "detail": "The email is plain text, and only HTML email can be followed.",
            },
        }
    ]  # fmt: skip


def test_what_was_forgotten_is_null_and_its_figures_stay() -> None:
    row = {"link_index": 0, "host": "shop.example", "followed": True, "reason": None} | figures(
        clicks=3
    )
    assert shapes.link(row, KNOWN)["url"] == "https://shop.example/a"
    forgotten = shapes.link(row, NOBODY)
    assert (forgotten["url"], forgotten["text"], forgotten["host"]) == (None, None, "shop.example")
    assert shapes.identity(REF, NOBODY) == {"ref": REF, "id": None, "name": None, "address": None}
    assert shapes.attachment_identity(2, KNOWN) == {"index": 2, "name": "offer.pdf"}
    assert shapes.attachment_identity(3, KNOWN) == {"index": 3, "name": None}


def test_a_personal_record_may_lack_parts() -> None:
    assert personal(None, {"recipients": None}) == NOBODY


def test_a_rate_comes_with_what_it_was_made_of() -> None:
    counts = {
        f"{whose}{verb}_count": 0 for whose in ("", "human_") for verb in shapes.RATES.values()
    }
    counts |= {"human_opened_count": 1, "opened_count": 2, "email_count": 5, "followed_count": 4}
    row = figures(id="intro", name=None, version="2", open_rate=0.25, reply_rate=None,
                  click_rate=None, attachment_view_rate=None, **counts)  # fmt: skip
    shape = shapes.template(row)
    assert shape["open_rate"] == {"value": 0.25, "numerator": 1, "denominator": 4}
    assert shape["emails"] == {
        "opened": {"count": 2, "human": 1},
        "clicked": {"count": 0, "human": 0},
        "viewed": {"count": 0, "human": 0},
        "replied": {"count": 0, "human": 0},
    }
    assert "recommended" not in shape


def test_a_moment_is_written_with_microseconds() -> None:
    assert shapes.moment(Instant(1)) == "1970-01-01T00:00:00.000001Z"
    assert shapes.moment(None) is None
