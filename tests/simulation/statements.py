"""What the statements of the consumer do, in Python; held to the real ones by tests/contracts/test_checkpoint_table.py.

A statement is a generator: it yields the key of each row that it has to lock, in the order in which PostgreSQL would
wait for them, then reads what is committed by then. Like `services/runtime/checkpoint.sql`, one after the other.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import asyncpg

from services.runtime import checkpoint, quarantine
from tests.simulation.database import Key, Result, Row, Statement, Steps, Transaction
from tests.simulation.fold import COUNT

_LEASE_SECONDS: Final = 10.0
_WORKER_SECONDS: Final = 10.0
_GREATEST_SMALLINT: Final = 32_767


def _reset(transaction: Transaction, arguments: Sequence[Any]) -> Steps:
    """What asyncpg's pool does with a connection that comes back."""
    yield from ()
    return Result()


def _see_worker(transaction: Transaction, arguments: Sequence[Any]) -> Steps:
    key = ("worker", arguments[0])
    yield key
    transaction.put(key, {"id": arguments[0], "seen_at": transaction.database.now()})
    return Result(touched=1)


def _forget_worker(transaction: Transaction, arguments: Sequence[Any]) -> Steps:
    worker, consumer = arguments
    old = transaction.database.now() - 86_400.0
    gone = 0
    for key, row in transaction.scan("worker"):
        mine = row["id"].startswith(f"{consumer}/") and row["seen_at"] < old
        if row["id"] == worker or mine:
            yield key
            transaction.put(key, None)
            gone += 1
    return Result(touched=gone)


def _workers(transaction: Transaction, arguments: Sequence[Any]) -> Steps:
    yield from ()
    since = transaction.database.now() - _WORKER_SECONDS
    alive = [
        {"id": row["id"]}
        for _, row in transaction.scan("worker")
        if row["id"].startswith(f"{arguments[0]}/") and row["seen_at"] > since
    ]
    return Result(alive, len(alive))


def _add(transaction: Transaction, arguments: Sequence[Any]) -> Steps:
    consumer, topics, partitions = arguments
    for topic, partition in zip(topics, partitions, strict=True):
        key = ("checkpoint", consumer, topic, partition)
        if transaction.get(key) is not None:
            continue
        yield key
        if transaction.get(key) is None:
            fresh = dict.fromkeys(
                ("owner", "lease_until", "next_offset", "anchor", "halted", "topic_id")
            )
            fresh |= {"topic": topic, "partition": partition, "epoch": 0, "read_to": None}
            transaction.put(key, fresh)
    return Result()


def _owners(transaction: Transaction, arguments: Sequence[Any]) -> Steps:
    yield from ()
    now = transaction.database.now()
    rows = [
        {
            "topic": row["topic"],
            "partition": row["partition"],
            "owner": row["owner"] if (row["lease_until"] or 0.0) > now else None,
        }
        for key, row in transaction.scan("checkpoint")
        if key[1] == arguments[0]
    ]
    return Result(rows, len(rows))


def _claim(transaction: Transaction, arguments: Sequence[Any]) -> Steps:
    consumer, worker, topics, partitions = arguments
    yield from ()
    now = transaction.database.now()
    taken = []
    for key in _keys(consumer, topics, partitions):
        row = transaction.get(key)
        if row is None or not _is_free(row, worker, now) or not transaction.lock(key):
            continue
        lease = {"owner": worker, "lease_until": now + _LEASE_SECONDS}
        taken.append({**row, **lease, "epoch": row["epoch"] + 1})
        transaction.put(key, taken[-1])
        transaction.notes.append(("claimed", (key, row["epoch"] + 1)))
    return Result(taken, len(taken))


def _is_free(row: Row, worker: str, now: float) -> bool:
    lapsed = row["lease_until"] is None or row["lease_until"] < now
    return row["owner"] is None or row["owner"] == worker or lapsed


def _begin(transaction: Transaction, arguments: Sequence[Any]) -> Steps:
    consumer, topic, partition, epoch, offset = arguments
    key = ("checkpoint", consumer, topic, partition)
    row = yield from _held(transaction, key, epoch)
    if row is None or row["next_offset"] is not None:
        return Result()
    transaction.put(key, {**row, "next_offset": offset})
    return Result(touched=1)


def _recognise(transaction: Transaction, arguments: Sequence[Any]) -> Steps:
    consumer, topic, partition, epoch, topic_id = arguments
    key = ("checkpoint", consumer, topic, partition)
    row = yield from _held(transaction, key, epoch)
    if row is None:
        return Result()
    transaction.put(key, {**row, "topic_id": topic_id})
    return Result(touched=1)


def _renew(transaction: Transaction, arguments: Sequence[Any]) -> Steps:
    consumer, topics, partitions, epochs, current, age, worker = arguments
    now = transaction.database.now
    kept = []
    for key, epoch, at_end in zip(
        _keys(consumer, topics, partitions), epochs, current, strict=True
    ):
        row = yield from _held(transaction, key, epoch)
        if row is None or row["owner"] != worker:
            continue
        read_to = max(row["read_to"] or 0.0, now() - age) if at_end else row["read_to"]
        kept.append({**row, "lease_until": now() + _LEASE_SECONDS, "read_to": read_to})
        transaction.put(key, kept[-1])
    return Result(kept, len(kept))


def _release(transaction: Transaction, arguments: Sequence[Any]) -> Steps:
    consumer, topics, partitions, epochs = arguments
    given = 0
    for key, epoch in zip(_keys(consumer, topics, partitions), epochs, strict=True):
        row = yield from _held(transaction, key, epoch)
        if row is not None:
            transaction.put(key, {**row, "owner": None, "lease_until": None})
            given += 1
    return Result(touched=given)


def _lock(transaction: Transaction, arguments: Sequence[Any]) -> Steps:
    consumer, topics, partitions = arguments
    rows = []
    for key in sorted(_keys(consumer, topics, partitions)):
        if transaction.get(key) is not None:
            yield key
            row = transaction.get(key)
            assert row is not None
            rows.append(row)
    return Result(rows, len(rows))


def _advance(transaction: Transaction, arguments: Sequence[Any]) -> Steps:
    consumer, topics, partitions, epochs, offsets, anchors, produced = arguments
    now = transaction.database.now
    moved = 0
    keys = _keys(consumer, topics, partitions)
    for key, epoch, offset, anchor, milliseconds in zip(
        keys, epochs, offsets, anchors, produced, strict=True
    ):
        row = yield from _held(transaction, key, epoch)
        if row is None:
            continue
        step = {
            "next_offset": offset,
            "anchor": anchor,
            "lease_until": now() + _LEASE_SECONDS,
            "read_to": max(row["read_to"] or 0.0, min(now(), milliseconds / 1000)),
        }
        transaction.put(key, {**row, **step})
        transaction.notes.append(("advanced", (key, epoch, row["next_offset"], offset)))
        moved += 1
    return Result(touched=moved)


def _halt(transaction: Transaction, arguments: Sequence[Any]) -> Steps:
    consumer, topic, partition, epoch, reason, _detail = arguments
    key = ("checkpoint", consumer, topic, partition)
    row = yield from _held(transaction, key, epoch)
    if row is None:
        return Result()
    transaction.put(key, {**row, "halted": reason})
    transaction.notes.append(("halted", (key, reason)))
    return Result(touched=1)


def _held(transaction: Transaction, key: Key, epoch: int) -> "Any":
    """Lock a checkpoint of that epoch; PostgreSQL looks again once it has the lock."""
    row = transaction.get(key)
    if row is None or row["epoch"] != epoch:
        return None
    yield key
    row = transaction.get(key)
    return row if row is not None and row["epoch"] == epoch else None


def _keys(consumer: str, topics: Sequence[str], partitions: Sequence[int]) -> list[Key]:
    return [
        ("checkpoint", consumer, topic, partition)
        for topic, partition in zip(topics, partitions, strict=True)
    ]


def _end_stuck(transaction: Transaction, arguments: Sequence[Any]) -> Steps:
    """Nothing is ever copied here, so that no session waits for the rest."""
    yield from ()
    return Result()


def _set_aside(transaction: Transaction, arguments: Sequence[Any]) -> Steps:
    for topic, partition, offset, reason, *_ in zip(*arguments, strict=True):
        key = ("quarantine", topic, partition, offset)
        yield key
        if transaction.get(key) is None:
            transaction.put(key, {"reason": reason})
    return Result()


def _count(transaction: Transaction, arguments: Sequence[Any]) -> Steps:
    """The simulation's fold: `tests.simulation.fold.COUNT`."""
    ids, keys, smalls = arguments
    refuse(smalls)
    fresh: dict[str, int] = {}
    for one, key in sorted(zip(ids, keys, strict=True)):
        yield ("seen", one)
        if transaction.get(("seen", one)) is None:
            transaction.put(("seen", one), {"key": key})
            fresh[key] = fresh.get(key, 0) + 1
    for key, more in sorted(fresh.items()):
        yield ("tally", key)
        before = transaction.get(("tally", key))
        transaction.put(("tally", key), {"ids": more + (before["ids"] if before else 0)})
        if before is None:
            number = ("outbox", len(transaction.scan("outbox")), key, id(transaction))
            transaction.put(number, {"key": key})
    return Result(touched=len(fresh))


def refuse(smalls: Sequence[str]) -> None:
    """Refuse what no small integer holds."""
    if any(int(small) > _GREATEST_SMALLINT for small in smalls):
        raise asyncpg.NumericValueOutOfRangeError("value is out of range for type smallint")


CHECKPOINT: Final[Mapping[str, Statement]] = {
    "see_worker": _see_worker,
    "forget_worker": _forget_worker,
    "workers": _workers,
    "add": _add,
    "owners": _owners,
    "claim": _claim,
    "begin": _begin,
    "recognise": _recognise,
    "renew": _renew,
    "release": _release,
    "lock": _lock,
    "advance": _advance,
    "halt": _halt,
    "end_stuck": _end_stuck,
}


def statements(changed: Mapping[str, Statement] | None = None) -> dict[str, Statement]:
    """Return all of them by their text; `changed` replaces some by name."""
    named: dict[str, Statement] = {**CHECKPOINT, "set_aside": _set_aside, "count": _count}
    named |= changed or {}
    texts = dict(checkpoint._SQL.statements)
    texts["set_aside"] = quarantine._SQL["set_aside"]
    texts["count"] = COUNT
    return {"RESET": _reset} | {texts[name]: work for name, work in named.items()}
