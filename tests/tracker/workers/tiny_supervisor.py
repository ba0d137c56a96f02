"""The supervisor, over workers of a few lines; it waits for them to serve as long as a client may be idle."""

import os
import sys
from functools import partial

from services.runtime.lifecycle import configured, live
from services.tracker.config import Config
from services.tracker.workers.command import problems_with
from services.tracker.workers.supervisor import Patience, for_supervisor, supervise

COMMAND = (sys.executable, "-m", "tests.tracker.workers.tiny_worker")

if __name__ == "__main__":
    config = for_supervisor(configured("tracker", Config, os.environ))
    patience = Patience(start_seconds=config.limits.idle_seconds, ready_seconds=3.0)
    supervisor = partial(
        supervise, command=COMMAND, patience=patience, problems=partial(problems_with, os.environ)
    )
    live("tracker", config, supervisor, {"process": "supervisor"})
