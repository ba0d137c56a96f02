"""The kinds of interaction, by the numbers they have in the tables."""

from enum import IntEnum


class Kind(IntEnum):
    """What somebody, or something, did with a message; the first three are hits."""

    OPEN = 1
    CLICK = 2
    ATTACHMENT_VIEW = 3
    REPLY = 4
