"""Two hundred awkward texts: each is spoken, or refused in words; none ends in silence."""

import unicodedata
from collections.abc import Iterator
from itertools import product
from typing import Final

import numpy as np
import pytest

from webapp.engines.speech.base import NothingToSpeak, SpeechTooLong
from webapp.engines.speech.engine import SpeechEngine
from webapp.errors import InvalidRequest
from webapp.policy.speech import parse_speech

pytestmark = pytest.mark.slow

RULES: Final = (
    "Dr. Smith lives at 221B Baker St.",
    "Call +1 (555) 010-9999 at 7:30 pm.",
    "It costs $1,234.56, not €99.-.",
    "On 2026-02-29, or 31/12/99, or 1.1.2000.",
    "Version 10.0.1-rc2 of IPv6 ::1/128",
    "Henry VIII and Type II",
    "5 m, 5m, 5 km/h, 5 µg, 37 °C",
    "3/4 cup, ½ cup, 2³ = 8",
    "https://example.com/a?b=c&d=e#f",
    "a@b.co, @me, #tag",
    "007, 1e10, 0x3fA9, 1_000, 1'000",
    "12345678901234567890123456789",
    "-40, −40, ±5 %",
    "ROFL, NASA, HTML5",
    "e.g. this, i.e. that, etc.",
    "Mr. J. R. R. Tolkien",
    "wait... what?! no!!!",
    "\"quoted\" 'and' “so” ‘on’ „hier“",
    "snake_case, kebab-case, camelCase",
    "a/b\\c|d~e^f`g",
    '{"json": [1, 2, null]}',
    "<b>bold</b> & <i>it</i>",
    "SELECT * FROM x WHERE y <> 1;",
    "def f(x): return x ** 2",
    "C:\\Windows\\System32",
    "1,5 and 1.5 and 1 500",
    "I'm you're can't won't o'clock",
    "No. 5, § 3, ¶ 2, © ™ ®",
    "½¼¾ ²³ ₂ ⁿ",
    "A+ B- C# C++",
    "* * *",
    "- item\n- item",
    "Line one\r\nLine two\rLine three",
    "tab\tseparated\tvalues",
    "ALL CAPS SHOUTING!",
    "mIxEd CaSe",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
)
SCRIPTS: Final = (
    "Привет, мир!",
    "Γειά σου Κόσμε",
    "مرحبا بالعالم",
    "שלום עולם",
    "नमस्ते दुनिया",
    "你好，世界。",
    "こんにちは世界",
    "カタカナ",
    "안녕하세요",
    "สวัสดีชาวโลก",
    "გამარჯობა",
    "Բարեւ",
    "ሰላም",
    "ᏣᎳᎩ",
    "বাংলা",
    "தமிழ்",
    "తెలుగు",
    "ಕನ್ನಡ",
    "മലയാളം",
    "සිංහල",
    "ગુજરાતી",
    "ਪੰਜਾਬੀ",
    "ଓଡ଼ିଆ",
    "မြန်မာ",
    "ខ្មែរ",
    "ລາວ",
    "བོད་ཡིག",
    "ᠮᠣᠩᠭᠣᠯ",
    "ⵜⵉⴼⵉⵏⴰⵖ",
    "𐌰𐌱𐌲",
    "ꓡꓲꓢꓴ",
    "Ünïcödé ñandú",
    "Ł ø ß þ ð ŋ",
    "Tiếng Việt",
    "ﬁ ﬂ ﷺ",
    "𝓗𝓮𝓵𝓵𝓸 𝕎𝕠𝕣𝕝𝕕",
    "ＦＵＬＬ ＷＩＤＴＨ",
    "①②③ ⅳ ㎏",
)
SYMBOLS: Final = (
    "😀",
    "👩‍👩‍👧‍👦",
    "🏳️‍🌈",
    "🇩🇪🇫🇷",
    "👍🏽",
    "☃ ❄ ☀",
    "♞♜♛",
    "→ ← ↔ ⇒",
    "∑ ∫ √ ∞ ≈ ≠",
    "⌘ ⌥ ⇧",
    "♪ ♫ 𝄞",
    "₿ ₽ ₺ ₴",
    "⠓⠑⠇⠇⠕",
    "░▒▓█",
    "¯\\_(ツ)_/¯",
    "( ͡° ͜ʖ ͡°)",
    "ಠ_ಠ",
    "�",
    "\ue000",
    "a\u200bb\u200dc\ufeff",
    "e\u0301\u0323\u0308",
    "\u202eabc",
    "%",
    "&",
    "@",
    "+",
    "=",
    "*",
    "~",
    "^",
    "$",
    "#",
    "_",
    "|",
    "/",
    "\\",
)
MARKS: Final = (
    ".",
    "...",
    "?!",
    "—",
    "-",
    ",",
    ";",
    ":",
    "'",
    '"',
    "()",
    "[]",
    "{}",
    "« »",
    "¡¿",
    "。",
    "、",
    "…",
    "· · ·",
    "!!!",
)


def _long() -> Iterator[str]:
    for character in (
        "a",
        "x",
        "7",
        "é",
        "ж",
        "字",
        "あ",
        "한",
        "😀",
        "-",
        ".",
        ",",
        "(",
        "\u0301",
        "\u200d",
        "&",
    ):
        yield character * 5000
    yield ("Xq9" * 1667)[:5000]
    yield ("abcdefghijklmnopqrstuvwxyz" * 193)[:5000]
    yield ("a1" * 2500)[:5000]
    yield "https://" + "a" * 4992
    yield "word," * 1000
    yield "a." * 2500
    yield "A " * 2499
    yield "\n".join("ab" for _ in range(1666))


def texts() -> tuple[str, ...]:
    """Return all of them, as the API takes them: each rule, script and symbol, and pairs of them."""
    pairs = [f"{one} {other}" for one, other in product(RULES[::6], (*SCRIPTS[::8], *SYMBOLS[::9]))]
    return (*RULES, *SCRIPTS, *SYMBOLS, *MARKS, *pairs, *_long())


TEXTS: Final = texts()


def test_there_are_two_hundred() -> None:
    assert len(set(TEXTS)) >= 200


def _is_only_marks(text: str) -> bool:
    return all(unicodedata.category(character)[0] in "PZCM" for character in text)


@pytest.mark.parametrize("number", range(len(TEXTS)), ids=lambda number: ascii(TEXTS[number][:20]))
def test_each_is_spoken_or_refused_in_words(engine: SpeechEngine, number: int) -> None:
    text = TEXTS[number]
    voice = ("hibari-heart", "espeak-de", "espeak-en-us")[number % 3]
    try:
        spoken = engine.speak(parse_speech({"text": text}).text, voice, 2.0)
    except InvalidRequest:
        # What cannot be seen, or turns the direction of what can.
        assert text.startswith(("\u200d", "\u202e"))
    except NothingToSpeak:
        assert _is_only_marks(text), f"nothing was said of {text!r}"
    except SpeechTooLong:
        assert len(text) == 5000
    else:
        assert np.abs(spoken.samples).max() > 0.02
