"""`python -m deploy.bootstrap`: the secrets that `compose.yml` mounts, made once and kept ever after.

`python -m deploy.bootstrap token seller [subject [tenant]]` prints an access token of that role, good for 30 days.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

from deploy.local.credentials import Credentials
from deploy.local.postgres import DATABASE, SUPERUSER

DIRECTORY: Final = Path(__file__).parents[1] / ".run-compose"
_ROLES: Final = ("sender", "seller", "manager", "admin")
_TOKEN_SECONDS: Final = 30 * 24 * 3600
_USAGE: Final = f"usage: python -m deploy.bootstrap [token {'|'.join(_ROLES)} [subject [tenant]]]"


def write(directory: Path) -> list[str]:
    """Write every secret that is not there yet and return the names of those written."""
    credentials = Credentials(directory / "keys")
    folder = directory / "secrets"
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    return [name for name, text in _wanted(credentials).items() if _keep(folder / name, text)]


def _wanted(credentials: Credentials) -> dict[str, str]:
    wanted = {
        "jwks": credentials.jwks.read_text("utf-8"),
        "token_keys": credentials.token_keys,
        "recipient_key": credentials.recipient_key,
        "grafana_password": secrets.token_urlsafe(24),
    }
    for role, password in credentials.passwords.items():
        if role == SUPERUSER:
            wanted["postgres_password"] = password
            continue
        name = role.removeprefix("inkling_")
        wanted[f"{name}_password"] = password
        wanted[f"{name}_url"] = f"postgresql://{role}:{quote(password)}@postgres:5432/{DATABASE}"
    return wanted


def _keep(path: Path, text: str) -> bool:
    if path.exists():
        return False
    path.write_text(text, "utf-8")
    # Containers read it as users of their own; on this machine the folder lets nobody else in.
    path.chmod(0o444)
    return True


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def main(arguments: Sequence[str], directory: Path = DIRECTORY) -> int:
    """Do what the command line says; the exit status."""
    match arguments:
        case []:
            written = write(directory)
            _say(f"{directory / 'secrets'}: {', '.join(written) or 'all there already'}")
        case ["token", role, *more] if role in _ROLES and len(more) <= 2:
            subject, tenant = [*more, *("ana", "demo")[len(more) :]]
            credentials = Credentials(directory / "keys")
            _say(
                credentials.token(
                    tenant=tenant, subject=subject, roles=[role], seconds=_TOKEN_SECONDS
                )
            )
        case _:
            sys.stderr.write(f"{_USAGE}\n")
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
