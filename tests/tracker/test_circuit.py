"""When hits are offered to Kafka and when they go to the spool at once."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from services.tracker.circuit import DOUBT_SECONDS, GOOD_REPLAYS, MISSES, Circuit, State

SECONDS = 0.25


def closed() -> Circuit:
    circuit = Circuit(SECONDS)
    circuit.replay_idle(0.0, idle=True)
    circuit.came_up(0.0)
    circuit.acknowledged()
    return circuit


def state(circuit: Circuit) -> State:
    return circuit.state


def test_it_is_open_until_a_producer_is_up_and_the_replay_has_spoken() -> None:
    circuit = Circuit(SECONDS)
    assert state(circuit) is State.OPEN
    circuit.came_up(0.0)
    assert state(circuit) is State.OPEN
    circuit.replay_idle(0.0, idle=True)
    assert state(circuit) is State.TRIAL
    assert (circuit.openings, circuit.open_seconds(9.0)) == (0, 0.0)


def test_good_batches_of_the_replay_close_it_though_more_are_to_come() -> None:
    circuit = Circuit(SECONDS)
    circuit.replay_idle(0.0, idle=False)
    circuit.came_up(0.0)
    for _ in range(GOOD_REPLAYS):
        assert state(circuit) is State.OPEN
        circuit.replayed(0.0)
    assert state(circuit) is State.TRIAL


def test_a_bad_batch_of_the_replay_starts_the_count_again() -> None:
    circuit = Circuit(SECONDS)
    circuit.came_up(0.0)
    for _ in range(GOOD_REPLAYS - 1):
        circuit.replayed(0.0)
    circuit.replay_failed()
    circuit.replayed(0.0)
    assert state(circuit) is State.OPEN


def test_one_miss_is_an_accident_and_two_in_a_row_are_not() -> None:
    circuit = closed()
    circuit.missed(1.0)
    circuit.acknowledged()
    circuit.missed(2.0)
    assert state(circuit) is State.CLOSED
    circuit.missed(3.0)
    assert state(circuit) is State.OPEN
    assert (circuit.openings, circuit.open_seconds(5.0)) == (1, 2.0)


def test_the_first_miss_of_a_trial_opens() -> None:
    circuit = closed()
    circuit.failed(1.0)
    circuit.came_up(0.0)
    assert state(circuit) is State.TRIAL
    circuit.missed(2.0)
    assert state(circuit) is State.OPEN


def test_a_failure_opens_at_once() -> None:
    circuit = closed()
    circuit.failed(1.0)
    assert state(circuit) is State.OPEN


@pytest.mark.parametrize(
    ("seconds", "expected"), [(2 * SECONDS - 0.01, State.CLOSED), (2 * SECONDS, State.OPEN)]
)
def test_a_batch_that_waits_for_twice_the_time_opens(seconds: float, expected: State) -> None:
    circuit = closed()
    circuit.waiting(seconds, 1.0)
    assert state(circuit) is expected


def test_good_batches_from_before_it_opened_do_not_close_it() -> None:
    circuit = closed()
    circuit.replay_idle(0.0, idle=False)
    for _ in range(GOOD_REPLAYS):
        circuit.replayed(0.0)
    circuit.failed(1.0)
    circuit.came_up(0.0)
    assert state(circuit) is State.OPEN


def after_a_failed_trial() -> Circuit:
    circuit = closed()
    circuit.failed(1.0)
    circuit.came_up(1.0)
    circuit.missed(2.0)
    circuit.came_up(2.5)
    return circuit


def test_after_a_failed_trial_a_connection_alone_is_not_believed_for_a_while() -> None:
    circuit = after_a_failed_trial()
    circuit.replay_idle(2.0 + DOUBT_SECONDS - 0.1, idle=True)
    assert state(circuit) is State.OPEN
    circuit.replay_idle(2.0 + DOUBT_SECONDS, idle=True)
    assert state(circuit) is State.TRIAL


def test_after_a_failed_trial_what_the_replay_had_to_offer_shortens_the_doubt() -> None:
    circuit = after_a_failed_trial()
    circuit.replay_idle(3.0, idle=False)
    circuit.replayed(3.1)
    assert state(circuit) is State.OPEN
    circuit.replay_idle(3.2, idle=True)
    assert state(circuit) is State.TRIAL


def test_a_trial_that_succeeds_ends_the_doubt() -> None:
    circuit = after_a_failed_trial()
    circuit.replay_idle(2.0 + DOUBT_SECONDS, idle=True)
    circuit.acknowledged()
    circuit.failed(20.0)
    circuit.came_up(20.1)
    assert state(circuit) is State.TRIAL


class AnyCircuit(RuleBasedStateMachine):
    """What holds whatever happens in whatever order."""

    def __init__(self) -> None:
        super().__init__()
        self.circuit = Circuit(SECONDS)
        self.now = 0.0
        self.up = False
        self.misses = 0
        self.before = State.OPEN

    def _tick(self) -> None:
        self.now += 1.0
        self.before = self.circuit.state

    @rule()
    def acknowledged(self) -> None:
        self._tick()
        self.circuit.acknowledged()
        self.misses = 0
        # an acknowledgement never lets anything through that was not
        assert (self.circuit.state is State.OPEN) == (self.before is State.OPEN)

    @rule()
    def missed(self) -> None:
        self._tick()
        self.circuit.missed(self.now)
        self.misses += self.before is not State.OPEN
        if self.before is State.TRIAL or self.misses >= MISSES:
            assert self.circuit.state is State.OPEN
        self._note()

    @rule()
    def failed(self) -> None:
        self._tick()
        self.circuit.failed(self.now)
        assert self.circuit.state is State.OPEN
        self.up = False
        self._note()

    @rule(seconds=st.floats(0, 1))
    def waiting(self, seconds: float) -> None:
        self._tick()
        self.circuit.waiting(seconds, self.now)
        if seconds >= 2 * SECONDS:
            assert self.circuit.state is State.OPEN
        self._note()

    @rule()
    def came_up(self) -> None:
        self._tick()
        self.up = True
        self.circuit.came_up(self.now)

    @rule()
    def replayed(self) -> None:
        self._tick()
        self.circuit.replayed(self.now)

    @rule()
    def replay_failed(self) -> None:
        self._tick()
        self.circuit.replay_failed()

    @rule(idle=st.booleans())
    def replay_idle(self, idle: bool) -> None:
        self._tick()
        self.circuit.replay_idle(self.now, idle=idle)

    def _note(self) -> None:
        if self.circuit.state is State.OPEN:
            self.misses = 0
            if self.before is not State.OPEN:
                self.up = False

    @invariant()
    def never_lets_through_without_a_producer_that_came_up_since(self) -> None:
        if self.circuit.state is not State.OPEN:
            assert self.up

    @invariant()
    def closes_only_by_way_of_a_trial(self) -> None:
        if self.circuit.state is State.CLOSED:
            assert self.before is not State.OPEN

    @invariant()
    def says_how_long_it_is_open_only_while_it_is(self) -> None:
        seconds = self.circuit.open_seconds(self.now)
        assert seconds >= 0
        if self.circuit.state is not State.OPEN:
            assert seconds == 0


TestAnyCircuit = AnyCircuit.TestCase
