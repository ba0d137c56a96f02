"""Programs of ours in Go, around other people's libraries: built where they are wanted, by the machine's own Go."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.support.debian import NotToBeHadError

NO_GO: Final = "Go is missing. Debian: apt install golang-go; macOS: brew install go; Fedora: dnf install golang"
_SECONDS: Final = 240.0


def build(source: Path, built: Path) -> Path:
    """Build a file, or a folder with a go.mod, unless that is done; NotToBeHadError says what this machine lacks."""
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    if go is None:
        raise NotToBeHadError(NO_GO)
    folder, target = (source, ".") if source.is_dir() else (source.parent, source.name)
    newest = max(one.stat().st_mtime for one in (folder.iterdir() if target == "." else [source]))
    if built.exists() and built.stat().st_mtime > newest:
        return built
    built.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(  # noqa: S603 the compiler just found
        # The folder need not be a checkout of git.
        [go, "build", "-buildvcs=false", "-o", str(built), target],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
        env={**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "", "CGO_ENABLED": "0"},
    )
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip()
        raise NotToBeHadError(f"Go does not build {source.name}: {said[-2000:]}")
    return built
