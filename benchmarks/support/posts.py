"""The same load with bodies: `python -m benchmarks.support.posts PORT CONNECTIONS SECONDS RATE < calls`.

Of the lines read the first is the token and each further one a JSON body for `POST /v1/mail`. Prints as `load` does.
"""

import sys
from collections.abc import Sequence

import uvloop

from benchmarks.support.load import run


def posts(token: bytes, bodies: Sequence[bytes]) -> list[bytes]:
    """Write requests as a mail system's HTTP client asks."""
    return [
        b"POST /v1/mail HTTP/1.1\r\nHost: rewriter.example\r\nUser-Agent: mailer/1.0\r\nAccept: application/json\r\n"
        b"Authorization: Bearer %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
        % (token, len(body), body)
        for body in bodies
    ]


if __name__ == "__main__":
    port, connections, seconds, rate = sys.argv[1:]
    token, *bodies = sys.stdin.buffer.read().splitlines()
    uvloop.run(run(int(port), int(connections), float(seconds), float(rate), posts(token, bodies)))
