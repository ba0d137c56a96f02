"""The three ways in which work can fail; whoever catches one knows what to do, unread.

Exception
├── Transient   back off, keep the offset, apply backpressure
├── Poison      quarantine with a reason, go on
└── Fatal       exit non-zero
"""


class Transient(Exception):
    """The same call may succeed later: back off, keep the offset, apply backpressure."""


class Poison(Exception):
    """This record will never succeed: quarantine it with a reason, then move on.

    `reason` is a word of a closed list, fit for a metric label; `detail` is free text for a person.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}" if self.detail else self.reason


class Fatal(Exception):
    """The process cannot be trusted to go on: exit non-zero and let the platform restart it."""
