"""An event as the spool keeps it: one CloudEvents 1.0 object in JSON, structured mode, `data` being the record's value.

`unpack` is the inverse of `pack` to the last byte: members stand in the order of the headers, the key is
`partitionkey`, and `data` comes last so that the value is a slice of the text and is never parsed.
"""

from typing import Final

import orjson

from schemas import identity
from schemas.identity import Tenant
from services.runtime.errors import Poison
from services.tracker.entry import Entry

UNREADABLE: Final = "unreadable_record"
_MEMBERS: Final = {
    "ce_specversion": "specversion",
    "content-type": "datacontenttype",
    "ce_id": "id",
    "ce_type": "type",
    "ce_source": "source",
    "ce_tenant": "tenant",
    "ce_time": "time",
    "traceparent": "traceparent",
}
_HEADERS: Final = {member: header for header, member in _MEMBERS.items()}
# Quotes within a text are escaped, so outside of `data` these bytes stand nowhere else.
_DATA: Final = b',"data":'
_TENANT: Final = b'"tenant":"'


def pack(entry: Entry) -> bytes:
    """Write an entry; raises ValueError when its headers are not those of an event, each once and in UTF-8.

    Runs for each hit while Kafka is away.
    """
    try:
        members: dict[str, object] = {
            _MEMBERS[name]: value.decode() for name, value in entry.headers
        }
    except KeyError as error:
        raise ValueError("a header that no event has") from error
    if len(members) != len(entry.headers):
        raise ValueError("a header stands twice")
    members["partitionkey"] = entry.key.decode()
    members["data"] = orjson.Fragment(entry.value)
    return orjson.dumps(members)


def unpack(packed: bytes) -> Entry:
    """Read what `pack` wrote; raises Poison for anything else."""
    data = packed.find(_DATA)
    if data < 0 or not packed.endswith(b"}"):
        raise Poison(UNREADABLE, "no data")
    try:
        members: dict[str, str] = orjson.loads(packed[:data] + b"}")
        key = members.pop("partitionkey").encode()
        headers = tuple([(_HEADERS[member], text.encode()) for member, text in members.items()])
        return Entry(Tenant(members["tenant"]), key, packed[data + len(_DATA) : -1], headers)
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise Poison(UNREADABLE, type(error).__name__) from error


def tenant_of(packed: bytes) -> Tenant | None:
    """Return whose record this is, without reading the rest; None if it does not say."""
    at = packed.find(_TENANT)
    start = at + len(_TENANT)
    found = packed[start : packed.find(b'"', start)].decode("ascii", "replace")
    return Tenant(found) if at >= 0 and identity.TENANT_PATTERN.fullmatch(found) else None
