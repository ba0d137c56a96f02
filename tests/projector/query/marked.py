"""Three sellers of two tenants, everything of whom is marked with a text and a number that nobody else has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from tests.projector.query.given import Hand
from tests.support.clock import START

DAY_BEFORE: Final = date(2025, 12, 31)


@dataclass(frozen=True, slots=True)
class Life:
    """A seller: the mark stands in each text of theirs, the number in each figure, the letter in each id."""

    tenant: str
    mark: str
    number: int
    letter: str

    @property
    def ref(self) -> str:
        return self.letter * 16

    @property
    def messages(self) -> tuple[UUID, UUID]:
        return UUID(f"{self.letter * 8}-0000-5000-8000-000000000001"), UUID(
            f"{self.letter * 8}-0000-5000-8000-000000000002"
        )

    @property
    def needles(self) -> tuple[bytes, ...]:
        """Return what gives them away, in lower case."""
        ids = (self.ref, self.letter * 8, str(self.number))
        return (self.mark.encode(), *(one.encode() for one in ids))

    @property
    def texts(self) -> tuple[str, ...]:
        """Return what somebody might ask for who knows or guesses it."""
        return (
            self.mark, self.mark.upper(), self.mark[:3], self.ref, str(self.messages[0]),
            f"{self.mark}-person", f"{self.mark}-deal", f"mark:{self.mark}", f"{self.tenant}-template",
        )  # fmt: skip


ANA: Final = Life("demo", "zqana", 918_273_645, "a")
BOB: Final = Life("demo", "zqbob", 827_364_591, "b")
ZED: Final = Life("other", "zqzed", 736_459_182, "d")
LIVES: Final = (ANA, BOB, ZED)


@dataclass(frozen=True, slots=True, eq=False)
class Caller:
    """Who asks, and whose data must not come."""

    who: Mapping[str, Any]
    own: Life
    hidden: Sequence[Life]


CALLERS: Final = (
    Caller({"tenant": "demo", "subject": ANA.mark, "roles": ("seller",)}, ANA, (BOB, ZED)),
    Caller({"tenant": "demo", "subject": "mia", "roles": ("manager",)}, ANA, (ZED,)),
    Caller({"tenant": "other", "subject": ZED.mark, "roles": ("seller",)}, ZED, (ANA, BOB)),
)


async def live(hand: Hand, life: Life) -> None:
    """Put two emails of a seller there, with everything that an email can have."""
    columns = (
        ("opens", "opened"), ("clicks", "clicked"), ("attachment_views", "attachment_viewed"),
        ("replies", "replied"),
    )  # fmt: skip
    figures: dict[str, object] = {}
    for count, verb in columns:
        for whose in ("", "human_"):
            figures |= {
                f"{whose}{count}": life.number,
                f"{whose}first_{verb}_at": START,
                f"{whose}last_{verb}_at": START + 1,
            }
    for place, message_id in enumerate(life.messages):
        await _email(hand, life, message_id, figures, START + place)
    for table, period in (("tenant_day", {"day": DAY_BEFORE}), ("hour_of_week", {"hour": 1})):
        await hand.insert(
            table, tenant=life.tenant, owner=life.mark, lane=0, opens=life.number, **period
        )


async def _email(
    hand: Hand, life: Life, message_id: UUID, figures: Mapping[str, object], at: int
) -> None:
    mark, of = life.mark, {"tenant": life.tenant, "message_id": message_id}
    await hand.message(
        **of, owner=mark, handed_at=at, scheduled_at=at, template_id=f"{life.tenant}-template",
        regarding=f"{mark}-deal", labels={"mark": mark}, **figures,
    )  # fmt: skip
    await hand.insert("label", **of, name="mark", value=mark)
    await hand.recipient(message_id, tenant=life.tenant, ref=life.ref, **figures)
    person = {
        "ref": life.ref, "address": f"li@{mark}.example", "name": f"Li {mark}", "id": f"{mark}-person",
    }  # fmt: skip
    await hand.personal(
        message_id,
        life.tenant,
        subject=f"Offer {mark}",
        sender={"address": f"{mark}@demo.example"},
        recipients=[person],
        links=[{"index": 0, "url": f"https://{mark}.example/", "text": f"See {mark}"}],
        attachments=[{"index": 0, "name": f"{mark}.pdf"}],
    )
    await hand.insert("link", **of, link_index=0, followed=True, host=f"{mark}.example")
    await hand.insert("attachment", **of, attachment_index=0, size=life.number, content_type=mark)
    await hand.insert(
        "viewer", **of, attachment_index=0, ref=life.ref, attachment_views=life.number
    )
    for kind in (1, 2, 3):
        await hand.hit(
            message_id, kind, at + kind, tenant=life.tenant, ref=life.ref, user_agent=mark
        )
    await hand.letter(message_id, "reply", at, tenant=life.tenant, ref=life.ref, rule=mark)
