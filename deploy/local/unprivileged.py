"""Where and as whom PostgreSQL runs: it refuses root, and root is who often runs us in a container."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

NOBODY = 65_534
CHECKOUT = Path(__file__).parents[2]
_UNSHARE = ("unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}", "--")


class UnsafePlaceError(Exception):
    """The folder outside the checkout belongs to somebody else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """Where the programs and the data are, what goes before each command, and the user to become."""

    programs: Path
    directory: Path
    prefix: tuple[str, ...] = ()
    user: int | None = None


def plan(programs: Path, directory: Path) -> Launch:
    """The gentlest way that works here: ourselves, a user namespace, nobody, or nobody with copies."""
    asked = Launch(programs=programs, directory=directory)
    if os.geteuid() != 0:
        directory.mkdir(parents=True, exist_ok=True)
        return asked
    if namespaces_work():
        _give(directory, 0)
        return replace(asked, prefix=_UNSHARE)
    return as_nobody(asked)


def namespaces_work() -> bool:
    """Whether this machine lets root enter a user namespace; containers often do not."""
    if shutil.which(_UNSHARE[0]) is None:
        return False
    tried = subprocess.run([*_UNSHARE, "true"], capture_output=True, timeout=10, check=False)
    return tried.returncode == 0


def as_nobody(asked: Launch) -> Launch:
    """Run as nobody: in place where nobody can get there, else from copies outside the checkout."""
    directory = asked.directory
    directory.mkdir(parents=True, exist_ok=True)
    runnable = all(file.stat().st_mode & 0o005 == 0o005 for file in asked.programs.iterdir())
    if runnable and _nobody_enters(asked.programs) and _nobody_enters(directory.parent):
        _give(directory, NOBODY)
        return replace(asked, user=NOBODY)
    place = elsewhere()
    place.mkdir(exist_ok=True)
    if place.is_symlink() or place.stat().st_uid != 0:
        message = f"{place} belongs to somebody else: remove it"
        raise UnsafePlaceError(message)
    place.chmod(0o755)  # whatever the umask made of it
    own = place_of(directory)
    _give(own, NOBODY)
    return replace(asked, programs=_copy(asked.programs, place), directory=own, user=NOBODY)


def elsewhere() -> Path:
    """The folder outside a checkout that nobody cannot enter; `make clean` removes it."""
    return Path("/var/tmp", f"inkling-{_digest(CHECKOUT)}")  # noqa: S108 -- owner is checked


def place_of(directory: Path) -> Path:
    """Where the data of a directory in the checkout lies instead, when nobody cannot enter that."""
    return elsewhere() / _digest(directory.resolve())


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]


def _nobody_enters(path: Path) -> bool:
    return all(
        folder.stat().st_mode & 0o001 for folder in (path.resolve(), *path.resolve().parents)
    )


def _give(directory: Path, user: int) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    if directory.stat().st_uid == user and not any(
        path.lstat().st_uid != user for path in directory.glob("*")
    ):
        return
    for path in (directory, *directory.rglob("*")):
        os.chown(path, user, user, follow_symlinks=False)


def _copy(programs: Path, place: Path) -> Path:
    # The programs find their libraries by a path relative to themselves, so the layout is kept.
    package = programs.parents[1]
    copied, fresh = place / "programs", place / "programs.new"
    if not copied.exists():
        shutil.rmtree(fresh, ignore_errors=True)
        for folder in (package, package.parent / f"{package.name}.libs"):
            shutil.copytree(folder, fresh / folder.name, symlinks=True)
        for path in (fresh, *fresh.rglob("*")):
            if not path.is_symlink():
                mode = path.stat().st_mode
                # Whatever the owner may read or enter, everybody may: the checkout's umask may say otherwise.
                path.chmod(mode | (mode & 0o500) >> 6)
        fresh.rename(copied)
    return copied / package.name / programs.relative_to(package)
