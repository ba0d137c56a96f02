"""What `python -m services.tracker` starts: a tracker, a supervisor and its workers, or a verb for the spool."""

import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import NoReturn

from services.runtime.config import ConfigError, load
from services.runtime.lifecycle import Life, configured, live
from services.tracker.config import Config
from services.tracker.workers.lifeline import attended
from services.tracker.workers.seat import ALONE, Seat
from services.tracker.workers.supervisor import for_supervisor, supervise

_SERVICE = "tracker"


def start(arguments: Sequence[str], environ: Mapping[str, str]) -> NoReturn:
    """Run what the arguments and the environment ask for; exits as `services.runtime.lifecycle` says."""
    match arguments:
        case []:
            config = configured(_SERVICE, Config, environ)
            if config.workers > 1:
                supervisor = partial(supervise, problems=partial(problems_with, environ))
                live(_SERVICE, for_supervisor(config), supervisor, {"process": "supervisor"})
            _serve(config, ALONE)
        case ["worker", number, listening, lifeline]:
            _work(environ, number, listening, lifeline)
        case ["spool", *verb]:
            # Here, because a supervisor needs nothing of what this loads.
            from services.tracker.spool.command import main

            sys.exit(main(verb))
        case _:
            sys.stderr.write("usage: python -m services.tracker [spool ...]\n")
            sys.exit(2)


def problems_with(environ: Mapping[str, str]) -> Sequence[str]:
    """Return what is wrong with the configuration as it is now; its secrets may be files that changed."""
    try:
        load(Config, environ, _SERVICE)
    except ConfigError as error:
        return error.problems
    return ()


def _work(environ: Mapping[str, str], number: str, listening: str, lifeline: str) -> NoReturn:
    # the supervisor's affair; a terminal that is gone tells all of its processes
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        seat = Seat(number=int(number), listening=_inherited(listening))
        line = _inherited(lifeline)
    except (OSError, ValueError):
        sys.stderr.write("tracker: only its supervisor starts a worker\n")
        sys.exit(2)
    _serve(configured(_SERVICE, Config, environ), seat, line)


def _inherited(number: str) -> socket.socket:
    inherited = socket.socket(fileno=int(number))
    inherited.set_inheritable(False)
    return inherited


def _serve(config: Config, seat: Seat, lifeline: socket.socket | None = None) -> NoReturn:
    # Here, because a supervisor needs nothing of what this loads.
    from services.tracker.app import build

    def build_worker(told: Config, life: Life) -> AbstractAsyncContextManager[None]:
        serving = build(told, life, seat)
        return serving if lifeline is None else attended(serving, lifeline, life)

    live(_SERVICE, config, build_worker, {} if lifeline is None else {"process": seat.slot})
