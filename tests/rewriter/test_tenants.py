from typing import Any

import pytest

from schemas import envelope
from schemas.instant import Instant
from schemas.settings import FollowPolicy, PixelPosition, TenantSet, WorkingWeek
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
    "reply_domain": "Reply.Demo.example",
    "max_file_bytes": 5_242_880,
    "forbidden_file_types": [".EXE", "image/*", "Application/ZIP", ".exe", ".tar.gz"],
    "file_days": 90,
    "retention_days": 400,
    "excluded_domains": ["Bank.example", "b\u00fccher.example", "bank.example.", "a_b.example"],
    "follow_unsubscribe": True,
    "pixel_position": "start",
    "canary": True,
    "follow_bcc": True,
    "text_links": True,
}


def test_nothing_set_yet_is_the_defaults() -> None:
    assert tenants.write(None) == {
        "engagement": True,
        "policy": FollowPolicy.RECIPIENT,
        "tracking_domain": None,
        "own_networks": (),
        "working_week": {"days": (1, 2, 3, 4, 5), "start": "08:00", "end": "17:00"},
        "reply_domain": None,
        "max_file_bytes": None,
        "forbidden_file_types": (),
        "file_days": None,
        "retention_days": None,
        "excluded_domains": (),
        "follow_unsubscribe": False,
        "pixel_position": PixelPosition.END,
        "canary": False,
        "follow_bcc": False,
        "text_links": False,
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
        reply_domain="reply.demo.example",
        max_file_bytes=5_242_880,
        forbidden_file_types=(".exe", "image/*", "application/zip", ".tar.gz"),
        file_days=90,
        retention_days=400,
        excluded_domains=("bank.example", "xn--bcher-kva.example", "a_b.example"),
        follow_unsubscribe=True,
        pixel_position=PixelPosition.START,
        canary=True,
        follow_bcc=True,
        text_links=True,
    )
    envelope.check(event)
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
        *(
            ({"reply_domain": domain}, "/reply_domain")
            for domain in ("r.example:25", "@r.example", "ana@r.example", "r..example", "-r.example", "r example")
        ),
        *(
            ({"forbidden_file_types": ["a/b", kind]}, "/forbidden_file_types/1")
            for kind in ("exe", "*.exe", "*/*", "a/", "/b", "a/b; c=d", ". exe", "..", "a/b/c", ".a/b", "a/*b")
        ),
        *(
            ({"excluded_domains": ["a.example", host]}, "/excluded_domains/1")
            for host in (
                "*.example", "https://a.example", "a.example/", "a.example:443", "a b", "ana@a.example", "a..example",
                "-a.example", "192.0.2.1", "::1", f"{'a' * 64}.example", ".", "a.example\n", "\ud800.example",
            )
        ),
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
        ({"reply_domain": ""}, "/reply_domain"),
        ({"max_file_bytes": 0}, "/max_file_bytes"),
        ({"max_file_bytes": "5 MB"}, "/max_file_bytes"),
        ({"forbidden_file_types": ".exe"}, "/forbidden_file_types"),
        ({"forbidden_file_types": ["x"]}, "/forbidden_file_types/0"),
        ({"file_days": 0}, "/file_days"),
        ({"file_days": 36_501}, "/file_days"),
        ({"retention_days": 7}, "/retention_days"),
        ({"retention_days": 36_501}, "/retention_days"),
        ({"excluded_domains": "a.example"}, "/excluded_domains"),
        ({"excluded_domains": [""]}, "/excluded_domains/0"),
        ({"excluded_domains": ["a"] * 201}, "/excluded_domains"),
        ({"follow_unsubscribe": "yes"}, "/follow_unsubscribe"),
        ({"pixel_position": "middle"}, "/pixel_position"),
        ({"canary": 1}, "/canary"),
        ({"follow_bcc": None}, "/follow_bcc"),
        ({"text_links": "no"}, "/text_links"),
        ({"since": "2026-01-01T00:00:00Z"}, "/since"),
    ],
)
def test_the_document_refuses_what_is_no_tenants_settings(body: dict[str, Any], field: str) -> None:
    assert [one.field for one in Validator(openapi(), "TenantChange").errors(body)] == [field]
