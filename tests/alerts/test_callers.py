import pytest
from aiohttp.test_utils import make_mocked_request

from services.alerts.callers import EVENTS, JSON, expiry_of, must_read, scope_of
from services.alerts.store import Scope
from services.runtime.access import PRINCIPAL, Principal, Role
from services.runtime.problem import Problem
from tests.alerts.given import token


def scope(*roles: Role) -> Scope:
    request = make_mocked_request("GET", "/")
    request[PRINCIPAL] = Principal(subject="ana", tenant="demo", roles=frozenset(roles))
    return scope_of(request)


def test_a_seller_sees_the_own_alerts_and_a_manager_the_tenants() -> None:
    assert scope(Role.SELLER) == Scope(tenant="demo", owner="ana")
    assert scope(Role.SELLER, Role.SENDER) == Scope(tenant="demo", owner="ana")
    assert scope(Role.SELLER, Role.MANAGER) == Scope(tenant="demo", owner=None)
    assert scope(Role.SELLER, Role.MANAGER, Role.ADMIN) == Scope(tenant="demo", owner=None)


def test_a_sender_alone_sees_nothing() -> None:
    with pytest.raises(Problem) as caught:
        scope(Role.SENDER)
    assert caught.value.status == 403


@pytest.mark.parametrize(
    ("accept", "form", "is_read"),
    [
        (None, JSON, True),
        ("*/*", EVENTS, True),
        ("text/html, application/json;q=0.9", JSON, True),
        ("text/*", EVENTS, True),
        ("Text/Event-Stream", EVENTS, True),
        ("application/json", EVENTS, False),
        ("text/event-stream", JSON, False),
        ("", JSON, False),
    ],
)
def test_a_caller_who_cannot_read_the_answer_is_told_so(
    accept: str | None, form: str, is_read: bool
) -> None:
    request = make_mocked_request("GET", "/", headers={} if accept is None else {"Accept": accept})
    if is_read:
        must_read(request, form)
    else:
        with pytest.raises(Problem) as caught:
            must_read(request, form)
        assert caught.value.status == 406


def test_a_token_says_until_when_it_holds() -> None:
    first, second = (
        expiry_of(make_mocked_request("GET", "/", headers={"Authorization": f"Bearer  {written}"}))
        for written in (token(seconds=10), token(seconds=70))
    )
    assert second - first == pytest.approx(60, abs=5)
