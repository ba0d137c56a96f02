"""How the encounters tell whoever watches how far they are: line by line, at once."""

import sys


def say(*lines: str) -> None:
    """Write lines, and let them be seen now."""
    for line in lines:
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
