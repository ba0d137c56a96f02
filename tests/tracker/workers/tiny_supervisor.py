"""The supervisor, over workers of a few lines; it waits two seconds for them to serve, one for them to be ready."""

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
    patience = Patience(start_seconds=2.0, ready_seconds=1.0)
    supervisor = partial(
        supervise, command=COMMAND, patience=patience, problems=partial(problems_with, os.environ)
    )
    live("tracker", config, supervisor, {"process": "supervisor"})
