"""`python -m tests.faults.folding.stalling`: a projector whose event loop stands still for a while at each SIGUSR1."""

import os
import runpy
import signal
import sys
import time
from types import FrameType

_SECONDS = float(os.environ.pop("STALL_SECONDS", "15"))


def _burn(_number: int, _frame: FrameType | None) -> None:
    """Compute, and let nothing else be done."""
    ends = time.monotonic() + _SECONDS
    while time.monotonic() < ends:
        pass


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, _burn)
    sys.argv = ["services.projector"]
    runpy.run_module("services.projector", run_name="__main__", alter_sys=True)
