"""The foreign programs of mail: the clients that hand it on, one that writes it, and the parsers that read it."""

import base64
import json
import re
import shutil
import smtplib
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from deploy.local.unprivileged import CHECKOUT
from tests.interop import _go
from tests.support import debian

FOLDER: Final = CHECKOUT / ".run" / "interop" / "mail"
PACKAGES: Final = ("nodemailer@10.6.1", "mailparser@3.14.2", "mailauth@7.1.0")
NO_NODE: Final = (
    "Node.js 20 with npm is missing. Debian: apt install nodejs npm; macOS: brew install node;"
    " Fedora: dnf install nodejs"
)
NO_SWAKS: Final = (
    "swaks is missing. Debian: apt install apt dpkg perl (it is then unpacked beside);"
    " macOS: brew install swaks; Fedora: dnf install swaks"
)
_HERE: Final = Path(__file__).parent
_SECONDS: Final = 240.0
_AT_ONCE: Final = 4
_LINE_END: Final = re.compile(rb"\r\n|\r|\n")

Read = Mapping[str, Any]
"""What a parser says of a mail: `header` and `tree`, or `error`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A mail to be handed on: the file it lies in, and its envelope."""

    path: Path
    sender: str
    recipient: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """What was found or fetched."""

    swaks: Path
    go_parser: Path

    def send(self, client: str, letters: Sequence[Letter], port: int) -> None:
        """Hand mails on as one of `CLIENTS` does; raises when the server does not take one."""
        _SENDERS[client](self, letters, port)

    def read(self, parser: str, paths: Sequence[Path]) -> list[Read]:
        """Have one of `PARSERS` say what it sees in each of the files."""
        command = [str(self.go_parser)] if parser == "net/mail" else _node("mail_parser")
        lines = "".join(f"{path}\n" for path in paths)
        done = _run(command, lines)
        told: list[Read] = [json.loads(line) for line in done.split("\n") if line]
        if len(told) != len(paths):
            raise RuntimeError(f"{parser} said {len(told)} things of {len(paths)} mails")
        return told


def fetch() -> Programs:
    """Install and build what is not there yet; NotToBeHadError names what this machine lacks."""
    if not (shutil.which("node") and shutil.which("npm")):
        raise debian.NotToBeHadError(NO_NODE)
    go_parser = _go.build(_HERE / "mail_parser.go", FOLDER / "mail_parser")
    swaks = debian.programs("swaks", ("swaks",), FOLDER, NO_SWAKS)["swaks"]
    _install()
    return Programs(swaks=swaks, go_parser=go_parser)


def written_by_nodemailer(options: Iterable[Mapping[str, Any]]) -> list[bytes]:
    """Have nodemailer write a mail for each set of its own options."""
    lines = "".join(f"{json.dumps(one)}\n" for one in options)
    return [base64.b64decode(line) for line in _run(_node("mail_writer"), lines).splitlines()]


def written_by_swaks(programs: Programs, arguments: Sequence[str]) -> bytes:
    """Have swaks write a mail: it prints what it would send."""
    command = ["perl", str(programs.swaks), "--dump-mail", "--to", "li@customer.example"]
    return _LINE_END.sub(b"\r\n", _run([*command, *arguments], "").encode())


def signed(mail: bytes, domain: str, key: str) -> bytes:
    """Have nodemailer sign a mail for a domain (DKIM); `key` is in PEM."""
    told = {"sign": base64.b64encode(mail).decode(), "domain": domain, "selector": "s", "key": key}
    return base64.b64decode(_run(_node("mail_dkim"), f"{json.dumps(told)}\n"))


def verified(paths: Iterable[Path], record: str) -> list[str]:
    """Have mailauth say of each mail's signatures what they are worth, where DNS says `record` of the key."""
    lines = "".join(f"{json.dumps({'verify': str(path), 'record': record})}\n" for path in paths)
    return _run(_node("mail_dkim"), lines).splitlines()


def _install() -> None:
    marked = FOLDER / "packages"
    wanted = " ".join(PACKAGES)
    if marked.exists() and marked.read_text("utf-8") == wanted:
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    command = ["npm", "install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts"]
    _run([*command, "--prefix", str(FOLDER), *PACKAGES], "")
    marked.write_text(wanted, "utf-8")


def _smtplib(_: Programs, letters: Sequence[Letter], port: int) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=_SECONDS) as client:
        client.ehlo("smtplib.interop.example")
        for letter in letters:
            raw = _LINE_END.sub(b"\r\n", letter.path.read_bytes())
            options = ["BODY=8BITMIME"]
            header = raw.partition(b"\r\n\r\n")[0]
            if (
                not header.isascii()
                and _is_utf8(header)
                and not letter.recipient.endswith("seven.example")
            ):
                options.append("SMTPUTF8")
            client.sendmail(letter.sender, [letter.recipient], raw, mail_options=options)


def _swaks(programs: Programs, letters: Sequence[Letter], port: int) -> None:
    def send(letter: Letter) -> None:
        command = ["perl", str(programs.swaks), "--server", f"127.0.0.1:{port}", "--silent", "2"]
        envelope = ["--from", letter.sender, "--to", letter.recipient]
        _run(
            [*command, *envelope, "--ehlo", "swaks.interop.example", "--data", f"@{letter.path}"],
            "",
        )

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(send, letters))


def _nodemailer(_: Programs, letters: Sequence[Letter], port: int) -> None:
    told = [
        {"path": str(one.path), "sender": one.sender, "recipient": one.recipient} for one in letters
    ]
    _run(_node("mail_client"), json.dumps({"port": port, "letters": told}) + "\n")


_SENDERS: Final = {"smtplib": _smtplib, "swaks": _swaks, "nodemailer": _nodemailer}
CLIENTS: Final = tuple(_SENDERS)
PARSERS: Final = ("mailparser", "net/mail")


def versions(programs: Programs) -> str:
    """Name the programs and their versions."""
    swaks = _run(["perl", str(programs.swaks), "--version"], "").split("\n", 1)[0]
    go = re.search(rb"go1\.[0-9.]+", programs.go_parser.read_bytes())
    return ", ".join([f"{swaks}", *PACKAGES, f"net/mail of {go[0].decode() if go else 'Go'}"])


def _node(script: str) -> list[str]:
    return ["node", str(_HERE / f"{script}.mjs"), str(FOLDER)]


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _run(command: Sequence[str], told: str) -> str:
    done = subprocess.run(  # noqa: S603 the programs just fetched
        command,
        input=told.encode(),
        capture_output=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        said = (done.stdout + done.stderr).decode("utf-8", "replace").strip()
        raise RuntimeError(f"{Path(command[0]).name} … {Path(command[1]).name}:\n{said[-2000:]}")
    return done.stdout.decode("utf-8")
