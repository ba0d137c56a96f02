"""Some seeds of the simulation in every run of the tests, and what the sweep itself promises."""

import subprocess
import sys
from collections.abc import Sequence

from tests.simulation.faults import Fault
from tests.simulation.sweep import described, minimised, run
from tests.simulation.world import Outcome

SEEDS = 60


def test_seeds_hold() -> None:
    command = [sys.executable, "-m", "tests.simulation", "--seeds", str(SEEDS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 our own
    assert done.returncode == 0, done.stdout
    assert f"{SEEDS} seeds" in done.stdout
    assert "0 failed" in done.stdout


def test_a_seed_decides_everything() -> None:
    for seed in (2, 9, 16):
        first, second = run(seed), run(seed)
        assert first.trace == second.trace
        assert first.digest == second.digest
    assert run(2).digest != run(9).digest


def test_a_failing_seed_is_made_small() -> None:
    faults = [Fault(at=float(n), kind=kind, who=0, seconds=1.0) for n, kind in enumerate("abcde")]

    def fails_with_two(seed: int, faults: Sequence[Fault] | None = None) -> Outcome:
        kinds = {one.kind for one in faults or ()}
        broken = ("it is lost",) if {"b", "d"} <= kinds else ()
        return Outcome(
            seed=seed, faults=tuple(faults or ()), broken=broken, trace=(), commits=0, seconds=0.0
        )

    smallest = minimised(fails_with_two(7, faults), fails_with_two)
    assert [one.kind for one in smallest.faults] == ["b", "d"]
    assert "seed 7" in described(smallest)
    assert "it is lost" in described(smallest)
