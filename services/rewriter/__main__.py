"""`python -m services.rewriter`: one rewriter, configured by its environment."""

import os

from services.rewriter.app import build
from services.rewriter.config import Config
from services.runtime.lifecycle import run

if __name__ == "__main__":
    run("rewriter", Config, build, os.environ)
