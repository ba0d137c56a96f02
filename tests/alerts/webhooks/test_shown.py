from typing import Any
from uuid import UUID

from services.alerts.webhooks import shown
from tests.alerts.test_web import valid
from tests.support.clock import START

ENDPOINT: dict[str, Any] = {
    "id": UUID(int=1), "url": "https://hooks.example/", "types": [], "names": False, "description": "", "enabled": True,
    "disabled_reason": None, "disabled_at": None, "failing_since": None, "created_at": START, "updated_at": START,
    "secret": "whsec_hidden",
}  # fmt: skip
DELIVERY: dict[str, Any] = {
    "id": UUID(int=2), "type": "message.first_opened", "fact_id": UUID(int=3), "message_id": UUID(int=4),
    "state": "pending", "dead_reason": None, "calls": 0, "created_at": START, "due_at": START + 5_000_000,
    "lease_until": 0, "delivered_at": None, "result": None, "called_at": None, "status": None, "duration_ms": None,
}  # fmt: skip
SECRET = {"created_at": START, "signs_until": None, "secret": "whsec_hidden"}


def test_an_endpoint_is_shown_without_its_secret() -> None:
    laid_out = shown.endpoint(ENDPOINT, [SECRET])
    valid("Webhook", laid_out)
    assert "hidden" not in str(laid_out)
    disabled = ENDPOINT | {"enabled": False, "disabled_reason": "gone", "disabled_at": START}
    laid_out = shown.endpoint(disabled, [SECRET])
    valid("Webhook", laid_out)
    assert laid_out["disabled"] == {"reason": "gone", "at": "2026-01-01T00:00:00.000000Z"}


def test_a_delivery_says_when_it_is_tried_next_unless_it_is_being_tried() -> None:
    waiting = shown.delivery(DELIVERY, START)
    valid("Delivery", waiting)
    assert waiting["next_attempt_at"] == "2026-01-01T00:00:05.000000Z"
    assert waiting["last_attempt"] is None
    called = shown.delivery(DELIVERY | {"lease_until": START + 60_000_000}, START)
    assert called["next_attempt_at"] is None
    ended = DELIVERY | {"state": "dead", "dead_reason": "exhausted", "calls": 10}
    assert shown.delivery(ended, START)["next_attempt_at"] is None


def test_a_delivery_tells_of_its_last_attempt_in_a_word_and_a_sentence() -> None:
    failed = DELIVERY | {
        "calls": 1, "result": "timeout", "called_at": START, "status": None, "duration_ms": 15_000,
    }  # fmt: skip
    laid_out = shown.delivery(failed, START)
    valid("Delivery", laid_out)
    assert laid_out["last_attempt"] == {
        "at": "2026-01-01T00:00:00.000000Z", "result": "timeout", "detail": "Did not answer in time.",
        "status": None, "duration_ms": 15_000,
    }  # fmt: skip
