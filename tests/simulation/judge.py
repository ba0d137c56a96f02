"""What must hold at each commit, and in the end."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from services.runtime.leases import Lane
from services.runtime.records import Record
from tests.simulation.broker import Broker
from tests.simulation.database import Database, Key, Row, Transaction
from tests.simulation.fold import what


class Judge:
    """Watches the database, and writes down what does not hold."""

    def __init__(self, database: Database, broker: Broker, tell: Callable[[str], None]) -> None:
        self.broken: list[str] = []
        self.commits = 0
        self.allowed: dict[Lane, set[str]] = defaultdict(set)
        """Why lanes may be halted: what was done to them."""
        self.altered: set[Lane] = set()
        """Lanes whose log is not what it was, so that a commit cannot be held against it."""
        self._database = database
        self._broker = broker
        self._tell = tell
        self._claimed: dict[tuple[Key, int], str] = {}
        self._kinds: dict[str, Callable[..., None]] = {
            "claimed": self._claim,
            "advanced": self._advanced,
            "halted": self._halted,
        }
        database.watchers.append(self._watch)

    def breaks(self, sentence: str) -> None:
        """Write down what does not hold."""
        self.broken.append(sentence)
        self._tell(f"BROKEN: {sentence}")

    def _watch(self, transaction: Transaction, before: Mapping[Key, Row | None]) -> None:
        noted: set[Key] = set()
        for kind, about in transaction.notes:
            noted.add(about[0])
            self._kinds[kind](transaction, *about)
        for key, old in before.items():
            if key[0] == "checkpoint" and old is not None and transaction.worker != "operator":
                self._moved(key, old, noted)

    def _moved(self, key: Key, old: Row, noted: set[Key]) -> None:
        new = self._database.tables["checkpoint"][key]
        if new["epoch"] < old["epoch"]:
            self.breaks(f"the epoch of {_lane(key)} went back to {new['epoch']}")
        was, now = old["next_offset"], new["next_offset"]
        if was is not None and now < was:
            self.breaks(f"the checkpoint of {_lane(key)} went back from {was} to {now}")
        if was is not None and now != was and key not in noted:
            self.breaks(f"the checkpoint of {_lane(key)} moved from {was} to {now} in silence")

    def _claim(self, transaction: Transaction, key: Key, epoch: int) -> None:
        self._claimed[key, epoch] = transaction.worker
        self._tell(f"{transaction.worker} claims {_lane(key)} with epoch {epoch}")

    def _advanced(self, transaction: Transaction, key: Key, epoch: int, was: int, now: int) -> None:
        self.commits += 1
        lane = _lane(key)
        self._tell(f"{transaction.worker} folds {lane} from {was} to {now} with epoch {epoch}")
        holder = self._claimed.get((key, epoch))
        row = self._database.tables["checkpoint"][key]
        if holder != transaction.worker:
            self.breaks(f"{transaction.worker} wrote to {lane} with epoch {epoch} of {holder}")
        if row["epoch"] != epoch:
            self.breaks(f"{transaction.worker} wrote to {lane} with epoch {epoch}, which is over")
        if lane not in self.altered:
            self._effects(lane, was, now)

    def _effects(self, lane: Lane, was: int, now: int) -> None:
        """Whatever lies before a checkpoint has had its effect."""
        records = self._broker.logs[lane].records
        for offset in range(was, now):
            if offset in records and not self._is_in(records[offset]):
                self.breaks(f"{lane} was moved past {offset}, which is not in")

    def _is_in(self, record: Record) -> bool:
        tables = self._database.tables
        aside = ("quarantine", *record.lane, record.offset) in tables["quarantine"]
        return aside or ("seen", what(record)[1]) in tables["seen"]

    def _halted(self, transaction: Transaction, key: Key, reason: str) -> None:
        self._tell(f"{transaction.worker} halts {_lane(key)}: {reason}")
        if reason not in self.allowed[_lane(key)]:
            self.breaks(f"{_lane(key)} was halted for no reason: {reason}")

    def conclude(self) -> None:
        """Hold what is in the database against all that was ever in the log."""
        tables = self._database.tables
        seen = {key[1]: row["key"] for key, row in tables["seen"].items()}
        aside = {key[1:]: row["reason"] for key, row in tables["quarantine"].items()}
        there = [one for log in self._broker.logs.values() for one in log.records.values()]
        gone = [one for log in self._broker.logs.values() for one in log.lost]
        for record in there:
            self._accounted(record, seen, aside)
        self._nothing_else([*there, *gone], seen, aside)
        counted = {key[1]: row["ids"] for key, row in tables["tally"].items()}
        if counted != Counter(seen.values()):
            self.breaks(f"counted {counted}, where {Counter(seen.values())} were seen")
        facts = Counter(row["key"] for row in tables["outbox"].values())
        if facts != dict.fromkeys(counted, 1):
            self.breaks(f"facts were stated {facts}, once for each of {sorted(counted)} is right")

    def _accounted(
        self, record: Record, seen: Mapping[str, str], aside: Mapping[tuple[Any, ...], str]
    ) -> None:
        kind, one, _ = what(record)
        place = (*record.lane, record.offset)
        # Where the log is another by now, its places are not those that were set aside before.
        sure = record.lane not in self.altered
        right = {
            "good": one in seen and not (sure and place in aside),
            "bad": place in aside and not (sure and aside[place] != "malformed"),
            "sql": place in aside
            and one not in seen
            and not (sure and aside[place] != "refused_by_database"),
            "later": (one in seen) != (place in aside) or not sure,
        }
        if not right[kind]:
            self.breaks(f"{record.lane} at {record.offset}: {kind} {one} was lost or set aside")

    def _nothing_else(
        self,
        ever: list[Record],
        seen: Mapping[str, str],
        aside: Mapping[tuple[Any, ...], str],
    ) -> None:
        told = [(record, *what(record)) for record in ever]
        issued = {one: key for _, kind, one, key in told if kind in ("good", "later")}
        if extra := sorted(seen.items() - issued.items()):
            self.breaks(f"nobody issued {extra}")
        poison = {(*record.lane, record.offset) for record, kind, _, _ in told if kind != "good"}
        if wrong := sorted(aside.keys() - poison):
            self.breaks(f"set aside for no reason: {wrong}")


def _lane(key: Key) -> Lane:
    return Lane(key[2], key[3])
