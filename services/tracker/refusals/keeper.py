"""What the tracker asks of the settings: whether a hit is recorded, now or at its replay; and the tasks behind it."""

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

import orjson

from schemas.identity import RecipientRef, Tenant
from services.runtime.clock import Clock
from services.runtime.leases import Lane
from services.runtime.log import get_logger
from services.tracker.entry import Entry
from services.tracker.refusals import snapshot
from services.tracker.refusals.fold import Fold, State
from services.tracker.refusals.follower import LANE, Follower
from services.tracker.refusals.snapshot import Head, Snapshot, Unusable
from services.tracker.refusals.table import Verdict

P = ParamSpec("P")
T = TypeVar("T")

log = get_logger(__name__)

FOLDER: Final = "settings"
"""The folder of the snapshot within that of the spool."""
_TICK_SECONDS: Final = 1.0
# A disk that takes longer than this for a few megabytes is left alone with them.
_DISK_SECONDS: Final = 30.0
# The time of a snapshot tells how long one was away, so it is renewed even if nothing changes.
_RENEW_SECONDS: Final = 86_400.0


class Refusals:
    """Who refuses, kept as fresh as Kafka allows and on the disk for when it does not.

    Begin with `load`, then let `run` go on; `save` at the end of a drain. All numbers are there for metrics.
    """

    def __init__(
        self,
        *,
        servers: str,
        client_id: str,
        spool: Path,
        clock: Clock,
        every_seconds: float = 10.0,
        lane: Lane = LANE,
    ) -> None:
        self._fold: Final = Fold()
        self._follower: Final = Follower(servers, client_id, self._fold, clock, lane)
        self._folder: Final = spool / FOLDER
        self._clock: Final = clock
        self._every_seconds: Final = every_seconds
        self._thread: Final = ThreadPoolExecutor(1, thread_name_prefix="settings-snapshot")
        self._saving: Final = asyncio.Lock()
        self._loaded = False
        self._shared: Head | None = None
        self._distrusted = False
        self._failing = False
        self.snapshot_written_at: int | None = None
        """When the snapshot on the disk was written, in microseconds since the epoch, by whichever process."""
        self.snapshots_written = 0
        self.snapshots_ignored = 0
        """Snapshots that were damaged, foreign or could not be read."""
        self.snapshot_failures = 0
        """Snapshots that could not be written."""

    @property
    def known(self) -> bool:
        """Whether settings were read at all; while not, hits are judged only before they are produced."""
        return self._fold.known

    @property
    def refusals(self) -> int:
        """How many recipients refuse."""
        return len(self._fold.table)

    @property
    def tenants_off(self) -> int:
        """How many tenants have engagement off."""
        return len(self._fold.table.off)

    @property
    def next_offset(self) -> int:
        """Up to where the log of settings is known."""
        return self._fold.next_offset

    @property
    def refused_records(self) -> int:
        """How many records of the log could not be read and were passed over."""
        return self._fold.refused

    @property
    def read_seconds(self) -> float | None:
        """How long the log took when it was last read from its beginning to its end."""
        return self._follower.read_seconds

    @property
    def age_seconds(self) -> float | None:
        """How long ago everything in the log was known, here or to whoever wrote the snapshot; None if never."""
        return self._since(self._fold.read_at or None)

    @property
    def contact_seconds(self) -> float | None:
        """How long ago Kafka last answered this process; None if never."""
        return self._since(self._follower.contact_at)

    @property
    def snapshot_seconds(self) -> float | None:
        """How old the snapshot on the disk is; None if there is none."""
        return self._since(self.snapshot_written_at)

    def judge(self, tenant: Tenant, refs: Iterable[RecipientRef]) -> Verdict | None:
        """Return why hits of these recipients are not recorded, or None; None for everybody while nothing is known."""
        return self._fold.table.judge(tenant, refs)

    def records(self, tenant: Tenant, refs: Iterable[RecipientRef]) -> bool:
        """Tell whether hits of these recipients are recorded."""
        return self._fold.table.judge(tenant, refs) is None

    def judge_entry(self, entry: Entry) -> Verdict | None:
        """Judge a hit that came in before anything was known; raises `ValueError` while that is so still.

        By what is known now, so a refusal between hit and replay counts, and one that was taken back does not.
        """
        if not self.known:
            raise ValueError("the settings are not known")
        return self._fold.table.judge(entry.tenant, orjson.loads(entry.value)["refs"])

    def admits(self, entry: Entry) -> bool:
        """Tell whether such a hit is to be produced; raises `ValueError` while nothing is known."""
        return self.judge_entry(entry) is None

    def problem(self) -> str | None:
        """Return None once settings are known, however old, else that they are not."""
        return None if self.known else "settings: not known yet"

    async def load(self) -> None:
        """Begin with the snapshot on the disk if there is a good one; never raises for a bad one."""
        self._loaded = True
        found = await self._read()
        if found is None:
            return
        self._fold.start_from(found.state)
        self._shared = found.head
        log.info(
            "settings_snapshot_loaded",
            next_offset=found.state.next_offset,
            refusals=self.refusals,
            age_seconds=round(self.age_seconds or 0.0),
        )

    async def run(self) -> None:
        """Follow the log and keep the snapshot, until cancelled."""
        if not self._loaded:
            await self.load()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follower.run(), name="settings-follower")
            tasks.create_task(self._keep(), name="settings-snapshot")

    async def save(self, every_seconds: float = 0.0) -> None:
        """Write a snapshot if the one on the disk says something else and is that old; else share that one.

        Of several processes one writes and the others put its array in the place of theirs. Never raises for a bad
        disk.
        """
        async with self._saving:
            head = await self._peek()
            state = self._fold.state()
            if state is None:
                return
            if _differs(head, state) and self._old_enough(head, every_seconds):
                await self._write(state)
                head = await self._peek()
            await self._share(head)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            await self.save(self._every_seconds)

    async def _peek(self) -> Head | None:
        """Look at what the snapshot on the disk says of itself."""
        try:
            head = await self._off_loop(snapshot.peek, self._folder)
        except OSError:
            head = None
        self.snapshot_written_at = None if head is None else head.written_at
        return None if self._distrusted else head

    async def _read(self) -> Snapshot | None:
        try:
            found = await self._off_loop(snapshot.load, self._folder)
        except (Unusable, OSError) as error:
            # it will be replaced, whatever its head says
            self._distrusted = True
            self.snapshots_ignored += 1
            reason = str(error) if isinstance(error, Unusable) else type(error).__name__
            log.error("settings_snapshot_ignored", reason=reason)
            return None
        self.snapshot_written_at = None if found is None else found.head.written_at
        return found

    async def _write(self, state: State) -> None:
        try:
            written = await self._off_loop(snapshot.write, self._folder, state, self._clock.now())
        except OSError as error:
            self.snapshot_failures += 1
            if not self._failing:
                log.error("settings_snapshot_failed", reason=type(error).__name__)
            self._failing = True
            return
        if written:
            self.snapshots_written += 1
            self._distrusted = False
            if self._failing:
                log.info("settings_snapshot_written_again")
            self._failing = False

    async def _share(self, head: Head | None) -> None:
        """Have the array of the snapshot on the disk instead of our own, if it is of the log that we read."""
        if head is None or head == self._shared or not self._fold.has_read(head.mark):
            return
        found = await self._read()
        if found is not None and self._fold.share(found.state):
            self._shared = found.head

    async def _off_loop(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call in our one thread; a call that hangs holds up those after it and nobody else."""
        calling = asyncio.get_running_loop().run_in_executor(
            self._thread, partial(call, *args, **kwargs)
        )
        async with asyncio.timeout(_DISK_SECONDS):
            return await calling

    def _old_enough(self, head: Head | None, seconds: float) -> bool:
        if head is None:
            return True
        # one from the future was written before the clock was corrected
        return not 0 <= self._clock.now() - head.written_at < seconds * 1_000_000

    def _since(self, instant: int | None) -> float | None:
        return None if instant is None else max(0.0, (self._clock.now() - instant) / 1_000_000)


def _differs(head: Head | None, state: State) -> bool:
    if head is None or (head.mark, head.next_offset) != (state.mark, state.next_offset):
        return True
    return state.read_at - head.read_at > _RENEW_SECONDS * 1_000_000
