"""A directory's answer, read and held to the contract. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

import orjson

from schemas.events import RecipientKind
from schemas.identity import Tenant, normal_address
from schemas.settings import Follow
from services.runtime.requests import Validator

MAX_ANSWER_BYTES: Final = 1024 * 1024


class BadAnswer(ValueError):
    """An answer that breaks the contract; the text says how and repeats nothing of it."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the directory says of one person; who it does not know is an `other`."""

    kind: RecipientKind = RecipientKind.OTHER
    id: str | None = None
    time_zone: str | None = None
    refuses: bool = False


NOBODY: Final = Known()


def document() -> bytes:
    """Read the contract: the door as an OpenAPI document."""
    return files("services.rewriter.directory").joinpath("contract.json").read_bytes()


def question(tenant: Tenant, addresses: Collection[str]) -> bytes:
    """Write what is asked."""
    return orjson.dumps({"tenant": tenant, "addresses": list(addresses)})


def read(
    raw: bytes, tenant: Tenant, asked: Collection[str], zones: Collection[str]
) -> dict[str, Known]:
    """Return what is known of each address asked, in its normal form; raises `BadAnswer`.

    Who is not named is nobody of theirs. What was not asked is passed over, and so is a time zone that does not exist,
    for it is only a convenience. Named twice, a person refuses if either line says so, and the rest must agree.
    """
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise BadAnswer("not JSON") from error
    if faults := _validator().errors(body):
        raise BadAnswer(f"not as agreed at {faults[0].field}")
    if body["tenant"] != tenant:
        raise BadAnswer("for another tenant")
    found = dict.fromkeys(map(normal_address, asked), NOBODY)
    named: set[str] = set()
    for one in body["recipients"]:
        address = normal_address(one["address"])
        if address not in found:
            continue
        known = _known(one, zones)
        if address in named:
            known = _agreed(found[address], known)
        named.add(address)
        found[address] = known
    return found


def _known(one: Mapping[str, Any], zones: Collection[str]) -> Known:
    zone = one.get("time_zone")
    return Known(
        RecipientKind(one["kind"]),
        one.get("id"),
        zone if zone in zones else None,
        one.get("follow") == Follow.DO_NOT_ALLOW,
    )


def _agreed(first: Known, second: Known) -> Known:
    if (first.kind, first.id) != (second.kind, second.id):
        raise BadAnswer("one address is two people")
    return Known(
        first.kind, first.id, first.time_zone or second.time_zone, first.refuses or second.refuses
    )


@cache
def _validator() -> Validator:
    return Validator(document(), "Answer")
