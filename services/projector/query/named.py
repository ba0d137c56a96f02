"""The named questions: pairs of a filter and a sort that an index serves at any size.

Tests hold each to its index, and docs/queries.md lists them. Everything else is answered too, as far as the deadline
lets it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Query parameters (a value in capitals is the caller's) with one sort, and the index that serves them.

    ``sellers`` is the index for one owner; where it is the tenant's, a seller's emails are picked out of what it finds.
    """

    sort: str
    index: str
    sellers: str
    filters: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return it as the query of a URL."""
        return "&".join(
            [*(f"{name}={value}" for name, value in self.filters.items()), f"sort={self.sort}"]
        )


def _engaged() -> tuple[Pair, ...]:
    words = {"clicked": "clicked", "viewed": "attachment_viewed", "replied": "replied"}
    return tuple(
        Pair(
            filters={"engaged": word, **by},
            sort=f"-{whose}last_{verb}_at",
            index=f"message_by_{whose}{verb}",
            sellers=f"message_by_owner_{whose}{verb}",
        )
        for word, verb in words.items()
        for whose, by in (("human_", {}), ("", {"by": "all"}))
    )


_BETWEEN: Final = {"from": "FROM", "to": "TO"}

NAMED: Final = (
    *(
        Pair(sort=sort, index="message_by_sent", sellers="message_by_owner_sent")
        for sort in ("-sent_at", "sent_at")
    ),
    Pair(
        filters=_BETWEEN, sort="-sent_at", index="message_by_sent", sellers="message_by_owner_sent"
    ),
    *(
        Pair(sort=sort, index="message_by_last_opened", sellers="message_by_owner_opened")
        for sort in ("-last_opened_at", "last_opened_at")
    ),
    Pair(
        filters={"range": "last_opened_at", **_BETWEEN},
        sort="-last_opened_at",
        index="message_by_last_opened",
        sellers="message_by_owner_opened",
    ),
    Pair(
        filters={"engaged": "opened"},
        sort="-human_last_opened_at",
        index="message_by_human_opened",
        sellers="message_by_owner_human_opened",
    ),
    *_engaged(),
    Pair(
        filters={"not_engaged": "opened"},
        sort="-sent_at",
        index="message_unopened",
        sellers="message_unopened_by_owner",
    ),
    Pair(
        filters={"followed": "false"},
        sort="-sent_at",
        index="message_unfollowed",
        sellers="message_unfollowed_by_owner",
    ),
    *(
        Pair(filters=filters, sort=sort, index=index, sellers=index)
        for filters, sort, index in (
            ({"owner": "OWNER"}, "-sent_at", "message_by_owner_sent"),
            ({"owner": "OWNER"}, "-last_opened_at", "message_by_owner_opened"),
            ({"template": "TEMPLATE"}, "-sent_at", "message_by_template"),
            ({"regarding": "RECORD"}, "-sent_at", "message_by_regarding"),
        )
    ),
    *(
        Pair(
            filters={"status": status},
            sort=sort,
            index=f"message_{status}",
            sellers=f"message_{status}_by_owner",
        )
        for status, sort in (
            ("cancelled", "-sent_at"),
            ("bounced", "-sent_at"),
            ("scheduled", "-scheduled_at"),
        )
    ),
)
"""Those that one index serves alone."""

SOUGHT: Final = (
    Pair(
        filters={"recipient": "PERSON"},
        sort="-sent_at",
        index="recipient_by_ref",
        sellers="recipient_by_ref",
    ),
    Pair(
        filters={"label": "NAME:VALUE"}, sort="-sent_at", index="label_pkey", sellers="label_pkey"
    ),
    Pair(
        filters={"q": "WORDS"},
        sort="-sent_at",
        index="personal_by_word_end",
        sellers="personal_by_word_end",
    ),
)
"""Those whose few emails one index finds, to be sorted then."""
