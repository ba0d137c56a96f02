from datetime import date

import pytest
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry

from services.projector.query.scope import Scope, reading
from services.projector.query.web import application
from services.runtime.access import Verifier
from services.runtime.postgres import Pool
from tests.projector.query.given import REF, Answer, Given, Keys, locked, open_door, token
from tests.support.clock import START, ManualClock
from tests.support.stack import Database

SECRET = "zxcanary"
COUNTED = 918_273_645


async def a_marked_life(given: Given, tenant: str, owner: str) -> str:
    """Put everything of one message there, marked wherever text can stand."""
    found = await given.message(
        tenant=tenant, owner=owner, template_id=SECRET, regarding=SECRET, labels={"a": SECRET}
    )
    await given.recipient(found, tenant=tenant)
    person = {"ref": REF, "address": f"{SECRET}@x.example", "name": SECRET, "id": SECRET}
    await given.personal(
        found,
        tenant,
        subject=SECRET,
        recipients=[person],
        links=[{"index": 0, "url": f"https://{SECRET}.example/", "text": SECRET}],
    )
    await given.insert(
        "link", tenant=tenant, message_id=found, link_index=0, followed=True, host=SECRET
    )
    await given.insert(
        "attachment", tenant=tenant, message_id=found, attachment_index=0, content_type=SECRET
    )
    await given.insert("viewer", tenant=tenant, message_id=found, attachment_index=0, ref=REF)
    for table, period in (
        ("tenant_day", {"day": date(2025, 12, 31)}),
        ("hour_of_week", {"hour": 1}),
    ):
        await given.insert(table, tenant=tenant, owner=owner, lane=0, opens=COUNTED, **period)
    await given.hit(found, 2, START, tenant=tenant, user_agent=SECRET)
    await given.letter(found, "reply", START, tenant=tenant, rule=SECRET)
    await given.template(tenant=tenant, template_id=SECRET, name=SECRET, emails=1)
    return str(found)


def doors(message: str) -> list[str]:
    parts = ("", "/timeline", "/timeline?view=summary", "/links", "/attachments", "/recipients")
    filters = (f"recipient={REF}", f"recipient={SECRET}", f"template={SECRET}", f"q={SECRET}",
               f"regarding={SECRET}", "owner=ana", "followed=all", "sort=opens",
               "status=not_opened")  # fmt: skip
    figures = ("", "?owner=ana", "?by=hour_of_week", f"?regarding={SECRET}", f"?template={SECRET}",
               f"?recipient={REF}", f"?recipient={SECRET}", "?by=hour_of_week&owner=ana",
               f"?by=hour_of_week&recipient={REF}")  # fmt: skip
    return [
        "/v1/messages",
        *(f"/v1/messages?{one}" for one in filters),
        *(f"/v1/messages/{message}{part}" for part in parts),
        *(f"/v1/kpis{one}" for one in figures),
        f"/v1/recipients/{REF}",
        f"/v1/recipients/{SECRET}",
    ]


def figures_of(answer: Answer) -> int:
    """Add up what key figures tell."""
    totals = answer.json.get("totals") or {}
    named = ("opens", "clicks", "replies", "attachment_views")
    return sum(totals[name]["count"] for name in named if name in totals)


TEMPLATES = ["/v1/templates", f"/v1/templates?q={SECRET}", f"/v1/templates/{SECRET}"]


@pytest.mark.parametrize("role", ["seller", "manager", "admin"])
async def test_a_tenant_sees_nothing_of_another_by_any_door(given: Given, role: str) -> None:
    message = await a_marked_life(given, "demo", "ana")
    for path in doors(message) + TEMPLATES:
        answer = await given.ask(path, tenant="other", roles=[role])
        assert answer.status in (200, 404), (path, answer)
        body = answer.body.replace(path.partition("?")[0].encode(), b"")
        assert SECRET.encode() not in body, path
        assert message.encode() not in body, path
        assert figures_of(answer) == 0, path
    own = (f"/v1/messages/{message}", f"/v1/messages/{message}/attachments", *TEMPLATES)
    for path in (*own, f"/v1/recipients/{SECRET}"):
        assert SECRET.encode() in (await given.ask(path, roles=[role])).body, path
    for path in ("/v1/kpis", "/v1/kpis?by=hour_of_week"):
        assert figures_of(await given.ask(path, roles=[role])) == COUNTED
    for query in (f"recipient={REF}", f"regarding={SECRET}"):
        path = f"/v1/kpis?by=hour_of_week&{query}"
        assert figures_of(await given.ask(path, roles=[role])) > 0, path


async def test_a_seller_sees_nothing_of_another_seller_but_templates(given: Given) -> None:
    message = await a_marked_life(given, "demo", "ana")
    for path in doors(message):
        answer = await given.ask(path, subject="ben")
        assert answer.status in (200, 404), (path, answer)
        body = answer.body.replace(path.partition("?")[0].encode(), b"")
        assert SECRET.encode() not in body, path
        assert figures_of(answer) == 0, path
    for path in TEMPLATES:
        assert SECRET.encode() in (await given.ask(path, subject="ben")).body, path
    for path in ("/v1/kpis", "/v1/kpis?owner=ana", "/v1/kpis?by=hour_of_week&owner=ana"):
        assert figures_of(await given.ask(path, subject="ben", roles=["manager"])) == COUNTED
    seen = await given.get("/v1/messages?owner=ana", subject="ben", roles=["manager"])
    assert [row["id"] for row in seen["data"]] == [message]


async def test_one_message_id_in_two_tenants_stays_two_messages(given: Given) -> None:
    one = await given.message(regarding="demo")
    await given.message(message_id=one, tenant="other", regarding="other")
    assert (await given.get(f"/v1/messages/{one}"))["regarding"] == "demo"
    assert (await given.get(f"/v1/messages/{one}", tenant="other"))["regarding"] == "other"


@pytest.mark.parametrize("table", [
    "message", "recipient", "link", "attachment", "viewer", "template", "tenant_day",
    "hour_of_week", "interaction", "correspondence", "personal", "person",
])  # fmt: skip
async def test_row_level_security_hides_what_a_statement_forgets_to(
    given: Given, table: str
) -> None:
    await a_marked_life(given, "demo", "ana")
    url = given.database.url("projector_reader")
    async with Pool(url, application="test", schema="projector", size=1) as pool:

        async def seen(scope: Scope) -> int:
            async with reading(pool, scope) as connection:
                count: int = await connection.fetchval(f"select count(*) from {table}")  # noqa: S608 - a closed table
                return count

        assert await seen(Scope(tenant="demo", owner=None)) == 1
        assert await seen(Scope(tenant="demo", owner="ana")) == 1
        assert await seen(Scope(tenant="demo", owner="ben")) == (table == "template")
        assert await seen(Scope(tenant="other", owner=None)) == 0
        assert await pool.fetchval(f"select count(*) from {table}") == 0  # noqa: S608 - as above


async def test_what_takes_too_long_is_a_timeout_and_not_a_wait(database: Database) -> None:
    async with open_door(database, statement_seconds=0.2) as given:
        async with locked(database):
            answer = await given.ask("/v1/messages")
        assert (answer.status, answer.json["type"]) == (504, "urn:inkling:problem:timeout")
        assert (await given.ask("/v1/messages")).status == 200


async def test_without_its_database_the_door_says_so_and_when_to_come_back() -> None:
    clock = ManualClock()
    verifier = Verifier(Keys(), None, None, clock)
    # nothing listens on port 1
    url = "postgresql://nobody@127.0.0.1:1/nothing"
    async with Pool(url, application="test", schema="projector") as pool:
        app = application(pool=pool, verifier=verifier, registry=CollectorRegistry(), clock=clock)
        async with TestClient(TestServer(app)) as client:
            headers = {"Authorization": f"Bearer {token()}"}
            async with client.get("/v1/messages", headers=headers) as answer:
                told = await answer.json(content_type="application/problem+json")
    assert (answer.status, told["type"]) == (503, "urn:inkling:problem:unavailable")
    assert answer.headers["Retry-After"] == "1"
