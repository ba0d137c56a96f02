import csv
import io
from typing import Any

import pytest

from services.projector.query import sheet
from services.projector.query.shapes import INTERACTIONS

COUNTED = {
    "count": 2,
    "first_at": "a",
    "last_at": "b",
    "human": {"count": 1, "first_at": "c", "last_at": None},
}


def message(**members: Any) -> dict[str, Any]:
    return {
        "id": "i", "subject": "s", "owner": "ana", "sent_at": None, "scheduled_at": None,
        "followed": True, "reason": None, "renditions": "recipient", "template": None,
        "regarding": None, "labels": {}, "recipients": [], "recipient_count": 0,
        "status": {"code": "opened", "text": "Opened"}, **dict.fromkeys(INTERACTIONS, COUNTED),
    } | members  # fmt: skip


def read(text: bytes) -> dict[str, str]:
    (row,) = csv.DictReader(io.StringIO((sheet.header() + text).decode(), newline=""))
    assert None not in row
    return dict(row)


def test_a_row_has_a_cell_for_each_column_and_ends_as_the_rfc_says() -> None:
    text = sheet.rows([message()])
    assert text.endswith(b"\r\n")
    row = read(text)
    assert (row["followed"], row["template_id"], row["labels"]) == ("true", "", "")
    assert (row["opens"], row["human_opens"], row["human_opens_last_at"]) == ("2", "1", "")


def test_what_needs_quotes_has_them() -> None:
    subject = 'a "quoted", ünd\r\nbroken; line'
    assert read(sheet.rows([message(subject=subject)]))["subject"] == subject


@pytest.mark.parametrize("text", ["=1+1", "+49", "-1", "@x", "\tx", "\rx"])
def test_no_cell_is_a_formula(text: str) -> None:
    person = {"ref": "r", "name": text, "address": "a@b.example"}
    row = read(sheet.rows([message(subject=text, regarding=text, recipients=[person])]))
    assert row["subject"] == row["regarding"] == f"'{text}"
    assert row["recipients"] == f"'{text} <a@b.example>"


def test_people_labels_and_reasons_are_told_in_a_cell_each() -> None:
    people = [
        {"ref": "r1", "name": "Li", "address": "li@x.example"},
        {"ref": "r2", "name": None, "address": "bo@x.example"},
        {"ref": "r3", "name": None, "address": None},
    ]
    told = message(
        recipients=people, labels={"b": "2", "a": "1"}, reason={"code": "no_html", "detail": "…"}
    )
    row = read(sheet.rows([told]))
    assert row["recipients"] == "Li <li@x.example>; bo@x.example; r3"
    assert (row["labels"], row["reason"]) == ('{"a":"1","b":"2"}', "no_html")
