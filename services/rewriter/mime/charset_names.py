"""What charsets are called: Python's name of each that can be read, and the names of those in which nothing is edited.

The names mean what the WHATWG's Encoding Standard says, as mail programs show mail.
"""

import re
from typing import Final

FALLBACK: Final = "cp1252"
ISO_2022_JP: Final = "iso2022_jp_ext"

_ALIASES: Final = {
    "utf-8": "utf8 unicode11utf8 unicode20utf8 xunicode20utf8 utf8mb4 cp65001",
    FALLBACK: "usascii ascii ansix341968 iso646us iso88591 iso885911987 isoir100 latin1 l1 ibm819 cp819 csisolatin1 "
    "windows1252 cp1252 xcp1252 windows12521252 ansi",
    "iso8859_2": "iso88592 iso885921987 isoir101 latin2 l2 csisolatin2",
    "iso8859_3": "iso88593 iso885931988 isoir109 latin3 l3 csisolatin3",
    "iso8859_4": "iso88594 iso885941988 isoir110 latin4 l4 csisolatin4",
    "iso8859_5": "iso88595 iso885951988 isoir144 cyrillic csisolatincyrillic",
    "iso8859_6": "iso88596 iso885961987 isoir127 arabic csisolatinarabic iso88596e iso88596i",
    "iso8859_7": "iso88597 iso885971987 isoir126 greek greek8 csisolatingreek suneugreek",
    "iso8859_8": "iso88598 iso885981988 isoir138 hebrew csisolatinhebrew iso88598e iso88598i logical visual",
    "cp1254": "iso88599 iso885991989 isoir148 latin5 l5 csisolatin5 windows1254 cp1254 xcp1254",
    "iso8859_10": "iso885910 isoir157 latin6 l6 csisolatin6",
    "cp874": "iso885911 tis620 windows874 dos874 cp874",
    "iso8859_13": "iso885913",
    "iso8859_14": "iso885914",
    "iso8859_15": "iso885915 latin9 l9 csisolatin9",
    "iso8859_16": "iso885916",
    "cp1250": "windows1250 cp1250 xcp1250",
    "cp1251": "windows1251 cp1251 xcp1251",
    "cp1253": "windows1253 cp1253 xcp1253",
    "cp1255": "windows1255 cp1255 xcp1255",
    "cp1256": "windows1256 cp1256 xcp1256",
    "cp1257": "windows1257 cp1257 xcp1257",
    "cp1258": "windows1258 cp1258 xcp1258",
    "koi8_r": "koi8r koi8 koi cskoi8r",
    "koi8_u": "koi8u koi8ru",
    "cp866": "ibm866 866 cp866 csibm866",
    "cp437": "ibm437 437 cp437",
    "cp850": "ibm850 850 cp850",
    "cp852": "ibm852 852 cp852",
    "mac_roman": "macintosh mac xmacroman csmacintosh",
    "mac_cyrillic": "xmaccyrillic xmacukrainian",
    "gb18030": "gb18030 gbk xgbk cp936 windows936 gb2312 csgb2312 gb231280 csiso58gb231280 isoir58 chinese euccn",
    "big5hkscs": "big5 big5hkscs cnbig5 csbig5 xxbig5 cp950 big5eten",
    "cp932": "shiftjis sjis xsjis shiftjisms ms932 mskanji windows31j csshiftjis cp932",
    "euc_jp": "eucjp xeucjp cseucpkdfmtjapanese",
    "cp949": "euckr cseuckr ksc5601 ksc56011987 ksc56011989 ksc56011987korean isoir149 korean windows949 cp949 uhc",
    ISO_2022_JP: "iso2022jp csiso2022jp iso2022jp1 iso2022jp2 iso2022jpms cp50220 cp50221",
    "utf-16": "utf16 csunicode iso10646ucs2 ucs2 unicode",
    "utf-16-le": "utf16le unicodefeff",
    "utf-16-be": "utf16be unicodefffe",
    # No browser reads the first; in the others an ASCII byte may be part of something else. Nothing in them is edited.
    "utf-32": "utf32 utf32le utf32be",
    "utf-7": "utf7 unicode11utf7 csunicode11utf7",
    "hz": "hz hzgb2312",
    "iso2022_kr": "iso2022kr csiso2022kr",
}
_CODECS: Final = {alias: name for name, aliases in _ALIASES.items() for alias in aliases.split()}
_NO_ALNUM: Final = re.compile(r"[^a-z0-9]+")
_UNEDITABLE: Final = frozenset({"utf-32", "utf-7", "hz", "iso2022_kr"})
# The same of what is not read at all.
_STRANGERS: Final = re.compile(
    "(?:iso10646|cs)?ucs4|(?:iso10646)?utf1|utfebcdic|iso2022cn(?:ext)?|iso2022jp(?:3|2004)|scsu|bocu1"
)
# EBCDIC, in which markup in ASCII would be something else, by its number at IBM.
_EBCDIC: Final = re.compile(
    r"ebcdic.*|(?:cp|ibm|csibm|ccsid)0*(?:3[78]|27[34578]|28[0145]|29[07]|42[034]|500|87[015]|880|905|918|924|93[03579]"
    r"|102[56]|1047|1112|112[23]|114\d)"
)


def find(name: str | None) -> str | None:
    """Return Python's name of the charset so called, or None. (Python's own look-up would keep every unknown name.)"""
    return None if name is None else _CODECS.get(_bare(name))


def is_uneditable(name: str | None) -> bool:
    """Whether a charset is so called in which an ASCII byte may be something else, or which nobody shows."""
    bare = _bare(name or "")
    return _CODECS.get(bare) in _UNEDITABLE or any(
        one.fullmatch(bare) for one in (_STRANGERS, _EBCDIC)
    )


def says_ascii(declared: str | None) -> bool:
    """Whether a text is said to be ASCII, or nothing is said, which means the same (RFC 2045 §5.2)."""
    return declared is None or (find(declared) == FALLBACK and "ascii" in declared.lower())


def _bare(name: str) -> str:
    return _NO_ALNUM.sub("", name[:80].lower())
