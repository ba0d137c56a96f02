"""Texts made of what HTML is made of, in any order."""

from hypothesis import strategies as st

FRAGMENTS = [
    *["<a ", "<A\n", "<area ", "</a>", "</A >", "<ab href=u>", "<p title='>'>", "<b>", "</b>"],
    *["<img alt=y>", '<a href="u">', "<a href='v'>", "<a href=w>", "href", "HREF", "=", " = "],
    *['"', "'", ">", "/", "/>", " ", "\t", "\r\n", "\0", "\ud800", "é", "x", "-", "--", "!"],
    *["{{ x }}", "data-inkling-follow=no", "http://x/", "&amp;", "&copy=1", "&notit;", "&#x41;"],
    *["&#0;", "&", "</body>", "</html>", "<!--", "-->", "--!>", "<!-->", "<!--->", "<!", "<?"],
    *["</", "<", "<!--[if mso]>", "<![endif]-->", "<![CDATA[", "]]>", "<svg>", "</svg>", "<svg/>"],
    *["<script>", "</script>", "<script ", "<plaintext>", "<style>", "</style>", "<textarea>"],
    *[
        "</textarea>",
        "<title>",
        "</title>",
        "<noembed>",
        "<img src=cid:p>",
        "<td background='cid:q'>",
    ],
    *[
        "<p data-inkling-attachments=1>",
        "<DIV Data-Inkling-Attachments>",
        " data-inkling-attachments",
    ],
    *["src=", "cid:", "<img ", "data-inkling=no ", ' data-inkling="no"', "<v:rect ", "</v:rect>"],
    *["<!-- [if mso]>", "<body>", "<p>", "<foreignObject>", "</foreignObject>", "]>", "<title"],
]


SOUP = st.lists(st.sampled_from(FRAGMENTS), max_size=40).map("".join)
