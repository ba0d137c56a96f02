"""Power that fails at any call to the disk: a model of a disk, on which the tracker's own spool writes and recovers."""

import asyncio
import random
from contextlib import suppress

from tests.faults.ground import Ground, Row
from tests.support.model_disk import ModelDisk, PowerLoss
from tests.tracker.spool.world import World, read_all


class _Account:
    """What many lives had acknowledged and what was there after them."""

    def __init__(self) -> None:
        self.failures = self.acknowledged = self.recovered = self.lost = self.doubled = 0
        self.invented = 0

    def add(self, world: World) -> None:
        """Come back after a loss of power and count."""
        world.disk.crash()
        world.start()
        found = read_all(world.disk, world.sealed)
        there = set(found) | world.replayed
        self.failures += 1
        self.acknowledged += len(world.acknowledged)
        self.recovered += len(world.acknowledged & there)
        self.lost += len(world.acknowledged - there)
        self.doubled += len(found) - len(set(found))
        self.invented += len(there - world.put)

    def row(self, ground: Ground, fault: str, what: str) -> Row:
        return Row(
            fault=fault,
            seed=ground.seed,
            kill_point=f"{self.failures} {what}",
            acknowledged=self.acknowledged,
            counted=self.recovered,
            lost=self.lost,
            doubled=self.doubled,
            notes="records, added up over all lives",
            broken=[f"{self.invented} records that were not put in"] * bool(self.invented),
        )


def _step(world: World, chance: random.Random) -> None:
    """Do one of the things that a process does."""
    which = chance.random()
    if which < 0.6:
        world.commit(chance.randint(1, 4))
    elif which < 0.75:
        world.tick(chance.choice((1, 11)))
    elif which < 0.85:
        world.replay_one()
    elif which < 0.93:
        world.close()
    else:
        world.start()  # killed, and started again


def _a_life(world: World, seed: int, steps: int) -> None:
    chance = random.Random(seed)  # noqa: S311 a choice, not a secret
    world.start()
    for _ in range(steps):
        _step(world, chance)


async def e07(ground: Ground) -> Row:
    """One life after the other, with power lost at each of its calls in turn: no name that was needed is gone."""
    account = _Account()

    def sweep() -> None:
        for life in range(ground.count(20, 1)):
            seed = ground.seed + life
            whole = World(ModelDisk(seed))
            _a_life(whole, seed, 25)
            for call in range(whole.disk.calls + 1):
                world = World(ModelDisk(seed, lose_power_at=call))
                with suppress(PowerLoss):
                    _a_life(world, seed, 25)
                account.add(world)

    await asyncio.to_thread(sweep)
    return account.row(ground, "E7 lost directory entry", "losses, at each call")


async def e08(ground: Ground) -> Row:
    """Lives of many losses of power, some of them during recovery; of what was not synced any sectors may be there."""
    account = _Account()
    chance = random.Random(ground.seed)  # noqa: S311 a choice, not a secret

    def sweep() -> None:
        for life in range(ground.count(2_000, 50)):
            world = World(ModelDisk(ground.seed + life, lose_power_at=chance.randint(0, 80)))
            for _ in range(chance.randint(1, 5)):
                with suppress(PowerLoss):
                    _a_life(world, chance.getrandbits(32), 15)
                account.add(world)
                world.disk.lose_power_at = world.disk.calls + chance.randint(0, 60)

    await asyncio.to_thread(sweep)
    return account.row(ground, "E8 power loss", "losses, at random calls")
