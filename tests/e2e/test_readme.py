"""What the README tells a newcomer to type does what it says."""

import asyncio
import json
import os
import re
from pathlib import Path

from deploy.local.description import describe
from deploy.local.stack import Stack
from deploy.local.unprivileged import CHECKOUT

SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


async def test_the_walk_through_the_doors_works_as_written(stack: Stack, tmp_path: Path) -> None:
    (block,) = SHELL.findall((CHECKOUT / "README.md").read_text("utf-8"))
    (tmp_path / ".run").mkdir()
    (tmp_path / ".run" / "stack.json").write_text(json.dumps(describe(stack)))
    (tmp_path / ".venv").symlink_to(CHECKOUT / ".venv")
    # The listener ends with the walk: whoever reads the README lets it run out.
    script = f"set -euo pipefail\n{block}\nkill %1\n"
    shell = await asyncio.create_subprocess_exec(
        "bash",
        "-m",
        "-c",
        script,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        output, errors = await shell.communicate()
    said = output.decode()
    assert shell.returncode == 0, (said, errors.decode())
    assert "Inkling-Recorded: yes" in said
    assert '"type":"message.first_opened"' in said.replace(" ", "")
    assert '"code":"opened"' in said
    assert '"type":"message.opened"' in said
