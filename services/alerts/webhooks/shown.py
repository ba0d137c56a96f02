"""How endpoints and deliveries look at the doors. Pure; a secret is shown by whoever made it, never from here."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from schemas import instant
from schemas.instant import Instant
from services.alerts.webhooks.kinds import MEANING, Result, State


class Columns(Protocol):
    """A row, by the names of its columns."""

    def __getitem__(self, key: str) -> Any: ...


def endpoint(row: Columns, secrets: Sequence[Columns]) -> dict[str, Any]:
    """Lay out an endpoint."""
    disabled = None
    if not row["enabled"]:
        disabled = {"reason": row["disabled_reason"], "at": _time(row["disabled_at"])}
    return {
        "id": str(row["id"]),
        "url": row["url"],
        "types": list(row["types"]),
        "names": row["names"],
        "description": row["description"],
        "enabled": row["enabled"],
        "disabled": disabled,
        "failing_since": _time(row["failing_since"]),
        "secrets": [
            {"created_at": _time(one["created_at"]), "signs_until": _time(one["signs_until"])}
            for one in secrets
        ],
        "created_at": _time(row["created_at"]),
        "updated_at": _time(row["updated_at"]),
    }


def delivery(row: Columns, now: int) -> dict[str, Any]:
    """Lay out a delivery as it stands."""
    waits = row["state"] == State.PENDING and row["lease_until"] <= now
    return {
        "id": str(row["id"]),
        "type": row["type"],
        "fact_id": None if row["fact_id"] is None else str(row["fact_id"]),
        "message_id": None if row["message_id"] is None else str(row["message_id"]),
        "state": row["state"],
        "dead_reason": row["dead_reason"],
        "attempts": row["calls"],
        "created_at": _time(row["created_at"]),
        "next_attempt_at": _time(row["due_at"]) if waits else None,
        "delivered_at": _time(row["delivered_at"]),
        "last_attempt": _last_attempt(row),
    }


def _last_attempt(row: Columns) -> Mapping[str, Any] | None:
    if row["result"] is None:
        return None
    result = Result(row["result"])
    return {
        "at": _time(row["called_at"]),
        "result": result,
        "detail": MEANING[result],
        "status": row["status"],
        "duration_ms": row["duration_ms"],
    }


def _time(moment: int | None) -> str | None:
    return None if moment is None else instant.text(Instant(moment))
