"""Where texts are parted: into paragraphs, sentences, and pieces of one script."""

import pytest

from webapp.engines.speech.reading.readable import readable
from webapp.engines.speech.reading.scripts import runs, scripts_read_in
from webapp.engines.speech.reading.sentences import LONGEST_SENTENCE, breaths, paragraphs, sentences
from webapp.errors import InvalidRequest
from webapp.policy.speech import as_prompt, default_voice, parse_speech, sample_text


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. Two! Three? Four… Five", ["One.", "Two!", "Three?", "Four…", "Five"]),
        ("Dr. Smith met Mr. J. R. Jones. They left.", ["Dr. Smith met Mr. J. R. Jones.", "They left."]),
        ("It is 3.14 at 10 a.m. Today.", ["It is 3.14 at 10 a.m. Today."]),
        ("Am 3. Mai kam z.B. Hr. Meier. Gut.", ["Am 3. Mai kam z.B. Hr. Meier.", "Gut."]),
        ('"Stop." He said "go!" Then he went.', ['"Stop."', 'He said "go!"', "Then he went."]),
        ("e.g. this and so on", ["e.g. this and so on"]),
        ("你好世界。今天天气很好！真的？", ["你好世界。", "今天天气很好！", "真的？"]),
        ("यह एक है। यह दो है।", ["यह एक है।", "यह दो है।"]),
        ("See www.example.com. Bye", ["See www.example.com.", "Bye"]),
        ("မင်္ဂလာပါ။ နေကောင်းလား။", ["မင်္ဂလာပါ။", "နေကောင်းလား။"]),
        ("...", ["..."]),
        ("   ", []),
    ],
)
def test_sentences(text: str, parts: list[str]) -> None:
    assert list(sentences(text)) == parts


@pytest.mark.parametrize(
    "text",
    [
        "word " * 300,
        "x" * 1500,
        "one, two; " * 150,
        "字" * 1001,
        "ที่" * 300,
        "😀 " * 300,
        "a" + "\u0301" * 999,
    ],
)
def test_long_sentences_are_parted_and_nothing_is_lost(text: str) -> None:
    parts = list(breaths(text))
    assert all(0 < len(part) <= LONGEST_SENTENCE or part.endswith("\u0301") for part in parts)
    assert "".join(parts).replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize(
    ("sentence", "ends"),
    [
        # Behind the last comma of the second half, else at a space, within a word where it must be.
        ("word " * 50 + "comma, " + "word " * 40, "comma,"),
        ("comma, " + "word " * 100, "word"),
        ("1,234:56 " * 60, "1,234:56"),
        ("x" * 500, "x"),
    ],
)
def test_where_a_long_sentence_is_parted(sentence: str, ends: str) -> None:
    first, *_ = breaths(sentence)
    assert first.split()[-1].endswith(ends)


@pytest.mark.parametrize(
    ("word", "read"),
    [
        ("Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz", 1),
        ("x" * 200, 3),
        ("か" * 100, 3),
        ("字" * 100, 1),
        ("https://example.com/" + "path/" * 20, 1),
    ],
)
def test_endless_words_are_parted(word: str, read: int) -> None:
    assert len(" ".join(breaths(word)).split()) == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("e\u0301te\u0301", "été"),
        ("Ｈｅｌｌｏ　１２３！", "Hello　123！"),
        ("𝓗𝓮𝓵𝓵𝓸 ⓗⓘ ﬁne", "Hello hi fine"),
        ("①② 5㎏ Ⅻ 20℃", "1 2 5 kg XII 20°C"),
        ("½ x² ™", "½ x² ™"),
        ("co\u00adop\ufeff a\u200bb", "coop a b"),
        ("hi😀👩‍💻🏳️‍🌈❤️", "hi 😀 👩‍💻 🏳‍🌈 ❤"),
        ("🇩🇪🇫🇷 👍🏽", "🇩🇪 🇫🇷 👍"),
        ("12345678901234567890", "12345678901234567890"),
        ("1" * 21, " ".join("1" * 21)),
        ("one\ntwo", "one\ntwo"),
    ],
)
def test_texts_are_written_as_engines_read_them(written: str, read: str) -> None:
    lines, expected = readable(written).split("\n"), read.split("\n")
    assert [line.split() for line in lines] == [line.split() for line in expected]


def test_paragraphs() -> None:
    assert paragraphs("one\n\n two \r\nthree\u2028four\x0b") == ["one", "two", "three", "four"]


@pytest.mark.parametrize(
    ("text", "language", "pieces"),
    [
        ("Hello, world 42!", "en-US", [("", "Hello, world 42!")]),
        ("Say Привет now", "en", [("", "Say "), ("Cyrillic", "Привет "), ("", "now")]),
        ("Привет, world", "ru", [("", "Привет, "), ("Latin", "world")]),
        ("42 Привет", "en", [("Cyrillic", "42 Привет")]),
        ("漢字とかな", "ja", [("Han", "漢字"), ("", "とかな")]),
        ("добро dobro", "sr", [("", "добро dobro")]),
        ("😀 12 …", "de", [("", "😀 12 …")]),
        ("", "de", []),
    ],
)
def test_scripts(text: str, language: str, pieces: list[tuple[str, str]]) -> None:
    assert list(runs(text, scripts_read_in(language))) == pieces


def test_a_request_is_read() -> None:
    choice = parse_speech({"text": " one\ntwo ", "voice": "espeak-de", "speed": 2, "unknown": 1})
    assert (choice.text, choice.voice, choice.speed) == ("one\ntwo", "espeak-de", 2.0)
    assert parse_speech({"text": "x", "voice": None, "speed": None}).voice is None
    assert as_prompt(choice.text) == "one two"
    assert len(parse_speech({"text": "x" * 5000}).text) == 5000
    assert parse_speech({"text": "\u200dनमस्ते 😀 \u200f"}).text


@pytest.mark.parametrize(
    ("body", "text", "field"),
    [
        ({}, "Text is required", "text"),
        ({"text": None}, "Text is required", "text"),
        ({"text": ""}, "Text is required", "text"),
        ({"text": " \n\u200b"}, "Text is required", "text"),
        ({"text": 5}, "Text must be a string", "text"),
        ({"text": ["x"]}, "Text must be a string", "text"),
        ({"text": "x" * 5001}, "Text too long", "text"),
        ({"text": "a\0b"}, "Text contains characters that are not allowed", "text"),
        ({"text": "a\x1bb"}, "Text contains characters that are not allowed", "text"),
        ({"text": "a\u202eb"}, "Text contains characters that are not allowed", "text"),
        ({"text": "a\ud800"}, "Text contains characters that are not allowed", "text"),
        ({"text": "x", "voice": 5}, "Voice not found", "voice"),
        ({"text": "x", "speed": 0.4}, "Speed must be a number from 0.5 to 2", "speed"),
        ({"text": "x", "speed": float("nan")}, "Speed must be a number from 0.5 to 2", "speed"),
        ({"text": "x", "speed": True}, "Speed must be a number from 0.5 to 2", "speed"),
        ({"text": "x", "speed": "1"}, "Speed must be a number from 0.5 to 2", "speed"),
    ],
)
def test_a_wrong_request_is_refused(body: dict[str, object], text: str, field: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        parse_speech(body)
    assert (raised.value.message, raised.value.field) == (text, field)


@pytest.mark.parametrize(
    ("language", "begins"), [("de-CH", "Guten"), ("zh-CN", "你好"), ("xx", "Hello"), ("no", "God")]
)
def test_a_sample_is_in_the_voices_language(language: str, begins: str) -> None:
    assert sample_text(language).startswith(begins)


@pytest.mark.parametrize(
    ("known", "chosen"),
    [
        (("de_DE-x-low", "hibari-heart", "espeak-af", "espeak-en-us", "own"), "own"),
        (("de_DE-x-low", "hibari-heart", "espeak-af", "espeak-en-us"), "hibari-heart"),
        (("de_DE-x-low", "espeak-af", "espeak-en-us"), "espeak-en-us"),
        (("de_DE-x-low",), "de_DE-x-low"),
    ],
)
def test_the_default_voice(known: tuple[str, ...], chosen: str) -> None:
    assert default_voice(known, "own") == chosen
