from uuid import UUID

from schemas.events import CANARY_LINK_INDEX
from tests.projector.query.given import REF, Given
from tests.support.clock import START

MISSING = "0e5b3f0c-9c5b-5d0b-9a39-2f0c8e5b1d77"


async def test_a_message_shows_all_its_recipients_and_a_list_only_some(given: Given) -> None:
    found = await given.message()
    for position in range(25):
        await given.recipient(found, ref=f"{position:016x}", position=position)
    whole = await given.get(f"/v1/messages/{found}")
    assert [row["ref"] for row in whole["recipients"]] == [f"{one:016x}" for one in range(25)]
    assert whole["recipient_count"] == 25
    (listed,) = (await given.get("/v1/messages"))["data"]
    assert (len(listed["recipients"]), listed["recipient_count"]) == (20, 25)
    del whole["recipients"], listed["recipients"], whole["as_of"], whole["engagement"]
    assert whole == listed


async def test_an_unknown_message_and_a_strangers_cannot_be_told_apart(given: Given) -> None:
    bens = await given.message(owner="ben")
    foreign = await given.message(tenant="other")
    unprepared = await given.message(prepared_at=None)
    for part in ("", "/timeline", "/links", "/attachments", "/recipients"):
        told = []
        for identifier in (bens, foreign, unprepared, UUID(MISSING)):
            answer = await given.ask(f"/v1/messages/{identifier}{part}")
            assert answer.status == 404
            told.append({**answer.json, "instance": None})
        assert all(one == told[0] for one in told)


async def test_links_are_in_the_order_of_the_mail_each_with_its_clicks(given: Given) -> None:
    found = await given.message()
    await given.personal(found)
    await given.insert(
        "link", tenant="demo", message_id=found, link_index=1, position=7, followed=False,
        host=None, reason="anchor",
    )  # fmt: skip
    await given.insert(
        "link", tenant="demo", message_id=found, link_index=0, position=3, followed=True,
        host="shop.example", clicks=4, first_clicked_at=START, last_clicked_at=START + 1,
        human_clicks=1, human_first_clicked_at=START, human_last_clicked_at=START,
    )  # fmt: skip
    await given.insert(
        "link", tenant="demo", message_id=found, link_index=CANARY_LINK_INDEX, position=9,
        followed=True, host="canary.example", clicks=2, first_clicked_at=START, last_clicked_at=START,
    )  # fmt: skip
    first, second = await given.walk(f"/v1/messages/{found}/links", 1)
    assert (first["index"], first["url"]) == (0, "https://shop.example/a")
    assert (first["clicks"]["count"], first["clicks"]["human"]["count"]) == (4, 1)
    assert (second["index"], second["url"], second["reason"]["code"]) == (1, None, "anchor")


async def test_files_are_in_the_order_of_the_mail_each_with_who_viewed_it(given: Given) -> None:
    found = await given.message()
    await given.personal(found)
    await given.insert(
        "attachment", tenant="demo", message_id=found, attachment_index=1, size=7, followed=False,
        content_type="text/plain", reason="not_requested",
    )  # fmt: skip
    await given.insert(
        "attachment", tenant="demo", message_id=found, attachment_index=0, size=48_211,
        followed=True, content_type="application/pdf", attachment_views=3,
        first_attachment_viewed_at=START, last_attachment_viewed_at=START + 2,
        human_attachment_views=1, human_first_attachment_viewed_at=START,
        human_last_attachment_viewed_at=START,
    )  # fmt: skip
    for number, ref in enumerate([REF, *(f"{one:016x}" for one in range(101))]):
        await given.insert(
            "viewer", tenant="demo", message_id=found, attachment_index=0, ref=ref,
            attachment_views=1, first_attachment_viewed_at=START,
            last_attachment_viewed_at=START + 200 - number,
        )  # fmt: skip
    first, second = await given.walk(f"/v1/messages/{found}/attachments", 1)
    assert (first["index"], first["name"], first["size"]) == (0, "offer.pdf", 48_211)
    assert (first["content_type"], first["followed"]) == ("application/pdf", True)
    views = first["attachment_views"]
    assert (views["count"], views["human"]["count"]) == (3, 1)
    assert (first["viewer_count"], len(first["viewers"])) == (102, 100)
    latest = first["viewers"][0]
    assert (latest["name"], latest["attachment_views"]["last_at"][-7:]) == ("Li", "000200Z")
    assert (second["index"], second["name"], second["reason"]["code"]) == (1, None, "not_requested")
    assert (second["viewer_count"], second["viewers"]) == (0, [])


async def test_recipients_have_their_own_figures(given: Given) -> None:
    found = await given.message()
    await given.personal(found)
    await given.recipient(found, ref="f" * 16, position=None, kind=None, field=None, clicks=1)
    await given.recipient(found, time_zone="Asia/Singapore", opens=2, human_opens=1)
    await given.recipient(found, ref="0" * 16, position=1)
    rows = await given.walk(f"/v1/messages/{found}/recipients", 1)
    assert [row["ref"] for row in rows] == [REF, "0" * 16, "f" * 16]
    assert (rows[0]["name"], rows[0]["time_zone"]) == ("Li", "Asia/Singapore")
    assert (rows[0]["opens"]["count"], rows[0]["opens"]["human"]["count"]) == (2, 1)
    assert rows[2]["clicks"]["count"] == 1


async def test_a_forgotten_message_keeps_its_figures_and_loses_its_names(given: Given) -> None:
    found = await given.message(opens=1)
    await given.recipient(found)
    row = await given.get(f"/v1/messages/{found}")
    assert (row["subject"], row["opens"]["count"]) == (None, 1)
    assert (row["recipients"][0]["address"], row["recipients"][0]["ref"]) == (None, REF)
