"""`python -m services.tracker`: one tracker, or several behind one port, configured by its environment."""

import os
import sys

from services.tracker.workers.command import start

if __name__ == "__main__":
    start(sys.argv[1:], os.environ)
