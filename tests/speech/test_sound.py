"""What is spoken sounds like speech, says what was asked, and is the same each time."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tests.speech.conftest import NOWHERE
from tests.speech.measure import longest_digital_silence_s, pauses_s, pitch
from webapp.audio.waveform import Waveform
from webapp.engines.speech.base import NothingToSpeak, SpeechError, SpeechTooLong
from webapp.engines.speech.engine import SpeechEngine
from webapp.engines.speech.piper_voices import voices_in
from webapp.engines.speech.reading.scripts import READER_OF
from webapp.engines.speech.speaker import Speaker

SENTENCE = "The quick brown fox jumps over the lazy dog, and then it runs home."
MALE, FEMALE = "espeak-en-us", "espeak-en-us-female"


def _digest(waveform: Waveform) -> str:
    return hashlib.sha256(waveform.samples.tobytes()).hexdigest()


@pytest.mark.parametrize(("voice", "low_hz", "high_hz"), [(MALE, 80, 160), (FEMALE, 140, 280)])
def test_a_sentence_has_length_pitch_and_voice_of_speech(
    engine: SpeechEngine, voice: str, low_hz: float, high_hz: float
) -> None:
    waveform = engine.speak(SENTENCE, voice)
    # 14 words at 2 to 4 words a second.
    assert 3.5 <= waveform.duration_s <= 7
    measured = pitch(waveform.samples[0], waveform.sample_rate)
    assert low_hz < measured.median_hz < high_hz
    # An intonation, and no more than an octave or so of it.
    assert 1.15 < measured.high_hz / measured.low_hz < 3
    # Vowels and voiced consonants are most of what is said, and never all of it.
    assert 0.45 < measured.voiced_share < 0.97


def test_two_voices_differ(engine: SpeechEngine) -> None:
    male, female = engine.speak(SENTENCE, MALE), engine.speak(SENTENCE, FEMALE)
    pitches = [pitch(waveform.samples[0], waveform.sample_rate).median_hz for waveform in (male, female)]
    assert pitches[1] > 1.2 * pitches[0]
    assert _digest(engine.speak(SENTENCE, "espeak-de")) != _digest(male)


def test_every_voice_has_its_own_sound(engine: SpeechEngine) -> None:
    ids = [voice.voice_id for voice in engine.voices]
    assert len(ids) == len(set(ids)) > 200
    languages = ("en-us", "en-gb", "de", "fr-fr", "es", "it", "ru", "cmn", "ja", "ar", "hi")
    spoken = {
        _digest(engine.speak("1 2 3", f"espeak-{language}{suffix}"))
        for language in languages
        for suffix in ("", "-female")
    }
    assert len(spoken) == 2 * len(languages)


def test_the_same_text_sounds_the_same_whatever_was_spoken_before(engine: SpeechEngine) -> None:
    first = _digest(engine.speak(SENTENCE, FEMALE))
    engine.speak("Something else, by somebody else.", "espeak-fr-fr", 1.3)
    assert _digest(engine.speak(SENTENCE, FEMALE)) == first
    other = SpeechEngine(NOWHERE)
    try:
        assert _digest(other.speak(SENTENCE, FEMALE)) == first
    finally:
        other.close()


def test_speed_shortens_and_lengthens(engine: SpeechEngine) -> None:
    slow, normal, fast = (engine.speak(SENTENCE, MALE, speed).duration_s for speed in (0.5, 1.0, 2.0))
    assert slow > 1.6 * normal
    assert fast < 0.65 * normal


def test_a_long_text_is_joined_without_gaps_or_clicks(engine: SpeechEngine) -> None:
    waveform = engine.speak("\n".join([f"{SENTENCE} {SENTENCE}"] * 4), MALE)
    samples = waveform.samples[0]
    one = engine.speak(SENTENCE, MALE)
    # Eight sentences and their pauses: nothing is lost.
    assert 8 * one.duration_s < waveform.duration_s < 8 * one.duration_s + 4
    assert longest_digital_silence_s(samples, waveform.sample_rate) < 0.001
    # Behind each sentence as a speaker pauses, a little longer behind a paragraph; within one, for its comma.
    pauses = pauses_s(samples, waveform.sample_rate)
    assert sorted(round(pause, 1) for pause in pauses if pause > 0.2) == [0.3] * 4 + [0.5] * 3
    # No sample leaps further than within one sentence spoken by itself.
    assert np.abs(np.diff(samples)).max() <= 1.05 * np.abs(np.diff(one.samples[0])).max()


def test_a_reader_that_changes_leaves_no_gap(engine: SpeechEngine) -> None:
    waveform = engine.speak("Hello Привет 你好 مرحبا नमस्ते, こんにちは 안녕하세요", MALE)
    assert max(pauses_s(waveform.samples[0], waveform.sample_rate)) < 0.3


def test_numbers_and_abbreviations_are_spoken_in_words(engine: SpeechEngine) -> None:
    for short, words in (
        ("42", "forty two"),
        ("Dr. Smith", "Doctor Smith"),
        ("3.5", "three point five"),
    ):
        as_written, in_words = (engine.speak(text, MALE).duration_s for text in (short, words))
        assert as_written == pytest.approx(in_words, rel=0.25)


@pytest.mark.parametrize(
    ("mixed", "plain"),
    [
        ("hello Привет мир", "hello"),
        ("hello 你好世界", "hello"),
        ("hello مرحبا", "hello"),
        ("hello 😀", "hello"),
        ("hello नमस्ते", "hello"),
    ],
)
def test_other_scripts_are_spoken_too(engine: SpeechEngine, mixed: str, plain: str) -> None:
    assert engine.speak(mixed, MALE).duration_s > engine.speak(plain, MALE).duration_s + 0.2


@pytest.mark.parametrize(
    ("voice", "unit", "few", "many"),
    [
        # Endless words, and sentences of more words than eSpeak NG takes at a time.
        ("espeak-en-us", "7", 21, 150),
        ("espeak-en-us", "ab", 20, 200),
        ("espeak-en-us", "😀", 5, 120),
        ("espeak-ja", "か", 20, 200),
        ("espeak-ko", "한", 20, 200),
        ("espeak-th", "สวัสดีครับ", 4, 40),
        ("espeak-cmn", "字", 40, 400),
        ("espeak-en-us", "字", 40, 400),
        ("espeak-ko", "한국말을 ", 4, 80),
        ("espeak-ru", "987654321 ", 2, 60),
        ("espeak-en-us", "ស្រី", 1, 20),
    ],
)
def test_nothing_is_left_out(engine: SpeechEngine, voice: str, unit: str, few: int, many: int) -> None:
    short, long = (engine.speak(unit * count, voice).duration_s / count for count in (few, many))
    assert long == pytest.approx(short, rel=0.15)


@pytest.mark.parametrize(
    ("written", "read"),
    [("Ｈｅｌｌｏ", "Hello"), ("𝓗𝓮𝓵𝓵𝓸", "Hello"), ("e\u0301te\u0301", "été"), ("I ❤️ NY", "I ❤ NY")],
)
def test_what_is_written_otherwise_is_read_alike(engine: SpeechEngine, written: str, read: str) -> None:
    assert _digest(engine.speak(written, MALE)) == _digest(engine.speak(read, MALE))


def test_other_scripts_are_read_by_a_voice_of_their_language(engine: SpeechEngine) -> None:
    """Spelled letter by letter it would take several times as long."""
    russian = engine.speak("Привет, как дела", "espeak-ru").duration_s
    assert engine.speak("Привет, как дела", MALE).duration_s == pytest.approx(russian, rel=0.05)


def test_every_script_has_a_reader(engine: SpeechEngine) -> None:
    assert {f"espeak-{language}" for language in READER_OF.values()} <= {
        voice.voice_id for voice in engine.voices
    }


@pytest.mark.parametrize(
    ("markup", "without"),
    [
        ("<speak>one <break time='5s'/> two</speak>", "one two"),
        ("[[h@l'oU]] there", "there"),
        ("<prosody rate='x-slow'>one two three</prosody>", "one two three"),
    ],
)
def test_markup_is_read_and_not_heeded(engine: SpeechEngine, markup: str, without: str) -> None:
    read = engine.speak(markup, MALE).duration_s
    assert engine.speak(without, MALE).duration_s < read < 12


@pytest.mark.parametrize("text", ["...", "\u200b", "—", "( )"])
def test_what_has_no_sound_is_refused(engine: SpeechEngine, text: str) -> None:
    with pytest.raises(NothingToSpeak):
        engine.speak(text, MALE)


def test_what_would_last_too_long_is_refused(engine: SpeechEngine) -> None:
    with pytest.raises(SpeechTooLong):
        engine.speak("99 " * 1666, MALE, 0.5)


def test_a_voice_that_is_not_there_is_refused(engine: SpeechEngine) -> None:
    with pytest.raises(SpeechError):
        engine.speak("hello", "espeak-nobody")


def test_a_process_that_ended_is_started_again(engine: SpeechEngine) -> None:
    first = _digest(engine.speak(SENTENCE, MALE))
    other = SpeechEngine(NOWHERE)
    other.close()
    assert _digest(other.speak(SENTENCE, MALE)) == first
    other.close()


def test_a_process_that_ends_in_the_middle_is_asked_again() -> None:
    speaker = Speaker()
    engine = SpeechEngine(NOWHERE, speaker)
    first = _digest(engine.speak(SENTENCE, MALE))
    ended = speaker._process  # noqa: SLF001 - somebody kills it
    assert ended is not None
    with ThreadPoolExecutor(1) as pool:
        spoken = pool.submit(engine.speak, "99 " * 300, MALE)
        ended.kill()
        assert spoken.result(60).duration_s > 60
    assert _digest(engine.speak(SENTENCE, MALE)) == first
    engine.close()


def test_a_process_that_dies_is_told_in_plain_words() -> None:
    speaker = Speaker(("false",))
    with pytest.raises(SpeechError) as raised:
        speaker.voices()
    assert raised.value.user_message == "TTS generation failed"
    speaker.close()


def test_piper_voices_are_found_by_their_description(tmp_path: Path) -> None:
    description = '{"audio": {"sample_rate": 16000, "quality": "low"}, "espeak": {"voice": "en-us"},'
    for name, rest in {
        "en_US-ann-low": '"dataset": "ann", "language": {"code": "en_US", "name_english": "English"}}',
        "broken": "",
        "ja_JP-x-low": '"phoneme_type": "japanese"}',
    }.items():
        (tmp_path / f"{name}.onnx").touch()
        (tmp_path / f"{name}.onnx.json").write_text(description + rest)
    (tmp_path / "alone.onnx").touch()
    (tmp_path / "en_US-ann-low.MODEL_CARD").write_text("# Model card\n* License: CC0\n")
    (voice,) = voices_in(tmp_path)
    assert (voice.voice_id, voice.name, voice.language, voice.quality, voice.sample_rate, voice.license) == (
        "en_US-ann-low", "Ann", "en-US", "low", 16_000, "CC0",
    )  # fmt: skip
    assert voices_in(NOWHERE) == []


def test_voices_of_different_languages_have_their_tag(engine: SpeechEngine) -> None:
    tags = {voice.voice_id: voice.language for voice in engine.voices}
    assert [tags[f"espeak-{code}"] for code in ("en-us", "fa-latn", "cmn", "es-419", "en-gb-x-rp")] == [
        "en-US", "fa-Latn", "cmn", "es-419", "en-GB-x-rp",
    ]  # fmt: skip
    languages = [voice.language for voice in engine.voices if voice.engine == "espeak-ng"]
    assert languages[::2] == languages[1::2]
