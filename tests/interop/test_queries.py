"""What the encounter with schemathesis goes by: it must see what it looks for, and ask for nothing that we forbid."""

from typing import Any

import orjson
import pytest

from services.projector.query.web import OPENAPI
from tests.interop.__main__ import names
from tests.interop._foreign import Told, are_allowed, given_away, is_in_words
from tests.interop.queries import CALLERS, LIVES, NOBODYS, Run, hinted, hints, marks, operations
from tests.projector.query.marked import ANA, BOB
from tests.projector.query.test_document_under_fire import holds, resolved

DOCUMENT = orjson.loads(OPENAPI)
PATH = "/v1/recipients/zqzed-person"


def answer(body: bytes, *, status: int = 200, target: str = PATH, **headers: str) -> Told:
    return Told(target=target, status=status, headers=headers, body=body)


@pytest.mark.parametrize(
    "told",
    [
        answer(b'{"subject": "Offer zqzed"}'),
        answer(b'{"subject": "OFFER ZQZED"}'),
        answer(rb'{"subject": "\u007aqzed"}'),
        answer(b"subject\r\nOffer zqzed\r\n"),
        answer(b"", ETag="zqzed"),
        answer(b'{"detail": "There is no zqzed."}', status=404),
        answer(b'{"instance": "/v1/recipients/zqzed"}', status=404),
        answer(b'{"instance": "/v1/recipients/zqzed-person"}', status=200),
        answer(b"\xff zqzed", status=500),
    ],
)
def test_a_mark_in_an_answer_is_seen(told: Told) -> None:
    assert given_away(told, ["zqzed", "zqbob"]) == ["zqzed"]


@pytest.mark.parametrize(
    "told",
    [
        answer(b'{"subject": "Offer zqana"}'),
        answer(b'{"instance": "/v1/recipients/zqzed-person"}', status=404),
        answer(b'{"instance": "/v1/recipients/zqzed%"}', status=404, target="/v1/recipients/zqzed%25?limit=1"),
        answer(b""),
    ],
)  # fmt: skip
def test_one_s_own_and_the_path_in_a_refusal_are_not(told: Told) -> None:
    assert given_away(told, ["zqzed", "zqbob"]) == []


def test_only_what_the_document_says_in_words_may_refuse_what_its_schemas_allow() -> None:
    cursor = b'{"type": "urn:inkling:problem:invalid-cursor", "field": "cursor"}'
    invalid: dict[str, Any] = {"type": "urn:inkling:problem:invalid-field", "field": "to"}
    before = orjson.dumps(invalid | {"detail": "It must not be before from."})
    nul = orjson.dumps(invalid | {"detail": "It must not contain the character NUL."})
    assert [is_in_words(one) for one in (cursor, before, nul)] == [True, True, False]


@pytest.mark.parametrize(
    ("query", "allowed"),
    [
        ("", True),
        ("label=0.0&label=null&limit=x", True),
        ("label=" + "x" * 321, True),
        ("label=" + "x" * 322, False),
        ("label=", False),
        ("label=%3Ax", False),
        ("label=a%00", False),
        ("&".join(["label=a"] * 9), False),
        # What is no text, or more than one schema says, is not judged.
        ("engaged=opened", False),
        ("from=2026-01-01T00%3A00%3A00Z", False),
    ],
)
def test_what_was_drawn_as_no_text_may_be_one_once_it_is_written(query: str, allowed: bool) -> None:
    assert are_allowed(query, ["label", "engaged", "from"]) is allowed
    assert are_allowed(query, []) is True


def test_the_hints_are_what_the_document_allows() -> None:
    parameters = DOCUMENT["components"]["parameters"]
    for name, values in hints(["a-cursor"]).items():
        schema = resolved(parameters[name]["schema"])
        for value in values:
            assert holds(resolved(schema.get("items", schema)), value), (name, value)


def test_hints_change_nothing_but_the_parameters_they_are_for() -> None:
    told = hinted(DOCUMENT, {"Owner": ["ana"], "Label": ["a", "a"]})
    was, now = (one["components"].pop("parameters") for one in (orjson.loads(OPENAPI), told))
    assert {name for name in was if was[name] != now[name]} == {"Owner", "Label"}
    assert now["Owner"]["schema"] == {"anyOf": [{"enum": ["ana"]}, was["Owner"]["schema"]]}
    label = was["Label"]["schema"]
    assert now["Label"]["schema"] == {**label, "items": {"anyOf": [{"enum": ["a"]}, label["items"]]}}  # fmt: skip
    assert told["paths"] == DOCUMENT["paths"]


def test_a_caller_hides_everybody_else_and_no_mark_is_in_another() -> None:
    seller, manager = CALLERS
    assert {life.mark for life in LIVES} == {seller.own.mark, *(one.mark for one in seller.hidden)}
    assert {life.tenant for life in manager.hidden} == {"other"}
    needles = [needle for life in LIVES for needle in life.needles]
    assert len(set(needles)) == len(needles)
    for caller in CALLERS:
        hidden, own = marks(caller)
        assert {"zqzed", "zqyve", "other-template", "other-zero"} <= set(hidden)
        assert {"zqana", "demo-template", "demo-zero"} <= set(own)
        assert set(hidden) & set(own) == set()
        assert [one for one in own if given_away(answer(one.encode()), hidden)] == []


def test_a_sum_over_two_sellers_is_the_manager_s() -> None:
    (seller_s, _), (_, manager_s) = map(marks, CALLERS)
    both = str(ANA.number + BOB.number)
    assert both in seller_s
    assert both in manager_s


def line(operation: str, **more: object) -> dict[str, object]:
    return {"operation": operation, "status": 200, "own": True, "foreign": []} | more


def a_run(*told: dict[str, object], status: int = 0, **report: object) -> Run:
    whole = [line(one) for one in operations() - NOBODYS]
    return Run(
        caller="seller ana", seconds=1, status=status, said="", report=report, told=[*whole, *told]
    )


def test_a_run_with_nothing_wrong_is_well() -> None:
    assert a_run().wrong() == []


def test_whatever_goes_wrong_in_a_run_is_said() -> None:
    failure = {"title": "Server error", "operations": ["GET /v1/kpis"], "count": 2}
    assert a_run(failures=[failure]).wrong() == ["seller ana: Server error: GET /v1/kpis (2 times)"]
    assert a_run(errors=[{"title": "Hook Error", "count": 1}], status=1).wrong() == [
        "seller ana: Hook Error (1 times)"
    ]
    assert a_run(status=2).wrong() == ["seller ana: schemathesis ended with 2"]
    assert a_run(line("GET /v1/templates", foreign=["zqzed"])).wrong() == [
        "seller ana: GET /v1/templates told zqzed"
    ]
    silent = Run(caller="ana", seconds=1, status=0, said="", report={}, told=[])
    assert "ana: GET /v1/kpis never told the caller's own" in silent.wrong()


def test_the_table_has_a_line_for_each_operation() -> None:
    failure = {"title": "Server error", "operations": ["GET /v1/kpis"], "count": 2}
    table = a_run(line("GET /v1/kpis", status=500, own=False), failures=[failure]).table()
    assert len(table) == len(operations()) + 2
    assert next(one for one in table if "kpis" in one).split() == [
        "GET", "/v1/kpis", "2", "1", "1", "200:", "1,", "500:", "1",
    ]  # fmt: skip


def test_tests_are_no_encounters() -> None:
    assert names() == ["lag", "mail", "prometheus", "queries", "webhooks"]
