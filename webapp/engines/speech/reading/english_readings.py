"""Writes out in English what is read otherwise than it is written: addresses, money, units, Roman numerals.

Only what the rules of the neural English voices do not know or get wrong; plain numbers, dates, times and
titles are theirs.
"""

import re
from collections.abc import Callable
from typing import Final

_NUMBER: Final = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_SCALES: Final = {"k": "thousand", "m": "million", "bn": "billion", "b": "billion"}
_SCALE: Final = r"\s?(?:hundred|thousand|million|billion|trillion|k|K|m|M|bn|b|B)\b"

_MARKS: Final = {
    ".": "dot", "/": "slash", "-": "dash", "_": "underscore", "@": "at", "?": "question mark",
    "=": "equals", "&": "and", "#": "hash", "%": "percent", ":": "colon", "~": "tilde", "+": "plus",
}  # fmt: skip
_ADDRESS: Final = re.compile(
    r"\b(?:https?|ftp)://[^\s\"']+|\bwww\.[^\s\"']+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|\b(?:[a-z0-9-]+\.)+(?:com|org|net|edu|gov|io|dev|app|ai|co\.uk|de|fr|eu|info)\b(?:/[^\s\"']*)?",
    re.IGNORECASE,
)
_SCHEME: Final = re.compile(r"(?:https?|ftp)://", re.IGNORECASE)
_PUNCTUATION: Final = ".,;:!?)]}/"

# One, several, and a hundredth of it.
_DOLLARS: Final = ("dollar", "dollars", "cent", "cents")
_EUROS: Final = ("euro", "euros", "cent", "cents")
_POUNDS: Final = ("pound", "pounds", "penny", "pence")
_FRANCS: Final = ("Swiss franc", "Swiss francs", "centime", "centimes")
_CURRENCIES: Final = {
    "$": _DOLLARS, "US$": _DOLLARS, "USD": _DOLLARS, "A$": ("Australian dollar", "Australian dollars"),
    "C$": ("Canadian dollar", "Canadian dollars"), "€": _EUROS, "EUR": _EUROS, "£": _POUNDS, "GBP": _POUNDS,
    "CHF": _FRANCS, "¥": ("yen", "yen"), "JPY": ("yen", "yen"), "₹": ("rupee", "rupees"),
    "INR": ("rupee", "rupees"), "₩": ("won", "won"), "₽": ("ruble", "rubles"), "₺": ("lira", "lira"),
    "₿": ("bitcoin", "bitcoin"), "SEK": ("Swedish krona", "Swedish kronor"),
    "NOK": ("Norwegian krone", "Norwegian kroner"), "DKK": ("Danish krone", "Danish kroner"),
    "PLN": ("zloty", "zloty"), "CNY": ("yuan", "yuan"),
}  # fmt: skip
_CURRENCY: Final = "|".join(map(re.escape, sorted(_CURRENCIES, key=len, reverse=True)))
_MONEY_BEFORE: Final = re.compile(rf"(?<![\w.])({_CURRENCY})\s?({_NUMBER})({_SCALE})?(?!\w)")
_MONEY_BEHIND: Final = re.compile(rf"(?<![\w.,])({_NUMBER})({_SCALE})?\s?({_CURRENCY})(?!\w)")

_UNITS: Final = {
    "m²": ("square meter", "square meters"), "km²": ("square kilometer", "square kilometers"),
    "cm²": ("square centimeter", "square centimeters"), "m³": ("cubic meter", "cubic meters"),
    "cm³": ("cubic centimeter", "cubic centimeters"), "m/s": ("meter per second", "meters per second"),
    "km/s": ("kilometer per second", "kilometers per second"), "ha": ("hectare", "hectares"),
    "dB": ("decibel", "decibels"), "kJ": ("kilojoule", "kilojoules"), "kcal": ("kilocalorie", "kilocalories"),
    "kPa": ("kilopascal", "kilopascals"), "hPa": ("hectopascal", "hectopascals"),
    "bpm": ("beat per minute", "beats per minute"), "rpm": ("turn per minute", "turns per minute"),
    "px": ("pixel", "pixels"), "‰": ("per mille", "per mille"),
}  # fmt: skip
# Behind a number and a space; without one they are other things more often: 5m, 90s.
_LETTERS: Final = {
    "m": ("meter", "meters"), "g": ("gram", "grams"), "l": ("liter", "liters"), "L": ("liter", "liters"),
    "s": ("second", "seconds"), "h": ("hour", "hours"), "V": ("volt", "volts"), "W": ("watt", "watts"),
}  # fmt: skip
_UNIT: Final = re.compile(
    rf"(?<![\w.,])({_NUMBER})(?:\s?({'|'.join(sorted(_UNITS, key=len, reverse=True))})"
    rf"|\s([{''.join(_LETTERS)}]))(?![\w²³/'’])"
)

# Up to thirty-nine; L and C are letters more often.
_ROMAN: Final = r"(?=[IVX])X{0,3}(?:IX|IV|V?I{0,3})"
_CENTURY: Final = re.compile(rf"\b({_ROMAN})(?:st|nd|rd|th)?(?= (?:century|centuries|dynasty)\b)")
_NUMBERED: Final = re.compile(
    rf"\b(Appendix|Table|Figure|Unit|Lesson|Canto|Title|Season|Series|Player|Year|Psalm|Vol\.) ({_ROMAN})\b"
)
# Behind any other name; single letters may be letters.
_AFTER_NAME: Final = re.compile(
    r"\b([A-Z][a-z]+) (II|III|IV|VI|VII|VIII|IX|XI|XII|XIII|XIV|XV|XVI|XVII|XVIII|XIX|XX|XXIII)\b"
)
_RULERS: Final = frozenset({
    "Albert", "Alexander", "Alfonso", "Benedict", "Carl", "Catherine", "Charles", "Christian", "Cleopatra",
    "Clement", "Edward", "Elizabeth", "Ferdinand", "Francis", "Frederick", "George", "Gregory", "Gustav",
    "Henry", "Innocent", "Ivan", "James", "John", "Joseph", "Karl", "Leo", "Leopold", "Louis", "Ludwig",
    "Margaret", "Mary", "Maximilian", "Napoleon", "Nicholas", "Otto", "Paul", "Peter", "Philip", "Pius",
    "Ramses", "Richard", "Rudolf", "Urban", "Victor", "Wilhelm", "William",
})  # fmt: skip
_DIGITS: Final = {"I": 1, "V": 5, "X": 10}

_DATE: Final = re.compile(r"(?<![\w.])(\d{1,2})\.(\d{1,2})\.(\d{4})(?!\w)")
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip
_DOTTED_TIME: Final = re.compile(r"(?<![\w.])(\d{1,2})\.([0-5]\d)(?=\s?[ap]\.?m\b)", re.IGNORECASE)
_DOTTED: Final = re.compile(r"(?<![\w.])(v?)(\d+(?:\.\d+){2,})(?![\w])")
IP_NUMBERS: Final = 4
_ZEROS: Final = re.compile(r"(?<![\w.,:/-])0\d{1,11}(?![.,:/-]?\w)")
_FILE: Final = re.compile(r"(?<=[A-Za-z]{2})\.(?=[a-z][A-Za-z0-9])")
_ALWAYS: Final = re.compile(r"\b24/7\b|\b50[/-]50\b")
_SPACED_DASH: Final = re.compile(r"(?<=\w) +-{1,3} +|(?<=\w)-{2,3}(?=\w)")
_ABBREVIATIONS: Final = {
    "e.g.": "for example", "i.e.": "that is", "a.k.a.": "also known as", "incl.": "including",
    "tel.": "telephone",
}  # fmt: skip
_ABBREVIATION: Final = re.compile(
    rf"(?<![\w.])(?:{'|'.join(map(re.escape, _ABBREVIATIONS))})(?!\w)", re.IGNORECASE
)


def written_out(text: str) -> str:
    """Return a text as people read it aloud in English."""
    for pattern, replacement in _READINGS:
        text = pattern.sub(replacement, text)
    return text


def _address(found: re.Match[str]) -> str:
    whole = found[0]
    bare = whole.rstrip(_PUNCTUATION)
    rest = whole[len(bare) :].lstrip("/")
    read = re.sub(r"^www\.", "W W W. ", _SCHEME.sub("", bare), flags=re.IGNORECASE).replace(". ", " dot ")
    return "".join(f" {_MARKS[mark]} " if mark in _MARKS else mark for mark in read) + rest


def _amount(number: str, scale: str | None, currency: str) -> str:
    one, several, *parts = _CURRENCIES[currency]
    if scale:
        short = scale.strip()
        return f"{number} {_SCALES.get(short.lower(), short)} {several}"
    whole, _, cents = number.partition(".")
    if not parts or len(cents) != len("00"):
        return f"{number} {one if number == '1' else several}"
    amount = f"{whole} {one if whole == '1' else several}"
    if cents == "00":
        return amount
    smaller = f"{int(cents)} {parts[0] if cents == '01' else parts[1]}"
    return smaller if whole == "0" else f"{amount} and {smaller}"


def _unit(found: re.Match[str]) -> str:
    number, unit, letter = found.groups()
    names = _UNITS[unit] if unit else _LETTERS[letter]
    return f"{number} {names[0] if number == '1' else names[1]}"


def _value(roman: str) -> int:
    values = [_DIGITS[digit] for digit in roman]
    following = [*values[1:], 0]
    return sum(-one if one < after else one for one, after in zip(values, following, strict=True))


def _ordinal(roman: str) -> str:
    number = _value(roman)
    ending = "th" if number % 100 in range(11, 14) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _after_name(found: re.Match[str]) -> str:
    name, roman = found.groups()
    return f"{name} the {_ordinal(roman)}" if name in _RULERS else f"{name} {_value(roman)}"


def _date(found: re.Match[str]) -> str:
    day, month = int(found[1]), int(found[2])
    if not (1 <= day <= 31 and 1 <= month <= len(_MONTHS)):
        return found[0]
    return f"{day} {_MONTHS[month - 1]} {found[3]}"


def _dotted(found: re.Match[str]) -> str:
    numbers = found[2].split(".")
    mark = " dot " if len(numbers) == IP_NUMBERS else " point "
    return ("version " if found[1] else "") + mark.join(numbers)


_READINGS: Final[tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...]] = (
    (_ADDRESS, _address),
    (_DATE, _date),
    (_DOTTED_TIME, r"\1:\2"),
    (_DOTTED, _dotted),
    (_MONEY_BEFORE, lambda found: _amount(found[2], found[3], found[1])),
    (_MONEY_BEHIND, lambda found: _amount(found[1], found[2], found[3])),
    (_UNIT, _unit),
    (_ZEROS, lambda found: " ".join(found[0])),
    (_CENTURY, lambda found: _ordinal(found[1])),
    (_NUMBERED, lambda found: f"{found[1]} {_value(found[2])}"),
    (_AFTER_NAME, _after_name),
    (_ALWAYS, lambda found: found[0].replace("/", " ").replace("-", " ")),
    (_ABBREVIATION, lambda found: _ABBREVIATIONS[found[0].lower()]),
    (_FILE, " dot "),
    (_SPACED_DASH, " — "),
)
