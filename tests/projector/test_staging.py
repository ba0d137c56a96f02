"""Rows for the staging tables: judged, and laid out as the tables are."""

import re
from importlib.resources import files

import pytest

from schemas.envelope import Envelope, Received, decode
from schemas.events import Event, NetworkJudged
from schemas.facts import MessageFirstOpened
from schemas.settings import Follow, PreferenceSet, TenantSet
from services.projector import staging
from services.projector.admission import Reason
from services.projector.staging import Slice
from tests.projector.records import ACME, ANNA, BERT, NOW, hit_id, message, opened, prepared, record

NAME = (ACME, message(1))


def _received(event: Event) -> Received:
    one = record(event)
    return decode(one.key, one.value, one.headers)


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("staged_hit", staging.HIT),
        ("staged_correspondence", staging.CORRESPONDENCE),
        ("staged_message", staging.MESSAGE),
        ("staged_recipient", staging.RECIPIENT),
        ("staged_link", staging.LINK),
        ("staged_attachment", staging.ATTACHMENT),
        ("staged_held", staging.HELD),
        ("staged_personal", staging.PERSONAL),
    ],
)
def test_the_columns_are_those_of_the_table_in_the_same_order(
    table: str, columns: tuple[str, ...]
) -> None:
    sql = files("services.projector").joinpath("projections/staging.sql").read_text()
    (body,) = re.findall(rf"create temporary table {table} \(\n(.*?)\n\) on commit", sql, re.DOTALL)
    assert tuple(part.split()[0] for part in body.split(",")) == columns


def test_every_row_is_as_long_as_its_columns() -> None:
    ready = Slice()
    assert ready.add(_received(opened()), 3) is None
    assert len(ready.hits[0]) == len(staging.HIT)
    event = prepared()
    envelope = Envelope(id=hit_id(NOW, 1), source="/t", tenant=ACME, occurred_at=NOW)
    assert len(staging.message_row(envelope, event)) == len(staging.MESSAGE)
    assert {len(row) for row in staging.recipient_rows(NAME, event)} == {len(staging.RECIPIENT)}
    assert {len(row) for row in staging.link_rows(NAME, event)} == {len(staging.LINK)}
    assert {len(row) for row in staging.attachment_rows(NAME, event)} == {len(staging.ATTACHMENT)}


def test_the_first_prepared_of_a_slice_is_kept() -> None:
    ready = Slice()
    for owner in ("sally", "mallory"):
        ready.add(_received(prepared(owner=owner)), 3)
    ((_, event),) = ready.prepared.values()
    assert event.owner == "sally"


def test_a_shared_copys_hit_has_no_recipient() -> None:
    ready = Slice()
    ready.add(_received(opened(refs=(ANNA, BERT))), 3)
    ready.add(_received(opened(refs=(BERT,))), 3)
    assert [row[staging.HIT.index("ref")] for row in ready.hits] == [None, BERT]


def test_what_is_not_folded_yet_is_counted() -> None:
    ready = Slice()
    judged = NetworkJudged(network="192.0.2.0/24", rule="burst", from_at=NOW)
    assert ready.add(_received(judged), 3) is None
    assert ready.unfolded == {"network.judged.v1": 1}


def test_what_no_read_model_is_made_of_is_refused() -> None:
    fact = MessageFirstOpened(message_id=message(1), ordinal=1, event_id=hit_id(NOW, 1))
    assert Slice().add(_received(fact), 3) is Reason.WRONG_TOPIC


def test_of_the_settings_whether_engagement_is_on_is_kept() -> None:
    ready = Slice()
    preference = PreferenceSet(ref=ANNA, follow=Follow.ALLOW, since=NOW, by="sally")
    assert ready.add(_received(preference), 3) is None
    for on in (True, False):
        ready.add(_received(TenantSet(since=NOW, by="ada", engagement=on)), 3)
    ready.unset("rival")
    ready.unset(f"acme:{ANNA}")
    assert ready.engagement == {"acme": False, "rival": None}
