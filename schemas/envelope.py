"""What every event carries besides its own fields, and how both lie in a Kafka record.

CloudEvents 1.0, Kafka binding, binary mode: attributes in ``ce_*`` headers, the event as JSON in the value. The
producer writes against the closed schema (``check``); the reader checks the same schema opened, so that a newer
writer's optional fields pass by. See ``docs/events.md``.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final
from uuid import UUID

import jsonschema_rs
import orjson

from schemas import codec, identity, instant, settings, topics
from schemas.codec import Json
from schemas.errors import BadIdentity, Refusal, Refused
from schemas.events import TYPE_OF, TYPES, Event
from schemas.identity import Tenant
from schemas.instant import Instant

Headers = tuple[tuple[str, bytes], ...]

SPECVERSION: Final = "1.0"
CONTENT_TYPE: Final = b"application/json"
FIXED: Final = (("ce_specversion", SPECVERSION.encode()), ("content-type", CONTENT_TYPE))


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """The attributes of one event; retries, spool and replay change none of them.

    ``source`` is a URI reference such as ``/tracker/edge-1``; ``traceparent`` is W3C's and is forwarded as found.
    """

    id: UUID
    source: str
    tenant: Tenant
    occurred_at: Instant
    traceparent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """A record ready to be produced: to which topic, under which key."""

    topic: str
    key: bytes
    value: bytes
    headers: Headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """An event as it was read, with the time of its last production."""

    envelope: Envelope
    event: Event
    recorded_at: Instant


@cache
def closed_schema(event_type: str) -> Mapping[str, Any]:
    """Load the schema that a writer must satisfy."""
    name = f"{event_type}.schema.json"
    schema: dict[str, Any] = orjson.loads(files("schemas").joinpath("json", name).read_bytes())
    return schema


def open_schema(schema: Any) -> Any:
    """Derive the reader's schema: the same without the ban on unknown members."""
    if isinstance(schema, Mapping):
        return {
            name: open_schema(part)
            for name, part in schema.items()
            if not (name == "additionalProperties" and part is False)
        }
    if isinstance(schema, list):
        return [open_schema(part) for part in schema]
    return schema


@cache
def _writer(event_type: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(dict(closed_schema(event_type)))


@cache
def _reader(event_type: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(open_schema(closed_schema(event_type)))


def _refuse(error: jsonschema_rs.ValidationError) -> Refused:
    pointer = "".join(f"/{part}" for part in error.instance_path)
    return Refused(Refusal.SCHEMA, pointer, f"breaks {error.kind.name}")


def key_of(tenant: Tenant, event: Event) -> bytes:
    """Write the record key: the message, the setting's name, or the tenant for what belongs to neither."""
    match event:
        case settings.PreferenceSet():
            return topics.settings_key(tenant, event.ref)
        case settings.TenantSet():
            return topics.settings_key(tenant, None)
        case _:
            message = getattr(event, "message_id", None)
            return tenant.encode("ascii") if message is None else topics.message_key(message)


def headers_of(envelope: Envelope, event_type: str, recorded_at: Instant) -> Headers:
    """Write the CloudEvents attributes as record headers."""
    trace = (
        () if envelope.traceparent is None else (("traceparent", envelope.traceparent.encode()),)
    )
    occurred = instant.text(envelope.occurred_at).encode()
    now = recorded_at == envelope.occurred_at
    return (
        *FIXED,
        ("ce_id", str(envelope.id).encode()),
        ("ce_type", event_type.encode()),
        ("ce_source", envelope.source.encode()),
        ("ce_tenant", envelope.tenant.encode()),
        ("ce_time", occurred),
        ("ce_recordedtime", occurred if now else instant.text(recorded_at).encode()),
        *trace,
    )


def check(event: Event) -> Json:
    """Write an event as JSON and check it against its closed schema; raises ``Refused`` naming the field."""
    written = codec.write(event)
    check_written(TYPE_OF[type(event)], written)
    return written


def check_written(event_type: str, written: Json) -> None:
    """Check an event that is written already against its closed schema; raises ``Refused`` naming the field."""
    writer = _writer(event_type)
    if writer.is_valid(written):  # in three quarters of the time
        return
    try:
        writer.validate(written)
    except jsonschema_rs.ValidationError as error:
        raise _refuse(error) from None


def encode(envelope: Envelope, event: Event, recorded_at: Instant) -> Encoded:
    """Lay an event into a record; raises ``Refused`` when it would be larger than one event may be."""
    return lay(envelope, event, codec.write(event), recorded_at)


def lay(envelope: Envelope, event: Event, written: Json, recorded_at: Instant) -> Encoded:
    """Lay an event into a record as `encode` does, where it is written already."""
    value = orjson.dumps(written)
    if len(value) > topics.MAX_EVENT_BYTES:
        raise Refused(
            Refusal.TOO_LARGE, "", f"{len(value)} bytes, at most {topics.MAX_EVENT_BYTES}"
        )
    return Encoded(
        topic=topics.of(event).name,
        key=key_of(envelope.tenant, event),
        value=value,
        headers=headers_of(envelope, TYPE_OF[type(event)], recorded_at),
    )


def _attribute(attributes: Mapping[str, bytes], name: str) -> str:
    raw = attributes.get(name)
    if raw is None:
        raise Refused(Refusal.HEADER_MISSING, name)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused(Refusal.HEADER_MALFORMED, name, "not UTF-8") from None


def _instant(attributes: Mapping[str, bytes], name: str) -> Instant:
    try:
        return instant.parse(_attribute(attributes, name))
    except Refused:
        raise
    except ValueError as error:
        raise Refused(Refusal.HEADER_MALFORMED, name, str(error)) from None


def _envelope(attributes: Mapping[str, bytes]) -> Envelope:
    if _attribute(attributes, "ce_specversion") != SPECVERSION:
        raise Refused(Refusal.HEADER_MALFORMED, "ce_specversion", "only 1.0 is read")
    identifier = _attribute(attributes, "ce_id")
    if not identity.UUID_PATTERN.fullmatch(identifier):
        raise Refused(Refusal.HEADER_MALFORMED, "ce_id", "not a lower-case UUID")
    try:
        tenant = identity.tenant(_attribute(attributes, "ce_tenant"))
    except BadIdentity as error:
        raise Refused(Refusal.HEADER_MALFORMED, "ce_tenant", error.detail) from None
    trace = attributes.get("traceparent")
    return Envelope(
        id=UUID(identifier),
        source=_attribute(attributes, "ce_source"),
        tenant=tenant,
        occurred_at=_instant(attributes, "ce_time"),
        traceparent=None if trace is None else trace.decode("ascii", "replace"),
    )


def reads(event_type: str) -> Callable[[Any], bool]:
    """Return what tells whether parsed JSON satisfies the reader's schema of a known type."""
    return _reader(event_type).is_valid


def _holds_nul(data: Any) -> bool:
    if isinstance(data, dict):
        return any(_holds_nul(part) for pair in data.items() for part in pair)
    if isinstance(data, list):
        return any(map(_holds_nul, data))
    return isinstance(data, str) and "\0" in data


def _event(event_type: str, value: bytes) -> Event:
    try:
        data = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise Refused(Refusal.NOT_JSON, "", str(error)) from None
    if b"\\u0000" in value and _holds_nul(data):
        raise Refused(Refusal.UNREADABLE_CHARACTER, "", "U+0000 cannot be stored")
    try:
        _reader(event_type).validate(data)
    except jsonschema_rs.ValidationError as error:
        raise _refuse(error) from None
    try:
        return codec.read(TYPES[event_type], data)
    except ValueError as error:
        raise Refused(Refusal.SCHEMA, "", str(error)) from None


def decode(
    key: bytes | None, value: bytes | None, headers: Iterable[tuple[str, bytes]]
) -> Received:
    """Read a record; raises ``Refused`` with the reason and the field or header at fault.

    A tombstone (no value) is no event: whoever reads a compacted topic looks for it before.
    """
    if not value:
        raise Refused(Refusal.EMPTY)
    if len(value) > topics.MAX_EVENT_BYTES:
        raise Refused(Refusal.TOO_LARGE, "", f"{len(value)} bytes")
    attributes = dict(headers)
    event_type = _attribute(attributes, "ce_type")
    if event_type not in TYPES:
        raise Refused(Refusal.UNKNOWN_TYPE, "ce_type")
    envelope = _envelope(attributes)
    event = _event(event_type, value)
    if key != key_of(envelope.tenant, event):
        raise Refused(Refusal.KEY_MISMATCH, "message_id", "the record's key is another")
    recorded_at = _instant(attributes, "ce_recordedtime")
    return Received(envelope=envelope, event=event, recorded_at=recorded_at)
