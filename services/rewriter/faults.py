"""What a body says that its schema allows and that still cannot be."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One field at fault, and a sentence that does not repeat the value.

    The field is a JSON pointer into the body, or the name of a header of the mail.
    """

    field: str
    detail: str
    # Whether there is such a field at all.
    known: bool = True


class BadFields(ValueError):
    """A body that is refused; names every fault found."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(f"{len(self.faults)} fields are not valid")
