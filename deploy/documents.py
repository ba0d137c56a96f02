"""Writes the generated documents: `python -m deploy.documents` (or `make docs`). A test holds them fresh."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from deploy.families import PROCESS, families
from schemas import envelope, topics
from schemas.events import TYPES
from services.runtime import problem
from services.runtime.config import SERVICES, Entry, OwnerConfig, document

FOLDER: Final = Path(__file__).parents[1] / "docs"
WITH_DATABASE: Final = ("projector", "alerts")


def events() -> str:
    """Write the catalogue of events, from the schemas."""
    lines = [
        "# Events",
        "",
        "Generated from `schemas/json/`; do not edit. CloudEvents 1.0 in Kafka's binary mode:",
        "attributes in `ce_*` headers, the members below as JSON in the value. Golden examples of each",
        "lie in `schemas/examples/`. Readers ignore members they do not know; a type grows only by",
        "optional ones.",
        "",
        *_table(("header", "holds"), _HEADERS),
    ]
    for topic in topics.ALL:
        lines += ["", f"## {topic.name}", "", _topic(topic)]
        for name in TYPES:
            if _topic_of(name) == topic.name:
                lines += ["", *_event(name)]
    return "\n".join(lines) + "\n"


_HEADERS: Final = (
    ("`ce_specversion`", "`1.0`"),
    ("`ce_id`", "the event id; equal for every retry, replay and spool of one event"),
    ("`ce_type`", "one of the types below"),
    ("`ce_source`", "who recorded it, such as `/tracker/edge-1`"),
    ("`ce_tenant`", "whose it is"),
    (
        "`ce_time`",
        "when it happened, by the clock of whoever received it; RFC 3339, UTC, microseconds",
    ),
    (
        "`ce_recordedtime`",
        "when it was produced, the last time; later than `ce_time` after a replay",
    ),
    ("`content-type`", "`application/json`"),
    ("`traceparent`", "W3C trace context, where one came in"),
)


def _topic(topic: topics.Topic) -> str:
    spread = "spread over partitions by key" if topic.spread else "one partition"
    kept = "compacted" if topic.settings["cleanup.policy"] == "compact" else "kept for ever"
    return f"{spread[0].upper()}{spread[1:]}; {kept}."


def _topic_of(name: str) -> str:
    kind: Any = TYPES[name]
    # The topic follows from the class alone, so an instance without members is enough to ask.
    return topics.of(kind.__new__(kind)).name


def _event(name: str) -> Iterator[str]:
    schema = envelope.closed_schema(name)
    yield f"### {name}"
    yield ""
    yield str(schema["description"])
    yield ""
    required = set(schema["required"])
    yield from _table(
        ("member", "", "is", ""),
        (
            (
                f"`{member}`",
                "required" if member in required else "optional",
                _kind(part),
                str(part.get("description", "")),
            )
            for member, part in schema["properties"].items()
        ),
    )


def _kind(part: Mapping[str, Any]) -> str:
    if "enum" in part:
        return " or ".join(f"`{value}`" for value in part["enum"])
    if part["type"] == "array":
        return (
            f"list of {_kind(part['items'])}, at most {part['maxItems']}"
            if "maxItems" in part
            else "list"
        )
    if part["type"] == "object":
        inside = ", ".join(part.get("properties", {}))
        return f"object ({inside})" if inside else "object of texts"
    if "pattern" in part:
        return f"text `{part['pattern']}`".replace("|", "\\|")
    return {"string": f"text, at most {part.get('maxLength')} characters"}.get(
        part["type"], str(part["type"])
    )


def configuration() -> str:
    """Write what each service reads from its environment."""
    lines = [
        "# Configuration",
        "",
        "Generated from each service's `config.py`; do not edit. Environment only. A wrong or unknown",
        "`INKLING_*` name refuses to boot and lists every problem at once. A secret may also come from a",
        "file: the same name with `_FILE`.",
    ]
    for service in SERVICES:
        lines += ["", f"## {service}", "", *_settings(document(_config(service), service))]
        if service in WITH_DATABASE:
            lines += ["", f"Only `python -m services.{service} migrate` also reads:", ""]
            lines += _settings(document(OwnerConfig, service))
    return "\n".join(lines) + "\n"


def _config(service: str) -> type[Any]:
    found: type[Any] = import_module(f"services.{service}.config").Config
    return found


def _settings(entries: Iterable[Entry]) -> list[str]:
    return _table(
        ("name", "type", "default", "meaning"),
        ((f"`{each.name}`", each.kind, _default(each), _meaning(each)) for each in entries),
    )


def _default(entry: Entry) -> str:
    return (
        "required" if entry.default is None else f"`{entry.default}`" if entry.default else "empty"
    )


def _meaning(entry: Entry) -> str:
    return f"{entry.meaning} (secret)" if entry.secret else entry.meaning


def metrics() -> str:
    """Write the metrics of every service, from the objects that make them."""
    lines = [
        "# Metrics",
        "",
        "Generated from the services' metric objects; do not edit. Each process serves its own at `/metrics` of its",
        "private port. Labels come from closed lists, route templates, topics and partitions; no address, message,",
        "tenant or URL is ever one. On Linux each has prometheus_client's figures of the process as well:",
        f"{', '.join(f'`{name}`' for name in PROCESS)}, after `inkling_<service>_`.",
        "",
        "What Prometheus makes of them: [rules](../deploy/prometheus/rules/); what to do: [runbook.md](runbook.md).",
    ]
    for service in SERVICES:
        rows = (
            (f"`{one.name}`", one.kind, ", ".join(f"`{name}`" for name in one.labels), one.meaning)
            for one in families(service)
        )
        lines += ["", f"## {service}", "", *_table(("name", "type", "labels", "meaning"), rows)]
    return "\n".join(lines) + "\n"


def problems() -> str:
    """Write the catalogue of problems that the doors answer with."""
    return "\n".join(
        [
            "# Problems",
            "",
            "Generated from `services/runtime/problem.py`; do not edit. Every error of an HTTP door is",
            "`application/problem+json` (RFC 9457): `type`, `title`, `status`, `detail`, `instance`, and",
            "where a field or parameter is at fault `field` and `errors`.",
            "",
            *_table(
                ("type", "status", "title", "what to do"),
                (
                    (
                        f"`urn:inkling:problem:{slug}`",
                        str(int(kind.status)),
                        kind.title,
                        kind.meaning,
                    )
                    for slug, kind in problem.CATALOGUE.items()
                ),
            ),
            "",
        ]
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(each)} |" for each in (head, ["---"] * len(head), *rows)]


DOCUMENTS: Final[Mapping[str, Callable[[], str]]] = {
    "configuration.md": configuration,
    "events.md": events,
    "metrics.md": metrics,
    "problems.md": problems,
}


def main() -> int:
    """Write every generated document."""
    for name, write in DOCUMENTS.items():
        (FOLDER / name).write_text(write(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
