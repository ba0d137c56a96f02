import shutil
from pathlib import Path
from typing import Any

import pytest

from schemas import topics
from schemas.events import MessagePrepared
from schemas.personal import MessagePersonal
from schemas.token import Purpose, read
from tests.rewriter.given import CONFIG, HTML, URL, Rewriter, a_body, a_rewriter, bearer
from tests.support.clock import START

PDF = {
    "name": "Ä offer.pdf",
    "content_type": "application/pdf",
    "content": "QUJD",
    "followed": True,
}
TERMS = {**PDF, "name": "terms.zip", "content_type": "application/zip", "followed": False}
GIF = {
    "name": "logo.gif",
    "content_type": "image/gif",
    "content": "R0lGODlh",
    "content_id": "<logo@demo>",
}


def stored(rewriter: Rewriter) -> list[Path]:
    return sorted(one for one in rewriter.folder.rglob("*") if one.is_file())


async def followed(rewriter: Rewriter, **more: Any) -> str:
    """Hand in a mail with a followed file and return its door."""
    answer = await rewriter.post(a_body(attachments=[TERMS, PDF], **more))
    assert answer.status == 201
    return f"/v1/mail/{answer.json['message_id']}/attachments"


async def test_a_followed_file_is_stored_and_offered_and_recorded() -> None:
    async with a_rewriter() as rewriter:
        html = HTML.replace("<p>", "<p><img src=cid:logo@demo>")
        body = a_body(html=html, attachments=[TERMS, PDF, GIF], host_pictures=True)
        told = (await rewriter.post(body, Idempotency_Key="k")).json
        (copy,) = told["renditions"]
        assert [one["name"] for one in copy["attachments"]] == ["terms.zip"]
        link = copy["html"].split(f'<a href="{URL}/a/')[1].split('"')[0]
        claim = read(CONFIG.token_keys, Purpose.ATTACHMENT, link)
        assert (str(claim.message_id), claim.index) == (told["message_id"], 1)
        assert f"{URL}/a/{link}\n" in copy["text"]
        assert [(one["followed"], one["hosted"]) for one in told["attachments"]] == [
            (False, False),
            (True, False),
            (False, True),
        ]
        assert len(stored(rewriter)) == 4
        (happened,) = rewriter.published(topics.EVENTS)
        (personal,) = rewriter.published(topics.PERSONAL)
        assert isinstance(happened.event, MessagePrepared)
        assert isinstance(personal.event, MessagePersonal)
        assert [(one.followed, one.reason) for one in happened.event.attachments] == [
            (False, "not_requested"),
            (True, None),
            (False, "not_requested"),
        ]
        assert [one.name for one in personal.event.attachments][1] == "Ä offer.pdf"
        before = [one.stat().st_mtime_ns for one in stored(rewriter)]
        rewriter.clock.advance(60)
        assert (await rewriter.post(body, Idempotency_Key="k")).json == told
        assert [one.stat().st_mtime_ns for one in stored(rewriter)] == before
        assert rewriter.counted("files_total", reason="none") == 2
        assert rewriter.counted("stored_files_total", kind="picture") == 1


async def test_a_preview_shows_it_and_stores_nothing() -> None:
    async with a_rewriter() as rewriter:
        body = a_body(attachments=[PDF])
        shown = await rewriter.call("POST", "/v1/mail:preview", "sender", json=body)
        (copy,) = shown.json["renditions"]
        assert copy["attachments"] == []
        assert f"{URL}/a/" in copy["html"]
        assert stored(rewriter) == []


async def test_without_the_store_a_mail_with_followed_files_is_refused_or_passed() -> None:
    async with a_rewriter() as rewriter:
        shutil.rmtree(rewriter.folder)
        rewriter.folder.write_bytes(b"")
        refused = await rewriter.post(a_body(attachments=[PDF]))
        assert (refused.status, refused.json["type"]) == (503, "urn:inkling:problem:unavailable")
        assert refused.headers["Retry-After"] == "1"
        passed = (await rewriter.post(a_body(attachments=[PDF], if_unavailable="pass"))).json
        (copy,) = passed["renditions"]
        assert (copy["html"], copy["text"], len(copy["attachments"])) == (HTML, "Dear Li", 1)
        assert passed["attachments"][0]["reason"]["code"] == "unavailable"
        assert rewriter.published(topics.EVENTS) == []
        assert rewriter.counted("object_store_failures_total") == 2
        assert (await rewriter.post(a_body(attachments=[TERMS]))).status == 201
        rewriter.folder.unlink()
        rewriter.folder.mkdir()
        assert (await rewriter.post(a_body(attachments=[PDF]))).status == 201


async def test_with_kafka_away_the_files_wait_for_the_repeated_call() -> None:
    async with a_rewriter() as rewriter:
        rewriter.log.memory.trouble = "kafka: away"
        body = a_body(attachments=[PDF])
        assert (await rewriter.post(body, Idempotency_Key="k")).status == 503
        before = {one: one.read_bytes() for one in stored(rewriter)}
        rewriter.log.memory.trouble = None
        rewriter.clock.advance(60)
        assert (await rewriter.post(body, Idempotency_Key="k")).status == 201
        assert {one: one.read_bytes() for one in stored(rewriter)} == before
        assert len(before) == 2


async def test_what_the_tenant_forbids_is_refused_by_name_and_stays_attached() -> None:
    async with a_rewriter() as rewriter:
        rules = {"max_file_bytes": 3, "forbidden_file_types": [".ZIP"], "file_days": 7}
        assert (await rewriter.call("PUT", "/v1/tenant", "admin", json=rules)).status == 200
        large = {**PDF, "name": "large.pdf", "content": "QUJDRA=="}
        files = [PDF, large, {**TERMS, "followed": True}]
        told = (await rewriter.post(a_body(attachments=files))).json
        assert [
            (one["name"], one["reason"] and one["reason"]["code"]) for one in told["attachments"]
        ] == [
            ("Ä offer.pdf", None),
            ("large.pdf", "file_too_large"),
            ("terms.zip", "file_type_forbidden"),
        ]
        (copy,) = told["renditions"]
        assert [one["name"] for one in copy["attachments"]] == ["large.pdf", "terms.zip"]
        (metadata,) = [one for one in stored(rewriter) if one.name == "metadata.json"]
        assert b'"expires_at":"2026-01-08T00:00:00' in metadata.read_bytes()


async def test_another_file_under_the_same_message_id_is_a_conflict() -> None:
    async with a_rewriter() as rewriter:
        headers = {"Message-ID": "<a@demo.example>"}
        await followed(rewriter, headers=headers)
        other = {**PDF, "content": "QUJE"}
        answer = await rewriter.post(a_body(attachments=[TERMS, other], headers=headers))
        assert (answer.status, answer.json["type"]) == (409, "urn:inkling:problem:conflict")
        assert answer.json["field"] == "/attachments/1"
        assert len(rewriter.published(topics.EVENTS)) == 1
        assert rewriter.counted("mails_total", outcome="refused") == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"host_pictures": "yes"}, "/host_pictures"),
        ({"attachments": [{**PDF, "content_id": "a b"}]}, "/attachments/0/content_id"),
        ({"attachments": [{**PDF, "content_id": "<a"}]}, "/attachments/0/content_id"),
        ({"attachments": [GIF, {**GIF, "content_id": "logo@demo"}]}, "/attachments/1/content_id"),
        ({"attachments": [{**PDF, "followed": "yes"}]}, "/attachments/0/followed"),
        ({"attachments": [{**PDF, "content": "QUJ"}]}, "/attachments/0/content"),
    ],
)
async def test_a_fault_is_named_and_nothing_is_stored(change: dict[str, Any], field: str) -> None:
    async with a_rewriter() as rewriter:
        answer = await rewriter.post(a_body(**{"attachments": [PDF], **change}))
        assert (answer.status, answer.json["field"]) == (422, field)
        assert stored(rewriter) == []


@pytest.mark.parametrize(
    ("role", "subject"), [("sender", "machine"), ("seller", "ana"), ("admin", "ana")]
)
async def test_a_file_is_withdrawn_by_a_sender_or_its_owner(role: str, subject: str) -> None:
    async with a_rewriter() as rewriter:
        door = await followed(rewriter)
        for _ in range(2):
            answer = await rewriter.call(
                "DELETE", f"{door}/1", headers=bearer(role, subject=subject)
            )
            assert (answer.status, answer.raw) == (204, b"")
        (metadata,) = stored(rewriter)
        assert b'"withdrawn_at":"2026-01-01T00:00:00' in metadata.read_bytes()
        assert rewriter.clock.now() == START
        assert rewriter.counted("withdrawn_files_total") == 1


async def test_nobody_withdraws_without_a_role_or_a_token() -> None:
    async with a_rewriter() as rewriter:
        door = f"{await followed(rewriter)}/1"
        assert (await rewriter.call("DELETE", door)).status == 401
        assert (await rewriter.call("DELETE", door, headers=bearer())).status == 403
        headers = {"Accept": "text/html"}
        assert (await rewriter.call("DELETE", door, "sender", headers=headers)).status == 406
        assert (await rewriter.call("GET", door, "sender")).status == 405
        assert len(stored(rewriter)) == 2


async def test_what_is_unknown_and_what_is_somebody_elses_are_answered_alike() -> None:
    async with a_rewriter() as rewriter:
        door = await followed(rewriter)
        details = set()
        for path, sent in [
            (f"{door}/1", bearer("seller", subject="eve")),
            (f"{door}/1", bearer("admin", subject="eve")),
            (f"{door}/1", bearer("sender", tenant="other")),
            (f"{door}/0", bearer("sender")),
            (f"{door}/01", bearer("sender")),
            (f"{door}/-1", bearer("sender")),
            (f"{door}/x", bearer("sender")),
            (f"{door}/99999999", bearer("sender")),
            ("/v1/mail/01890A5D-ac96-774b-bcce-b302099a8057/attachments/1", bearer("sender")),
            ("/v1/mail/..%2F..%2Fdemo/attachments/1", bearer("sender")),
        ]:
            answer = await rewriter.call("DELETE", path, headers=sent)
            assert (answer.status, answer.json["type"]) == (404, "urn:inkling:problem:not-found"), (
                path
            )
            details.add(answer.json["detail"])
        assert len(details) == 1
        assert len(stored(rewriter)) == 2


async def test_without_the_store_a_withdrawal_is_to_be_repeated() -> None:
    async with a_rewriter() as rewriter:
        door = await followed(rewriter)
        kept = rewriter.folder.rename(rewriter.folder.with_name(rewriter.folder.name + "-away"))
        answer = await rewriter.call("DELETE", f"{door}/1", "sender")
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
        kept.rename(rewriter.folder)
        assert (await rewriter.call("DELETE", f"{door}/1", "sender")).status == 204
