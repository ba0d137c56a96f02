"""What a failure of Kafka or its client means to us, and how long either may take; beside `kafka`, which uses it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from aiokafka import errors

from services.runtime.errors import Fatal, Poison, Transient

_POISON = (
    errors.MessageSizeTooLargeError,
    errors.RecordListTooLargeError,
    errors.InvalidTimestampError,
    errors.CorruptRecordException,
)
_FATAL = (
    errors.AuthenticationFailedError,
    errors.AuthenticationMethodNotSupported,
    errors.ClusterAuthorizationFailedError,
    errors.IncompatibleBrokerVersion,
    errors.SaslAuthenticationFailed,
    errors.TopicAuthorizationFailedError,
    errors.UnsupportedSaslMechanismError,
    errors.UnsupportedVersionError,
)
FAILURES = (errors.KafkaError, errors.IllegalOperation, OSError, TimeoutError)


def classify(error: BaseException) -> Transient | Poison | Fatal:
    """Say which of our three failures an error of Kafka or its client is."""
    text = f"kafka: {type(error).__name__}: {error}"
    if isinstance(error, _POISON):
        return Poison("refused_by_broker", text)
    if isinstance(error, _FATAL):
        return Fatal(text)
    return Transient(text)


@contextlib.asynccontextmanager
async def within(seconds: float) -> AsyncIterator[None]:
    """Bound what Kafka may take, and translate how it fails."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except FAILURES as error:
        raise classify(error) from error


@contextlib.asynccontextmanager
async def at_best(seconds: float) -> AsyncIterator[None]:
    """Bound a farewell; how it fails matters to nobody."""
    with contextlib.suppress(*FAILURES):
        async with asyncio.timeout(seconds):
            yield
