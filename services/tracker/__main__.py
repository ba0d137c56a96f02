"""`python -m services.tracker`: one tracker, configured by its environment."""

import os

from services.runtime.lifecycle import run
from services.tracker.app import build
from services.tracker.config import Config

if __name__ == "__main__":
    run("tracker", Config, build, os.environ)
