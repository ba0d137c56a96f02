from uuid import uuid4

import pytest

from schemas import topics as contract
from services import topics
from services.runtime.records import TopicSpec


def _found(**changes: object) -> dict[str, TopicSpec]:
    specs = {each.name: each for each in topics.wanted(8, 1)}
    base = specs[contract.EVENTS.name]
    changed = TopicSpec(
        **{  # type: ignore[arg-type]  # a table of changes is of mixed types
            "name": base.name,
            "partitions": base.partitions,
            "replication": base.replication,
            "config": base.config,
            **changes,
        }
    )
    return {**specs, base.name: changed}


def test_topics_as_wanted_differ_in_nothing() -> None:
    assert topics.differences(topics.wanted(8, 1), _found()) == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"partitions": 9}, "engagement.events.v1: 9 partitions, wanted 8"),
        ({"replication": 0}, "engagement.events.v1: 0 replicas, wanted 1"),
        (
            {
                "config": {
                    "cleanup.policy": "compact",
                    "retention.ms": "-1",
                    "retention.bytes": "-1",
                }
            },
            "engagement.events.v1: cleanup.policy is compact, wanted delete",
        ),
    ],
)
def test_every_difference_is_a_sentence(changes: dict[str, object], sentence: str) -> None:
    assert sentence in topics.differences(topics.wanted(8, 1), _found(**changes))


def test_a_missing_topic_is_named() -> None:
    assert len(topics.differences(topics.wanted(8, 1), {})) == 4


def test_with_three_replicas_two_must_acknowledge() -> None:
    assert {each.config["min.insync.replicas"] for each in topics.wanted(8, 3)} == {"2"}


async def test_topics_are_created_once_and_verified_ever_after(kafka_servers: str) -> None:
    suffix = f".test-{uuid4().hex[:8]}"
    specs = [
        TopicSpec(
            name=each.name + suffix, partitions=each.partitions, replication=1, config=each.config
        )
        for each in topics.wanted(3, 1)
    ]
    before = await topics.ensure(kafka_servers, specs, create=False)
    assert [each.split(": ")[1] for each in before] == ["does not exist"] * 4
    assert await topics.ensure(kafka_servers, specs, create=True) == []
    assert await topics.ensure(kafka_servers, specs, create=True) == []
    assert await topics.ensure(kafka_servers, specs, create=False) == []
    more = [
        TopicSpec(name=each.name, partitions=4, replication=1, config=each.config)
        for each in specs[:1]
    ]
    assert await topics.ensure(kafka_servers, more, create=False) == [
        f"{more[0].name}: 3 partitions, wanted 4"
    ]


def test_the_command_names_what_it_lacks(capsys: pytest.CaptureFixture[str]) -> None:
    assert topics.main(["verify"], {}) == 2
    assert "INKLING_KAFKA_SERVERS is required" in capsys.readouterr().err


def test_the_command_says_that_kafka_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert topics.main(["verify"], {"INKLING_KAFKA_SERVERS": "127.0.0.1:1"}) == 1
    assert "topics: kafka" in capsys.readouterr().err
