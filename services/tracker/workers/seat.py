"""Which of several trackers on one machine this process is, and what is therefore its own."""

import socket
from dataclasses import dataclass, replace
from typing import Final

from services.runtime.config import DoorConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A process's number, from 0, and the public socket that it shares; alone it opens its own."""

    number: int = 0
    listening: socket.socket | None = None

    @property
    def slot(self) -> str:
        """The name of its folder in the spool."""
        return f"worker-{self.number}"

    def client(self, edge: str) -> str:
        """Return what it is called at Kafka, where two clients of one name cannot be told apart."""
        return f"tracker-{edge}-{self.number}"

    def doors(self, told: DoorConfig) -> DoorConfig:
        """Return its doors: the public one is everybody's, private ones count up from the first."""
        if told.private_port == 0:  # the system chooses a free one for each
            return told
        return replace(told, private_port=told.private_port + self.number)


ALONE: Final = Seat()
