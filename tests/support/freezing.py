"""A server that stops answering without going away, as under SIGSTOP or behind a dead switch."""

import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


@contextmanager
def frozen(pids: Iterable[int]) -> Iterator[None]:
    """Stop processes for the length of a block; they go on afterwards, whatever happens in it."""
    pids = list(pids)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
