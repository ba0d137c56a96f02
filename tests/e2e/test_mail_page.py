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


async def test_a_raw_mail_is_handed_in_as_written(stack: Stack, tmp_path: Path) -> None:
    (block,) = SHELL.findall(PAGE)
    (tmp_path / ".run").mkdir()
    (tmp_path / ".run" / "stack.json").write_text(json.dumps(describe(stack)))
    (tmp_path / ".venv").symlink_to(CHECKOUT / ".venv")
    shell = await asyncio.create_subprocess_exec(
        *("bash", "-c", f"set -euo pipefail\n{block}"),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        output, errors = await shell.communicate()
    assert shell.returncode == 0, errors.decode()
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


def test_the_page_has_every_option() -> None:
    named = set(re.findall(r"^\| `(Inkling-[A-Za-z-]+)`", PAGE, re.MULTILINE))
    assert {one.lower() for one in named} == set(options.NAMES)
