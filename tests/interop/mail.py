"""Followed mail through a real Postfix from three clients, and what two foreign parsers read at the other end.

Each mail goes twice, as it was and followed, and the parsers must see the same: tree, header, texts, files, but for
the edits that `_mail_compare` puts back after following every link.
"""

import asyncio
import hashlib
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import uuid4

import aiohttp

from deploy.local.stack import Stack
from tests.interop import _mail_compare, _mail_door, _mta
from tests.interop._mail_compare import Followed
from tests.interop._mail_door import Copy
from tests.interop._mail_programs import CLIENTS, PARSERS, Letter, Programs, Read, fetch, versions
from tests.interop._mail_signatures import PASS, signer
from tests.interop._mails import Sample, samples
from tests.interop._mta import Mta
from tests.interop._say import say
from tests.support import debian
from tests.support.doors import Doors
from tests.support.stack import a_stack

_PORT_OFFSET: Final = 95
_SENDER: Final = "ana@demo.example"
_SIDES: Final = ("original", "followed")
# Every client over a road that takes 8-bit mail, and one of them to a server that does not.
_SEVEN: Final = "7-bit server"
_ROADS: Final = (
    *((client, client, _mta.EIGHT) for client in CLIENTS),
    (_SEVEN, CLIENTS[0], _mta.SEVEN),
)
_COLUMNS: Final = tuple((road, parser) for road, _, _ in _ROADS for parser in PARSERS)
# RFC 5322 §2.1.1: what is longer is cut by the servers, and so is no mail to compare with.
_MAX_LINE: Final = 998
# A mail without an id is given one; what was for us does not leave.
_EDITED: Final = re.compile(
    rb"^(?:Message-ID|Bcc|Inkling-[a-z-]+):.*(?:\r?\n[ \t].*)*\r?\n?", re.IGNORECASE | re.MULTILINE
)
_WIDTH: Final = 34
_SIGNED: Final = "python quoted-printable utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A followed mail, and what each parser said of both copies as each road delivered them."""

    copy: Copy
    reads: dict[tuple[str, str], tuple[Read, Read]] = field(default_factory=dict)
    # What it said of the original before it was sent.
    at_home: dict[str, Read] = field(default_factory=dict)


def transported(programs: Programs, mta: Mta, copies: Sequence[Copy], folder: Path) -> list[Tried]:
    """Send every mail and its followed copy over every road, and have both read."""
    tried = [Tried(copy=copy) for copy in copies]
    files = [
        (number, side, folder / f"{number}-{side}.eml")
        for number in range(len(copies))
        for side in _SIDES
    ]
    for number, side, path in files:
        path.write_bytes(copies[number].sample.raw if side == _SIDES[0] else copies[number].raw)
    at_home = [folder / f"{number}.home" for number in range(len(copies))]
    for path, copy in zip(at_home, copies, strict=True):
        # Mailboxes hold lines that end as those of this system do.
        path.write_bytes(copy.sample.raw.replace(b"\r\n", b"\n"))
    for parser in PARSERS:
        told = programs.read(parser, at_home)
        for one, read in zip(tried, told, strict=True):
            one.at_home[parser] = read
    for number, (road, client, domain) in enumerate(_ROADS):
        letters = {
            f"{number}-{path.stem}": Letter(
                path=path, sender=_SENDER, recipient=f"{number}-{path.stem}@{domain}"
            )
            for _, _, path in files
        }
        programs.send(client, list(letters.values()), mta.port)
        paths = []
        for box, raw in mta.wait_for(letters).items():
            paths.append(folder / f"{box}.delivered")
            paths[-1].write_bytes(raw)
        for parser in PARSERS:
            reads = {
                path.stem: read
                for path, read in zip(paths, programs.read(parser, paths), strict=True)
            }
            for mail, one in enumerate(tried):
                original, followed = (reads[f"{number}-{mail}-{side}"] for side in _SIDES)
                one.reads[road, parser] = (original, followed)
    return tried


async def known(doors: Doors, tried: Tried) -> Followed:
    """Follow every link of the copies of a mail; says where they lead, and what files they gave."""
    base = doors.stack.url("tracker")
    urls = {
        url
        for _, copy in tried.reads.values()
        for text in _mail_compare.texts(copy)
        for url in _mail_compare.tracking_urls(base, text)
    }
    ways: dict[str, str] = {}
    files: list[str] = []
    for url in sorted(urls):
        answer = await doors.hit(url)
        if "/a/" in url:
            # Servers write the line ends of text their own way.
            contents = (answer.body, answer.body.replace(b"\r\n", b"\n"))
            files += [hashlib.sha256(content).hexdigest() for content in contents]
        elif location := answer.headers.get("Location"):
            ways[url] = location
    return Followed(base=base, ways=ways, files=files)


def judged(tried: Tried, followed: Followed) -> Iterator[tuple[tuple[str, str], str, list[str]]]:
    """Say of each road and parser: the same, unreadable to it either way, too long for any road, or damaged."""
    for (road, parser), (original, copy) in tried.reads.items():
        told, compared = "same", original
        if _longest_line(tried.copy.sample.raw) > _MAX_LINE:
            # The servers cut its lines, but not those of a copy that was encoded anew: that is as it was at home.
            compared = tried.at_home[parser]
            told = "mended"
            if _longest_line(tried.copy.raw) > _MAX_LINE:
                yield (road, parser), "too long", []
                continue
        found = _mail_compare.differences(compared, copy, followed)
        if found and _mail_compare.troubled(compared):
            # What it could not read well to begin with is no yardstick.
            told, found = "unread", []
        yield (road, parser), "DIFFERS" if found else told, found


def _longest_line(raw: bytes) -> int:
    return max(map(len, raw.splitlines()), default=0)


async def signatures(
    doors: Doors, programs: Programs, mta: Mta, folder: Path, sample: Sample
) -> list[str]:
    """Try domain signatures around a mail; yields what is not as it should be."""
    domain = signer()
    before = Sample(_SIGNED, domain.sign(sample.raw))
    answer = await _mail_door.told(doors, before)
    broken = (await _mail_door.follow(doors, before)).raw
    after = domain.sign((await _mail_door.follow(doors, sample)).raw)
    letters = {}
    for number, client in enumerate(CLIENTS):
        for name, raw in (("broken", broken), ("after", after)):
            path = folder / f"{name}.eml"
            path.write_bytes(raw)
            box = f"signed-{number}-{name}"
            letters[box] = Letter(path=path, sender=_SENDER, recipient=f"{box}@{_mta.EIGHT}")
        programs.send(
            client, [one for box, one in letters.items() if f"-{number}-" in box], mta.port
        )
    delivered = await asyncio.to_thread(mta.wait_for, letters)
    told = dict(
        zip(letters, domain.results([delivered[box] for box in letters], folder), strict=True)
    )
    at_home = domain.results([before.raw], folder)
    say(
        f"DKIM: as signed: {at_home[0]}; " + ", ".join(f"{box}: {one}" for box, one in told.items())
    )
    warned = [one["code"] for one in answer["warnings"]]
    say(f"DKIM: the answer warns: {', '.join(warned) or 'of nothing'}")
    wrong = [
        f"{box}: {one}" for box, one in told.items() if (one == PASS) is box.endswith("broken")
    ]
    if at_home != [PASS]:
        wrong.append(f"the original's signature: {at_home}")
    if "breaks_dkim" not in warned:
        wrong.append(f"the answer does not warn of the signature: {warned}")
    return wrong


async def encounter(stack: Stack, programs: Programs, mta: Mta, folder: Path) -> int:
    """Hand in, send, read, follow, compare, print; how many things are wrong."""
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        doors, choosing = (Doors(stack, session, f"t-{uuid4().hex[:10]}") for _ in range(2))
        await _mail_door.choose(choosing)
        tried_samples = samples(programs)
        copies = [
            await _mail_door.follow(choosing if one.options else doors, one)
            for one in tried_samples
        ]
        wrong = list(untouched(copies))
        tried = await asyncio.to_thread(
            transported, programs, mta, [one for one in copies if one.followed], folder
        )
        wrong += await table(doors, tried)
        (sample,) = (one for one in tried_samples if one.name == _SIGNED)
        wrong += await signatures(doors, programs, mta, folder, sample)
    for one in wrong:
        say(f"wrong: {one}")
    return len(wrong)


def bare(raw: bytes) -> bytes:
    """The mail without the headers that may be added or taken away."""
    return _EDITED.sub(b"", raw).strip()


def untouched(copies: Sequence[Copy]) -> Iterator[str]:
    """Say of each mail that is not followed why; yields those that came back other than they went in."""
    for copy in copies:
        if copy.followed:
            continue
        if not copy.taken:
            say(f"{copy.sample.name:<{_WIDTH}} refused: {copy.reason}")
            continue
        same = bare(copy.raw) == bare(copy.sample.raw)
        say(
            f"{copy.sample.name:<{_WIDTH}} not followed, {'same bytes' if same else 'OTHER BYTES'}: {copy.reason}"
        )
        if not same:
            yield f"{copy.sample.name}: not followed, and other bytes"


async def table(doors: Doors, tried: Sequence[Tried]) -> list[str]:
    """Print what became of each followed mail on each road for each parser; what is wrong."""
    wrong: list[str] = []
    total: Counter[str] = Counter()
    say(
        f"{'followed mail':<{_WIDTH}} links "
        + " ".join(f"{road} {parser}" for road, parser in _COLUMNS)
    )
    for one in tried:
        followed = await known(doors, one)
        cells = {}
        for column, cell, found in judged(one, followed):
            cells[column] = cell
            total[cell] += 1
            wrong += [f"{one.copy.sample.name}, {', '.join(column)}: {each}" for each in found]
        widths = [len(f"{road} {parser}") for road, parser in _COLUMNS]
        shown = " ".join(
            f"{cells[column]:<{width}}" for column, width in zip(_COLUMNS, widths, strict=True)
        )
        say(
            f"{one.copy.sample.name:<{_WIDTH}} {len(followed.ways) + len(set(followed.files)):>5} {shown}"
        )
    say(
        f"{len(tried)} mails, {len(_ROADS)} roads, {len(PARSERS)} parsers: "
        + ", ".join(f"{count} {cell}" for cell, count in total.items())
    )
    return wrong


def main() -> int:
    """Show that followed mail survives other people's programs; the exit status."""
    begun = time.monotonic()
    try:
        postfix, programs = _mta.fetch(), fetch()
    except debian.NotToBeHadError as error:
        say(str(error))
        return 1
    say(f"Postfix {postfix.version}, {versions(programs)}")
    with a_stack() as stack, tempfile.TemporaryDirectory() as directory:
        stack.start()
        first = stack.ports.base + _PORT_OFFSET
        with _mta.running(postfix, stack.processes, first) as mta:
            wrong = asyncio.run(encounter(stack, programs, mta, Path(directory)))
    say(f"{wrong} wrong; {time.monotonic() - begun:.0f} s")
    return 1 if wrong else 0
