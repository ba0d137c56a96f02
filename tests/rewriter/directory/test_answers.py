from typing import Any

import orjson
import pytest
from openapi_spec_validator import validate

from schemas.events import RecipientKind
from schemas.identity import Tenant
from services.rewriter.directory import answers
from services.rewriter.directory.answers import NOBODY, BadAnswer, Known

DEMO = Tenant("demo")
ZONES = frozenset({"Asia/Singapore"})
LI = {
    "address": "LI@customer.example",
    "kind": "contact",
    "id": "c-17",
    "time_zone": "Asia/Singapore",
    "follow": "do_not_allow",
}


def written(*recipients: Any, tenant: Any = "demo", **more: Any) -> bytes:
    return orjson.dumps({"tenant": tenant, "recipients": list(recipients), **more})


def read(raw: bytes, *asked: str) -> dict[str, Known]:
    return answers.read(raw, DEMO, asked, ZONES)


def test_who_is_named_is_known_and_who_is_not_is_nobody() -> None:
    found = read(written(LI, version=2), "li@customer.example", "nobody@x.example")
    assert found == {
        "li@customer.example": Known(RecipientKind.CONTACT, "c-17", "Asia/Singapore", True),
        "nobody@x.example": NOBODY,
    }
    assert NOBODY.kind is RecipientKind.OTHER


def test_what_was_not_asked_and_zones_that_do_not_exist_are_passed_over() -> None:
    foreign = {"address": "x@y.example", "kind": "lead"}
    nowhere = {**LI, "time_zone": "Mars/Base", "id": None, "follow": None}
    found = read(written(foreign, nowhere), "li@customer.example")
    assert found == {"li@customer.example": Known(RecipientKind.CONTACT)}


def test_of_a_person_named_twice_a_refusal_counts_and_the_rest_must_agree() -> None:
    plain = {"address": "li@customer.example", "kind": "contact", "id": "c-17"}
    (known,) = read(written(plain, LI), "li@customer.example").values()
    assert (known.refuses, known.time_zone) == (True, "Asia/Singapore")
    with pytest.raises(BadAnswer):
        read(written(plain, {**plain, "kind": "lead"}), "li@customer.example")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"recipients": []}',
        written(tenant="other"),
        written(tenant=None),
        written("li@customer.example"),
        written({"address": "li@customer.example"}),
        written({**LI, "kind": "friend"}),
        written({**LI, "follow": "maybe"}),
        written({**LI, "id": ""}),
        written({**LI, "id": "a\nb"}),
        written({**LI, "id": 7}),
        written(*[LI] * 1001),
    ],
)
def test_what_breaks_the_contract_is_not_believed(raw: bytes) -> None:
    with pytest.raises(BadAnswer) as refused:
        read(raw, "li@customer.example")
    assert "customer" not in str(refused.value)


def test_the_question_is_as_the_contract_says() -> None:
    document = orjson.loads(answers.document())
    validate(document)
    asked = orjson.loads(answers.question(DEMO, ["a@b.example"]))
    assert asked == {"tenant": "demo", "addresses": ["a@b.example"]}
    assert set(asked) == set(document["components"]["schemas"]["Question"]["required"])
