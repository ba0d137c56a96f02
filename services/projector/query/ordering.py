"""By what lists can be sorted: closed tables from the names at the door to columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from services.projector.query.cursor import KeyKind


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


def _counts(*names: str) -> dict[str, SortKey]:
    return {name: SortKey(column=f"m.{name}") for name in names}


def _times(*names: str) -> dict[str, SortKey]:
    return {name: SortKey(column=f"m.{name}", nullable=True) for name in names}


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


TIMES: Final = (
    "sent_at",
    "scheduled_at",
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
            rate: SortKey(column=f"m.{rate}", kind=KeyKind.REAL, nullable=True)
            for rate in ("open_rate", "click_rate", "attachment_view_rate", "reply_rate")
        },
        **_counts("email_count", "followed_count", "opens", "human_opens", "clicks"),
        **_counts("human_clicks", "attachment_views", "human_attachment_views", "replies"),
        **_counts("human_replies"),
        **_times("last_opened_at", "human_last_opened_at"),
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
