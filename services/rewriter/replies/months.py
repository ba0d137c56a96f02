"""The months, and the words around dates with which people say that they are away. Data for `returns`."""

from typing import Final

_NAMES: Final = (
    (
        1,
        "january jan januar jänner januari janvier janv enero gennaio gen janeiro stycznia tammikuuta ledna января",
    ),
    (
        2,
        "february feb februar februari février févr febrero febbraio fevereiro fev lutego helmikuuta února февраля",
    ),
    (3, "march mar märz mär maart mrt mars marzo março marca maaliskuuta března marts марта"),
    (4, "april apr avril avr abril abr aprile kwietnia huhtikuuta dubna апреля"),
    (5, "may mai mei maj mayo maggio mag maio maja toukokuuta května мая"),
    (6, "june jun juni juin junio giugno giu junho czerwca kesäkuuta června июня"),
    (7, "july jul juli juillet juil julio luglio lug julho lipca heinäkuuta července июля"),
    (8, "august aug augustus août aout agosto ago augusti sierpnia elokuuta srpna августа"),
    (
        9,
        "september sept sep septembre septiembre settembre setembro września syyskuuta září сентября",
    ),
    (
        10,
        "october oct oktober okt octobre octubre ottobre ott outubro out października lokakuuta října октября",
    ),
    (11, "november nov novembre noviembre novembro listopada marraskuuta listopadu ноября"),
    (
        12,
        "december dec dezember dez décembre déc diciembre dic dicembre dezembro grudnia joulukuuta prosince декабря",
    ),
)
MONTHS: Final = {word: number for number, words in _NAMES for word in words.split()}
# Only English puts the month before the day.
ENGLISH_MONTHS: Final = frozenset(
    {
        *("january", "february", "march", "april", "may", "june", "july", "august", "september"),
        *("october", "november", "december", "jan", "feb", "mar", "apr", "jun", "jul", "aug"),
        *("sept", "sep", "oct", "nov", "dec"),
    }
)


def _phrases(*lines: str) -> tuple[str, ...]:
    return tuple(one.strip() for line in lines for one in line.split("|"))


# What people say of the day on which they are there again; a word may go on where no `$` ends it.
ENGLISH_RETURNING: Final = _phrases(
    "return | back$ | available again | reachable again | resume work"
)
RETURNING: Final = _phrases(
    "zurück | wieder da$ | wieder erreichbar | wieder im | wieder für sie | rückkehr | wieder verfügbar",
    "de retour | retour le | mon retour | reviendrai | reviens",
    "de vuelta | regres | volver | vuelvo | reincorpor",
    "rientr | di ritorno | ritorno | tornerò | torno$",
    "retorn | regress | voltarei | de volta",
    "terug | weer aanwezig | weer bereikbaar | weer op kantoor",
    "tillbaka | åter | tilbage | tilbake | takaisin | palaan",
    "wracam | wrócę | powrót | powrotu | powrocie | vrátím | zpět | вернусь | возвращ | вернёмся",
)
# Written without blanks between words.
EAST_ASIAN_RETURNING: Final = _phrases(
    "復帰 | 戻り | 戻る | 出社 | 返回 | 回来 | 回來 | 返岗 | 복귀 | 돌아"
)

# Words straight before the last day of an absence.
ENGLISH_UNTIL: Final = _phrases("until | till | through | thru")
UNTIL: Final = _phrases(
    "bis | bis zum | bis einschließlich | jusqu'au | hasta | hasta el | fino al | sino al | até | até o dia",
    "tot | tot en met | t/m | til | til og med | till och med | t.o.m. | t.o.m | do | do dnia | до | по",
)
