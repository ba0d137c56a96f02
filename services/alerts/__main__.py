"""`python -m services.alerts`: one alerts service, configured by its environment; with a verb, an operator's."""

import os
import sys

from services.alerts.app import build
from services.alerts.command import command
from services.alerts.config import Config
from services.runtime.config import OwnerConfig
from services.runtime.lifecycle import run

if __name__ == "__main__":
    if sys.argv[1:]:
        sys.exit(command(os.environ, sys.argv[1:]))
    run("alerts", Config, build, os.environ, beside=[OwnerConfig])
