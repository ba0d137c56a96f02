"""Programs out of Debian packages, unpacked beside: nothing is installed, and nobody need be root."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

_SECONDS: Final = 300.0


class NotToBeHadError(Exception):
    """The programs are neither here nor to be fetched; a sentence says what installs them."""


def programs(package: str, names: Sequence[str], folder: Path, missing: str) -> dict[str, Path]:
    """Return the programs of a package: unpacked before, unpacked now, or else those of this machine."""
    paths = {name: f"usr/bin/{name}" for name in names}
    if unpacked(package, paths.values(), folder):
        return {name: folder / path for name, path in paths.items()}
    found = {name: Path(path) for name in names if (path := shutil.which(name))}
    if len(found) < len(names):
        raise NotToBeHadError(missing)
    return found


def unpacked(package: str, paths: Iterable[str], folder: Path) -> bool:
    """Whether a package lies unpacked in a folder, with the files named: from before, or from now on."""
    if all((folder / path).exists() for path in paths):
        return True
    fetches = shutil.which("apt-get") and shutil.which("dpkg")
    return bool(fetches) and _unpack(package, folder)


def _unpack(package: str, folder: Path) -> bool:
    """Fetch and unpack a package; False when this machine cannot get it, as one without a network."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as place:
        if not _download(package, Path(place), ()):
            # This machine keeps no lists of packages, so some are fetched, to be forgotten.
            own = _own_state(Path(place))
            updated = _succeeds("apt-get", *own, "--quiet", "update", cwd=Path(place))
            if not updated or not _download(package, Path(place), own):
                return False
        (archive,) = Path(place).glob(f"{package}_*.deb")
        return _succeeds("dpkg", "-x", str(archive), str(folder), cwd=Path(place))


def _download(package: str, place: Path, options: Sequence[str]) -> bool:
    return _succeeds("apt-get", *options, "--quiet", "download", package, cwd=place)


def _own_state(place: Path) -> list[str]:
    state = place / "state"
    for name in ("lists/partial", "archives/partial"):
        (state / name).mkdir(parents=True)
    settings = {
        "Dir::State": state,
        "Dir::State::lists": state / "lists",
        "Dir::Cache": state,
        "Dir::Cache::archives": state / "archives",
    }
    return [part for name, value in settings.items() for part in ("-o", f"{name}={value}")]


def _succeeds(*command: str, cwd: Path) -> bool:
    try:
        done = subprocess.run(  # noqa: S603 the machine's own tools
            command, cwd=cwd, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0
