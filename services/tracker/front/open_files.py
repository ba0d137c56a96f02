"""Has the system let this process open as many files as it may: each connection is one."""

import resource

from services.runtime.log import get_logger

log = get_logger(__name__)

# What the process opens beside connections: Kafka, the spool, the object store, its own log.
_OTHERS = 256


def raise_limit(connections: int) -> int:
    """Raise the soft limit to the hard one and return it; a warning where that is too little for the connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    needed = connections + _OTHERS
    if hard != resource.RLIM_INFINITY and hard < needed:
        log.warning("few_open_files", limit=hard, needed=needed)
    else:
        log.info("open_files", limit=hard)
    return hard
