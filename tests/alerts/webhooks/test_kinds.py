from uuid import UUID

from schemas.events import TYPE_OF
from schemas.facts import (
    MessageFirstAttachmentViewed,
    MessageFirstClicked,
    MessageFirstOpened,
    MessageFirstOpenWithdrawn,
    MessageFirstReplied,
)
from services.alerts.webhooks.kinds import MEANING, Kind, Result, delivery_id

FACT, HOOK = UUID(int=1), UUID(int=2)


def test_a_kind_is_the_name_of_its_fact_without_the_version() -> None:
    facts = (
        MessageFirstOpened, MessageFirstClicked, MessageFirstAttachmentViewed, MessageFirstReplied,
        MessageFirstOpenWithdrawn,
    )  # fmt: skip
    assert {TYPE_OF[one].removesuffix(".v1") for one in facts} == set(Kind)


def test_a_delivery_has_one_id_for_its_fact_and_endpoint_for_ever() -> None:
    assert delivery_id(FACT, HOOK) == UUID("474cba15-13a4-5e0e-a4a1-3ad104005d94")
    assert delivery_id(FACT, HOOK) != delivery_id(HOOK, FACT)
    assert delivery_id(FACT, HOOK).version == 5


def test_every_result_is_explained() -> None:
    assert set(MEANING) == set(Result)
    assert all(text.endswith(".") for text in MEANING.values())
