"""Whether a part decodes to the same content for every program: only then may its content stand in for the part.

Base64 with something foreign in it, or after its padding, is read in as many ways as there are programs, and not every
program knows each transfer encoding. Who shows such a part leaves that to the reader's program.
"""

import string
from typing import Final

from services.rewriter.mime.transfer import BASE64, QUOTED

_AS_IT_IS: Final = ("", "7bit", "8bit", "binary")
_LETTERS: Final = (string.ascii_letters + string.digits + "+/").encode()
_BLANK: Final = b" \t\r\n"
_PADDING: Final = b"="
_MOST_PADDING: Final = 2
# Some microseconds of work.
_STEP: Final = 64 * 1024


def is_exact(raw: bytes, start: int, end: int, encoding: str) -> bool:
    """Tell it of the bytes from `start` to `end` in that transfer encoding, in lower case."""
    if encoding == BASE64:
        return _is_clean(raw, start, end)
    return encoding == QUOTED or encoding in _AS_IT_IS


def _is_clean(raw: bytes, start: int, end: int) -> bool:
    """Letters, then as much padding as makes the last group whole, or none where somebody has left it out."""
    letters = padding = 0
    for at in range(start, end, _STEP):
        bare = raw[at : min(at + _STEP, end)].translate(None, _BLANK)
        behind = bare.translate(None, _LETTERS)
        if behind.strip(_PADDING) or not bare.endswith(behind):
            return False
        if padding and len(bare) > len(behind):
            return False
        letters += len(bare) - len(behind)
        padding += len(behind)
    if padding:
        return padding <= _MOST_PADDING and (letters + padding) % 4 == 0
    return letters % 4 != 1
