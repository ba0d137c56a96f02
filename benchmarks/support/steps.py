"""What each step of following a mail costs, by itself and in this process: the quickest of many turns."""

import os
import time
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from prometheus_client import CollectorRegistry

from schemas import envelope, identity
from schemas.identity import MessageId
from schemas.instant import Instant
from services.rewriter import answer, html, instrument, links, mail, records
from services.rewriter.copies import renditions
from services.rewriter.metrics import Metrics, Tally
from services.rewriter.tracking import Tracking
from services.rewriter.web import openapi
from services.runtime.web import Validator, parse
from tests.rewriter.given import KEYS, TERMS

TURNS = 150
Step = Callable[[], object]


def microseconds(body: Mapping[str, Any]) -> dict[str, float]:
    """Take each step with one mail, in turns so that a noisy moment hits all alike, and return the least of each."""
    steps = _steps(orjson.dumps(body))
    least = dict.fromkeys(steps, float("inf"))
    for _ in range(TURNS):
        for name, step in steps.items():
            begun = time.perf_counter_ns()
            step()
            least[name] = min(least[name], (time.perf_counter_ns() - begun) / 1000)
    return least


def record_sizes(body: Mapping[str, Any]) -> list[int]:
    """Return how many bytes the two records of a mail have."""
    handed_in = mail.read(body)
    now = Instant(time.time_ns() // 1000)
    message = MessageId(identity.uuid7(now, os.urandom(identity.ENTROPY_BYTES)))
    prepared = instrument.prepare(handed_in, message, TERMS, KEYS, lambda _: False)
    return [len(one.value) for one in records.encode(prepared, now, None)]


def _steps(body: bytes) -> dict[str, Step]:
    validator, metrics = Validator(openapi(), "Mail"), Metrics(CollectorRegistry())
    handed_in = mail.read(parse(body, validator))
    now = Instant(time.time_ns() // 1000)
    message = MessageId(identity.uuid7(now, os.urandom(identity.ENTROPY_BYTES)))
    prepared = instrument.prepare(handed_in, message, TERMS, KEYS, lambda _: False)
    copies = list(renditions(prepared))
    events = (records.personal(prepared), records.happened(prepared))

    def mint() -> None:
        for ref in prepared.refs:
            Tracking(KEYS, TERMS, message, (ref,)).links(prepared.followed_links)

    def check() -> None:
        for event in events:
            envelope.check(event)

    return {
        "read JSON, check its schema": lambda: parse(body, validator),
        "read the mail": lambda: mail.read(parse(body, validator)),
        "scan the HTML": lambda: html.scan(handed_in.html or ""),
        "decide of the links": lambda: links.decide(
            prepared.scans[0].links, own_urls=TERMS.own_urls, make=prepared.first.link
        ),
        "mint the links' tokens": mint,
        "splice the copies": lambda: list(renditions(prepared)),
        "build the two events": lambda: (records.personal(prepared), records.happened(prepared)),
        "check them": check,
        "all of the records": lambda: records.encode(prepared, now, None),
        "write the answer": lambda: orjson.dumps(answer.write(prepared, copies)),
        "count": lambda: metrics.record(Tally.of(prepared)),
    }
