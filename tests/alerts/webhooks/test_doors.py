"""The doors of webhooks over real HTTP: who may, what is refused and by which field, and what is never shown again."""

from typing import Any

import pytest

from services.alerts.webhooks.store import MAX_SIGNING, MAX_TESTS, MAX_WEBHOOKS
from tests.alerts.given import Given, open_doors
from tests.alerts.records import opened, registered
from tests.alerts.test_web import refused, valid
from tests.alerts.webhooks.given import Post
from tests.alerts.webhooks.test_address import NAMES, SPELLINGS
from tests.support.stack import Database

HOOKS = "/v1/webhooks"
NOBODY = "01a20ce4-063b-7000-8203-040506070809"
DRAFT = {"url": "https://hooks.example/in"}


async def test_an_endpoint_is_made_shown_changed_and_deleted(post: Post) -> None:
    made = await post.ask(
        "", "POST", {**DRAFT, "types": ["message.first_replied"] * 2, "description": "CRM"}
    )
    assert made.status == 201
    valid("WebhookWithSecret", made.json)
    one = made.headers["Location"].removeprefix(HOOKS)
    assert one == f"/{made.json['id']}"
    assert made.json["types"] == ["message.first_replied"]
    assert (made.json["names"], made.json["enabled"], made.json["disabled"]) == (False, True, None)

    shown = await post.ask(one)
    valid("Webhook", shown.json)
    listed = await post.ask("")
    valid("Webhooks", listed.json)
    assert listed.json["data"] == [shown.json]
    assert shown.json | {"secret": made.json["secret"]} == made.json

    post.clock.advance(5)
    changed = await post.ask(one, "PATCH", {"names": True, "types": [], "enabled": False})
    valid("Webhook", changed.json)
    assert changed.json["disabled"] == {"reason": "by_request", "at": "2026-01-01T00:00:05.000000Z"}
    assert (changed.json["names"], changed.json["types"]) == (True, [])
    assert changed.json["url"] == DRAFT["url"]
    back = await post.ask(one, "PATCH", {"enabled": True})
    assert (back.json["enabled"], back.json["disabled"]) == (True, None)

    gone = await post.ask(one, "DELETE")
    assert (gone.status, gone.body) == (204, b"")
    for method in ("GET", "DELETE"):
        refused(await post.ask(one, method), 404, "not-found")
    assert (await post.ask("")).json["data"] == []


async def test_a_secret_is_shown_once_and_never_again(post: Post) -> None:
    hook = await post.hook()
    secrets = [post.secrets[hook]]
    post.clock.advance(1)
    rotated = await post.ask(f"/{hook}:rotate", "POST", {"overlap_seconds": 60})
    valid("WebhookWithSecret", rotated.json)
    secrets.append(rotated.json["secret"])
    post.clock.advance(1)
    bare = await post.ask(f"/{hook}:rotate", "POST")
    secrets.append(bare.json["secret"])
    assert len(set(secrets)) == 3
    newest, middle, oldest = bare.json["secrets"]
    assert newest["signs_until"] is None
    assert middle["signs_until"] == "2026-01-02T00:00:02.000000Z", "a day, unless told otherwise"
    assert oldest["signs_until"] == "2026-01-01T00:01:01.000000Z"
    answers = [
        await post.ask(path) for path in ("", f"/{hook}", f"/{hook}/deliveries", f"/{hook}?")
    ]
    answers += [
        await post.ask(f"/{hook}", "PATCH", {"description": "x"}),
        await post.ask(f"/{hook}:test", "POST"),
    ]
    for answer in answers:
        assert answer.status in (200, 202)
        assert not any(secret.encode()[6:] in answer.body for secret in secrets)
    post.clock.advance(60)
    assert len((await post.show(hook))["secrets"]) == 2


async def test_secrets_that_sign_at_once_are_bounded(post: Post) -> None:
    hook = await post.hook()
    for _ in range(MAX_SIGNING - 1):
        assert (await post.ask(f"/{hook}:rotate", "POST")).status == 200
    refused(await post.ask(f"/{hook}:rotate", "POST"), 409, "conflict")
    at_once = await post.ask(f"/{hook}:rotate", "POST", {"overlap_seconds": 0})
    assert at_once.status == 200
    assert len(at_once.json["secrets"]) == MAX_SIGNING


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""), ("POST", ""), ("GET", "/{}"), ("PATCH", "/{}"), ("DELETE", "/{}"), ("GET", "/{}/deliveries"),
        ("POST", "/{}:test"), ("POST", "/{}:rotate"), ("POST", "/{}:replay"),
    ],
)  # fmt: skip
async def test_only_managers_and_admins_have_webhooks_and_only_their_tenants(
    post: Post, method: str, path: str
) -> None:
    hook = await post.hook()
    where = path.format(hook)
    json = DRAFT if method in ("POST", "PATCH") and ":" not in path else None
    if path.endswith("replay"):
        json = {"delivery_id": NOBODY}
    for roles in (["seller"], ["sender"], []):
        refused(await post.ask(where, method, json, roles=roles), 403, "forbidden")
    refused(
        await post.given.ask(HOOKS + where, {"Authorization": ""}, method=method),
        401,
        "unauthenticated",
    )
    if path:
        for missing in (path.format(NOBODY), path.format("nonsense"), path.format(hook.upper())):
            refused(await post.ask(missing, method, json), 404, "not-found")
        refused(
            await post.ask(where, method, json, tenant="rival", roles=["admin"]), 404, "not-found"
        )
    assert (await post.show(hook))["id"] == hook


async def test_an_admin_may_and_sees_what_the_manager_made(post: Post) -> None:
    hook = await post.hook()
    answer = await post.ask("", roles=["admin"], subject="otto")
    assert [one["id"] for one in answer.json["data"]] == [hook]
    assert (await post.ask("", tenant="rival", roles=["admin"])).json["data"] == []


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["/url"]),
        ({"url": None}, ["/url"]),
        ({"url": ""}, ["/url"]),
        ({"url": "https://10.0.0.1/"}, ["/url"]),
        ({"url": "http://hooks.example/"}, ["/url"]),
        ({"url": "https://hooks.example:22/"}, ["/url"]),
        ({"url": "https://ana:pw@hooks.example/"}, ["/url"]),
        ({"url": "https://hooks.example/" + "a" * 3000}, ["/url"]),
        ({**DRAFT, "types": ["message.opened"]}, ["/types/0"]),
        ({**DRAFT, "types": ["message.registered"]}, ["/types/0"]),
        ({**DRAFT, "types": "message.first_opened"}, ["/types"]),
        ({**DRAFT, "names": "yes", "enabled": 1}, ["/enabled", "/names"]),
        ({**DRAFT, "description": "x" * 501}, ["/description"]),
        ({**DRAFT, "description": "\x00"}, ["/description"]),
        ({**DRAFT, "secret": "whsec_x"}, ["/secret"]),
    ],
)
async def test_a_field_at_fault_is_named(given: Given, body: Any, fields: list[str]) -> None:
    answer = await given.ask(HOOKS, method="POST", json=body, roles=["manager"])
    problem = refused(answer, 422, "unknown-field" if fields == ["/secret"] else "invalid-field")
    assert sorted(one["field"] for one in problem["errors"]) == fields
    assert "pw" not in answer.body.decode()


async def test_without_permission_no_spelling_of_this_machine_is_an_endpoint(
    database: Database,
) -> None:
    hosts = [*SPELLINGS, *NAMES, "127.0.0.1", "[::1]", "169.254.169.254", "[fd00:ec2::254]"]
    async with open_doors(database, loopback=False) as given:
        made = await given.ask(HOOKS, method="POST", json=DRAFT, roles=["manager"])
        one = f"{HOOKS}/{made.json['id']}"
        for host in hosts:
            for scheme in ("http", "https"):
                body = {"url": f"{scheme}://{host}/x"}
                answer = await given.ask(HOOKS, method="POST", json=body, roles=["manager"])
                assert refused(answer, 422, "invalid-field")["field"] == "/url"
            change = {"url": f"https://{host}:8443/"}
            answer = await given.ask(one, method="PATCH", json=change, roles=["manager"])
            assert refused(answer, 422, "invalid-field")["field"] == "/url"


async def test_bodies_of_other_kinds_are_refused(post: Post) -> None:
    headers = post.given.bearer(roles=["manager"])
    for data, kind, status, slug in (
        (b"{", "application/json", 400, "malformed-json"),
        (b"[]", "application/json", 422, "invalid-field"),
        (b"url=x", "application/x-www-form-urlencoded", 415, "unsupported-media-type"),
        (b'{"url": "' + b"a" * 20_000 + b'"}', "application/json", 413, "too-large"),
    ):
        async with post.given.client.post(
            HOOKS, data=data, headers=headers | {"Content-Type": kind}
        ) as answer:
            assert answer.status == status
            assert (await answer.json(content_type=None))["type"].endswith(slug)
    refused(await post.ask("/x", "PATCH", {}), 404, "not-found")
    hook = await post.hook()
    refused(await post.ask(f"/{hook}", "PATCH", {}), 422, "invalid-field")


async def test_a_tenant_has_so_many_endpoints_at_most(given: Given) -> None:
    for _ in range(MAX_WEBHOOKS):
        answer = await given.ask(HOOKS, method="POST", json=DRAFT, roles=["manager"])
        assert answer.status == 201
    refused(await given.ask(HOOKS, method="POST", json=DRAFT, roles=["manager"]), 409, "conflict")
    other = await given.ask(HOOKS, method="POST", json=DRAFT, roles=["manager"], tenant="rival")
    assert other.status == 201


async def test_a_test_goes_the_way_of_all_deliveries_and_is_limited(post: Post) -> None:
    hook = await post.hook(types=["message.first_replied"])
    answer = await post.ask(f"/{hook}:test", "POST")
    assert answer.status == 202
    valid("Delivery", answer.json)
    await post.until(hook, lambda rows: rows[0]["state"] == "delivered")
    (call,) = post.receiver.calls
    assert call.id == answer.json["id"]
    assert post.verified(post.secrets[hook], call)["type"] == "webhook.test"
    for _ in range(MAX_TESTS - 1):
        assert (await post.ask(f"/{hook}:test", "POST")).status == 202
    limited = await post.ask(f"/{hook}:test", "POST")
    refused(limited, 503, "unavailable")
    assert limited.headers["Retry-After"] == "60"
    post.clock.advance(61)
    assert (await post.ask(f"/{hook}:test", "POST")).status == 202
    await post.ask(f"/{hook}", "PATCH", {"enabled": False})
    refused(await post.ask(f"/{hook}:test", "POST"), 409, "conflict")


async def test_the_log_is_read_page_by_page_and_filtered(post: Post) -> None:
    hook = await post.hook("status/500", enabled=True)
    await post.given.say(*[registered(number) for number in range(1, 6)])
    for number in range(1, 6):
        post.clock.advance(1)
        await post.given.say(opened(number))
    pages, path = [], "?limit=2"
    while path:
        answer = await post.ask(f"/{hook}/deliveries{path}")
        valid("Deliveries", answer.json)
        pages.append([row["created_at"] for row in answer.json["data"]])
        cursor = answer.json["next"]
        path = f"?limit=2&cursor={cursor}" if cursor else ""
    assert [len(page) for page in pages] == [2, 2, 1]
    times = [one for page in pages for one in page]
    assert times == sorted(times, reverse=True)

    async def count(query: str) -> int:
        return len(await post.log(hook, query))

    assert await count("?from=2026-01-01T00:00:02Z&to=2026-01-01T00:00:04Z") == 2
    assert await count("?type=message.first_opened") == 5
    assert await count("?type=message.first_replied") == 0
    assert await count("?state=pending") == 5
    assert await count("?state=dead") == 0
    first = (await post.ask(f"/{hook}/deliveries?limit=1")).json["next"]
    other = await post.hook()
    for bad in (
        f"/{other}/deliveries?cursor={first}",
        f"/{hook}/deliveries?state=dead&cursor={first}",
    ):
        refused(await post.ask(bad), 400, "invalid-cursor")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("state=open", "state"), ("type=message.opened", "type"), ("limit=0", "limit"), ("colour=red", "colour"),
        ("from=now", "from"), ("from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "to"),
    ],
)  # fmt: skip
async def test_a_bad_parameter_of_the_log_is_named(post: Post, query: str, field: str) -> None:
    hook = await post.hook()
    answer = await post.ask(f"/{hook}/deliveries?{query}")
    assert refused(answer, 400, "invalid-field")["field"] == field


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "/from"),
        ({"from": "2026-01-01T00:00:00Z"}, "/to"),
        ({"from": "yesterday", "to": "2026-01-01T00:00:00Z"}, "/from"),
        ({"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "/to"),
        ({"delivery_id": NOBODY, "from": "2026-01-01T00:00:00Z"}, "/from"),
        ({"delivery_id": "x"}, "/delivery_id"),
        (
            {"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z", "states": ["pending"]},
            "/states/0",
        ),
        ({"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z", "states": []}, "/states"),
    ],
)
async def test_a_replay_that_makes_no_sense_is_refused_by_field(
    post: Post, body: Any, field: str
) -> None:
    hook = await post.hook()
    problem = refused(await post.ask(f"/{hook}:replay", "POST", body), 422, "invalid-field")
    assert problem["field"] == field


async def test_what_waits_already_or_is_of_a_disabled_endpoint_is_not_replayed(post: Post) -> None:
    hook = await post.hook("held")
    await post.given.say(registered(), opened())
    (row,) = await post.log(hook)
    one = {"delivery_id": row["id"]}
    refused(await post.ask(f"/{hook}:replay", "POST", one), 409, "conflict")
    refused(await post.ask(f"/{hook}:replay", "POST", {"delivery_id": NOBODY}), 404, "not-found")
    await post.ask(f"/{hook}", "PATCH", {"enabled": False})
    refused(await post.ask(f"/{hook}:replay", "POST", one), 409, "conflict")


async def test_there_are_no_other_methods(post: Post) -> None:
    hook = await post.hook()
    for path, method in (
        (f"/{hook}:test", "GET"),
        (f"/{hook}", "PUT"),
        (f"/{hook}/deliveries", "POST"),
    ):
        refused(await post.ask(path, method), 405, "method-not-allowed")
    refused(await post.ask(f"/{hook}:dance", "POST"), 404, "not-found")
