"""`python -m tests.simulation --seeds 10000 [--from N]`, or `--seed N [-v]`: see `tests.simulation.sweep`."""

import os
import subprocess
import sys

from tests.simulation.sweep import main

if __name__ == "__main__":
    # The order of sets of strings is chance of the interpreter's own, which no seed decides.
    if os.environ.get("PYTHONHASHSEED") == "0":
        sys.exit(main(sys.argv[1:]))
    command = [sys.executable, "-m", "tests.simulation", *sys.argv[1:]]
    fixed = {**os.environ, "PYTHONHASHSEED": "0"}
    sys.exit(subprocess.run(command, env=fixed, check=False).returncode)  # noqa: S603 itself again
