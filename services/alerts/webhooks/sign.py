"""Signs as Standard Webhooks 1.0 says: HMAC-SHA256 over id, timestamp and body, one signature for each secret. Pure."""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import Final
from uuid import UUID

SECRET_BYTES: Final = 32
_PREFIX: Final = "whsec_"
_VERSION: Final = "v1"


def secret(entropy: bytes) -> str:
    """Write random bytes as a secret in the form that every library for receivers reads."""
    if len(entropy) != SECRET_BYTES:
        raise ValueError(f"a secret is made of {SECRET_BYTES} bytes")
    return _PREFIX + b64encode(entropy).decode("ascii")


def headers(identifier: UUID, now: int, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """Return the three headers of one attempt, made at `now` in microseconds; the newest secret comes first."""
    seconds = str(now // 1_000_000)
    signed = b".".join((str(identifier).encode("ascii"), seconds.encode("ascii"), body))
    return {
        "webhook-id": str(identifier),
        "webhook-timestamp": seconds,
        "webhook-signature": " ".join(_signature(one, signed) for one in secrets),
    }


def _signature(written: str, signed: bytes) -> str:
    key = b64decode(written.removeprefix(_PREFIX))
    return f"{_VERSION},{b64encode(hmac.digest(key, signed, sha256)).decode('ascii')}"
