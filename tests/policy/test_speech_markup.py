"""The subset of SSML: what it means, and what is refused in words."""

import time
from contextlib import suppress

import pytest

from webapp.errors import InvalidRequest
from webapp.policy.speech import parse_speech
from webapp.policy.speech_markup import SSML, SpokenPart, plain_text, spoken_parts


def test_plain_text_is_one_part() -> None:
    assert spoken_parts("a <b> c", "") == (SpokenPart("a <b> c"),)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("<speak>Hello &amp; goodbye &#8364; &#x20ac;</speak>", (SpokenPart("Hello & goodbye € €"),)),
        ('a<break time="1.5s"/>b', (SpokenPart("a", pause_s=1.5), SpokenPart("b"))),
        ('a<break time="250ms">b', (SpokenPart("a", pause_s=0.25), SpokenPart("b"))),
        ('a<break strength="none"/>b', (SpokenPart("a", pause_s=0.0), SpokenPart("b"))),
        ("<p>a</p><p>b</p>", (SpokenPart("a", pause_s=0.5), SpokenPart("b", pause_s=0.5))),
        (
            '<voice name="ann">Hi. <emphasis level="strong">You</emphasis></voice> left',
            (SpokenPart("Hi. ", "ann"), SpokenPart("You", "ann", 0.8, 1.15), SpokenPart(" left")),
        ),
        ('<prosody rate="fast" pitch="+20%">x</prosody>', (SpokenPart("x", None, 1.25, 1.2),)),
        ('<prosody rate="60%"><prosody rate="60%">x</prosody></prosody>', (SpokenPart("x", None, 0.5),)),
        ('<sub alias="gnu &amp; linux">GNU<break/>L</sub>', (SpokenPart("gnu & linux", pause_s=0.4),)),
        ('<say-as interpret-as="characters">A1 b</say-as>', (SpokenPart("A, 1, b"),)),
        ("<voice name=''>x</voice>", (SpokenPart("x"),)),
        ("", ()),
    ],
)
def test_what_elements_mean(text: str, parts: tuple[SpokenPart, ...]) -> None:
    assert spoken_parts(text, SSML) == parts


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1 < 2", "a < that begins no element is written &lt;"),
        ("<b>x</b>", "<b> is not supported"),
        ("<p>x", "<p> is not closed"),
        ("<p>x</s></p>", "</s> closes nothing"),
        ("<p id='1'>x</p>", "<p> has no id"),
        ("<break time='11s'/>", "time must be like 500ms or 1.5s, and 10s at most"),
        ("<break strength='huge'/>", "strength must be one of"),
        ("<prosody rate='900%'>x</prosody>", "rate must be from 50% to 200%"),
        ("<prosody pitch='squeaky'>x</prosody>", "pitch must be a percentage, or one of"),
        ("<emphasis level='x'>x</emphasis>", "level must be one of"),
        ("<say-as interpret-as='date'>x</say-as>", "interpret-as must be characters or spell-out"),
        ("&#55296;", "&#55296; is no character"),
        ("<!DOCTYPE x>", "a < that begins no element"),
    ],
)
def test_what_is_refused_says_why(text: str, reason: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        parse_speech({"text": text, "markup": "ssml"})
    assert raised.value.field == "text"
    assert raised.value.message.startswith("Markup cannot be read: ")
    assert reason in raised.value.message


@pytest.mark.parametrize("text", ["<a" + " " * 4998, "<a " * 1666, "<" * 5000, "<p a='" * 800, "&" * 5000])
def test_markup_is_read_in_no_time(text: str) -> None:
    began = time.process_time()
    with suppress(InvalidRequest):
        spoken_parts(text, SSML)
    assert time.process_time() - began < 0.5


def test_options_are_checked() -> None:
    choice = parse_speech({"text": "<voice name='a'>x</voice>", "markup": "ssml", "pitch": 1.5})
    assert (choice.options.pitch, choice.options.markup, choice.voices_in_text) == (
        1.5,
        "ssml",
        frozenset({"a"}),
    )
    assert parse_speech({"text": "<p>", "markup": "plain"}).voices_in_text == frozenset()
    for body, field in (({"markup": "html"}, "markup"), ({"pitch": 3}, "pitch"), ({"pitch": True}, "pitch")):
        with pytest.raises(InvalidRequest) as raised:
            parse_speech({"text": "x", **body})
        assert raised.value.field == field
    assert plain_text("<p>a &lt; b</p><p>c</p>", SSML) == "a < b c"
