"""A Kafka of this folder's own, since it is killed, frozen and moved."""

from collections.abc import Iterator

import pytest

from tests.faults.ground import Ground, a_ground

SEED = 20_261_126


@pytest.fixture(scope="session")
def ground() -> Iterator[Ground]:
    with a_ground(seed=SEED, full=False) as ground:
        yield ground
