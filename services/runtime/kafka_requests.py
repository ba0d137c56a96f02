"""Two requests that aiokafka has no call for: the topics with their ids, and a group's offsets without a member.

The versions of a topic's metadata that aiokafka speaks (up to 5) have no ids, so a topic that was deleted and made anew
looks the same to it. Its commit belongs to a consumer, and has that one fail when the group's coordinator is away.
"""

import base64
from collections.abc import Collection, Mapping
from io import BytesIO
from typing import Any, Final

from aiokafka import errors
from aiokafka.client import CoordinationType
from aiokafka.protocol import types as wire
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.commit import OffsetCommitRequest

from services.runtime.leases import Lane
from services.runtime.records import Topic

_ANY_ID: Final = bytes(16)
_TEXT: Final = wire.CompactString("utf-8")
_NO_MEMBER: Final = ""


class _Uuid(wire.AbstractType[bytes]):  # type: ignore[misc]  # aiokafka is untyped
    @classmethod
    def encode(cls, value: bytes) -> bytes:
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        return data.read(16)


class _TopicsResponse(Response):  # type: ignore[misc]  # as above
    API_KEY = 3
    API_VERSION = 12
    SCHEMA = wire.Schema(
        ("throttle_time_ms", wire.Int32),
        (
            "brokers",
            wire.CompactArray(
                ("node_id", wire.Int32),
                ("host", _TEXT),
                ("port", wire.Int32),
                ("rack", _TEXT),
                ("tags", wire.TaggedFields),
            ),
        ),
        ("cluster_id", _TEXT),
        ("controller_id", wire.Int32),
        (
            "topics",
            wire.CompactArray(
                ("error_code", wire.Int16),
                ("name", _TEXT),
                ("topic_id", _Uuid),
                ("is_internal", wire.Boolean),
                (
                    "partitions",
                    wire.CompactArray(
                        ("error_code", wire.Int16),
                        ("partition", wire.Int32),
                        ("leader", wire.Int32),
                        ("leader_epoch", wire.Int32),
                        ("replicas", wire.CompactArray(wire.Int32)),
                        ("in_sync", wire.CompactArray(wire.Int32)),
                        ("offline", wire.CompactArray(wire.Int32)),
                        ("tags", wire.TaggedFields),
                    ),
                ),
                ("operations", wire.Int32),
                ("tags", wire.TaggedFields),
            ),
        ),
        ("tags", wire.TaggedFields),
    )


class _TopicsRequestV12(RequestStruct):  # type: ignore[misc]  # as above
    API_KEY = 3
    API_VERSION = 12
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _TopicsResponse
    SCHEMA = wire.Schema(
        (
            "topics",
            wire.CompactArray(("topic_id", _Uuid), ("name", _TEXT), ("tags", wire.TaggedFields)),
        ),
        ("allow_creation", wire.Boolean),
        ("with_operations", wire.Boolean),
        ("tags", wire.TaggedFields),
    )


class _TopicsRequest(Request[_TopicsRequestV12]):  # type: ignore[misc]  # as above
    API_KEY = 3

    def __init__(self, names: Collection[str]) -> None:
        self._names = names

    def build(self, request_struct_class: type[_TopicsRequestV12]) -> _TopicsRequestV12:
        no_tags: dict[int, bytes] = {}
        asked = [(_ANY_ID, name, no_tags) for name in self._names]
        return request_struct_class(asked, False, False, no_tags)


async def topics(client: Any, names: Collection[str]) -> dict[str, Topic]:
    """Return those of the topics that there are; a broker that does not speak of ids gives none."""
    try:
        answer = await _ask_anyone(client, _TopicsRequest(names))
    except NotImplementedError:  # what aiokafka raises where a broker speaks no version that we do
        return await _without_ids(client, names)
    found = {}
    for code, name, identifier, _internal, partitions, *_ in answer.topics:
        kind = errors.for_code(code)
        if kind is errors.NoError:
            written = base64.urlsafe_b64encode(identifier).decode().rstrip("=")
            found[name] = Topic(len(partitions), written if any(identifier) else None)
        elif kind is not errors.UnknownTopicOrPartitionError:
            raise kind(name)
    return found


async def _without_ids(client: Any, names: Collection[str]) -> dict[str, Topic]:
    cluster = await client.fetch_all_metadata()
    known = {name: cluster.partitions_for_topic(name) for name in names}
    return {name: Topic(len(found), None) for name, found in known.items() if found}


async def _ask_anyone(client: Any, request: Request[Any]) -> Any:
    """Ask the brokers one after the other until one answers."""
    lost: errors.KafkaError = errors.NodeNotReadyError("there is no broker to ask")
    for broker in client.cluster.brokers():
        try:
            return await client.send(broker.nodeId, request)
        except errors.KafkaError as error:
            lost = error
    raise lost


async def commit(client: Any, group: str, positions: Mapping[Lane, int]) -> None:
    """Store where a group without members stands: as a simple consumer, which no rebalance can come of."""
    partitions: dict[str, list[tuple[int, int, str]]] = {}
    for lane, offset in positions.items():
        partitions.setdefault(lane.topic, []).append((lane.partition, offset, ""))
    request = OffsetCommitRequest(
        group,
        OffsetCommitRequest.DEFAULT_GENERATION_ID,
        _NO_MEMBER,
        OffsetCommitRequest.DEFAULT_RETENTION_TIME,
        list(partitions.items()),
    )
    coordinator = await client.coordinator_lookup(CoordinationType.GROUP, group)
    answer = await client.send(coordinator, request)
    for topic, results in answer.topics:
        for partition, code in results:
            kind = errors.for_code(code)
            if kind is not errors.NoError:
                raise kind(f"{topic}/{partition}")
