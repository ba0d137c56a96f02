"""All faults of the edge and of the projector, and which are quick enough for every run of the tests."""

from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from tests.faults.ground import Ground, Row
from tests.faults.rows import (
    clocks,
    contention,
    contents,
    crowds,
    damage,
    databases,
    disks,
    dying,
    killing,
    logs,
    networks,
    outages,
    power,
    rebuilding,
    replicas,
    slots,
    sweeping,
    together,
    zombies,
)


class Fault(NamedTuple):
    """One fault: its injection under load and its judgement."""

    run: Callable[[Ground], Awaitable[Row]]
    quick: bool = False


FAULTS: Final[dict[str, Fault]] = {
    "E1": Fault(killing.e01, quick=True),
    "E2": Fault(killing.e02, quick=True),
    "E3": Fault(damage.e03),
    "E4": Fault(damage.e04),
    "E5": Fault(disks.e05, quick=True),
    "E6": Fault(disks.e06),
    "E7": Fault(power.e07),
    "E8": Fault(power.e08),
    "E9": Fault(disks.e09),
    "E10": Fault(outages.e10, quick=True),
    "E11": Fault(outages.e11, quick=True),
    "E12": Fault(outages.e12, quick=True),
    "E13": Fault(networks.e13, quick=True),
    "E14": Fault(networks.e14),
    "E15": Fault(networks.e15),
    "E16": Fault(replicas.e16),
    "E17": Fault(networks.e17),
    "E18": Fault(slots.e18, quick=True),
    "E19": Fault(outages.e19),
    "E20": Fault(slots.e20, quick=True),
    "E21": Fault(slots.e21, quick=True),
    "E22": Fault(clocks.e22),
    "E23": Fault(crowds.e23),
    "E24": Fault(killing.e24, quick=True),
    "E25": Fault(killing.e25, quick=True),
    "E26": Fault(slots.e26, quick=True),
    "ALL": Fault(together.together),
    "P1": Fault(dying.p01, quick=True),
    "P2": Fault(zombies.p02, quick=True),
    "P3": Fault(zombies.p03, quick=True),
    "P4": Fault(dying.p04),
    "P6": Fault(logs.p06, quick=True),
    "P7": Fault(contents.p07, quick=True),
    "P8": Fault(contents.p08, quick=True),
    "P9": Fault(contents.p09, quick=True),
    "P10": Fault(contents.p10, quick=True),
    "P11": Fault(databases.p11, quick=True),
    "P12": Fault(databases.p12),
    "P13": Fault(databases.p13),
    "P14": Fault(contention.p14),
    "P15": Fault(contention.p15),
    "P16": Fault(logs.p16, quick=True),
    "P17": Fault(logs.p17, quick=True),
    "P18": Fault(logs.p18),
    "P19": Fault(dying.p19),
    "P20": Fault(rebuilding.p20, quick=True),
    "P21": Fault(rebuilding.p21, quick=True),
    "P22": Fault(zombies.p22, quick=True),
    "P23": Fault(sweeping.p23),
}
"""As in the study's catalogue; and many of them together."""
