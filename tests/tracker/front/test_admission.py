"""Connections are counted by address while they are open, and forgotten with the last of them."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from services.tracker.front.admission import Admission, Place, counted_as
from services.tracker.front.traffic import Refusal, Traffic


@pytest.fixture
def traffic() -> Traffic:
    """Counters of nobody else."""
    return Traffic(CollectorRegistry())


def test_an_address_has_its_limit_and_may_come_again(traffic: Traffic) -> None:
    admission = Admission(traffic, 10, 2, ())
    first, second = admission.admit(("192.0.2.1", 1)), admission.admit(("192.0.2.1", 2))
    assert first == second == Place("192.0.2.1", trusted=False, counted_as="192.0.2.1")
    assert admission.admit(("192.0.2.1", 3)) is None
    assert admission.admit(("192.0.2.2", 1)) is not None
    assert traffic.refused == {Refusal.PROCESS: 0, Refusal.ADDRESS: 1}
    admission.leave(Place("192.0.2.1", trusted=False, counted_as="192.0.2.1"))
    assert admission.admit(("192.0.2.1", 4)) is not None
    assert (traffic.accepted, traffic.open) == (4, 3)


def test_a_process_has_its_limit(traffic: Traffic) -> None:
    admission = Admission(traffic, 2, 10, ())
    places = [admission.admit((f"192.0.2.{last}", 1)) for last in range(3)]
    assert [place is None for place in places] == [False, False, True]
    assert traffic.refused == {Refusal.PROCESS: 1, Refusal.ADDRESS: 0}
    assert admission.addresses() == 2


def test_proxies_are_exempt_from_the_limit_of_an_address(traffic: Traffic) -> None:
    admission = Admission(traffic, 4, 1, [ip_network("192.0.2.0/24")])
    for _ in range(4):
        assert admission.admit(("::ffff:192.0.2.9", 1, 0, 0)) == Place(
            "::ffff:192.0.2.9", trusted=True, counted_as=None
        )
    assert admission.addresses() == 0
    assert admission.admit(("192.0.2.9", 1)) is None
    assert traffic.refused == {Refusal.PROCESS: 1, Refusal.ADDRESS: 0}


@pytest.mark.parametrize("peername", [None, "", b"", ()])
def test_a_socket_without_address_is_nobody(traffic: Traffic, peername: object) -> None:
    admission = Admission(traffic, 10, 1, ())
    assert [admission.admit(peername) for _ in range(2)] == [
        Place(None, trusted=False, counted_as=None)
    ] * 2


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("a:b", "a:c", False),
    ],
)
def test_what_counts_as_one_address(one: str, other: str, same: bool) -> None:
    assert (counted_as(one) == counted_as(other)) is same


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=40))
def test_all_places_given_back_leave_nothing(steps: list[tuple[str, bool]]) -> None:
    traffic = Traffic(CollectorRegistry())
    admission = Admission(traffic, 6, 3, ())
    held: list[Place] = []
    for address, comes in steps:
        if comes:
            place = admission.admit((address, 1))
            mine = sum(one.counted_as == address for one in held)
            assert (place is None) is (len(held) == 6 or mine == 3)
            if place is not None:
                held.append(place)
        elif held:
            admission.leave(held.pop())
        assert traffic.open == len(held)
        assert admission.addresses() == len({place.counted_as for place in held})
    for place in held:
        admission.leave(place)
    assert (traffic.open, admission.addresses()) == (0, 0)
