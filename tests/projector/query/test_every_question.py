"""Filters, sorts and pages of the list in any combination, against what one would pick out of it by hand."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import given as law
from hypothesis import strategies as st
from yarl import URL

from schemas.instant import Instant, text
from services.projector.query.ordering import ABOUT_MAIL, MESSAGES, TEMPLATES, TIMES
from services.projector.query.status import StatusCode
from tests.projector.query.given import Given
from tests.support.clock import START

Mail = dict[str, Any]
# few values, so that ties and gaps are the rule
REFS = ("00000000000000aa", "00000000000000bb")
NAMES = ("Ann", "bob", "ÄNNE")
SOME = st.none() | st.integers(START, START + 2)
WORDS = {
    "opened": ("opens", "opened"),
    "clicked": ("clicks", "clicked"),
    "viewed": ("attachment_views", "attachment_viewed"),
    "replied": ("replies", "replied"),
}
VERBS = dict(WORDS.values())
KINDS = {verb: name for name, verb in WORDS.values()}
FIGURES = [
    f"{whose}{end}_{verb}_at"
    for whose in ("", "human_")
    for end in ("first", "last")
    for verb in VERBS.values()
]
COUNTS = [f"{whose}{name}" for whose in ("", "human_") for name in VERBS]
MAILS = st.fixed_dictionaries(
    {
        **dict.fromkeys(("handed_at", "scheduled_at", "cancelled_at", "bounced_at"), SOME),
        **dict.fromkeys(FIGURES, SOME),
        **dict.fromkeys(COUNTS, st.integers(0, 2)),
        "owner": st.sampled_from(("ana", "ben")),
        "followed": st.booleans(),
        "reason": st.sampled_from((None, "no_html")),
        "renditions": st.sampled_from(("recipient", "message")),
        "template_id": st.sampled_from((None, "intro", "news")),
        "regarding": st.sampled_from((None, "deal-1", "deal-2")),
        "labels": st.dictionaries(st.sampled_from("ab"), st.sampled_from("12"), max_size=2),
        "people": st.lists(st.tuples(st.sampled_from(REFS), st.sampled_from(NAMES)), max_size=2),
        "subject": st.sampled_from(("Offer", "offer 2", "50% off")),
    }
)
FILTERS: dict[str, st.SearchStrategy[Any]] = {
    "owner": st.sampled_from(("ana", "ben", "eve")),
    "template": st.sampled_from(("intro", "news", "none")),
    "regarding": st.sampled_from(("deal-1", "deal-2")),
    "recipient": st.sampled_from((*REFS, "id-Ann")),
    "status": st.sampled_from([str(one) for one in StatusCode]),
    "followed": st.sampled_from(("true", "false", "all")),
    "label": st.sampled_from(("a", "b", "a:1", "b:2")),
    "engaged": st.sampled_from(list(WORDS)),
    "not_engaged": st.sampled_from(list(WORDS)),
    "by": st.sampled_from(("human", "all")),
    "range": st.sampled_from(TIMES),
    "from": st.sampled_from([text(Instant(START + n)) for n in range(3)]),
    "to": st.sampled_from([text(Instant(START + n)) for n in range(2, 4)]),
    "q": st.sampled_from(("off", "ann", "offer bob", "%", "änne")),
}


async def put(given: Given, mails: list[Mail]) -> None:
    """Put mails there as the fold would."""
    for table in ("message", "recipient", "personal", "person", "label"):
        await given.writer.execute(f"delete from {table}")  # noqa: S608 - names of our own
    given.counted = 0
    for mail in mails:
        columns = {k: v for k, v in mail.items() if k not in ("people", "subject")}
        message_id = await given.message(prepared_at=START + 1, **columns)
        people = dict(mail["people"])
        for position, ref in enumerate(people):
            await given.recipient(message_id, ref=ref, position=position)
        named = [
            {"ref": ref, "name": name, "address": f"{name}@x.example", "id": f"id-{name}"}
            for ref, name in people.items()
        ]
        await given.personal(message_id, subject=mail["subject"], recipients=named)
        for name, value in mail["labels"].items():
            await given.insert(
                "label", tenant="demo", name=name, value=value, message_id=message_id
            )


def moment(mail: Mail, column: str) -> str | None:
    """Return a time of a mail as the list shows it, by the name of its column."""
    if column in ABOUT_MAIL:
        found: str | None = mail[column]
        return found
    whose, bare = ("human", column[6:]) if column.startswith("human_") else ("", column)
    end, verb = bare.removesuffix("_at").split("_", 1)
    shown = mail[KINDS[verb]]
    at: str | None = (shown["human"] if whose else shown)[f"{end}_at"]
    return at


def count(mail: Mail, column: str) -> int:
    shown = mail[column.removeprefix("human_")]
    return int((shown["human"] if column.startswith("human_") else shown)["count"])


def passes(mail: Mail, asked: dict[str, Any]) -> bool:
    """Say whether a mail, as it is shown, is one of those asked for."""
    usual = "false" if asked.get("status") == "not_followed" else "true"
    whose = "" if asked.get("by") == "all" else "human_"
    time, people = asked.get("range", "sent_at"), mail["recipients"]
    searched = [mail["subject"], *(one[name] for one in people for name in ("name", "address"))]

    def engaged(word: str) -> bool:
        return moment(mail, f"{whose}last_{WORDS[word][1]}_at") is not None

    tests: dict[str, Callable[[str], bool]] = {
        "owner": lambda value: mail["owner"] == value,
        "template": lambda value: (mail["template"] or {}).get("id") == value,
        "regarding": lambda value: mail["regarding"] == value,
        "recipient": lambda value: any(value in (one["ref"], one["id"]) for one in people),
        "status": lambda value: mail["status"]["code"] == value,
        "followed": lambda value: value in ("all", str(mail["followed"]).lower()),
        "label": lambda value: (
            f"{value.partition(':')[0]}" in mail["labels"]
            and value.partition(":")[2] in ("", mail["labels"][value.partition(":")[0]])
        ),
        "engaged": engaged,
        "not_engaged": lambda value: not engaged(value),
        "from": lambda value: (moment(mail, time) or "") >= text_of(value),
        "to": lambda value: (moment(mail, time) or "~") < text_of(value),
        "q": lambda value: all(
            any(word in one.lower() for one in searched) for word in value.split()
        ),
    }
    told = {"followed": usual, **asked}
    return all(tests[name](value) for name, value in told.items() if name in tests)


def text_of(written: str) -> str:
    """Write a time as the list does, so that texts compare as times."""
    return written if "." in written else f"{written[:-1]}.000000Z"


def key(mail: Mail, column: str) -> Any:
    """Return what the list is sorted by, as it is shown; None is nothing."""
    match column:
        case "subject":
            return mail["subject"].lower()
        case "recipient":
            return mail["recipients"][0]["name"].lower() if mail["recipients"] else None
        case "template":
            return (mail["template"] or {}).get("id")
        case "reason":
            return (mail["reason"] or {}).get("code")
        case "labels":
            said = ", ".join(
                f'"{name}": "{value}"' for name, value in sorted(mail["labels"].items())
            )
            return f"{{{said}}}" if said else None
        case "status":
            return list(StatusCode).index(StatusCode(mail["status"]["code"]))
        case "id" | "owner" | "regarding" | "renditions" | "followed" | "recipient_count":
            return mail[column]
        case _ if column in TIMES:
            return moment(mail, column)
        case _:
            return count(mail, column)


def in_order(mails: list[Mail], sort: str) -> list[str]:
    column, descending = sort.removeprefix("-"), sort.startswith("-")
    keyed = [mail for mail in mails if key(mail, column) is not None]
    bare = [mail for mail in mails if key(mail, column) is None]
    keyed.sort(key=lambda mail: (key(mail, column), mail["id"]), reverse=descending)
    bare.sort(key=lambda mail: mail["id"], reverse=descending)
    return [mail["id"] for mail in keyed + bare]


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@law(st.data())
async def test_any_filters_sort_and_pages_are_what_one_would_pick_out_by_hand(
    given: Given, data: st.DataObject
) -> None:
    await put(given, data.draw(st.lists(MAILS, max_size=6)))
    everything = (await given.get("/v1/messages?followed=all", roles=["manager"]))["data"]
    for _ in range(5):
        names = data.draw(st.sets(st.sampled_from(sorted(FILTERS)), max_size=4))
        asked = {name: data.draw(FILTERS[name]) for name in sorted(names)}
        sort = data.draw(st.sampled_from(MESSAGES.choices()))
        limit = data.draw(st.integers(1, 4))
        expected = in_order([mail for mail in everything if passes(mail, asked)], sort)
        url = URL("/v1/messages").with_query(asked | {"sort": sort})
        listed = await given.walk(str(url), limit, roles=["manager"])
        assert [mail["id"] for mail in listed] == expected, str(url)


async def test_every_sort_of_emails_goes_on_from_a_cursor(given: Given) -> None:
    mail: Mail = {
        **dict.fromkeys(FIGURES), **dict.fromkeys(COUNTS, 0), "owner": "ana", "followed": True, "labels": {},
        "people": [(REFS[0], "Ann")], "subject": "Offer",
    }  # fmt: skip
    await put(
        given,
        [mail, mail | {"labels": {"a": "1"}, "opens": 1, "last_opened_at": START}, mail],
    )
    whole = (await given.get("/v1/messages"))["data"]
    for sort in MESSAGES.choices():
        walked = [one["id"] for one in await given.walk(f"/v1/messages?sort={sort}", 1)]
        assert walked == in_order(whole, sort), sort


async def test_where_engagement_is_off_no_order_tells_what_readers_did(given: Given) -> None:
    told = dict.fromkeys(FIGURES, START) | dict.fromkeys(COUNTS, 2)
    await given.message()
    await given.message(**told)
    await given.message()
    await given.engagement(False)
    for sort in MESSAGES.choices():
        if sort.removeprefix("-") in ABOUT_MAIL:
            continue
        ids = [row["id"] for row in (await given.get(f"/v1/messages?sort={sort}"))["data"]]
        assert ids == sorted(ids, reverse=sort.startswith("-")), sort
        assert [row["id"] for row in await given.walk(f"/v1/messages?sort={sort}", 1)] == ids
    for name in ("a", "b", "c"):
        busy = {"opens": 3, "opened_emails": 1, "last_opened_at": 5} if name == "b" else {}
        await given.template(template_id=name, emails=1, followed_emails=1, **busy)
    for sort in TEMPLATES.choices():
        ids = [row["id"] for row in (await given.get(f"/v1/templates?sort={sort}"))["data"]]
        assert ids == sorted(ids, reverse=sort.startswith("-")), sort


async def test_a_cursor_into_ids_must_be_one(given: Given) -> None:
    await given.message(message_id=UUID(int=5))
    await given.message(message_id=UUID(int=6))
    page = await given.get("/v1/messages?sort=id&limit=1")
    answer = await given.ask(f"/v1/messages?sort=-id&limit=1&cursor={page['next']}")
    assert answer.status == 400
