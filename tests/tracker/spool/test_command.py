"""What an operator sees of a spool; `docs/spool.md` shows the same."""

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from schemas.identity import Tenant
from services.tracker.spool import form
from services.tracker.spool.command import main
from services.tracker.spool.growing import encode
from services.tracker.spool.scan import crc_of, scan
from tests.tracker.spool.given import (
    FIRST_SEQ,
    WALL_MS,
    WRITER,
    a_record,
    a_segment,
    a_spool,
    an_entry,
    flipped,
    put,
)

PAGE = Path(__file__).parents[3] / "docs" / "spool.md"
SHOWN = re.compile(r"^```text\n\$ (.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAME = f"{form.name_of(FIRST_SEQ, WRITER)}.seg"


def an_example() -> bytes:
    """Write the segment that the document shows: two openings, the second before the settings were known."""
    records = [a_record(1), a_record(2, filtered=False)]
    header = form.encode_header(form.Header(FIRST_SEQ, WALL_MS, WRITER))
    data = header + encode(records, FIRST_SEQ, WALL_MS).data
    shares = form.write_shares({Tenant("demo"): sum(record.size for record in records)})
    crc = crc_of(scan(data).blocks)
    return data + form.encode_footer(form.Footer(FIRST_SEQ + 2, 2, crc, WALL_MS, WALL_MS, shares))


def hex_of(data: bytes) -> str:
    """Show bytes as `xxd` does."""
    lines = []
    for start in range(0, len(data), 16):
        row = data[start : start + 16]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        lines.append(f"{start:08x}: {row.hex(' ', -2):<39}  {text}\n")
    return "".join(lines)


class Said:
    """What a call of the command left behind."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def run(capfdbinary: pytest.CaptureFixture[bytes]) -> "Run":
    return Run(capfdbinary)


class Run:
    """Calls the command in this process."""

    def __init__(self, captured: pytest.CaptureFixture[bytes]) -> None:
        self._captured = captured

    def __call__(self, *arguments: str | Path) -> Said:
        code = main([str(each) for each in arguments])
        sys.stdout.flush()
        out, err = self._captured.readouterr()
        return Said(code, out.decode(), err.decode())


def a_folder(folder: Path, data: bytes, name: str = NAME) -> Path:
    path = folder / "worker-0" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    return path


def test_the_document_shows_what_the_command_says(tmp_path: Path, run: Run) -> None:
    a_folder(tmp_path, an_example())
    shown = {command.split()[-2]: said for command, said in SHOWN.findall(PAGE.read_text())}
    for verb in ("list", "verify", "dump"):
        assert shown[verb] == run(verb, tmp_path).out
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    a_folder(damaged, flipped(an_example(), 8 * 0x60))
    assert run("verify", damaged).out in PAGE.read_text()


def test_the_document_shows_every_byte_of_the_form() -> None:
    lines = hex_of(an_example()).splitlines()
    page = PAGE.read_text()
    assert "\n".join(lines[:6]) in page
    assert "\n".join(lines[-8:]) in page


def test_an_intact_spool_is_told_as_such(tmp_path: Path, run: Run) -> None:
    a_folder(tmp_path, a_segment(2, 3)[0])
    listed = run("list", tmp_path)
    assert listed.code == 0
    assert listed.out.splitlines()[1].split()[:6] == [
        f"worker-0/{NAME}",
        "sealed",
        "5",
        "3",
        str(len(a_segment(2, 3)[0])),
        "0",
    ]
    assert listed.out.splitlines()[-1].startswith("1 segments, 5 records, ")
    verified = run("verify", tmp_path / "worker-0" / NAME)
    assert (verified.code, verified.err) == (0, "")
    assert verified.out.endswith("good, 5 records\n")


def test_any_flipped_bit_is_found(tmp_path: Path, run: Run) -> None:
    data, _ = a_segment(1)
    path = a_folder(tmp_path, data)
    for bit in range(0, len(data) * 8, 3):
        path.write_bytes(flipped(data, bit))
        assert run("verify", path).code == 1


def test_damage_is_told_and_the_rest_is_shown(tmp_path: Path, run: Run) -> None:
    data, blocks = a_segment(1, 3, 2)
    path = a_folder(tmp_path, flipped(data, blocks[1].start * 8))
    verified = run("verify", path)
    assert f"bytes {blocks[1].start} to {blocks[1].end} are damaged" in verified.out
    assert "3 records are missing" in verified.out
    dumped = run("dump", path)
    assert dumped.code == 1
    assert len(dumped.out.splitlines()) == 3
    assert f"bytes {blocks[1].start} to {blocks[1].end} are damaged" in dumped.err
    assert " damaged " in run("list", path).out


def test_what_is_being_written_is_no_damage(tmp_path: Path, run: Run) -> None:
    data, _ = a_segment(1, 3, sealed=False)
    path = a_folder(tmp_path, data + b"half a block", f"{form.name_of(1, WRITER)}.open")
    verified = run("verify", path)
    assert (verified.code, verified.out) == (0, f"{path}: good so far, 4 records\n")
    assert " open " in run("list", path).out
    assert len(run("dump", path).out.splitlines()) == 4
    # but the same in a sealed one is
    assert run("verify", a_folder(tmp_path, data)).code == 1


def test_a_record_that_is_no_event_is_told(tmp_path: Path, run: Run) -> None:
    data = form.encode_header(form.Header(FIRST_SEQ, WALL_MS, WRITER))
    data += form.encode_block([b"no event"], FIRST_SEQ, WALL_MS, 0)
    path = a_folder(tmp_path, data, f"{form.name_of(1, WRITER)}.open")
    verified = run("verify", path)
    assert verified.code == 1
    assert "holds what is no event (unreadable_record)" in verified.out


@pytest.mark.parametrize(
    "arguments", [(), ("list",), ("remove", "x"), ("verify",), ("-h",)], ids=" ".join
)
def test_what_is_not_understood_is_explained(arguments: Sequence[str], run: Run) -> None:
    said = run(*arguments)
    assert said.code == 2
    assert said.err.startswith("usage: python -m services.tracker spool list|verify|dump")


def test_a_file_that_is_not_there_is_told(tmp_path: Path, run: Run) -> None:
    for verb in ("list", "verify", "dump"):
        said = run(verb, tmp_path / "no.seg")
        assert said.code == 1
        assert "there is no such file" in said.err


def test_a_segment_sealed_meanwhile_is_found(tmp_path: Path, run: Run) -> None:
    sealed = a_folder(tmp_path, a_segment(2)[0])
    said = run("verify", sealed.with_suffix(".open"))
    assert (said.code, said.out) == (0, f"{sealed}: good, 2 records\n")


def test_who_has_seen_enough_may_go(tmp_path: Path) -> None:
    a_folder(tmp_path, a_segment(*[500] * 5)[0])
    command = (sys.executable, "-m", "services.tracker", "spool", "dump", str(tmp_path))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # noqa: S603 our own
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(10) == b'{"tenant":'
        process.stdout.close()
        assert process.wait(60) == 0
        assert process.stderr.read() == b""


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


async def test_a_spool_in_use_is_read_and_left_alone(tmp_path: Path, run: Run) -> None:
    async with a_spool(tmp_path, segment_bytes=2000) as spool:
        for number in range(9):
            await put(spool, [an_entry(number)])
        before = files(tmp_path)
        assert run("verify", tmp_path).code == 0
        assert len(run("dump", tmp_path).out.splitlines()) == 9
        assert run("list", tmp_path).out.count("\n") == len(spool.account.backlog) + 3
        assert files(tmp_path) == before
        await put(spool, [an_entry(9)])
        assert spool.account.balanced
