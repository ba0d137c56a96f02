"""What befalls workers and servers under one seed, as a list: what is dropped from it changes nothing else."""

import random
from dataclasses import dataclass
from typing import Final

WORKERS: Final = 3
LANES: Final = 3
FAULTY_SECONDS: Final = 25.0

# How often each is chosen, as parts of the whole.
_KINDS: Final = {
    "crash": 6,
    "host_lost": 3,
    "freeze": 8,
    "stop": 4,
    "start": 4,
    "cut_off_postgres": 4,
    "cut_off_kafka": 3,
    "postgres_restart": 3,
    "postgres_restore": 2,
    "postgres_slow": 2,
    "postgres_cuts": 6,
    "postgres_kills": 4,
    "row_held": 2,
    "kafka_away": 2,
    "kafka_fails": 4,
    "kafka_quiet": 2,
    "damage_passing": 2,
    "damage_lasting": 1,
    "retention": 1,
    "truncation": 1,
    "another_topic": 1,
    "flood": 1,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that happens: when, to whom (a number for `who` to divide), and how long or how strongly."""

    at: float
    kind: str
    who: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.at:6.2f} s  {self.kind} (who {self.who}, {self.seconds:.2f} s)"


def draw(chance: random.Random) -> tuple[Fault, ...]:
    """Choose what happens, in order of time."""
    kinds = chance.choices(list(_KINDS), list(_KINDS.values()), k=chance.randint(0, 8))
    faults = [
        Fault(
            at=round(chance.uniform(0.0, FAULTY_SECONDS), 3),
            kind=kind,
            who=chance.randrange(1000),
            seconds=round(chance.choice((0.3, 3.0, 14.0)) * chance.uniform(0.5, 1.5), 3),
        )
        for kind in kinds
    ]
    return tuple(sorted(faults, key=lambda fault: fault.at))
