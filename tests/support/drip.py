"""Sockets that drip requests byte by byte, a process of their own: `python -m tests.support.drip PORT COUNT HOSTS`.

One that is closed is opened again. Prints a JSON line a second: how many are open, how many were closed so far, and
the longest that one stayed open. As cheap as can be, so that it is the server that is measured.
"""

import json
import select
import socket
import sys
import time

DRIP_SECONDS = 2.0
HEAD = b"GET /o/"


class Drip:
    """One socket of the many."""

    __slots__ = ("begun", "due", "sent", "sock")

    def __init__(self, sock: socket.socket, now: float) -> None:
        self.sock = sock
        self.begun = now
        self.due = now
        self.sent = 0


class Dripping:
    """All of them, in one loop."""

    def __init__(self, port: int, count: int, hosts: int) -> None:
        self._port = port
        self._hosts = hosts
        self._opened = 0
        self._poll = select.epoll()
        self._drips: dict[int, Drip] = {}
        self._missing = count
        self.closed = 0
        self.longest = 0.0

    def turn(self) -> None:
        """Open what is missing, drip what is due, and take note of what was closed."""
        now = time.monotonic()
        for _ in range(min(self._missing, 100)):
            self._open(now)
        for number, event in self._poll.poll(0.02):
            self._heard(number, event)
        for number, drip in list(self._drips.items()):
            if drip.due <= now:
                drip.due = now + DRIP_SECONDS
                try:
                    drip.sock.send(HEAD[drip.sent % len(HEAD) :][:1])
                    drip.sent += 1
                except BlockingIOError:
                    continue
                except OSError:
                    self._close(number)

    def report(self) -> str:
        """Return how it stands."""
        told = {"open": len(self._drips), "closed": self.closed, "longest": self.longest}
        return json.dumps(told)

    def _open(self, now: float) -> None:
        sock = socket.socket()
        sock.setblocking(False)
        self._opened += 1
        try:
            sock.bind((f"127.0.1.{self._opened % self._hosts + 1}", 0))
            sock.connect(("127.0.0.1", self._port))
        except BlockingIOError:
            pass
        except OSError:
            sock.close()
            return
        self._missing -= 1
        self._drips[sock.fileno()] = Drip(sock, now)
        self._poll.register(sock, select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR)

    def _heard(self, number: int, event: int) -> None:
        try:
            data = self._drips[number].sock.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close(number)

    def _close(self, number: int) -> None:
        drip = self._drips.pop(number)
        self._poll.unregister(number)
        drip.sock.close()
        self._missing += 1
        self.closed += 1
        self.longest = max(self.longest, time.monotonic() - drip.begun)


def main(port: int, count: int, hosts: int) -> None:
    """Drip until killed."""
    dripping = Dripping(port, count, hosts)
    told = time.monotonic()
    while True:
        dripping.turn()
        if time.monotonic() - told > 1.0:
            told = time.monotonic()
            sys.stdout.write(dripping.report() + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
