"""The query API under schemathesis, led by our own OpenAPI document: two tenants, two sellers each, two callers."""

import asyncio
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote
from urllib.request import Request, urlopen

import orjson

from deploy.local import setup
from deploy.local.stack import Stack
from deploy.local.unprivileged import CHECKOUT
from services.projector.app import PACKAGES, SCHEMA
from services.projector.query.web import OPENAPI
from services.runtime import migrations
from services.runtime.postgres import Pool
from tests.interop._say import say
from tests.projector.query.given import Hand
from tests.projector.query.marked import ANA, BOB, ZED, Caller, Life, live
from tests.support.stack import a_stack

FOLDER: Final = CHECKOUT / ".run" / "interop" / "queries"
LOCK: Final = "requirements-schemathesis.lock"
SECONDS: Final = int(os.environ.get("INTEROP_SECONDS", "120"))
CHECKS: Final = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance", "negative_data_rejection", "positive_data_acceptance", "unsupported_method",
    "allow_header_conformance", "ignored_auth", "nothing_foreign",
)  # fmt: skip
YVE: Final = Life("other", "zqyve", 645_918_273, "c")
LIVES: Final = (ANA, BOB, ZED, YVE)
CALLERS: Final = (
    Caller({"tenant": "demo", "subject": ANA.mark, "roles": ("seller",)}, ANA, (BOB, ZED, YVE)),
    Caller({"tenant": "demo", "subject": "mia", "roles": ("manager",)}, ANA, (ZED, YVE)),
)
TEMPLATES: Final = {
    tenant: (f"{tenant}-template", f"{tenant}-zero") for tenant in ("demo", "other")
}
"""The templates of a tenant are everybody's in it."""
NOBODYS: Final = frozenset({"GET /openapi.json"})
_GRACE_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What came of one caller's requests: schemathesis' own report, and a line for each answer."""

    caller: str
    seconds: float
    status: int
    said: str
    report: Mapping[str, Any]
    told: Sequence[Mapping[str, Any]]

    def wrong(self) -> list[str]:
        """Say what went wrong: what it found, what it could not do, and what it never reached."""
        found = [
            f"{one['title']}: {', '.join(one['operations'])} ({one['count']} times)"
            for one in self.report.get("failures", ())
        ]
        found += [f"{one['title']} ({one['count']} times)" for one in self.report.get("errors", ())]
        given_away = {(one["operation"], what) for one in self.told for what in one["foreign"]}
        found += [f"{operation} told {what}" for operation, what in sorted(given_away)]
        own = {one["operation"] for one in self.told if one["own"]}
        found += [
            f"{one} never told the caller's own" for one in sorted(operations() - NOBODYS - own)
        ]
        if self.status != 0 and not found:
            found.append(f"schemathesis ended with {self.status}")
        return [f"{self.caller}: {one}" for one in found]

    def table(self) -> list[str]:
        """Write a line for each operation."""
        failures: Counter[str] = Counter()
        for one in self.report.get("failures", ()):
            failures.update(one["operations"])  # kinds of failures: it counts over operations only
        lines = [f"{'as ' + self.caller:<38} requests   own  failures  statuses"]
        for operation in sorted(operations() | {one["operation"] for one in self.told}):
            met = Counter(one["status"] for one in self.told if one["operation"] == operation)
            own = sum(one["own"] for one in self.told if one["operation"] == operation)
            statuses = ", ".join(f"{status}: {number}" for status, number in sorted(met.items()))
            lines.append(
                f"{operation:<38} {met.total():>8} {own:>5}  {failures[operation]:>8}  {statuses}"
            )
        lines.append(
            f"{'together':<38} {len(self.told):>8}        {failures.total():>8}  in {self.seconds:.0f} s"
        )
        return lines


def operations() -> set[str]:
    """Name the document's operations as schemathesis does."""
    paths = orjson.loads(OPENAPI)["paths"]
    return {f"{method.upper()} {path}" for path, item in paths.items() for method in item}


def hinted(document: Any, hints: Mapping[str, Sequence[str]]) -> Any:
    """Tell of each parameter some values that there are: a random id is nobody's, and shows nothing.

    The document allows the same as before, since each hint is a value of the parameter's schema.
    """
    parameters = {
        name: {**one, "schema": _hinted(one["schema"], hints.get(name, ()))}
        for name, one in document["components"]["parameters"].items()
    }
    return {**document, "components": {**document["components"], "parameters": parameters}}


def _hinted(schema: Mapping[str, Any], values: Sequence[str]) -> Mapping[str, Any]:
    if not values:
        return schema
    if schema.get("type") == "array":
        return {**schema, "items": _hinted(schema["items"], values)}
    return {"anyOf": [{"enum": list(dict.fromkeys(values))}, schema]}


def hints(cursors: Sequence[str]) -> dict[str, list[str]]:
    """Say what the four sellers' lives have, by the document's name of the parameter."""
    texts = [text for life in LIVES for text in life.texts]
    names = [name for life in LIVES for name in (life.ref, f"{life.mark}-person")]
    templates = [name for names in TEMPLATES.values() for name in names]
    return {
        "MessageId": [str(one) for life in LIVES for one in life.messages],
        "TemplateId": templates,
        "Template": templates,
        "RecipientName": names,
        "Recipient": names,
        "Owner": [life.mark for life in LIVES],
        "Regarding": [f"{life.mark}-deal" for life in LIVES],
        "Label": [f"mark:{life.mark}" for life in LIVES],
        "Search": texts,
        "TemplateSearch": texts,
        "From": ["2025-01-01T00:00:00Z"],
        "To": ["2027-01-01T00:00:00Z"],
        "FromDay": ["2025-12-01"],
        "ToDay": ["2026-01-10"],
        "Cursor": list(cursors),
    }


def marks(caller: Caller) -> tuple[list[str], list[str]]:
    """Give what must not come, and what is the caller's own; in lower case. A sum tells of those in it, too."""
    seen = [life for life in LIVES if life not in caller.hidden]
    hidden = [needle.decode() for life in caller.hidden for needle in life.needles]
    own = [needle.decode() for life in seen for needle in life.needles]
    total = sum(life.number for life in seen)
    own.append(str(total))
    hidden += [str(total + life.number) for life in caller.hidden]
    for tenant, names in TEMPLATES.items():
        (own if tenant == caller.who["tenant"] else hidden).extend(names)
    return hidden, own


def installed() -> Path:
    """Give the interpreter of schemathesis' own environment, which is made where the lock changed."""
    python, stamp = FOLDER / "bin" / "python", FOLDER / ".ready"
    wanted = hashlib.sha256((CHECKOUT / LOCK).read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text("utf-8") != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", FOLDER], check=True, timeout=300)  # noqa: S603 ours
        setup.install(python, LOCK)
        stamp.write_text(wanted, "utf-8")
    return python


async def fill(stack: Stack) -> None:
    """Make the tables, and put the four lives into them."""
    url = stack.postgres.url
    await migrations.apply(url("inkling_projector_owner"), SCHEMA, PACKAGES)
    writer = url("inkling_projector_writer")
    async with Pool(writer, application="interop-hand", schema=SCHEMA, size=1) as pool:
        hand = Hand(pool)
        for life in LIVES:
            await live(hand, life)
        for tenant, names in TEMPLATES.items():
            for name in names:
                await hand.template(tenant=tenant, template_id=name, name=name, emails=2)


def cursors(stack: Stack) -> list[str]:
    """Ask for a cursor of each list as each of the sellers, and as the manager."""
    found = []
    sellers = [
        Caller({"tenant": life.tenant, "subject": life.mark, "roles": ("seller",)}, life, ())
        for life in LIVES
    ]
    for caller in (*sellers, CALLERS[1]):
        message = caller.own.messages[0]
        for path in (
            "/v1/messages?", "/v1/messages?sort=subject&", "/v1/messages?sort=-opens&", "/v1/templates?",
            f"/v1/messages/{message}/timeline?", f"/v1/recipients/{quote(caller.own.ref)}?",
        ):  # fmt: skip
            headers = {"Authorization": f"Bearer {stack.token(**caller.who)}"}
            asked = Request(f"{stack.url('projector')}{path}limit=1", headers=headers)  # noqa: S310 ours
            with urlopen(asked, timeout=10) as answer:  # noqa: S310 ours
                found.append(json.load(answer)["next"])
    return found


def fire(python: Path, stack: Stack, caller: Caller, document: Path) -> Run:
    """Have schemathesis ask as a caller for as long as it may."""
    folder = document.parent / str(caller.who["subject"])
    folder.mkdir()
    report, told, config = folder / "report.json", folder / "told", folder / "schemathesis.toml"
    told.touch()
    config.write_text('[headers]\nAuthorization = "Bearer ${INKLING_TOKEN}"\n', "utf-8")
    hidden, own = marks(caller)
    command = [
        *(str(python), "-m", "schemathesis.cli", "--config-file", str(config), "run", str(document)),
        *("--url", stack.url("projector"), "--checks", ",".join(CHECKS), "--max-time", str(SECONDS)),
        *("--request-timeout", "10", "--continue-on-failure", "--generation-database", "none"),
        *("--report", "json", "--report-json-path", str(report), "--no-color", "--warnings", "off"),
    ]  # fmt: skip
    environment = {
        **os.environ,
        "INKLING_TOKEN": stack.token(**caller.who),
        "INKLING_NEEDLES": json.dumps(hidden),
        "INKLING_OWN": json.dumps(own),
        "INKLING_TOLD": str(told),
        "SCHEMATHESIS_HOOKS": "tests.interop._queries_hooks",
        "PYTHONPATH": str(CHECKOUT),
        "NO_PROXY": "127.0.0.1",
    }
    begun = time.monotonic()
    done = subprocess.run(  # noqa: S603 the program just installed
        command,
        env=environment,
        cwd=folder,
        capture_output=True,
        timeout=SECONDS + _GRACE_SECONDS,
        check=False,
    )
    return Run(
        caller=f"{caller.who['roles'][0]} {caller.who['subject']}",
        seconds=time.monotonic() - begun,
        status=done.returncode,
        said=(done.stdout + done.stderr).decode("utf-8", "replace"),
        report=json.loads(report.read_bytes()) if report.exists() else {},
        told=[json.loads(line) for line in told.read_text("utf-8").splitlines()],
    )


def main() -> int:
    """Start what answers, fill it, let schemathesis ask, and print what came of it; the exit status."""
    python = installed()
    wrong: list[str] = []
    with (
        tempfile.TemporaryDirectory() as directory,
        a_stack(INKLING_PROJECTOR_ROLES="query") as stack,
    ):
        stack.postgres.start()
        stack.postgres.prepare()
        asyncio.run(fill(stack))
        stack.start_service("projector")
        document = Path(directory) / "openapi.json"
        document.write_bytes(orjson.dumps(hinted(orjson.loads(OPENAPI), hints(cursors(stack)))))
        for caller in CALLERS:
            run = fire(python, stack, caller, document)
            say(*run.table())
            if run.wrong():
                say(*run.said.splitlines())
            wrong += run.wrong()
    say(*[f"wrong: {one}" for one in wrong])
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
