from datetime import date

import pytest
from aiohttp.test_utils import make_mocked_request
from yarl import URL

from schemas.instant import parse
from services.projector.query.cursor import Position
from services.projector.query.filters import REPEATABLE, message_filter, search
from services.projector.query.ordering import LINKS
from services.projector.query.parameters import (
    KPIS,
    MESSAGE_LIST,
    PAGE,
    KpiFilter,
    kpi_filter,
    message_page,
    page_of,
    pattern,
    template_page,
)
from services.projector.query.scope import Scope
from services.projector.query.status import StatusCode
from services.runtime.problem import Problem
from services.runtime.requests import Query

ANA = Scope(tenant="demo", owner="ana")
POSITION = Position(key=5, tie="0e5b3f0c-9c5b-5d0b-9a39-2f0c8e5b1d77")


def asked(**parameters: str) -> Query:
    return Query(
        make_mocked_request("GET", str(URL("/").with_query(parameters))), MESSAGE_LIST, REPEATABLE
    )


def test_without_parameters_the_followed_emails_are_listed() -> None:
    wanted = message_filter(asked())
    assert wanted.followed is True
    page = message_page(asked(), ANA, wanted)
    assert (page.order.name, page.limit, page.after) == ("-sent_at", 50, None)


def test_every_filter_is_read() -> None:
    wanted = message_filter(
        asked(**{"followed": "all", "owner": "ben", "template": "t", "regarding": "d", "q": " a ",
                 "recipient": "c-1", "from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"})
    )  # fmt: skip
    assert (wanted.followed, wanted.owner, wanted.template) == (None, "ben", "t")
    assert (wanted.regarding, wanted.terms, wanted.time) == ("d", ("a",), "sent_at")
    assert (wanted.recipient_id, wanted.recipient_ref) == ("c-1", None)
    assert wanted.first == parse("2026-01-01T00:00:00Z")
    assert wanted.last == parse("2026-01-02T00:00:00Z")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("followed", "maybe"),
        ("sort", "body"),
        ("sort", "--opens"),
        ("limit", "0"),
        ("limit", "501"),
        ("limit", "ten"),
        ("from", "yesterday"),
        ("to", "2026-01-01"),
        ("owner", "x" * 257),
        ("q", "x" * 201),
        ("cursor", "x"),
    ],
)
def test_a_bad_parameter_is_refused_by_name(name: str, value: str) -> None:
    query = asked(**{name: value})
    with pytest.raises(Problem) as refused:
        message_page(query, ANA, message_filter(query))
    assert (refused.value.status, refused.value.field) == (400, name)


def test_unfollowed_emails_are_listed_where_their_status_is_asked_for() -> None:
    assert message_filter(asked(status="not_followed")).followed is False
    assert message_filter(asked(status="not_followed", followed="all")).followed is None
    wanted = message_filter(asked(status="clicked"))
    assert (wanted.status, wanted.followed) == (StatusCode.CLICKED, True)


def figures(**parameters: str) -> KpiFilter:
    request = make_mocked_request("GET", str(URL("/").with_query(parameters)))
    return kpi_filter(Query(request, KPIS), parse("2026-03-04T23:59:59Z"))


def test_key_figures_are_of_the_last_thirty_days_with_today() -> None:
    wanted = figures()
    assert (wanted.first, wanted.last) == (date(2026, 2, 3), date(2026, 3, 5))
    assert not wanted.particular


def test_a_day_is_written_as_such_or_as_its_first_instant() -> None:
    wanted = figures(**{"from": "2026-01-01T01:00:00+01:00", "to": "2026-01-08"})
    assert (wanted.first, wanted.last) == (date(2026, 1, 1), date(2026, 1, 8))
    assert figures(to="1970-01-02").first == date(1970, 1, 1)
    assert figures(**{"from": "9999-01-01", "to": "9999-12-31"}).last == date(9999, 12, 31)


@pytest.mark.parametrize("name", ["template", "regarding", "recipient"])
def test_figures_of_something_smaller_than_an_owner_are_particular(name: str) -> None:
    assert figures(**{name: "x"}).particular
    assert not figures(owner="x").particular


def test_a_recipient_that_looks_like_a_ref_is_one() -> None:
    wanted = message_filter(asked(recipient="00112233aabbccdd"))
    assert (wanted.recipient_ref, wanted.recipient_id) == ("00112233aabbccdd", None)


def test_a_range_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(Problem) as refused:
        message_filter(asked(**{"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}))
    assert refused.value.field == "to"


def test_a_cursor_goes_on_in_its_own_list_and_in_no_other() -> None:
    first = message_page(asked(), ANA, message_filter(asked()))
    cursor = first.cursor(POSITION)
    assert cursor is not None
    on = message_page(asked(cursor=cursor, limit="7"), ANA, message_filter(asked()))
    assert (on.after, on.limit) == (POSITION, 7)
    others = [
        (Scope(tenant="other", owner="ana"), {}),
        (Scope(tenant="demo", owner=None), {}),
        (ANA, {"template": "t"}),
        (ANA, {"sort": "sent_at"}),
        (ANA, {"followed": "all"}),
    ]
    for scope, more in others:
        query = asked(cursor=cursor, **more)
        with pytest.raises(Problem) as refused:
            message_page(query, scope, message_filter(query))
        assert (refused.value.slug, refused.value.field) == ("invalid-cursor", "cursor")


def test_the_last_page_has_no_cursor() -> None:
    assert page_of(asked(), ANA, LINKS, "links").cursor(None) is None


def test_templates_are_one_list_for_all_of_a_tenant() -> None:
    mine = template_page(asked(), ANA, None)
    managers = template_page(asked(), Scope(tenant="demo", owner=None), None)
    assert mine.bound == managers.bound


def test_what_is_searched_for_is_taken_literally() -> None:
    assert pattern("50%_\\") == "%50\\%\\_\\\\%"
    assert search(asked(q="  ")) is None


def test_parts_of_a_message_have_no_filter() -> None:
    request = make_mocked_request("GET", "/?sort=opens")
    with pytest.raises(Problem) as refused:
        Query(request, PAGE)
    assert refused.value.field == "sort"
