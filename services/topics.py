"""Creates or verifies the four topics: ``python -m services.topics create|verify``.

``create`` makes what is missing and then verifies; ``verify`` changes nothing. Either exits 1 and lists every
difference, because a topic of the wrong shape breaks the key's promise (one message, one partition) without a sound.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping, Sequence

from schemas import topics
from services.runtime.errors import Fatal, Transient
from services.runtime.kafka_admin import Admin
from services.runtime.records import TopicSpec

SECONDS = 20.0
_ASK_AGAIN_SECONDS = 0.1


def wanted(partitions: int, replication: int) -> list[TopicSpec]:
    """List the topics as they should be; an acknowledgement needs all replicas but one."""
    safety = {"min.insync.replicas": str(max(1, replication - 1))}
    return [
        TopicSpec(
            name=topic.name,
            partitions=topic.partitions(partitions),
            replication=replication,
            config={**topic.settings, **safety},
        )
        for topic in topics.ALL
    ]


def differences(wanted_topics: Sequence[TopicSpec], found: Mapping[str, TopicSpec]) -> list[str]:
    """Say in a sentence each what of the topics is not as it should be.

    More replicas than asked for are fine; any other number of partitions is not.
    """
    said = []
    for want in wanted_topics:
        have = found.get(want.name)
        if have is None:
            said.append(f"{want.name}: does not exist")
            continue
        if have.partitions != want.partitions:
            said.append(f"{want.name}: {have.partitions} partitions, wanted {want.partitions}")
        if have.replication < want.replication:
            said.append(f"{want.name}: {have.replication} replicas, wanted {want.replication}")
        for name, value in want.config.items():
            if have.config.get(name) != value:
                said.append(f"{want.name}: {name} is {have.config.get(name)}, wanted {value}")
    return said


async def ensure(servers: str, specs: Sequence[TopicSpec], *, create: bool) -> list[str]:
    """Create what is missing if told to, and return what is still not as it should be."""
    names = [each.name for each in specs]
    admin = Admin(servers, "inkling-topics")
    try:
        await admin.start(SECONDS)
        if create:
            await admin.create(specs, SECONDS)
            await _known(admin, names)
        return differences(specs, await admin.describe(names, SECONDS))
    finally:
        await admin.close(SECONDS)


async def _known(admin: Admin, names: Sequence[str]) -> None:
    """Wait until the broker shows what it has created, which it may do a little later."""
    async with asyncio.timeout(SECONDS):
        while len(await admin.describe(names, SECONDS)) < len(names):  # noqa: ASYNC110 it tells nobody
            await asyncio.sleep(_ASK_AGAIN_SECONDS)


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m services.topics", description=__doc__)
    parser.add_argument("verb", choices=["create", "verify"])
    parser.add_argument("--partitions", type=int, default=topics.DEFAULT_PARTITIONS)
    parser.add_argument("--replication", type=int, default=1)
    chosen = parser.parse_args(arguments)
    servers = environ.get("INKLING_KAFKA_SERVERS")
    if not servers:
        sys.stderr.write("topics: INKLING_KAFKA_SERVERS is required\n")
        return 2
    specs = wanted(chosen.partitions, chosen.replication)
    try:
        problems = asyncio.run(ensure(servers, specs, create=chosen.verb == "create"))
    except (Transient, Fatal, TimeoutError) as error:
        problems = [str(error) or "kafka does not show the topics it has created"]
    for problem in problems:
        sys.stderr.write(f"topics: {problem}\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
