"""Signatures, held against the verifier that receivers use."""

import json
import time
from base64 import b64decode
from uuid import UUID

import pytest
from hypothesis import given as law
from hypothesis import strategies as st
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from services.alerts.webhooks import sign

ID = UUID("01a20ce4-063b-7000-8203-040506070809")
BODY = '{"type":"message.first_opened","subject":"Grüße 🦑"}'.encode()
OLD, NEW, OTHER = (sign.secret(bytes([number]) * 32) for number in (1, 2, 3))


def now() -> int:
    return time.time_ns() // 1000


def accepted(secret: str, body: bytes, headers: dict[str, str]) -> bool:
    try:
        found = Webhook(secret).verify(body, headers)
    except WebhookVerificationError:
        return False
    assert found == json.loads(body)
    return True


@law(st.binary(min_size=32, max_size=32), st.uuids(), st.text(max_size=200))
def test_every_signature_is_verified_by_a_foreign_library(
    entropy: bytes, identifier: UUID, text: str
) -> None:
    body = json.dumps({"text": text}).encode()
    secret = sign.secret(entropy)
    assert accepted(secret, body, sign.headers(identifier, now(), body, [secret]))


def test_a_secret_is_base64_of_its_bytes_with_the_standard_prefix() -> None:
    assert OLD.startswith("whsec_")
    assert b64decode(OLD.removeprefix("whsec_")) == bytes([1]) * 32
    with pytest.raises(ValueError, match="32"):
        sign.secret(b"short")


def test_in_rotation_each_secret_has_its_signature_and_no_other_is_accepted() -> None:
    headers = sign.headers(ID, now(), BODY, [NEW, OLD])
    assert len(headers["webhook-signature"].split(" ")) == 2
    assert [accepted(one, BODY, headers) for one in (OLD, NEW, OTHER)] == [True, True, False]


def test_what_was_altered_or_is_old_is_not_accepted() -> None:
    good = sign.headers(ID, now(), BODY, [NEW])
    assert accepted(NEW, BODY, good)
    assert not accepted(NEW, BODY + b" ", good)
    assert not accepted(NEW, BODY, good | {"webhook-id": str(UUID(int=1))})
    seconds = int(good["webhook-timestamp"])
    assert not accepted(NEW, BODY, good | {"webhook-timestamp": str(seconds + 1)})
    for minutes in (-6, 6):
        late = sign.headers(ID, now() + minutes * 60_000_000, BODY, [NEW])
        assert not accepted(NEW, BODY, late)


def test_only_the_time_changes_from_attempt_to_attempt() -> None:
    first, second = (sign.headers(ID, at, BODY, [NEW]) for at in (10_000_000, 310_999_999))
    assert first["webhook-id"] == second["webhook-id"] == str(ID)
    assert (first["webhook-timestamp"], second["webhook-timestamp"]) == ("10", "310")
    assert first["webhook-signature"] != second["webhook-signature"]
