"""What docs/mail.md tells a newcomer to type does what it says."""

import asyncio
import email
import email.policy
import json
import os
import re
from pathlib import Path

from deploy.local.description import describe
from deploy.local.stack import Stack
from deploy.local.unprivileged import CHECKOUT
from services.rewriter import options

SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGE = (CHECKOUT / "docs" / "mail.md").read_text("utf-8")
HAND_IN, COMPARE = SHELL.findall(PAGE)


async def run(script: str, folder: Path, stack: Stack) -> tuple[int | None, str, str]:
    """Run what the page says, in a folder that looks like the project's."""
    (folder / ".run").mkdir()
    (folder / ".run" / "stack.json").write_text(json.dumps(describe(stack)))
    for name in (".venv", "deploy"):
        (folder / name).symlink_to(CHECKOUT / name)
    shell = await asyncio.create_subprocess_exec(
        *("bash", "-c", f"set -uo pipefail\n{script}"),
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        output, errors = await shell.communicate()
    return shell.returncode, output.decode(), errors.decode()


async def test_a_raw_mail_is_handed_in_as_written(stack: Stack, tmp_path: Path) -> None:
    status, output, errors = await run(f"set -e\n{HAND_IN}", tmp_path, stack)
    assert status == 0, errors
    told = json.loads(output)
    li, bo = told["renditions"]
    assert [(one["to"], one["followed"]) for one in (li, bo)] == [
        (["li@customer.example"], True),
        (["bo@customer.example"], False),
    ]
    written = (tmp_path / "mail.eml").read_text("utf-8")
    assert bo["mime"] == re.sub(r"^Inkling-.*\n", "", written, flags=re.MULTILINE)
    assert "offer.pdf" in li["mime"]
    assert "application/pdf" not in li["mime"]
    copies = (tmp_path / "copies").read_bytes()
    assert all(one["mime"].encode() in copies for one in (li, bo))
    followed = email.message_from_string(li["mime"], policy=email.policy.default)
    assert followed["Message-ID"] == "<offer-9@demo.example>"
    assert [(one["url"], one["followed"]) for one in told["links"]] == [
        ("https://shop.example/offer?a=1&b=2", True)
    ]


async def test_only_lines_of_the_closed_list_change(stack: Stack, tmp_path: Path) -> None:
    names = HAND_IN.partition("\n")[0]
    status, output, errors = await run(f"{names}\n{COMPARE}", tmp_path, stack)
    assert status == 1, errors
    gone = [line.removeprefix("< ") for line in output.splitlines() if line.startswith("<")]
    raw = (tmp_path / "deploy/local/demo/mails/service.eml").read_text().splitlines()
    options = [line for line in raw if line.startswith(("Inkling-", " time-zone"))]
    links = [line for line in raw if "book.demo" in line or line.startswith("=3D49")]
    file = raw[raw.index("Content-Type: application/pdf") :]
    file[-1:] = ["--mixed"]  # the line that parts it from what is before
    assert (len(options), len(links)) == (4, 4)
    # The first stands in the plain text, whose links are followed only by choice; the pixel is before the end.
    assert sorted(gone) == sorted([*options, *links[1:], "</body>", *file])


def test_the_page_has_every_option() -> None:
    named = set(re.findall(r"^\| `(Inkling-[A-Za-z-]+)`", PAGE, re.MULTILINE))
    assert {one.lower() for one in named} == set(options.NAMES)
