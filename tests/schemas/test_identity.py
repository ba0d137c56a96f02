from typing import Any
from uuid import uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import identity, topics
from schemas.errors import BadIdentity
from schemas.identity import MessageId, RecipientRef, Tenant
from schemas.instant import Instant
from tests.schemas.examples import document

GOLDEN: dict[str, Any] = document("identity.json")
KEY = bytes.fromhex(GOLDEN["recipient_key"])


def test_message_ids_are_what_they_always_were() -> None:
    for each in GOLDEN["messages_by_header"]:
        assert (
            str(identity.message_of_header(Tenant(each["tenant"]), each["header"]))
            == each["message_id"]
        )
    for each in GOLDEN["messages_by_key"]:
        found = identity.message_of_key(
            Tenant(each["tenant"]), each["idempotency_key"], each["body"].encode()
        )
        assert str(found) == each["message_id"]


def test_recipient_refs_are_what_they_always_were() -> None:
    for each in GOLDEN["recipients"]:
        assert identity.recipient_ref(KEY, Tenant(each["tenant"]), each["address"]) == each["ref"]


def test_event_and_fact_ids_are_what_they_always_were() -> None:
    for each in GOLDEN["events"]:
        assert (
            str(identity.event_id(each["type"], Tenant(each["tenant"]), each["business_key"]))
            == each["id"]
        )
    for each in GOLDEN["facts"]:
        message = identity.message_id(each["message_id"])
        ref = None if each["ref"] is None else RecipientRef(each["ref"])
        assert (
            str(
                identity.fact_id(
                    each["type"], Tenant(each["tenant"]), message, ref, each["ordinal"]
                )
            )
            == each["id"]
        )


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_names_are_those_of_rfc_9562_version_5(name: str) -> None:
    assert identity._uuid5(name) == uuid5(identity.NAMESPACE, name)


def test_the_partitioner_is_what_it_always_was() -> None:
    for each in GOLDEN["partitions"]:
        assert topics.partition_of(each["key"].encode(), each["partitions"]) == each["partition"]


def test_a_hit_id_is_rfc_9562_version_7_and_tells_its_milliseconds() -> None:
    for each in GOLDEN["uuid7"]:
        made = identity.uuid7(Instant(each["microseconds"]), bytes.fromhex(each["entropy"]))
        assert str(made) == each["id"]
        assert made.version == 7
        assert identity.milliseconds_of(made) == each["microseconds"] // 1000


@given(st.integers(0, 2**48 * 1000 - 1), st.binary(min_size=10, max_size=10))
def test_uuid7_keeps_the_time_whatever_the_entropy(at: int, entropy: bytes) -> None:
    made = identity.uuid7(Instant(at), entropy)
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert identity.milliseconds_of(made) == at // 1000


def test_uuid7_wants_ten_bytes() -> None:
    with pytest.raises(ValueError, match="10 bytes"):
        identity.uuid7(Instant(0), b"")


@pytest.mark.parametrize("bad", ["", "Demo", "a_b", "a" * 33, "ä", "a\n"])
def test_a_tenant_is_a_short_plain_name(bad: str) -> None:
    with pytest.raises(BadIdentity, match="tenant"):
        identity.tenant(bad)


def test_refs_and_message_ids_have_one_spelling() -> None:
    assert identity.ref("0123456789abcdef") == "0123456789abcdef"
    with pytest.raises(BadIdentity, match="ref"):
        identity.ref("0123456789ABCDEF")
    with pytest.raises(BadIdentity, match="message_id"):
        identity.message_id("{00000000-0000-0000-0000-000000000001}")


@given(st.text(), st.text())
def test_two_tenants_never_share_a_ref_by_construction(address: str, other: str) -> None:
    first = identity.recipient_ref(KEY, Tenant("a"), address)
    assert first == identity.recipient_ref(KEY, Tenant("a"), f"  {address} ")
    assert first != identity.recipient_ref(KEY, Tenant("b"), address)
    if identity.normal_address(address) != identity.normal_address(other):
        assert first != identity.recipient_ref(KEY, Tenant("a"), other)


def test_a_header_gives_the_id_between_its_brackets() -> None:
    assert identity.bare_message_id(" <a@b> ") == "a@b"
    assert identity.bare_message_id("a@b") == "a@b"
    assert identity.bare_message_id("<>") == ""


def test_a_fact_about_the_whole_message_has_an_id_of_its_own() -> None:
    message = MessageId(identity.NAMESPACE)
    whole = identity.fact_id("t", Tenant("a"), message, None, 1)
    assert whole != identity.fact_id("t", Tenant("a"), message, RecipientRef("0" * 16), 1)
    assert whole != identity.fact_id("t", Tenant("a"), message, None, 2)
