"""By what lists can be sorted: closed tables from the names at the door to columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from services.projector.query.cursor import KeyKind
from services.projector.query.status import ABOUT_SENDING, StatusCode
from services.runtime.postgres import Queries

_LISTS: Final = Queries.load(__package__ or "", "lists.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One total order of a list: a key, rows without one last, and a tie breaker in the same direction."""

    name: str
    key: str
    key_kind: KeyKind
    tie: str
    tie_kind: KeyKind
    descending: bool
    nullable: bool
    # where rows with a key are read from, and where those without one
    source: str = "message m"
    bare_source: str = "message m"
    # the key where what readers did is not told; None: the key tells nothing of it
    untold: str | None = None

    def told(self, engaged: bool) -> "Order":
        """Return the order as it may be shown: where engagement is off, rows tell nothing by their places either."""
        return self if engaged or self.untold is None else replace(self, key=self.untold)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorts:
    """The sorts of one list by name, with what breaks ties; ``-`` before a name turns it around."""

    keys: Mapping[str, "SortKey"]
    tie: str
    tie_kind: KeyKind
    default: str

    def choices(self) -> Sequence[str]:
        """Return every text that ``sort`` may be."""
        return [sign + name for name in self.keys for sign in ("", "-")]

    def order(self, choice: str | None) -> Order:
        """Return the order of one of the choices, or of the default."""
        name = choice or self.default
        found = self.keys[name.removeprefix("-")]
        return Order(
            name=name,
            key=found.column,
            key_kind=found.kind,
            tie=found.tie or self.tie,
            tie_kind=self.tie_kind,
            descending=name.startswith("-"),
            nullable=found.nullable,
            source=found.source,
            bare_source=found.bare_source,
            untold=found.untold,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SortKey:
    """A column that a list can be sorted by."""

    column: str
    kind: KeyKind = KeyKind.INTEGER
    nullable: bool = False
    tie: str | None = None
    source: str = "message m"
    bare_source: str = "message m"
    untold: str | None = None


def _counts(*names: str) -> dict[str, SortKey]:
    return {name: SortKey(column=f"m.{name}", untold="0::bigint") for name in names}


def _times(*names: str) -> dict[str, SortKey]:
    return {
        name: SortKey(
            column=f"m.{name}",
            nullable=True,
            untold=None if name in ABOUT_MAIL else "null::bigint",
        )
        for name in names
    }


def _status(codes: Sequence[StatusCode]) -> str:
    """Say in SQL which status an email has: the place of the first that holds."""
    tried = " ".join(f"when {_LISTS[f'status_{code}']} then {_PLACES[code]}" for code in codes)
    return f"(case {tried} else {len(_PLACES)} end)::bigint"


_PLACES: Final = {code: place for place, code in enumerate(StatusCode)}


def _personal(column: str) -> SortKey:
    # The tie is the same id as the message's, but of the table whose index has the order.
    on = "personal p on p.tenant = m.tenant and p.message_id = m.message_id"
    return SortKey(
        column=f"p.{column}",
        kind=KeyKind.TEXT,
        nullable=True,
        tie="p.message_id",
        source=f"message m join {on}",
        bare_source=f"message m left join {on}",
    )


def _texts(**columns: str) -> dict[str, SortKey]:
    return {
        name: SortKey(column=f"m.{column}", kind=KeyKind.TEXT, nullable=True)
        for name, column in columns.items()
    }


_VERBS: Final = ("opened", "clicked", "viewed", "replied")

ABOUT_MAIL: Final = ("sent_at", "scheduled_at")
"""The times that tell nothing of what readers did."""

TIMES: Final = (
    *ABOUT_MAIL,
    *(
        f"{whose}{end}_{verb}_at"
        for verb in ("opened", "clicked", "attachment_viewed", "replied")
        for whose in ("", "human_")
        for end in ("first", "last")
    ),
)
"""The times of a message; a list can be sorted by each, and cut to a range of it."""

MESSAGES: Final = Sorts(
    keys={
        **_times(*TIMES),
        "subject": _personal("subject_key"),
        "recipient": _personal("recipient_key"),
        **_texts(owner="owner", template="template_id", regarding="regarding"),
        **_texts(reason="reason", renditions="renditions"),
        "id": SortKey(column="m.message_id", kind=KeyKind.UUID),
        "followed": SortKey(column="m.followed::integer::bigint"),
        "labels": SortKey(
            column="left(nullif(m.labels, jsonb_build_object())::text, 100)",
            kind=KeyKind.TEXT,
            nullable=True,
        ),
        "recipient_count": SortKey(column="m.recipient_count::bigint"),
        "status": SortKey(
            column=_status(tuple(StatusCode)),
            untold=_status(tuple(code for code in StatusCode if code in ABOUT_SENDING)),
        ),
        **_counts("opens", "human_opens", "clicks", "human_clicks"),
        **_counts("attachment_views", "human_attachment_views", "replies", "human_replies"),
    },
    tie="m.message_id",
    tie_kind=KeyKind.UUID,
    default="-sent_at",
)

TEMPLATES: Final = Sorts(
    keys={
        "id": SortKey(column="m.id", kind=KeyKind.TEXT),
        "name": SortKey(column="m.name", kind=KeyKind.TEXT, nullable=True),
        **{
            rate: SortKey(
                column=f"m.{rate}", kind=KeyKind.REAL, nullable=True, untold="null::float8"
            )
            for rate in ("open_rate", "click_rate", "attachment_view_rate", "reply_rate")
        },
        "email_count": SortKey(column="m.email_count"),
        "followed_count": SortKey(column="m.followed_count"),
        **_counts("opens", "human_opens", "clicks"),
        **_counts("human_clicks", "attachment_views", "human_attachment_views", "replies"),
        **_counts("human_replies"),
        **_counts(*(f"{whose}{verb}_count" for verb in _VERBS for whose in ("", "human_"))),
        **_times(*(time for time in TIMES if time not in ABOUT_MAIL)),
        "version": SortKey(column="m.version", kind=KeyKind.TEXT, nullable=True),
    },
    tie="m.id",
    tie_kind=KeyKind.TEXT,
    default="-email_count",
)

LINKS: Final = Order(
    name="index",
    key="m.link_index",
    key_kind=KeyKind.INTEGER,
    tie="m.link_index",
    tie_kind=KeyKind.INTEGER,
    descending=False,
    nullable=False,
)

ATTACHMENTS: Final = replace(LINKS, key="m.attachment_index", tie="m.attachment_index")

RECIPIENTS: Final = Order(
    name="position",
    key="m.position",
    key_kind=KeyKind.INTEGER,
    tie="m.ref",
    tie_kind=KeyKind.TEXT,
    descending=False,
    nullable=True,
)

HISTORY: Final = Order(
    name="-sent_at",
    key="m.sent_at",
    key_kind=KeyKind.INTEGER,
    # one person may have two addresses in one mail
    tie="(m.message_id::text || r.ref)",
    tie_kind=KeyKind.TEXT,
    descending=True,
    nullable=True,
)
