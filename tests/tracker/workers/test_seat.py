"""What each of several trackers has for itself."""

from dataclasses import replace

from services.runtime.config import DoorConfig
from services.tracker.workers.seat import Seat

DOORS = DoorConfig(host="0.0.0.0", port=7400, private_host="127.0.0.1", private_port=7450)  # noqa: S104 as configured


def test_alone_a_tracker_has_what_it_was_told() -> None:
    assert Seat().doors(DOORS) == DOORS
    assert Seat().listening is None


def test_no_two_have_a_private_port_a_slot_or_a_name_at_kafka_in_common() -> None:
    seats = [Seat(number=number) for number in range(10)]
    assert [seat.doors(DOORS).private_port for seat in seats] == list(range(7450, 7460))
    assert {seat.doors(DOORS).port for seat in seats} == {7400}
    assert len({seat.slot for seat in seats}) == 10
    assert len({seat.client("edge-1") for seat in seats}) == 10


def test_the_first_of_several_goes_on_with_the_slot_of_one_alone() -> None:
    assert Seat(number=0).slot == Seat().slot == "worker-0"


def test_a_private_port_that_the_system_chooses_is_left_to_it() -> None:
    anywhere = replace(DOORS, private_port=0)
    assert Seat(number=3).doors(anywhere) == anywhere
