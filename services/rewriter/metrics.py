"""What the rewriter counts. Labels come from enums: no address, no tenant, no text of anybody's."""

import collections
from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram

from schemas.files import FileKind
from services.rewriter.instrument import Prepared
from services.rewriter.replies.automatic import Automatic
from services.rewriter.replies.judge import Outcome
from services.rewriter.replies.match import MatchedBy
from services.rewriter.replies.report import Rule


class MailOutcome(StrEnum):
    """What finally became of a mail that was handed in."""

    FOLLOWED = "followed"
    NOT_FOLLOWED = "not_followed"
    PASSED_UNAVAILABLE = "passed_unavailable"
    REFUSED = "refused"
    REFUSED_UNAVAILABLE = "refused_unavailable"
    PREVIEWED = "previewed"


class SettingDoor(StrEnum):
    """Which kind of setting was put."""

    PREFERENCE = "preference"
    TENANT = "tenant"


class DirectoryCall(StrEnum):
    """What a call of the directory came to."""

    ANSWERED = "answered"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    BAD_ANSWER = "bad_answer"
    TOO_LARGE = "too_large"


# Two records, side by side, each flushed within 5 ms and given up after some seconds.
_PUBLISH_BUCKETS: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
# From a folder on this machine to many megabytes on their way to a store elsewhere.
_STORE_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_FOLLOWED: Final = "none"


class Tally(NamedTuple):
    """What is counted of a mail once it is recorded: why it, and each thing in it, is not followed; None if it is."""

    message: str | None
    recipients: Sequence[str | None]
    links: Sequence[str | None]
    files: Sequence[str | None]
    pictures: Sequence[str | None]

    @classmethod
    def of(cls, prepared: Prepared) -> "Tally":
        """Take down what was decided of a mail."""
        decision = prepared.decision
        message = decision.reason
        return cls(
            message=message,
            recipients=[line.reason for line in decision.recipients],
            links=[link.reason or message for link in prepared.links],
            files=prepared.attachment_reasons,
            pictures=prepared.pictures.reasons,
        )


class _Labelled:
    """A counter with one label out of few; looking a child up by its label costs more than counting."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._children: dict[str | None, Counter] = {}

    def add(self, label: str | None, times: int = 1) -> None:
        """Count under a label; None is `none`."""
        child = self._children.get(label)
        if child is None:
            child = self._children[label] = self._counter.labels(label or _FOLLOWED)
        child.inc(times)

    def count(self, labels: Sequence[str | None]) -> None:
        """Count once for each; nearly always all are the same."""
        if labels and labels.count(labels[0]) == len(labels):
            self.add(labels[0], len(labels))
            return
        for label, times in collections.Counter(labels).items():
            self.add(label, times)


def _by_reason(name: str, documentation: str, registry: CollectorRegistry) -> _Labelled:
    return _Labelled(Counter(name, documentation, ["reason"], registry=registry))


class Metrics:
    """The rewriter's counters, in a registry of the process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._mails = Counter(
            "inkling_rewriter_mails",
            "Mails handed in, by what became of them; `passed_unavailable` left unrecorded because the caller asked.",
            ["outcome"],
            registry=registry,
        )
        self._reasons = _by_reason(
            "inkling_rewriter_mail_reasons",
            "Recorded mails, by the reason why they are not followed; `none` where they are.",
            registry,
        )
        self._recipients = _by_reason(
            "inkling_rewriter_recipients",
            "Recipients of recorded mails, by the reason why they are not followed; `none` where they are.",
            registry,
        )
        self._links = _by_reason(
            "inkling_rewriter_links",
            "Links of recorded mails, by the reason why they are not followed; `none` where they are.",
            registry,
        )
        self._files = _by_reason(
            "inkling_rewriter_files",
            "Files of recorded mails, by the reason why they are not followed; `none` where they are.",
            registry,
        )
        self._pictures = _by_reason(
            "inkling_rewriter_pictures",
            "Files of recorded mails that asked for hosting, by the reason why they are not; `none` where they are.",
            registry,
        )
        self._stored = Counter(
            "inkling_rewriter_stored_files",
            "Followed files and hosted pictures newly put into the object store, by kind.",
            ["kind"],
            registry=registry,
        )
        self._stored_bytes = Counter(
            "inkling_rewriter_stored_bytes",
            "Bytes of content newly put into the object store, by kind.",
            ["kind"],
            registry=registry,
        )
        self.store_seconds: Final = Histogram(
            "inkling_rewriter_object_store_seconds",
            "Time until all files of a mail are in the object store, for mails with followed files or hosted pictures.",
            buckets=_STORE_BUCKETS,
            registry=registry,
        )
        self.store_failures: Final = Counter(
            "inkling_rewriter_object_store_failures",
            "Mails and withdrawals given up because the object store did not do what it was asked.",
            registry=registry,
        )
        self.withdrawn: Final = Counter(
            "inkling_rewriter_withdrawn_files",
            "Followed files withdrawn.",
            registry=registry,
        )
        self.publish_seconds: Final = Histogram(
            "inkling_rewriter_publish_seconds",
            "Time from handing records to the publisher to Kafka's acknowledgement of all of them.",
            buckets=_PUBLISH_BUCKETS,
            registry=registry,
        )
        self._settings_put = Counter(
            "inkling_rewriter_settings_put",
            "Settings put and read back, by kind.",
            ["kind"],
            registry=registry,
        )
        self._replies = Counter(
            "inkling_rewriter_replies",
            "Inbound mails, by what they were; many `unmatched` mean that much comes in that answers none of ours.",
            ["outcome"],
            registry=registry,
        )
        self._reply_rules = Counter(
            "inkling_rewriter_reply_rules",
            "Inbound mails, by the rule that told what they were; `none` where none spoke.",
            ["rule"],
            registry=registry,
        )
        self._directory_calls = Counter(
            "inkling_rewriter_directory_calls",
            "Calls of the directory, by what they came to.",
            ["outcome"],
            registry=registry,
        )
        self._directory_seconds = Histogram(
            "inkling_rewriter_directory_seconds",
            "Time of a call of the directory, answered or not.",
            buckets=_PUBLISH_BUCKETS,
            registry=registry,
        )
        self._lookups = Counter(
            "inkling_rewriter_directory_addresses",
            "Addresses looked up in the directory or its cache; `unknown` got no answer and are not followed.",
            ["outcome"],
            registry=registry,
        )
        self._by_outcome = _Labelled(self._mails)
        for called in DirectoryCall:
            self._directory_calls.labels(called)
        for looked in ("found", "unknown"):
            self._lookups.labels(looked)
        for inbound in Outcome:
            self._replies.labels(inbound)
        for outcome in MailOutcome:
            self._mails.labels(outcome)
        for kind in SettingDoor:
            self._settings_put.labels(kind)
        for each in FileKind:
            self._stored.labels(each)
            self._stored_bytes.labels(each)

    def settle(self, outcome: MailOutcome) -> None:
        """Count what became of one mail."""
        self._by_outcome.add(outcome)

    def record(self, tally: Tally) -> None:
        """Count a mail whose records were acknowledged, and what was followed in it."""
        self.settle(MailOutcome.NOT_FOLLOWED if tally.message else MailOutcome.FOLLOWED)
        self._reasons.add(tally.message)
        self._recipients.count(tally.recipients)
        self._links.count(tally.links)
        self._files.count(tally.files)
        self._pictures.count(tally.pictures)

    def judged(self, outcome: Outcome, rule: Automatic | Rule | MatchedBy | None) -> None:
        """Count an inbound mail whose event, if there is one, was acknowledged."""
        self._replies.labels(outcome).inc()
        self._reply_rules.labels(rule or "none").inc()

    def store(self, kind: FileKind, size: int) -> None:
        """Count a file that was put into the object store."""
        self._stored.labels(kind).inc()
        self._stored_bytes.labels(kind).inc(size)

    def put(self, kind: SettingDoor) -> None:
        """Count a setting that was put and read back."""
        self._settings_put.labels(kind).inc()

    def directory_called(self, outcome: DirectoryCall, seconds: float) -> None:
        """Count one call of the directory."""
        self._directory_calls.labels(outcome).inc()
        self._directory_seconds.observe(seconds)

    def looked_up(self, addresses: int, unknown: int) -> None:
        """Count the addresses of one mail that were looked up, and those that nothing could be found out about."""
        self._lookups.labels("found").inc(addresses - unknown)
        self._lookups.labels("unknown").inc(unknown)
