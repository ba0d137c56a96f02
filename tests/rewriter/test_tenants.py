from typing import Any

import pytest

from schemas.instant import Instant
from schemas.settings import FollowPolicy, TenantSet, WorkingWeek
from services.rewriter import tenants
from services.rewriter.faults import BadFields
from services.rewriter.web import openapi
from services.runtime.web import Validator
from tests.support.clock import START

NOW = Instant(START)
WHOLE = {
    "engagement": False,
    "policy": "strict",
    "tracking_domain": "T.example:8443",
    "own_networks": ["192.0.2.0/24", "2001:db8::/32", "198.51.100.7"],
    "working_week": {"days": [4, 7, 1], "start": "07:30", "end": "16:00"},
}


def test_nothing_set_yet_is_the_defaults() -> None:
    assert tenants.write(None) == {
        "engagement": True,
        "policy": FollowPolicy.RECIPIENT,
        "tracking_domain": None,
        "own_networks": (),
        "working_week": {"days": (1, 2, 3, 4, 5), "start": "08:00", "end": "17:00"},
        "since": None,
        "by": None,
    }


def test_what_is_put_replaces_everything() -> None:
    event = tenants.read(WHOLE, NOW, "root")
    assert event == TenantSet(
        since=NOW,
        by="root",
        engagement=False,
        policy=FollowPolicy.STRICT,
        tracking_domain="t.example:8443",
        own_networks=("192.0.2.0/24", "2001:db8::/32", "198.51.100.7/32"),
        working_week=WorkingWeek(days=(1, 4, 7), start="07:30", end="16:00"),
    )
    shown = tenants.write(event)
    assert (shown["since"], shown["by"]) == ("2026-01-01T00:00:00.000000Z", "root")
    assert tenants.read({}, NOW, "root") == TenantSet(since=NOW, by="root")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        *(
            ({"tracking_domain": domain}, "/tracking_domain")
            for domain in (
                "https://t.example", "t.example/", "t example", "t.example:0", "t.example:65536", "t.example:",
                "-t.example", "t..example", "t-.example", f"{'t' * 64}.example", "t@example", "::1",
                "t.example\n", "t_x.example",
            )
        ),
        ({"own_networks": ["10.0.0.0/8", "10.0.0.1/8"]}, "/own_networks/1"),
        ({"own_networks": ["home"]}, "/own_networks/0"),
        ({"working_week": {"start": "17:00"}}, "/working_week/end"),
        ({"working_week": {"start": "09:00", "end": "08:00"}}, "/working_week/end"),
    ],
)  # fmt: skip
def test_what_no_schema_forbids_is_refused_by_name(body: dict[str, Any], field: str) -> None:
    assert Validator(openapi(), "TenantChange").errors(body) == []
    with pytest.raises(BadFields) as refused:
        tenants.read(body, NOW, "root")
    assert [one.field for one in refused.value.faults] == [field]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"engagement": 1}, "/engagement"),
        ({"policy": "loose"}, "/policy"),
        ({"own_networks": "10.0.0.0/8"}, "/own_networks"),
        ({"working_week": {"days": [0]}}, "/working_week/days/0"),
        ({"working_week": {"days": []}}, "/working_week/days"),
        ({"working_week": {"days": [1, 1]}}, "/working_week/days"),
        ({"working_week": {"start": "24:00"}}, "/working_week/start"),
        ({"working_week": {"noon": "12:00"}}, "/working_week/noon"),
        ({"since": "2026-01-01T00:00:00Z"}, "/since"),
    ],
)
def test_the_document_refuses_what_is_no_tenants_settings(body: dict[str, Any], field: str) -> None:
    assert [one.field for one in Validator(openapi(), "TenantChange").errors(body)] == [field]
