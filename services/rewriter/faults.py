"""What a body says that its schema allows and that still cannot be."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One field at fault: a JSON pointer into the body, and a sentence that does not repeat the value."""

    field: str
    detail: str


class BadFields(ValueError):
    """A body that is refused; names every fault found."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(f"{len(self.faults)} fields are not valid")
