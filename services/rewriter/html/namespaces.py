"""Whether a place is within SVG or MathML, where `<style>` and `<title>` are elements like others and CDATA exists."""

from services.rewriter.html.syntax import BREAKOUT, FOREIGN, INTEGRATION
from services.rewriter.html.tags import Tag


class Namespaces:
    """The open elements that change it, as far as tags tell."""

    __slots__ = ("_counts", "_open", "foreign")

    def __init__(self) -> None:
        # What is open, innermost last, and how often each is, so that none is sought in vain.
        self._open: list[str] = []
        self._counts: dict[str, int] = {}
        self.foreign = False

    @property
    def left(self) -> bool:
        """Whether an element is open that began another namespace, or began HTML in it again."""
        return bool(self._open)

    def start(self, tag: Tag) -> None:
        """Take note of a start tag, before it is judged itself."""
        name = tag.name
        if self.foreign:
            if name in BREAKOUT:
                while self._open and self._open[-1] in FOREIGN:
                    self._pop()
                self.foreign = False
            elif name in INTEGRATION and not tag.empty:
                self._push(name)
                self.foreign = False
        if name in FOREIGN and not tag.empty:
            self._push(name)
            self.foreign = True

    def end(self, name: str) -> None:
        """Take note of an end tag."""
        if not self._counts.get(name):
            return
        while self._pop() != name:
            pass
        self.foreign = bool(self._open) and self._open[-1] in FOREIGN

    def _push(self, name: str) -> None:
        self._open.append(name)
        self._counts[name] = self._counts.get(name, 0) + 1

    def _pop(self) -> str:
        name = self._open.pop()
        self._counts[name] -= 1
        return name
