"""What `.run/stack.json` says of a running stack, and what its person is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deploy.local.ports import SERVICES
from deploy.local.postgres import SUPERUSER
from deploy.local.stack import OWNER, TENANT, Stack

_TOKEN_SECONDS = 30 * 24 * 3600
_PEOPLE = {
    "sender": ("crm", ["sender"]),
    "seller": (OWNER, ["seller"]),
    "manager": ("mia", ["manager"]),
    "admin": ("root", ["admin"]),
}


def describe(stack: Stack) -> dict[str, Any]:
    """The content of `.run/stack.json`, as DOORS gives it; doors that do not exist yet are left out."""
    return {
        "tenant": TENANT,
        **{service: stack.url(service) for service in SERVICES},
        "kafka": stack.kafka,
        "postgres": stack.postgres.url(SUPERUSER),
        "metrics": {
            service: [f"{url}/metrics" for url in stack.private_urls(service)]
            for service in SERVICES
        },
        "tokens": {
            name: stack.token(subject=subject, roles=roles, seconds=_TOKEN_SECONDS)
            for name, (subject, roles) in _PEOPLE.items()
        },
        "owner": OWNER,
        "pids": stack.pids(),
    }


def where_to_look_next(described: Mapping[str, Any]) -> str:
    """Every door of a running stack, a call to try, and how to stop."""
    doors = {
        "followed emails, timelines, templates": f"{described['projector']}/v1/messages",
        "hand a mail in": f"{described['rewriter']}/v1/mail",
        "alerts, and their live stream": f"{described['alerts']}/v1/alerts/stream",
        "pixel and click": f"{described['tracker']}/o/… and /c/…",
        **{
            f"metrics of the {name}": ", ".join(urls) for name, urls in described["metrics"].items()
        },
        "Kafka": described["kafka"],
        "PostgreSQL": described["postgres"].rpartition("@")[2],
    }
    return "\n".join(
        [
            "Where to look next (each service describes itself at /openapi.json):",
            *(f"  {what:<38} {where}" for what, where in doors.items()),
            "  addresses, passwords, tokens           .run/stack.json",
            "  logs                                   .run/logs/",
            "",
            "Try it, as the seller:",
            f"  curl -H 'Authorization: Bearer {described['tokens']['seller']}' \\",
            f"       '{described['projector']}/v1/messages?sort=-last_opened_at'",
            "",
            "Ctrl-C stops everything; the data stays in .run/.",
        ]
    )
