from datetime import date

from tests.projector.query.given import DAY, Given
from tests.support.clock import START

MACHINE = {
    "agent": "scanner", "rule": "head_method", "human": False, "method": "HEAD",
    "user_agent": "scanner",
}  # fmt: skip


async def test_everything_that_happened_is_there_newest_first(given: Given) -> None:
    found = await given.message(prepared_at=START, scheduled_at=START, handed_at=START + 10)
    await given.personal(found)
    await given.hit(found, 1, START + 20)
    click = await given.hit(found, 2, START + 30, **MACHINE)
    await given.hit(found, 3, START + 40)
    reply = await given.letter(found, "reply", START + 50, author="recipient")
    await given.letter(found, "bounce", START + 60, permanent=True, status="5.1.1")
    data = (await given.get(f"/v1/messages/{found}/timeline"))["data"]
    assert [row["type"] for row in data] == [
        "message.bounced", "reply.received", "attachment.viewed", "link.clicked",
        "message.opened", "message.sent", "message.prepared",
    ]  # fmt: skip
    assert (data[1]["id"], data[3]["id"]) == (str(reply), str(click))
    assert data[3]["link"] == {"index": 0, "url": "https://shop.example/a", "text": "Offer"}
    assert (data[3]["human"], data[3]["verdict"]["rule"]) == (False, "head_method")
    assert data[3]["request"]["method"] == "HEAD"
    assert data[2]["attachment"] == {"index": 0, "name": "offer.pdf"}
    assert data[4]["recipient"]["address"] == "li@customer.example"
    assert (data[0]["correspondence"]["status"], data[6]["human"]) == ("5.1.1", None)


async def test_pages_of_a_timeline_are_the_whole_timeline(given: Given) -> None:
    found = await given.message(prepared_at=START + 3)
    for at in (0, 1, 1, 1, 2, 5):
        await given.hit(found, 1, START + at)
        await given.letter(found, "reply", START + at, author="recipient")
    whole = (await given.get(f"/v1/messages/{found}/timeline"))["data"]
    assert len(whole) == 13
    for limit in (1, 2, 3, 13):
        assert await given.walk(f"/v1/messages/{found}/timeline", limit) == whole
    summary = (await given.get(f"/v1/messages/{found}/timeline?view=summary"))["data"]
    assert await given.walk(f"/v1/messages/{found}/timeline?view=summary", 2) == summary


async def test_a_summary_is_the_first_and_last_of_each_type_people_apart(given: Given) -> None:
    found = await given.message(prepared_at=START, scheduled_at=START + DAY)
    machines = [await given.hit(found, 1, START + at, **MACHINE) for at in (1, 2, 9)]
    people = [await given.hit(found, 1, START + at) for at in (3, 4, 5)]
    only = await given.hit(found, 2, START + 6)
    own = await given.letter(found, "reply", START + 2, author="sender")
    replies = [
        await given.letter(found, "reply", START + at, author="recipient") for at in (3, 7, 8)
    ]
    data = (await given.get(f"/v1/messages/{found}/timeline?view=summary"))["data"]
    shown = [row["id"] for row in data if row["type"] != "message.prepared"]
    wanted = [machines[2], replies[2], only, people[2], people[0], replies[0], own, machines[0]]
    assert sorted(shown) == sorted(str(one) for one in wanted)
    assert [row["occurred_at"] for row in data] == sorted(
        (row["occurred_at"] for row in data), reverse=True
    )


async def test_a_download_is_one_entry_of_the_summary_and_many_of_the_history(given: Given) -> None:
    found = await given.message(prepared_at=START)
    head = await given.hit(found, 3, START + 1, **MACHINE)
    parts = [await given.hit(found, 3, START + at, item=0) for at in range(2, 42)]
    other = await given.hit(found, 3, START + 50, item=1)
    later = await given.hit(found, 3, START + 600_000_000, item=0)
    path = f"/v1/messages/{found}/timeline"
    complete = (await given.get(f"{path}?limit=500"))["data"]
    assert [row["requests"] for row in complete] == [1] * 43 + [None]
    summary = (await given.get(f"{path}?view=summary"))["data"]
    # Who asked by HEAD is another program, so that is a view of its own.
    shown = [(row["id"], row["requests"]) for row in summary]
    assert shown[:2] == [(str(later), 1), (str(parts[0]), 40)]
    assert str(other) not in [row["id"] for row in summary]
    assert shown[2] == (str(head), 1)


async def test_a_view_in_the_summary_is_shown_by_a_persons_request(given: Given) -> None:
    found = await given.message(prepared_at=START)
    await given.hit(found, 3, START + 1, method="HEAD", human=False, rule="head_method")
    person = await given.hit(found, 3, START + 2)
    first, _ = (await given.get(f"/v1/messages/{found}/timeline?view=summary"))["data"]
    assert (first["id"], first["human"], first["requests"]) == (str(person), True, 2)


async def test_a_cursor_of_one_view_or_message_does_not_fit_another(given: Given) -> None:
    one, two = await given.message(), await given.message()
    await given.hit(one, 1, START)
    page = await given.get(f"/v1/messages/{one}/timeline?limit=1")
    for path in (f"{one}/timeline?view=summary", f"{two}/timeline?view=complete", f"{one}/links?"):
        answer = await given.ask(f"/v1/messages/{path}&cursor={page['next']}")
        assert (answer.status, answer.json["type"]) == (400, "urn:inkling:problem:invalid-cursor")


async def test_a_history_that_was_shortened_says_from_when_on_it_is_whole(given: Given) -> None:
    found = await given.message(prepared_at=START, regarding="deal-9")
    paths = [
        f"/v1/messages/{found}/timeline", f"/v1/messages/{found}/timeline?view=summary",
        "/v1/kpis?regarding=deal-9", "/v1/kpis?by=hour_of_week&regarding=deal-9",
    ]  # fmt: skip

    async def told() -> set[str | None]:
        return {(await given.get(path))["history_from"] for path in paths}

    assert await told() == {None}
    await given.insert("history_floor", tenant="other", first_day=date(2026, 5, 1))
    assert await told() == {None}, "that is another's"
    await given.insert("history_floor", tenant="", first_day=date(2025, 3, 1))
    assert await told() == {"2025-03-01T00:00:00.000000Z"}
    await given.insert("history_floor", tenant="demo", first_day=date(2025, 12, 31))
    assert await told() == {"2025-12-31T00:00:00.000000Z"}
    whole = await given.get("/v1/kpis?owner=ana")
    assert whole["history_from"] is None, "roll-ups outlive the history"
