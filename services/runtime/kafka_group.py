"""A consumer group that nobody is a member of, only for its offsets to be seen."""

from collections.abc import Mapping

from aiokafka.client import AIOKafkaClient

from services.runtime import kafka_requests
from services.runtime.kafka_failures import at_best, within
from services.runtime.leases import Lane

_REQUEST_MS = 5_000
_METADATA_MS = 60_000


class Group:
    """Stores offsets under a group's name, by a connection of its own, so that nothing else waits for it."""

    def __init__(self, servers: str, client_id: str, name: str) -> None:
        self._servers = servers
        self._client_id = client_id
        self._name = name
        self._client: AIOKafkaClient | None = None

    async def commit(self, positions: Mapping[Lane, int], seconds: float) -> None:
        """Store offsets, connecting first where need be; Transient or Fatal, and disconnected, when it fails."""
        done = False
        try:
            async with within(seconds):
                if self._client is None:
                    self._client = AIOKafkaClient(
                        bootstrap_servers=self._servers,
                        client_id=self._client_id,
                        request_timeout_ms=_REQUEST_MS,
                        metadata_max_age_ms=_METADATA_MS,
                    )
                    await self._client.bootstrap()
                await kafka_requests.commit(self._client, self._name, positions)
            done = True
        finally:
            if not done:
                await self.close(1.0)

    async def close(self, seconds: float) -> None:
        """Disconnect within the seconds given."""
        client, self._client = self._client, None
        if client is not None:
            async with at_best(seconds):
                await client.close()
