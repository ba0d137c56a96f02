"""`python -m services.projector`: one projector, configured by its environment; with a verb, an operator's command."""

import os
import sys

from services.projector.app import build
from services.projector.command import command
from services.projector.config import Config
from services.runtime.config import OwnerConfig
from services.runtime.lifecycle import run

if __name__ == "__main__":
    if sys.argv[1:]:
        sys.exit(command(os.environ, sys.argv[1:]))
    run("projector", Config, build, os.environ, beside=[OwnerConfig])
