"""Runs many seeds, tells how they went, and makes a failing one small."""

import argparse
import gc
import logging
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from tests.simulation.faults import Fault
from tests.simulation.world import Outcome, World

Run = Callable[[int, Sequence[Fault] | None], Outcome]

_COLLECT_EVERY: Final = 20
_LINE_EVERY: Final = 1000


@dataclass(slots=True)
class Total:
    """What many seeds came to."""

    seeds: int = 0
    faults: int = 0
    commits: int = 0
    seconds: float = 0.0
    failed: int = 0

    def add(self, outcome: Outcome) -> None:
        """Count one more."""
        self.seeds += 1
        self.faults += len(outcome.faults)
        self.commits += outcome.commits
        self.seconds += outcome.seconds
        self.failed += bool(outcome.broken)

    def __str__(self) -> str:
        return (
            f"{self.seeds:,} seeds, {self.faults:,} faults, {self.commits:,} lane commits,"
            f" {self.seconds / 3600:.1f} simulated hours, {self.failed} failed"
        )


def run(seed: int, faults: Sequence[Fault] | None = None) -> Outcome:
    """Run one seed, or with it only the faults named."""
    return World(seed, faults).run()


def minimised(failing: Outcome, run: Run = run) -> Outcome:
    """Leave out faults, one after the other, for as long as something still does not hold."""
    smallest, place = failing, 0
    while place < len(smallest.faults):
        fewer = run(failing.seed, smallest.faults[:place] + smallest.faults[place + 1 :])
        if fewer.broken:
            smallest = fewer
        else:
            place += 1
    return smallest


def _brief(seed: int) -> Outcome:
    """Run one seed in a process of a pool; a trace that nobody will read stays there."""
    outcome = run(seed)
    if seed % _COLLECT_EVERY == 0:
        gc.collect()
    return outcome if outcome.broken else outcome.without_trace()


def _quiet() -> None:
    logging.disable(logging.CRITICAL)
    gc.disable()


def sweep(seeds: Iterable[int], processes: int) -> Iterable[Outcome]:
    """Run seeds on so many processes, in order."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes, _quiet) as pool:
        yield from pool.imap(_brief, seeds, chunksize=10)


def described(outcome: Outcome) -> str:
    """Say what a seed does not hold, and with which faults."""
    return "\n".join(
        [
            f"seed {outcome.seed}: {len(outcome.broken)} sentences do not hold",
            *(f"    {sentence}" for sentence in outcome.broken[:5]),
            *(f"    {fault}" for fault in outcome.faults),
        ]
    )


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns 1 when something does not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10_000, help="how many")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first of them")
    parser.add_argument("--processes", type=int, default=multiprocessing.cpu_count())
    parser.add_argument("--seed", type=int, help="one alone, made small if it fails")
    parser.add_argument("-v", action="store_true", dest="traced", help="with everything it did")
    chosen = parser.parse_args(arguments)
    _quiet()
    if chosen.seed is not None:
        return _one(chosen.seed, traced=chosen.traced)
    return _many(range(chosen.first, chosen.first + chosen.seeds), chosen.processes)


def _one(seed: int, *, traced: bool) -> int:
    outcome = run(seed)
    if outcome.broken:
        outcome = minimised(outcome)
    if traced:
        _say("\n".join(outcome.trace))
    _say(described(outcome))
    return 1 if outcome.broken else 0


def _many(seeds: Sequence[int], processes: int) -> int:
    total, failing = Total(), []
    begun = time.monotonic()
    for outcome in sweep(seeds, processes):
        total.add(outcome)
        if outcome.broken:
            failing.append(outcome.seed)
            _say(described(outcome))
        if total.seeds % _LINE_EVERY == 0:
            _say(f"{total}; {time.monotonic() - begun:.0f} s")
    _say(f"{total}; {time.monotonic() - begun:.0f} s")
    if failing:
        _say(f"failing: {' '.join(map(str, failing))}")
    return 1 if failing else 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
