"""A real Prometheus watches a running stack under load: every query of every panel and rule must answer."""

import asyncio
import contextlib
import http.client
import json
import math
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import yaml
from prometheus_client.parser import text_string_to_metric_families

from deploy.families import PROCESS, families
from deploy.local.ports import SERVICES
from deploy.local.processes import Program
from deploy.local.stack import Stack
from deploy.local.unprivileged import CHECKOUT
from deploy.local.waiting import until_ready
from tests.interop._life import live
from tests.interop._say import say
from tests.support import debian
from tests.support.monitoring import PROMETHEUS, Query, alerts, panel_queries, rule_queries
from tests.support.stack import a_stack

FOLDER: Final = CHECKOUT / ".run" / "prometheus"
MISSING: Final = (
    "Prometheus is missing. Debian: apt install apt dpkg (it is then unpacked beside); macOS: brew install prometheus;"
    " Fedora: dnf install golang-github-prometheus"
)
# Long enough for a rate over the queries' window, short enough to be waited for.
LOAD_SECONDS: Final = 35.0
RANGE_SECONDS: Final = 150
_PORT_OFFSET: Final = 90
_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a query came to: how many series, the first figure of them, or what was wrong."""

    place: str
    series: int = 0
    figure: float | None = None
    error: str = ""

    @property
    def has_data(self) -> bool:
        return self.figure is not None

    def line(self) -> str:
        told = self.error or ("no data" if self.figure is None else f"{self.figure:.6g}")
        return f"{self.place:<86} {self.series:>4}  {told}"


class Prometheus:
    """One server, started by a stack's supervisor beside its services."""

    def __init__(self, program: Path, stack: Stack, directory: Path) -> None:
        self._program = program
        self._stack = stack
        self._directory = directory
        self._port = stack.ports.base + _PORT_OFFSET

    def start(self) -> None:
        """Start it and return when it answers."""
        config = self._directory / "prometheus.yml"
        config.write_text(yaml.safe_dump(rendered(self._stack)), "utf-8")
        command = [
            *(str(self._program), f"--config.file={config}"),
            f"--storage.tsdb.path={self._directory / 'data'}",
            f"--web.listen-address=127.0.0.1:{self._port}",
            f"--web.console.templates={self._directory}",
            f"--web.console.libraries={self._directory}",
        ]
        self._stack.processes.start(
            Program(name="prometheus", command=command, environment={}, folder=self._directory)
        )
        until_ready(self._stack.processes, "prometheus", self._answers, _SECONDS)

    def stop(self) -> None:
        """Stop it."""
        self._stack.processes.stop(["prometheus"], _SECONDS)

    def ask(self, query: Query) -> Answered:
        """Evaluate a query now."""
        try:
            result = self._get("query", query=query.text)["result"]
        except urllib.error.HTTPError as error:
            return Answered(place=query.place, error=json.load(error).get("error", str(error)))
        figures = [float(each["value"][1]) for each in result]
        figure = next((one for one in figures if not math.isnan(one)), None)
        return Answered(place=query.place, series=len(result), figure=figure)

    def rules(self) -> list[dict[str, Any]]:
        """What it says of each rule: whether it can be evaluated, whether it fires."""
        groups = self._get("rules")["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def _get(self, what: str, **parameters: str) -> Any:
        query = urllib.parse.urlencode(parameters)
        url = f"http://127.0.0.1:{self._port}/api/v1/{what}?{query}"
        with urllib.request.urlopen(url, timeout=_SECONDS) as answer:
            return json.load(answer)["data"]

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=2)
        with contextlib.closing(connection), contextlib.suppress(OSError):
            connection.request("GET", "/-/ready")
            return connection.getresponse().status == http.HTTPStatus.OK
        return False


def rendered(stack: Stack) -> dict[str, Any]:
    """The project's configuration for this stack's ports, looking each second."""
    config: dict[str, Any] = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text("utf-8"))
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(PROMETHEUS / pattern) for pattern in config["rule_files"]]
    for job in config["scrape_configs"]:
        targets = [url.removeprefix("http://") for url in stack.private_urls(job["job_name"])]
        job["static_configs"] = [{"targets": targets}]
    return config


def judged_by_promtool(promtool: Path) -> Iterator[str]:
    """Have promtool read the configuration and run the rules' own tests; yields what it objects to."""
    found = {
        name: sorted(map(str, (PROMETHEUS / name).glob("*.yml"))) for name in ("rules", "tests")
    }
    for arguments in (
        ["check", "config", str(PROMETHEUS / "prometheus.yml")],
        ["check", "rules", "--lint=all", "--lint-fatal", *found["rules"]],
        ["test", "rules", *found["tests"]],
    ):
        yield from _objections(promtool, arguments)


def judged_metrics(promtool: Path, stack: Stack) -> Iterator[str]:
    """Have promtool lint what each service serves, and compare that with what is documented."""
    for service in SERVICES:
        with urllib.request.urlopen(f"{stack.private_url(service)}/metrics", timeout=10) as answer:  # noqa: S310 ours
            text = answer.read().decode()
        yield from (
            f"{service}: {one}" for one in _objections(promtool, ["check", "metrics"], text)
        )
        known = {one.name for one in families(service)}
        known |= {f"inkling_{service}_{name}" for name in PROCESS}
        for family in text_string_to_metric_families(text):
            name = f"{family.name}_total" if family.type == "counter" else family.name
            if name not in known:
                yield f"{service}: {name} is not documented"


def _objections(promtool: Path, arguments: list[str], text: str | None = None) -> Iterator[str]:
    done = subprocess.run(  # noqa: S603 the program just unpacked
        [promtool, *arguments], input=text, capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode != 0:
        yield f"promtool {' '.join(arguments[:2])}:\n{done.stdout}{done.stderr}".strip()


@contextlib.asynccontextmanager
async def under_load(stack: Stack) -> AsyncIterator[None]:
    """Keep people and programs busy at the public doors while the context is open."""
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        living = asyncio.ensure_future(live(stack, session))
        waited, _ = await asyncio.wait({living}, timeout=LOAD_SECONDS)
        try:
            if waited:
                living.result()
            yield
        finally:
            living.cancel()
            await asyncio.wait({living})
        if not living.cancelled():
            living.result()


async def watch(stack: Stack, server: Prometheus, promtool: Path) -> list[str]:
    """Ask everything while there is load; returns what is wrong."""
    wrong: list[str] = []
    async with under_load(stack):
        panels = await asyncio.to_thread(
            lambda: [server.ask(one) for one in panel_queries(RANGE_SECONDS)]
        )
        rules = await asyncio.to_thread(lambda: [server.ask(one) for one in rule_queries()])
        told = await asyncio.to_thread(server.rules)
        wrong += await asyncio.to_thread(lambda: list(judged_metrics(promtool, stack)))
    silent = alerts()
    say(f"{'panel or rule':<86} series  first figure")
    for answered in (*panels, *rules):
        say(answered.line())
        if answered.error or not (answered.has_data or answered.place in silent):
            wrong.append(answered.line())
    wrong += [f"{rule['name']}: {rule.get('lastError')}" for rule in told if rule["health"] != "ok"]
    firing = [rule["name"] for rule in told if rule.get("state") == "firing"]
    say(f"firing under this load: {', '.join(firing) or 'none'}")
    say(f"{len(panels)} panel queries, {len(rules)} rules, {len(wrong)} objections")
    return wrong


def main() -> int:
    """Show that what is watched can be seen; the exit status."""
    begun = time.monotonic()
    try:
        found = debian.programs("prometheus", ("prometheus", "promtool"), FOLDER, MISSING)
    except debian.NotToBeHadError as error:
        say(str(error))
        return 1
    wrong = list(judged_by_promtool(found["promtool"]))
    with tempfile.TemporaryDirectory() as directory, a_stack() as stack:
        stack.start()
        server = Prometheus(found["prometheus"], stack, Path(directory))
        server.start()
        try:
            wrong += asyncio.run(watch(stack, server, found["promtool"]))
        finally:
            server.stop()
    for one in wrong:
        say(f"wrong: {one}")
    say(f"{time.monotonic() - begun:.0f} s")
    return 1 if wrong else 0
