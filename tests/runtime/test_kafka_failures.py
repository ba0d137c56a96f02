"""What a failure of Kafka means, and that neither it nor its client takes longer than it may."""

import asyncio

import pytest
from aiokafka import errors

from services.runtime.errors import Fatal, Poison, Transient
from services.runtime.kafka_failures import at_best, classify, within


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (errors.NotLeaderForPartitionError(), Transient),
        (errors.RequestTimedOutError(), Transient),
        (errors.KafkaConnectionError(), Transient),
        (errors.OutOfOrderSequenceNumber(), Transient),
        (errors.ProducerFenced(), Transient),
        (errors.UnknownError(), Transient),
        (ConnectionResetError(), Transient),
        (TimeoutError(), Transient),
        (errors.MessageSizeTooLargeError(), Poison),
        (errors.CorruptRecordException(), Poison),
        (errors.TopicAuthorizationFailedError(), Fatal),
        (errors.UnsupportedVersionError(), Fatal),
    ],
)
def test_every_failure_is_one_of_three(error: Exception, kind: type[Exception]) -> None:
    assert isinstance(classify(error), kind)


async def test_what_takes_too_long_is_transient() -> None:
    with pytest.raises(Transient):
        async with within(0.01):
            await asyncio.Event().wait()


async def test_a_farewell_ends_in_time_and_its_failures_are_nobodys() -> None:
    async with at_best(0.01):
        await asyncio.Event().wait()
    async with at_best(1.0):
        raise errors.KafkaConnectionError


async def test_what_is_no_failure_of_kafka_is_not_taken_for_one() -> None:
    with pytest.raises(ZeroDivisionError):
        async with within(1.0):
            raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError):
        async with at_best(1.0):
            raise ZeroDivisionError
