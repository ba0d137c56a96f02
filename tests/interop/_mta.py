"""A real Postfix that touches nothing of this machine's mail: unpacked beside, with folders and ports of its own.

A mail goes in at one door, through Postfix' own SMTP client to a second door, and from there into a mailbox of its
own. Mail to `EIGHT` meets 8BITMIME all the way; that to `SEVEN` has a last hop without it, before which Postfix writes
8-bit parts anew as quoted-printable, as it would for an old server.
"""

import os
import re
import shutil
import smtplib
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from deploy.local.processes import Processes, Program
from deploy.local.unprivileged import CHECKOUT, NOBODY
from deploy.local.waiting import until_ready
from tests.support import debian

FOLDER: Final = CHECKOUT / ".run" / "interop" / "postfix"
MISSING: Final = (
    "Postfix is missing. Debian: apt install apt dpkg (it is then unpacked beside); macOS has it;"
    " Fedora: dnf install postfix"
)
NO_LIBRARIES: Final = (
    "Postfix lacks libraries that it is linked with."
    " Debian: apt install libdb5.3 libicu72 libnsl2 libsasl2-2"
)
NEEDS_ROOT: Final = "Postfix starts as root only: run `make interop T=mail` as root, as CI does"
EIGHT, SEVEN = "eight.example", "seven.example"
_BOXES: Final = "boxes.example"
_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.05
_DELIVERED_TO: Final = re.compile(rb"^Delivered-To: ([^@\n]+)@", re.MULTILINE)
# What its master and its daemons must be able to become; any system has these.
_OWNER, _POSTDROP, _NOBODY = "daemon", "mail", "nobody"
_MAIN: Final = """\
compatibility_level = 3.6
queue_directory = {place}/queue
data_directory = {place}/data
daemon_directory = {daemons}
command_directory = {commands}
shlib_directory = no
meta_directory = {place}
mail_owner = {owner}
setgid_group = {postdrop}
default_privs = {nobody}
import_environment = MAIL_CONFIG LD_LIBRARY_PATH TZ LANG=C POSTLOG_SERVICE POSTLOG_HOSTNAME
maillog_file = {place}/log
maillog_file_prefixes = {place}
myhostname = mta.interop.example
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
local_header_rewrite_clients =
smtpd_relay_restrictions = permit_mynetworks, reject
smtputf8_enable = yes
message_size_limit = 0
mailbox_size_limit = 0
virtual_mailbox_limit = 0
in_flow_delay = 0
notify_classes =
default_process_limit = 10
default_transport = discard:
virtual_mailbox_domains = {boxes}
virtual_mailbox_base = {place}/boxes
virtual_mailbox_maps = static:box/
virtual_uid_maps = static:{nobody_number}
virtual_gid_maps = static:{nobody_number}
virtual_minimum_uid = 1
transport_maps = inline:{{ {eight}=smtp:[127.0.0.1]:{port8}, {seven}=smtp:[127.0.0.1]:{port7} }}
"""
_MASTER: Final = """\
127.0.0.1:{port} inet n - n - - smtpd
127.0.0.1:{port8} inet n - n - - smtpd
  -o cleanup_service_name=arrival -o myhostname=eight.interop.example
127.0.0.1:{port7} inet n - n - - smtpd
  -o cleanup_service_name=arrival -o myhostname=seven.interop.example
  -o smtpd_discard_ehlo_keywords=8bitmime,smtputf8
cleanup unix n - n - 0 cleanup
arrival unix n - n - 0 cleanup
  -o virtual_alias_maps=regexp:{place}/arrivals
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class LostMailError(Exception):
    """Postfix did not deliver what it took; the message says which and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """Where Postfix' daemons, commands and own libraries are, and which version they are."""

    daemons: Path
    commands: Path
    libraries: Path
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mta:
    """A running Postfix: the port that takes mail, and where the mailboxes are."""

    port: int
    place: Path

    def wait_for(self, boxes: Iterable[str]) -> dict[str, bytes]:
        """The one mail to each of the names; LostMailError when one does not come, or not in time."""
        wanted, found = set(boxes), dict[str, bytes]()
        seen: set[Path] = set()
        deadline = time.monotonic() + _SECONDS
        while wanted:
            # A file in `new` is whole: it was moved there out of `tmp`.
            fresh = set((self.place / "boxes" / "box" / "new").glob("*")) - seen
            for path in fresh:
                raw = path.read_bytes()
                if addressee := _DELIVERED_TO.search(raw):
                    found[addressee[1].decode()] = raw
            seen |= fresh
            wanted -= set(found)
            if wanted and (time.monotonic() > deadline or "status=bounced" in self._log()):
                raise LostMailError(f"not delivered: {', '.join(sorted(wanted))}\n{self._said()}")
            time.sleep(_POLL_SECONDS if wanted else 0)
        return found

    def _said(self) -> str:
        told = ("warning", "status=bounced", "status=deferred", "reject")
        lines = [line for line in self._log().splitlines() if any(one in line for one in told)]
        return "\n".join(lines[-10:])

    def _log(self) -> str:
        return (self.place / "log").read_text("utf-8", "replace")


def fetch() -> Programs:
    """Postfix unpacked beside, or else this machine's; NotToBeHadError where there is neither."""
    if os.geteuid() != 0:
        raise debian.NotToBeHadError(NEEDS_ROOT)
    if debian.unpacked("postfix", ["usr/lib/postfix/sbin/master"], FOLDER):
        libraries = FOLDER / "usr" / "lib" / "postfix"
        found = Programs(
            daemons=libraries / "sbin",
            commands=FOLDER / "usr" / "sbin",
            libraries=libraries,
            version="",
        )
        if not (told := _postconf(found, "mail_version")):
            raise debian.NotToBeHadError(NO_LIBRARIES)
        return replace(found, version=told)
    return _of_this_machine()


def _of_this_machine() -> Programs:
    postconf = shutil.which("postconf", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if postconf is None:
        raise debian.NotToBeHadError(MISSING)
    commands = Path(postconf).parent
    bare = Programs(daemons=commands, commands=commands, libraries=commands, version="")
    daemons = Path(_postconf(bare, "daemon_directory"))
    return replace(bare, daemons=daemons, version=_postconf(bare, "mail_version"))


@contextmanager
def running(programs: Programs, processes: Processes, first_port: int) -> Iterator[Mta]:
    """Postfix on three ports, from one on, stopped and forgotten afterwards."""
    # Its daemons give up being root, so it lies where everybody may enter.
    with tempfile.TemporaryDirectory(prefix="inkling-mta-", dir="/var/tmp") as directory:
        place = Path(directory)
        _lay_out(place, programs, first_port)
        processes.start(
            Program(
                name="postfix",
                command=[str(programs.daemons / "master"), "-c", str(place)],
                environment={"LD_LIBRARY_PATH": str(programs.libraries)},
                folder=place,
            )
        )
        try:
            until_ready(processes, "postfix", lambda: _answers(first_port), _SECONDS)
            yield Mta(port=first_port, place=place)
        finally:
            processes.stop(["postfix"], _SECONDS)


def _lay_out(place: Path, programs: Programs, first_port: int) -> None:
    values = {
        "place": place,
        "daemons": programs.daemons,
        "commands": programs.commands,
        "owner": _OWNER,
        "postdrop": _POSTDROP,
        "nobody": _NOBODY,
        "nobody_number": NOBODY,
        "boxes": _BOXES,
        "eight": EIGHT,
        "seven": SEVEN,
        "port": first_port,
        "port8": first_port + 1,
        "port7": first_port + 2,
    }
    place.chmod(0o755)
    (place / "main.cf").write_text(_MAIN.format(**values))
    (place / "master.cf").write_text(_MASTER.format(**values))
    (place / "arrivals").write_text(f"/^(.*)@(eight|seven)\\.example$/ $1@{_BOXES}\n")
    for name in ("boxes", "data", "queue"):
        (place / name).mkdir(mode=0o755)
    os.chown(place / "boxes", NOBODY, NOBODY)
    shutil.chown(place / "data", _OWNER)
    private = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming")
    for name in (*private, "private", "saved", "trace"):
        (place / "queue" / name).mkdir(mode=0o700)
        shutil.chown(place / "queue" / name, _OWNER)
    for name, mode in (("maildrop", 0o730), ("public", 0o710)):
        (place / "queue" / name).mkdir()
        shutil.chown(place / "queue" / name, _OWNER, _POSTDROP)
        (place / "queue" / name).chmod(mode)
    (place / "queue" / "pid").mkdir(mode=0o755)


def _postconf(programs: Programs, name: str) -> str:
    done = subprocess.run(  # noqa: S603 the program just unpacked
        [programs.commands / "postconf", "-c", "/nonexistent", "-dh", name],
        env={"LD_LIBRARY_PATH": str(programs.libraries)},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    return done.stdout.strip() if done.returncode == 0 else ""


def _answers(port: int) -> bool:
    try:
        with smtplib.SMTP("127.0.0.1", port, timeout=5) as client:
            return client.noop()[0] == 250
    except OSError:
        return False
