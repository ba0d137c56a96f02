"""SVG and MathML, where other rules hold, and how they end."""

import pytest

from services.rewriter.html import (
    scan,
)


@pytest.mark.parametrize(
    "html",
    [
        "<svg><p><style><a href=v></style><a href=u>",
        "<svg><foreignObject><style><a href=v></style></foreignObject></svg><a href=u>",
        "<svg><foreignObject/><style><a href=u></style>",
        "<svg><g></svg><style><a href=v></style><a href=u>",
        "<math><mi><style><a href=v></style></mi></math><a href=u>",
        "<svg/><style><a href=v></style><a href=u>",
        "<svg><svg></svg><style><a href=u></style></svg>",
        "</svg><style><a href=v></style><a href=u>",
    ],
)
def test_styles_are_raw_text_outside_of_other_namespaces_only(html: str) -> None:
    assert [spot.raw for spot in scan(html).links] == ["u"]
