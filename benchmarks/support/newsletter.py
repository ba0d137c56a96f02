"""The mail that the rewriter is measured with: a newsletter of 21 KB with 40 links, as marketing tools write them."""

import random
from typing import Any

HTML_CHARACTERS = 21_000
LINKS = 40
_PROSE = """offer garden light winter paper kettle simple delivery new season blue quiet morning walnut order choice
before after every only with from this week save room free small large hand made colour again"""
_WORDS = tuple(_PROSE.split())
_HEAD = """<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml">
<head>
<meta http-equiv="Content-Type" content="text/html; charset=utf-8" />
<meta name="viewport" content="width=device-width, initial-scale=1.0" />
<title>Your week</title>
<style type="text/css">
body { margin: 0; padding: 0; background: #f4f4f4; } table { border-collapse: collapse; }
a { color: #1a5fb4; text-decoration: none; } @media (max-width: 600px) { .column { width: 100% !important; } }
</style>
<!--[if mso]><style>table { font-family: Arial, sans-serif; }</style><![endif]-->
</head>
<body style="margin:0;padding:0;">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"><tr><td align="center">
"""
_FOOT = "</td></tr></table>\n</body>\n</html>\n"


def html(number: int) -> str:
    """Write the newsletter for one person: the greeting and the links' parameters are that person's own."""
    chance = random.Random(number)
    parts = [_HEAD, f"<p>Dear Person {number},</p>\n"]
    blocks = [_block(chance, number, index) for index in range(LINKS)]
    spare = HTML_CHARACTERS - sum(map(len, (*parts, *blocks, _FOOT)))
    filling = _text(chance, max(0, spare // LINKS - 20))
    for block in blocks:
        parts += [block, f"<p>{filling}</p>\n"]
    whole = "".join(parts)
    return whole + " " * (HTML_CHARACTERS - len(whole) - len(_FOOT)) + _FOOT


def mail(number: int, copies: int = 1) -> dict[str, Any]:
    """Write the call's body, to so many contacts."""
    return {
        "from": {"address": "ana@demo.example", "name": "Ana Lima"},
        "to": [
            {
                "address": f"person{number}.{one}@customer.example",
                "name": f"Person {number} {one}",
                "id": f"c-{number}-{one}",
                "kind": "contact",
            }
            for one in range(copies)
        ],
        "subject": f"Your week, person {number}",
        "html": html(number),
        "text": "Dear customer, this mail is best read in HTML.",
        "owner": "ana",
    }


def _block(chance: random.Random, number: int, index: int) -> str:
    path = "/".join(chance.choice(_WORDS) for _ in range(2))
    url = (
        f"https://www.shop.example/{path}/{chance.randrange(10**6)}"
        f"?utm_source=newsletter&amp;utm_medium=email&amp;c={number:06}&amp;p={index:02}"
    )
    return (
        f'<table width="600" class="column"><tr><td style="padding:8px 16px;font:14px/20px Arial">'
        f'<a href="{url}" target="_blank" style="color:#1a5fb4">{_text(chance, 20)}</a></td></tr></table>\n'
    )


def _text(chance: random.Random, characters: int) -> str:
    words = ""
    while len(words) < characters:
        words += chance.choice(_WORDS) + " "
    return words[:characters].strip()
