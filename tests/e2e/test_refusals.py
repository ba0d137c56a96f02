"""Bad input at every door: a problem that names the field, and nothing half done."""

from io import BytesIO
from typing import Any

import pytest

from tests.support import mails
from tests.support.doors import Answer, Doors, eventually

MAIL = ("rewriter", "/v1/mail", "POST", "sender")
PREFERENCE = ("rewriter", "/v1/preferences/p17%40customer.example", "PUT", "seller")
TENANT = ("rewriter", "/v1/tenant", "PUT", "admin")
UNKNOWN = "00000000-0000-4000-8000-000000000000"
READING = [
    ("projector", "/v1/messages"),
    ("projector", f"/v1/messages/{UNKNOWN}"),
    ("projector", f"/v1/messages/{UNKNOWN}/timeline"),
    ("projector", f"/v1/messages/{UNKNOWN}/links"),
    ("projector", f"/v1/messages/{UNKNOWN}/recipients"),
    ("projector", "/v1/templates"),
    ("projector", "/v1/templates/x"),
    ("alerts", "/v1/alerts"),
    ("alerts", "/v1/alerts/stream"),
    ("rewriter", "/v1/preferences/a%40b.example"),
    ("rewriter", "/v1/tenant"),
]


def _problem(answer: Answer, status: int, slug: str) -> Any:
    assert answer.status == status, answer
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    problem = answer.json
    assert problem["type"] == f"urn:inkling:problem:{slug}"
    assert problem["status"] == status
    assert "Traceback" not in answer.body.decode()
    return problem


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"owner": None}, "/owner"),
        ({"owner": 5}, "/owner"),
        ({"subject": "a\u0000b"}, "/subject"),
        ({"colour": "red"}, "/colour"),
        ({"to": [{"name": "nobody"}]}, "/to/0/address"),
        ({"to": [mails.recipient(1), {**mails.recipient(2), "kind": "robot"}]}, "/to/1/kind"),
        ({"to": [{**mails.recipient(1), "address": "no at sign"}]}, "/to/0/address"),
        ({"to": [{**mails.recipient(1), "time_zone": "Mars/Olympus"}]}, "/to/0/time_zone"),
        (
            {"attachments": [{"name": "a", "content_type": "text/plain", "content": "&&&"}]},
            "/attachments/0/content",
        ),
        ({"headers": {"X-A": "b\r\nBcc: eve@evil.example"}}, "/headers/X-A"),
        ({"renditions": "both"}, "/renditions"),
    ],
)
async def test_a_mail_with_a_fault_is_refused_by_the_name_of_its_field(
    doors: Doors, changes: dict[str, Any], field: str
) -> None:
    body = {name: value for name, value in {**mails.mail(), **changes}.items() if value is not None}
    answer = await doors.call("rewriter", "/v1/mail", method="POST", role="sender", json=body)
    problem = _problem(
        answer, answer.status, "unknown-field" if field == "/colour" else "invalid-field"
    )
    assert answer.status in (400, 422)
    assert problem["field"] == field
    marker = await doors.mail(mails.mail())
    listed = await eventually(
        lambda: doors.get("projector", "/v1/messages?followed=all"),
        lambda found: len(found["data"]) > 0,
    )
    assert [row["id"] for row in listed["data"]] == [marker.message_id], (
        "nothing of the refused mail is left"
    )


@pytest.mark.parametrize("door", [MAIL, PREFERENCE, TENANT], ids=lambda door: door[1])
async def test_what_is_not_json_is_told_so(doors: Doors, door: tuple[str, str, str, str]) -> None:
    service, path, method, role = door
    for raw in (b"", b"{", b'{"a": NaN}', b'"\xff"'):
        answer = await doors.call(
            service,
            path,
            method=method,
            role=role,
            data=raw,
            headers={"Content-Type": "application/json"},
        )
        _problem(answer, 400, "malformed-json")
    answer = await doors.call(
        service, path, method=method, role=role, data=b"x", headers={"Content-Type": "text/plain"}
    )
    _problem(answer, 415, "unsupported-media-type")


async def test_what_is_too_large_is_told_so(doors: Doors) -> None:
    answer = await doors.call(
        "rewriter",
        "/v1/tenant",
        method="PUT",
        role="admin",
        data=BytesIO(b'{"x": "' + b"y" * 40_000_000 + b'"}'),
        headers={"Content-Type": "application/json"},
    )
    _problem(answer, 413, "too-large")


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "/follow"), ({"follow": "maybe"}, "/follow"), ({"follow": "allow", "x": 1}, "/x")],
)
async def test_a_preference_with_a_fault_is_refused(
    doors: Doors, body: dict[str, Any], field: str
) -> None:
    service, path, method, role = PREFERENCE
    answer = await doors.call(service, path, method=method, role=role, json=body)
    assert answer.status in (400, 422)
    assert answer.json["field"] == field
    assert (await doors.get(service, path))["follow"] == "allow"


@pytest.mark.parametrize(("service", "path"), READING, ids=lambda each: str(each))
async def test_without_a_good_token_every_door_is_shut(
    doors: Doors, service: str, path: str
) -> None:
    expired = doors.stack.token(tenant=doors.tenant, roles=["admin"], seconds=-5)
    for bad in (
        "",
        "Basic YTpi",
        "Bearer",
        "Bearer x.y.z",
        f"Bearer {expired}",
        f"Bearer {expired[:-3]}abc",
    ):
        answer = await doors.call(service, path, headers={"Authorization": bad})
        _problem(answer, 401, "unauthenticated")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    answer = await doors.call(service, path, role="sender")
    _problem(answer, 403, "forbidden")


@pytest.mark.parametrize(
    ("door", "role"),
    [(MAIL, "admin"), (MAIL, "seller"), (TENANT, "manager"), (PREFERENCE, "sender")],
)
async def test_the_wrong_role_is_turned_away(
    doors: Doors, door: tuple[str, str, str, str], role: str
) -> None:
    service, path, method, _ = door
    _problem(await doors.call(service, path, method=method, role=role, json={}), 403, "forbidden")


@pytest.mark.parametrize(
    ("service", "path", "field"),
    [
        ("projector", "/v1/messages?limit=0", "limit"),
        ("projector", "/v1/messages?limit=501", "limit"),
        ("projector", "/v1/messages?limit=many", "limit"),
        ("projector", "/v1/messages?sort=colour", "sort"),
        ("projector", "/v1/messages?from=yesterday", "from"),
        ("projector", "/v1/messages?from=2026-01-01T00:00:00", "from"),
        ("projector", "/v1/messages?colour=red", "colour"),
        ("projector", "/v1/templates?limit=-1", "limit"),
        ("projector", f"/v1/messages/{UNKNOWN}/timeline?view=sideways", "view"),
        ("alerts", "/v1/alerts?limit=0", "limit"),
        ("alerts", "/v1/alerts?colour=red", "colour"),
    ],
)
async def test_a_bad_parameter_is_named(doors: Doors, service: str, path: str, field: str) -> None:
    answer = await doors.call(service, path)
    assert answer.status in (400, 422), answer
    assert answer.json["field"] == field


@pytest.mark.parametrize(
    ("service", "path"),
    [("projector", "/v1/messages"), ("projector", "/v1/templates"), ("alerts", "/v1/alerts")],
)
async def test_an_unknown_cursor_is_refused(doors: Doors, service: str, path: str) -> None:
    for cursor in ("x", "AAAA", "%20", "e30"):
        _problem(await doors.call(service, f"{path}?cursor={cursor}"), 400, "invalid-cursor")


@pytest.mark.parametrize("service", ["rewriter", "projector", "alerts"])
async def test_what_is_not_there_is_a_problem_too(doors: Doors, service: str) -> None:
    _problem(await doors.call(service, "/v1/nothing"), 404, "not-found")
    _problem(await doors.call(service, "/openapi.json", method="DELETE"), 405, "method-not-allowed")
    described = await doors.call(service, "/openapi.json", headers={"Authorization": ""})
    assert described.json["openapi"].startswith("3.1")


async def test_a_damaged_link_never_redirects_and_a_damaged_pixel_shows_the_same_picture(
    doors: Doors,
) -> None:
    mailed = await doors.mail(mails.mail())
    good = await doors.hit(mailed.pixel)
    for url in (
        mailed.pixel.replace("/o/", "/o/A"),
        mailed.pixel[:-8] + "AAAA.gif",
        mailed.links[0].replace("/c/", "/o/") + ".gif",
    ):
        answer = await doors.hit(url)
        assert (answer.status, answer.body, answer.headers["Inkling-Recorded"]) == (
            200,
            good.body,
            "no",
        )
    for url in (
        mailed.links[0][:-4] + "AAAA",
        mailed.links[0] + "A",
        mailed.pixel.replace("/o/", "/c/").removesuffix(".gif"),
    ):
        answer = await doors.hit(url)
        assert (answer.status, answer.headers.get("Location")) == (404, None)
        assert answer.headers["Inkling-Recorded"] == "no"
