"""Reading a text construct by construct, without the quick way through what is ordinary."""

import pytest

from services.rewriter.html import Scan, scan, stretches
from services.rewriter.html.stretches import Stretch


def slow(html: str) -> Scan:
    """Scan as `scan` does, by `scanner` alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stretches, "head_end", lambda html, limit: -1)
        patch.setattr(
            stretches, "read", lambda html, begin, limit: Stretch(begin, [], -1, -1, True)
        )
        return scan(html)
