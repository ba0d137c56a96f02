"""What Kafka's own tool says of a consumer group: `kafka-consumer-groups.sh --describe`, as a real process."""

from __future__ import annotations

import subprocess
from typing import NamedTuple

from deploy.local import java
from deploy.local.setup import LIBRARIES, TOOLS
from services.runtime.leases import Lane

_SECONDS = 60.0
_COMMAND = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"


class Standing(NamedTuple):
    """One line of the tool's table; `members` of a group of ours is none."""

    offset: int | None
    end: int
    lag: int | None
    member: str


def consumer_groups(servers: str, *arguments: str) -> str:
    """Run the tool and return what it wrote."""
    jars = [str(jar) for folder in (LIBRARIES, TOOLS) for jar in sorted(folder.glob("*.jar"))]
    options = ["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", ":".join(jars)]
    command = [str(java.find()), *options, _COMMAND, "--bootstrap-server", servers, *arguments]
    finished = subprocess.run(  # noqa: S603 - a command of our own
        command, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def described(servers: str, group: str) -> dict[Lane, Standing]:
    """Return what the tool tells of a group, by lane."""
    found = {}
    for line in consumer_groups(servers, "--describe", "--group", group).splitlines():
        words = line.split()
        if len(words) < 7 or words[0] != group:
            continue
        topic, partition, offset, end, lag, member = words[1:7]
        found[Lane(topic, int(partition))] = Standing(
            _number(offset), int(end), _number(lag), member
        )
    return found


def _number(text: str) -> int | None:
    return None if text == "-" else int(text)
