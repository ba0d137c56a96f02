"""Webhooks against a receiver in another language: Node, with the npm package `standardwebhooks`."""

import asyncio
import json
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from schemas import identity
from schemas.identity import MessageId, RecipientRef, Tenant
from schemas.instant import Instant
from services.alerts.webhooks import body, sign
from services.alerts.webhooks.body import Known, Told
from services.alerts.webhooks.egress import Egress, open_egress
from services.alerts.webhooks.kinds import Kind, Result, delivery_id

PACKAGE = "standardwebhooks@1.1.1"
FOLDER = Path(__file__).parents[2] / ".run" / "interop" / "webhooks"
RECEIVER = Path(__file__).with_name("receiver.mjs")
MISSING = (
    "Node.js with npm is missing. Debian: apt install nodejs npm; macOS: brew install node;"
    " Fedora: dnf install nodejs"
)
SECONDS = 30.0
NEW, OLD, STRANGE = (sign.secret(secrets.token_bytes(sign.SECRET_BYTES)) for _ in range(3))
SECRETS = {"/new": NEW, "/old": OLD, "/strange": STRANGE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One call, and whether the receiver must believe it."""

    name: str
    path: str
    sent: bytes
    headers: Mapping[str, str]
    believed: bool


def install() -> None:
    """Put the package where it is looked for, unless it is there."""
    if (FOLDER / "node_modules" / "standardwebhooks").exists():
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    command = ["npm", "install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts"]
    subprocess.run([*command, "--prefix", str(FOLDER), PACKAGE], check=True, timeout=300)  # noqa: S603 - ours


def told(kind: Kind) -> tuple[UUID, bytes]:
    """Make a body with names in several scripts, as the service does, and its id."""
    tenant, ref = Tenant("demo"), RecipientRef("00112233aabbccdd")
    message = MessageId(uuid4())
    fact = identity.fact_id(f"{kind}.v1", tenant, message, ref, 1)
    one = Told(
        fact_id=fact,
        tenant=tenant,
        type=kind,
        message_id=message,
        ref=ref,
        ordinal=1,
        occurred_at=Instant(time.time_ns() // 1000),
    )
    person = {"id": "c-17", "name": "Jürgen 李 🦑", "address": "li@customer.example"}
    known = Known(
        owner="ana", recipient=person, subject='Ein "Angebot"\u2028\n', attachment="Ä.pdf"
    )
    return delivery_id(fact, uuid4()), body.written(one, known, names=True)


def cases() -> list[Case]:
    """Say what is sent: every type signed well, and what a receiver must not believe."""
    now = time.time_ns() // 1000
    minute = 60_000_000
    found = []
    for kind in Kind:
        name, written = told(kind)
        headers = sign.headers(name, now, written, [NEW])
        found.append(Case(name=kind, path="/new", sent=written, headers=headers, believed=True))
    identifier, sent = told(Kind.FIRST_OPENED)
    rotating = sign.headers(identifier, now, sent, [NEW, OLD])
    found += [
        Case(
            name=f"{path[1:]} secret in rotation",
            path=path,
            sent=sent,
            headers=rotating,
            believed=path != "/strange",
        )
        for path in SECRETS
    ]
    bad = {
        "altered body": (sent.replace(b"demo", b"dema"), rotating),
        "another id": (sent, rotating | {"webhook-id": str(uuid4())}),
        "six minutes old": (sent, sign.headers(identifier, now - 6 * minute, sent, [NEW])),
        "no signature": (sent, rotating | {"webhook-signature": ""}),
    }
    found += [
        Case(name=name, path="/new", sent=altered, headers=headers, believed=False)
        for name, (altered, headers) in bad.items()
    ]
    return found


@asynccontextmanager
async def receiver() -> AsyncIterator[tuple[int, asyncio.StreamReader]]:
    """Run the receiver; gives its port and what it says of each call."""
    process = await asyncio.create_subprocess_exec(
        "node",
        str(RECEIVER),
        str(FOLDER),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the receiver has no pipes")
        process.stdin.write(json.dumps(SECRETS).encode() + b"\n")
        yield (await _said(process.stdout))["port"], process.stdout
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _said(output: asyncio.StreamReader) -> Any:
    async with asyncio.timeout(SECONDS):
        line = await output.readline()
    if not line:
        raise RuntimeError("the receiver ended")
    return json.loads(line)


async def _tried(egress: Egress, port: int, output: asyncio.StreamReader, case: Case) -> bool:
    reply = await egress.post(f"http://127.0.0.1:{port}{case.path}", case.headers, case.sent)
    said = await _said(output)
    if not case.believed:
        return reply.status == 400 and "refused" in said
    same = said.get("data") == json.loads(case.sent)["data"]
    return reply.result is Result.DELIVERED and same and said["id"] == case.headers["webhook-id"]


async def _run() -> int:
    wrong = 0
    async with receiver() as (port, output), open_egress(loopback=True) as egress:
        for case in cases():
            right = await _tried(egress, port, output, case)
            wrong += not right
            verdict = "believed" if case.believed else "refused"
            sys.stdout.write(f"  {case.name:<36} {verdict if right else 'WRONG'}\n")
    return wrong


def main() -> int:
    """Install the verifier, send it what we send, and say what it believes; 0 when all is as it should be."""
    if not (shutil.which("node") and shutil.which("npm")):
        sys.stderr.write(f"{MISSING}\n")
        return 1
    install()
    sys.stdout.write(f"webhooks against {PACKAGE} on Node\n")
    return 1 if asyncio.run(_run()) else 0


if __name__ == "__main__":
    sys.exit(main())
