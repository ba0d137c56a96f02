"""Installs what the targets of the Makefile need: Python packages, Kafka's jars, Java where there is none.

Each step leaves a stamp, so that it is done once; an interrupted step leaves none and is done again.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from deploy.local import interpreter, java, requirements
from deploy.local.unprivileged import CHECKOUT

LIBRARIES = CHECKOUT / ".run" / "kafka" / "libs"
TOOLS = CHECKOUT / ".run" / "kafka" / "tools"
_ENVIRONMENT = CHECKOUT / ".venv"
_POM = Path(__file__).parent / "kafka" / "pom.xml"
_TOOLS_POM = _POM.with_name("tools.pom.xml")
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_CLASSES = (
    "kafka/Kafka.class",
    "kafka/tools/StorageTool.class",
    "org/apache/kafka/server/logger/LoggingController.class",
    "org/apache/logging/log4j/LogManager.class",
    "org/slf4j/impl/StaticLoggerBinder.class",
    "com/github/luben/zstd/Zstd.class",
)
_TOOL = "org/apache/kafka/tools/consumer/group/ConsumerGroupCommand.class"
_STEP_SECONDS = 1_800.0


class IncompleteError(Exception):
    """A step did not bring what it should."""


def packages(python: str | None = None) -> None:
    """Make the virtual environment of an interpreter, or the quickest; install the locked packages into it."""
    chosen = python or str(interpreter.choose(os.environ.get("PATH", "")))
    _say(f"Python packages into .venv/, for {chosen}")
    _run(chosen, "-m", "venv", "--clear", str(_ENVIRONMENT))
    install(_ENVIRONMENT / "bin" / "python", "requirements-dev.lock")
    (_ENVIRONMENT / ".ready").touch()


def kafka() -> None:
    """Fetch Kafka's jars with Maven, and before that a Java runtime, where the machine has none."""
    if _is_stale(LIBRARIES, _POM):
        _say("Kafka into .run/kafka/libs/ (some 60 MB)")
        (LIBRARIES.parent / "classes.jsa").unlink(missing_ok=True)
        _fetch(_runtime(), LIBRARIES, _POM, _CLASSES)
    # Apart from the broker's, whose class archive is bound to its own class path.
    if _is_stale(TOOLS, _TOOLS_POM):
        _say("Kafka's own tools into .run/kafka/tools/")
        _fetch(_runtime(), TOOLS, _TOOLS_POM, (_TOOL,))
    # Written each time, since make goes by its age.
    (LIBRARIES / ".ready").write_text(_version(_POM))
    (TOOLS / ".ready").write_text(_version(_TOOLS_POM))


def _is_stale(folder: Path, pom: Path) -> bool:
    stamp = folder / ".ready"
    return not stamp.exists() or stamp.read_text() != _version(pom)


def _version(pom: Path) -> str:
    return hashlib.sha256(pom.read_bytes()).hexdigest()


def _fetch(runtime: Path, folder: Path, pom: Path, classes: Sequence[str]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    arguments = [
        "-B",
        "-ntp",
        "-q",
        "-Dstyle.color=never",
        "-f",
        str(pom),
        _COPY,
        "-DincludeScope=runtime",
    ]
    finished = subprocess.run(
        ["mvn", *arguments, f"-DoutputDirectory={folder}"],
        env={**os.environ, "JAVA_HOME": str(runtime.resolve().parents[1])},
        capture_output=True,
        text=True,
        timeout=_STEP_SECONDS,
        check=False,
    )
    if finished.returncode != 0:
        message = f"Maven failed:\n{finished.stdout}{finished.stderr}"
        raise IncompleteError(message)
    lacking = missing_classes(folder, classes)
    if lacking:
        message = f"Maven ended well, but these classes are missing: {', '.join(lacking)}"
        raise IncompleteError(message)


def missing_classes(libraries: Path, classes: Sequence[str] = _CLASSES) -> list[str]:
    """Those of the classes, by default what a broker cannot do without, that no jar in the folder holds."""
    found: set[str] = set()
    for jar in libraries.glob("*.jar"):
        with zipfile.ZipFile(jar) as archive:
            found.update(archive.namelist())
    return [name for name in classes if name not in found]


def _runtime() -> Path:
    try:
        return java.find()
    except java.NoJavaError:
        _say("a Java runtime into .venv/, because this machine has none")
        try:
            install(Path(sys.executable), "requirements-java.lock")
        except subprocess.CalledProcessError as error:
            raise IncompleteError(requirements.sentence("Java 17 or newer")) from error
        importlib.invalidate_caches()
        return java.find()


def install(python: Path, lock: str) -> None:
    """Install what a lock of this checkout pins into the environment of an interpreter."""
    options = ["--require-hashes", "--no-deps", "--no-input", "--disable-pip-version-check"]
    _run(str(python), "-m", "pip", "install", *options, "-r", str(CHECKOUT / lock))


def _run(*command: str) -> None:
    subprocess.run(command, timeout=_STEP_SECONDS, check=True)


def _say(text: str) -> None:
    print(f"== installing {text}", flush=True)


def main(step: str, *told: str) -> int:
    """Do one step, `packages` (and for which interpreter, else the quickest) or `kafka`; the exit status."""
    try:
        steps: dict[str, Callable[[], None]] = {
            "packages": partial(packages, *told),
            "kafka": kafka,
        }
        steps[step]()
    except (
        IncompleteError,
        java.NoJavaError,
        subprocess.CalledProcessError,
        subprocess.TimeoutExpired,
    ) as error:
        print(f"make setup failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
