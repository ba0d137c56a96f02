"""The patterns with which a text is read as a browser's tokenizer does, and the names of elements that matter.

Every quantifier is possessive or bounded, so that each pattern fails in one pass, and each is right where the text is
cut short (`endpos`): it then matches less, never something else. So a large text is read in pieces. (A possessive
*group* would say more, but Python before 3.11.5 matches it wrongly: cpython issue 106052.)
"""

import re
from typing import Final

SPACE: Final = r"\t\n\f\r "
# VML: what Word, and so Outlook, draws, and what of it may have an `href`.
SHAPES: Final = frozenset(
    f"v:{name}"
    for name in "arc curve group image line oval polyline rect roundrect shape".split()  # noqa: SIM905
)
LINKS: Final = frozenset({"a", "area"}) | SHAPES
FOREIGN: Final = frozenset({"svg", "math"})
RAW_TEXT: Final = frozenset(
    {"script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes", "plaintext"}
)
# Elements that part words; all others stand inside a line.
BREAKS: Final = frozenset(
    [
        *["br", "p", "div", "center", "table", "tr", "td", "th", "ul", "ol", "li", "hr"],
        *["h1", "h2", "h3", "h4", "h5", "h6"],
    ]
)
# What stands before the body and shows nothing.
BEFORE_BODY: Final = frozenset(
    [
        *["html", "head", "title", "style", "script", "meta", "link", "base", "basefont"],
        *["bgsound", "noframes", "template"],
    ]
)
# In SVG and MathML: what holds HTML again, and what ends both (HTML Standard, the start tags that end foreign content).
INTEGRATION: Final = frozenset(
    ["foreignobject", "desc", "title", "mi", "mo", "mn", "ms", "mtext", "annotation-xml"]
)
BREAKOUT: Final = frozenset(
    [
        *["b", "big", "blockquote", "body", "br", "center", "code", "dd", "div", "dl", "dt", "em"],
        *["embed", "h1", "h2", "h3", "h4", "h5", "h6", "head", "hr", "i", "img", "li", "listing"],
        *["menu", "meta", "nobr", "ol", "p", "pre", "ruby", "s", "small", "span", "strong"],
        *["strike", "sub", "sup", "table", "tt", "u", "ul", "var"],
    ]
)

OPENING: Final = re.compile(r"<(?=[A-Za-z/!?])")
# One attribute of a whole tag. A quote counts only after `=`.
_ONE = (
    rf"[{SPACE}/]*+[^{SPACE}/>][^{SPACE}/>=]*+"
    rf"(?:[{SPACE}]*+=[{SPACE}]*+(?:\"[^\"]*+\"|'[^']*+'|[^{SPACE}>\"'][^{SPACE}>]*+|(?=>))|(?![{SPACE}]*+=))"
)
# A loop of attributes stands in a look-ahead, whose outcome is final. It remembers each attribute while it runs, so a
# tag with more is read by `long_tags`.
_ATTRIBUTES = rf"((?:{_ONE}){{0,1000}})"
TAG: Final = re.compile(rf"<(/?)([A-Za-z][^{SPACE}/>]*+)(?={_ATTRIBUTES})\3([{SPACE}/]*+)>")
ATTRIBUTE: Final = re.compile(
    rf"([^{SPACE}/>][^{SPACE}/>=]*+)"
    rf"(?:[{SPACE}]*+=[{SPACE}]*+(?:(\")([^\"]*+)\"|(')([^']*+)'|([^{SPACE}>\"'][^{SPACE}>]*+))?)?"
)
TAG_OPENING: Final = re.compile(r"</?[A-Za-z]")

COMMENT_END: Final = re.compile(r"--!?>")
# Downlevel-hidden, of Microsoft's two forms; the other, downlevel-revealed, hides nothing from anybody.
CONDITION: Final = re.compile(rf"<!--[{SPACE}]*+\[[iI][fF][{SPACE}(!][^\]>]{{0,500}}+\]>")
RAW_TEXT_END: Final = {
    name: re.compile(rf"</{name}(?=[{SPACE}/>])", re.IGNORECASE | re.ASCII) for name in RAW_TEXT
}
SCRIPT_MARK: Final = re.compile(rf"<!--|-->|<(/?)script(?=[{SPACE}/>])", re.IGNORECASE | re.ASCII)
NO_SPACE: Final = re.compile(rf"[^{SPACE}]")
UNQUOTED_UNSAFE: Final = re.compile(rf"[{SPACE}\"'=<>`]|^$")
# What may be between a mark that is taken away and what follows it.
PARTED: Final = re.compile(rf"[{SPACE}>]")
EQUALS: Final = re.compile(rf"[{SPACE}]*+=")
