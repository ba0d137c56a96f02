"""`python -m services.alerts`: one alerts service, configured by its environment; `… migrate` prepares its schema."""

import os
import sys

from services.alerts.app import build
from services.alerts.config import Config
from services.alerts.migrate import migrate
from services.runtime.config import OwnerConfig
from services.runtime.lifecycle import run

if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            run("alerts", Config, build, os.environ, beside=[OwnerConfig])
        case ["migrate"]:
            sys.exit(migrate(os.environ))
        case _:
            sys.stderr.write("usage: python -m services.alerts [migrate]\n")
            sys.exit(2)
