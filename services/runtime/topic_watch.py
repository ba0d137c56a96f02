"""What a consumer knows of the topics it reads: which lanes there are, later ones too, and whose each is."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from services.runtime.checkpoint import Checkpoints, Claim
from services.runtime.folder import Held
from services.runtime.halts import Extent
from services.runtime.leases import Lane
from services.runtime.log import get_logger
from services.runtime.reader import Reader
from services.runtime.records import Topic

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicPlan:
    """A topic to read; `anchored` checks wherever reading begins anew that the log is still the one we read.

    Not for compacted topics: the record before the checkpoint may rightly be gone there.
    """

    topic: str
    anchored: bool


class TopicWatch:
    """Asks Kafka for the topics again and again; a topic that grows brings new lanes, and one that is away none."""

    def __init__(self, plans: Sequence[TopicPlan]) -> None:
        self._plans = {plan.topic: plan for plan in plans}
        self._found: dict[str, Topic] = {}
        self.lanes: list[Lane] = []
        """All that were ever seen."""

    async def look(self, reader: Reader, checkpoints: Checkpoints, seconds: float) -> None:
        """Ask for the topics, and give lanes that are new a checkpoint."""
        found = await reader.topics(list(self._plans), seconds)
        lanes = [Lane(topic, n) for topic in self._plans for n in range(_count(found, topic))]
        if fresh := [lane for lane in lanes if lane not in self.lanes]:
            await checkpoints.add(fresh)
            log.info("lanes_found", lanes=[str(lane) for lane in fresh])
            self.lanes += fresh
        self._found = found

    def anchored(self, lane: Lane) -> bool:
        """Tell whether the record before the checkpoint has to be there."""
        return self._plans[lane.topic].anchored

    def there(self, lane: Lane) -> bool:
        """Tell whether Kafka has the lane now."""
        return lane.partition < _count(self._found, lane.topic)

    def topic_id(self, lane: Lane) -> str | None:
        """Return Kafka's id of the lane's topic, as of the last look; None where it does not tell."""
        topic = self._found.get(lane.topic)
        return None if topic is None else topic.id

    def trouble(self) -> str | None:
        """Return None, or what is not there that should be."""
        absent = [topic for topic in self._plans if topic not in self._found]
        if absent:
            return f"kafka: there is no topic {absent[0]}"
        lost = [lane for lane in self.lanes if not self.there(lane)]
        return f"kafka: there is no partition {lost[0]} any more" if lost else None

    async def extents(
        self, reader: Reader, lanes: Collection[Lane], seconds: float
    ) -> dict[Lane, Extent]:
        """Return what the logs of lanes have now."""
        begins = await reader.beginning_offsets(lanes, seconds)
        ends = await reader.end_offsets(lanes, seconds)
        return {lane: Extent(begins[lane], ends[lane], self.topic_id(lane)) for lane in lanes}

    async def take(self, checkpoints: Checkpoints, claim: Claim, log_is: Extent) -> Held | None:
        """Return a claimed lane as it goes on, begun where it was never read; None when it is lost again."""
        lane, epoch, begin = claim.lane, claim.epoch, log_is.begin
        if claim.next_offset is None:
            if not await checkpoints.begin(lane, epoch, begin):
                return None
            held = Held(lane=lane, epoch=epoch, next_offset=begin)
        else:
            held = Held(lane=lane, epoch=epoch, next_offset=claim.next_offset)
            if self.anchored(lane) and claim.next_offset > begin:
                held.anchor = claim.anchor
        held.anchored = self.anchored(lane)
        held.halted = claim.halted
        held.topic_id = claim.topic_id or log_is.topic_id
        return held


def _count(found: dict[str, Topic], topic: str) -> int:
    return found[topic].partitions if topic in found else 0
