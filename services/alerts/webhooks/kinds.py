"""What can be delivered, and what becomes of it: the closed lists that doors, tables and metrics share. Pure."""

from enum import StrEnum
from typing import Final
from uuid import UUID, uuid5

from schemas.identity import NAMESPACE


class Kind(StrEnum):
    """The `type` of a webhook; `message.registered` is none, it only tells us whose a message is."""

    FIRST_OPENED = "message.first_opened"
    FIRST_CLICKED = "message.first_clicked"
    FIRST_ATTACHMENT_VIEWED = "message.first_attachment_viewed"
    FIRST_REPLIED = "message.first_replied"
    FIRST_OPEN_WITHDRAWN = "message.first_open_withdrawn"


TEST: Final = "webhook.test"
"""The `type` of what `:test` sends; no filter keeps it away."""


class State(StrEnum):
    """Where a delivery stands; a dead one is a dead letter, and can be replayed like a delivered one."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


class Dead(StrEnum):
    """Why a delivery was given up."""

    EXHAUSTED = "exhausted"
    ENDPOINT_GONE = "endpoint_gone"
    ENDPOINT_DISABLED = "endpoint_disabled"


class Disabled(StrEnum):
    """Why an endpoint is disabled."""

    BY_REQUEST = "by_request"
    GONE = "gone"
    FAILING = "failing"


class Result(StrEnum):
    """What one attempt came to."""

    DELIVERED = "delivered"
    REDIRECTED = "redirected"
    GONE = "gone"
    THROTTLED = "throttled"
    REJECTED = "rejected"
    FAILED = "failed"
    OVERLOADED = "overloaded"
    TIMEOUT = "timeout"
    UNRESOLVED = "unresolved"
    FORBIDDEN_ADDRESS = "forbidden_address"
    BAD_CERTIFICATE = "bad_certificate"
    UNREACHABLE = "unreachable"
    BROKEN_OFF = "broken_off"


MEANING: Final = {
    Result.DELIVERED: "Answered with a 2xx status.",
    Result.REDIRECTED: "Answered with a redirect, which is not followed.",
    Result.GONE: "Answered 410: nothing is wanted there any more.",
    Result.THROTTLED: "Answered 429: too many at once.",
    Result.REJECTED: "Answered with a 4xx status.",
    Result.FAILED: "Answered with a status that is no success.",
    Result.OVERLOADED: "Answered 502, 503 or 504.",
    Result.TIMEOUT: "Did not answer in time.",
    Result.UNRESOLVED: "Its name has no address.",
    Result.FORBIDDEN_ADDRESS: "Its address is not one that webhooks may go to.",
    Result.BAD_CERTIFICATE: "No TLS connection with a certificate that is trusted.",
    Result.UNREACHABLE: "No connection could be made.",
    Result.BROKEN_OFF: "The connection ended before the answer, or the answer was not HTTP.",
}


def delivery_id(fact: UUID, webhook: UUID) -> UUID:
    """Name the delivery of a fact to an endpoint: its `webhook-id`, the same however often it is made or sent."""
    return uuid5(NAMESPACE, f"webhook:{fact}:{webhook}")
