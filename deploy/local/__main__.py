"""`python -m deploy.local`: the one-machine stack, as `make run` starts it."""

from __future__ import annotations

import sys

from deploy.local.run import main

if __name__ == "__main__":
    sys.exit(main())
