"""`python -m services.projector`: one projector, configured by its environment; `… migrate` prepares its schema."""

import os
import sys

from services.projector.app import build
from services.projector.config import Config
from services.projector.migrate import migrate
from services.runtime.config import OwnerConfig
from services.runtime.lifecycle import run

if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            run("projector", Config, build, os.environ, beside=[OwnerConfig])
        case ["migrate"]:
            sys.exit(migrate(os.environ))
        case _:
            sys.stderr.write("usage: python -m services.projector [migrate]\n")
            sys.exit(2)
