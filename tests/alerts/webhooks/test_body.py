"""Bodies: CloudEvents by its own library, Standard Webhooks by its members, below 20 kB, and nobody's name unasked."""

import json
import re
from typing import Any
from uuid import UUID

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from cloudevents.core.formats.json import JSONFormat

from schemas.identity import RecipientRef, Tenant
from schemas.instant import Instant
from services.alerts.webhooks import body
from services.alerts.webhooks.body import Known, Told
from services.alerts.webhooks.egress import CONTENT_TYPE
from services.alerts.webhooks.kinds import Kind
from tests.alerts.records import LI, fact_id, message, opened
from tests.alerts.test_web import valid
from tests.support.clock import START

PERSON = {"id": "c-17", "ref": LI, "name": "Li", "address": "li@customer.example"}
KNOWN = Known(owner="ana", recipient=PERSON, subject="Your offer", attachment="offer.pdf")
DETAIL: dict[Kind, dict[str, Any]] = {
    Kind.FIRST_CLICKED: {"link_index": 2},
    Kind.FIRST_ATTACHMENT_VIEWED: {"attachment_index": 1},
    Kind.FIRST_OPEN_WITHDRAWN: {"rule": "burst"},
}


def told(kind: Kind, ref: RecipientRef | None = LI) -> Told:
    return Told(
        fact_id=UUID(int=7), tenant=Tenant("demo"), type=kind, message_id=message(1), ref=ref, ordinal=1,
        occurred_at=Instant(START), detail=DETAIL.get(kind, {}),
    )  # fmt: skip


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("names", [False, True])
def test_a_body_is_a_cloud_event_and_has_the_members_of_standard_webhooks(
    kind: Kind, names: bool
) -> None:
    written = body.written(told(kind), KNOWN, names=names)
    found = json.loads(written)
    valid("WebhookBody", found)
    valid("FactData", found["data"])
    assert (found["specversion"], found["source"], found["id"]) == (
        "1.0", "/inkling/alerts", str(UUID(int=7)),
    )  # fmt: skip
    assert re.fullmatch(r"[a-z0-9_]+(\.[a-z0-9_]+)+", found["type"])
    assert found["type"] == kind
    assert found["time"] == found["timestamp"] == "2026-01-01T00:00:00.000000Z"
    assert found["data"].items() >= DETAIL.get(kind, {}).items()
    assert set(found) == {
        "specversion", "id", "source", "type", "time", "timestamp", "tenant", "datacontenttype", "data",
    }  # fmt: skip


def test_names_are_told_only_where_they_are_asked_for() -> None:
    for kind in Kind:
        bare = body.written(told(kind), KNOWN, names=False)
        for word in (b"li@customer", b'"Li"', b"offer"):
            assert word not in bare
        assert json.loads(bare)["data"]["recipient"] == {"id": "c-17", "ref": LI}
        named = json.loads(body.written(told(kind), KNOWN, names=True))["data"]
        assert named["recipient"] == PERSON
        assert named["subject"] == "Your offer"
        assert ("attachment_name" in named) == (kind is Kind.FIRST_ATTACHMENT_VIEWED)


def test_who_is_not_known_is_a_ref_and_a_shared_copy_is_nobody() -> None:
    empty = Known(owner="ana", recipient=None, subject=None)
    data = json.loads(body.written(told(Kind.FIRST_OPENED), empty, names=True))["data"]
    assert data["recipient"] == {"id": None, "ref": LI, "name": None, "address": None}
    assert data["subject"] is None
    data = json.loads(body.written(told(Kind.FIRST_OPENED, None), KNOWN, names=True))["data"]
    assert data["recipient"] is None


def test_a_withdrawal_names_the_fact_that_it_withdraws() -> None:
    data = json.loads(body.written(told(Kind.FIRST_OPEN_WITHDRAWN), KNOWN, names=False))["data"]
    assert data["withdraws"] == str(fact_id(opened(1)))


def test_a_body_is_below_20_kb_whatever_others_have_written_into_it() -> None:
    worst = "\x01" * 4000  # six characters each in JSON
    person = {"id": worst[:256], "name": worst[:256], "address": worst[:320]}
    known = Known(owner=worst[:256], recipient=person, subject=worst[:2000], attachment=worst)
    for kind in Kind:
        assert len(body.written(told(kind), known, names=True)) < body.MAX_BYTES


def test_a_test_says_that_it_is_one() -> None:
    found = json.loads(body.test(UUID(int=1), "demo", UUID(int=2), Instant(START)))
    valid("WebhookBody", found)
    valid("TestData", found["data"])
    assert (found["type"], found["data"]["webhook_id"]) == ("webhook.test", str(UUID(int=2)))


def test_a_body_is_read_by_the_library_of_cloud_events() -> None:
    written = body.written(told(Kind.FIRST_OPENED), KNOWN, names=False)
    headers = {"content-type": CONTENT_TYPE}
    event = from_structured_event(HTTPMessage(headers=headers, body=written), JSONFormat())
    assert (event.get_type(), event.get_id()) == ("message.first_opened", str(UUID(int=7)))
    assert event.get_extension("tenant") == "demo"
