import pytest
from aiohttp.test_utils import make_mocked_request

from services.alerts import cursor
from services.alerts.cursor import Position
from services.alerts.requests import position_of, range_of
from services.alerts.store import Range
from services.runtime.problem import Problem
from services.runtime.requests import Query

BOUND = cursor.binding("demo", "ana")
HERE = Position(occurred_at=7, seq=3)


def test_a_range_has_open_ends_and_does_not_end_before_it_begins() -> None:
    def asked(query: str) -> Range:
        return range_of(Query(make_mocked_request("GET", f"/x?{query}"), ("from", "to")))

    assert asked("") == Range(begin=None, end=None)
    moment = 1_767_225_600_000_000
    same = "from=2026-01-01T00:00:00Z&to=2026-01-01T00:00:00Z"
    assert asked(same) == Range(begin=moment, end=moment)
    with pytest.raises(Problem) as refused:
        asked("from=2026-01-01T00:00:01Z&to=2026-01-01T00:00:00Z")
    assert refused.value.field == "to"


def test_a_cursor_goes_on_in_its_own_list_only() -> None:
    written = cursor.encode(BOUND, HERE)
    request = make_mocked_request("GET", f"/x?cursor={written}")
    assert position_of(BOUND, request) == HERE
    assert position_of(BOUND, make_mocked_request("GET", "/x")) is None
    with pytest.raises(Problem) as refused:
        position_of(cursor.binding("demo", "ben"), request)
    assert (refused.value.status, refused.value.field) == (400, "cursor")
