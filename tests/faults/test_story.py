"""The ledger of a history: what it says has to be counted, and that the judgement sees what is missing or too much."""

import random

from schemas import identity, topics
from schemas.events import TYPE_OF
from schemas.instant import Instant
from tests.faults.folding.story import Ledger, Place, Story, repeated, shuffled

NOW = Instant(1_790_000_000_000_000)


def a_story(seed: int = 7) -> Story:
    return Story(seed, now=NOW, partitions=4, mails=12)


def a_ledger(story: Story, count: int = 400) -> Ledger:
    ledger = Ledger()
    for one in [*story.prepared(), *story.happenings(count)]:
        ledger.acknowledge(one)
    return ledger


def test_its_mails_lie_on_every_partition() -> None:
    story = a_story()
    assert {topics.partition_of(mail.key, 4) for mail in story.mails} == {0, 1, 2, 3}


def test_what_was_acknowledged_again_counts_once() -> None:
    story = a_story()
    events = [*story.prepared(), *story.happenings(400)]
    once, twice = Ledger(), Ledger()
    for one in events:
        once.acknowledge(one)
    chance = random.Random(1)  # noqa: S311 a choice, not a secret
    for one in shuffled(repeated(events, 0.5, chance), chance):
        twice.acknowledge(one)
    assert twice.hits == once.hits == 400
    assert twice.figures() == once.figures()
    assert twice.facts() == once.facts()


def test_a_part_of_a_message_is_never_more_than_the_whole_and_people_are_never_more_than_all() -> (
    None
):
    figures = a_ledger(a_story()).figures()
    clicks = [place for place in figures if place.part == "clicks" and " link " in place.of]
    whole = {place.of.partition(" ")[0] for place in clicks}
    for message in whole:
        parts = [place for place in clicks if place.of.startswith(message) and not place.human]
        total = next(
            figure
            for place, figure in figures.items()
            if (place.of, place.part, place.human) == (message, "clicks", False)
        )
        assert sum(figures[place].times for place in parts) == total.times
    for place, figure in figures.items():
        if place.human:
            everybody = figures[Place(place.tenant, place.of, place.part, human=False)]
            assert figure.times <= everybody.times


def test_facts_are_those_of_people_with_prepared_mails() -> None:
    story = a_story()
    unprepared = Ledger()
    for one in story.happenings(50):
        unprepared.acknowledge(one)
    assert unprepared.facts() == set()
    facts = a_ledger(story).facts()
    assert {name.type for name in facts} == {
        "message.registered.v1",
        "message.first_opened.v1",
        "message.first_clicked.v1",
        "message.first_attachment_viewed.v1",
        "message.first_replied.v1",
    }


def test_everything_it_tells_can_be_laid_into_a_record() -> None:
    story = a_story()
    for one in [*story.prepared(), *story.happenings(200)]:
        record = one.record(NOW)
        assert dict(record.headers)["ce_type"].decode() == TYPE_OF[type(one.event)]
        if one.envelope.id.version == 7:
            at = identity.milliseconds_of(one.envelope.id)
            assert at == one.envelope.occurred_at // 1000


def test_no_two_hits_come_from_one_network() -> None:
    # Or two views of a file within minutes would be one.
    story = a_story()
    hits = [one.event for one in story.happenings(3_000)]
    networks = [network for each in hits if (network := getattr(each, "network", None))]
    assert len(set(networks)) == len(networks) > 2_000
