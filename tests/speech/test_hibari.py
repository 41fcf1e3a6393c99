"""The neural English voice, with the real package."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.speech.conftest import NOWHERE
from tests.speech.measure import longest_digital_silence_s, pauses_s, pitch
from tests.speech.tiny_voice import write_tiny_voice
from webapp.audio.waveform import Waveform
from webapp.engines.speech import english_readers, hibari_voices
from webapp.engines.speech.base import NothingToSpeak, Refused, SpeechTooLong
from webapp.engines.speech.engine import SpeechEngine
from webapp.engines.speech.english_voices import Unreadable
from webapp.engines.speech.hibari_voices import MAIN_VOICE, HibariVoices

SENTENCE = "The quick brown fox jumps over the lazy dog, and then it runs home."
RATE = 24_000


def _digest(waveform: Waveform) -> str:
    return hashlib.sha256(waveform.samples.tobytes()).hexdigest()


def test_it_is_there_with_its_licence(engine: SpeechEngine) -> None:
    voice = engine.voice(MAIN_VOICE)
    assert (voice.name, voice.language, voice.sample_rate) == ("Heart, female", "en-US", RATE)
    assert (voice.license, voice.commercial_use, voice.sound_license) == ("Apache-2.0", True, "Apache-2.0")
    # The package knows more voices, which it would have to fetch.
    assert [voice.voice_id for voice in engine.voices if voice.engine == "hibari"] == [MAIN_VOICE]


def test_a_sentence_has_length_pitch_and_voice_of_a_woman(engine: SpeechEngine) -> None:
    waveform = engine.speak(SENTENCE, MAIN_VOICE)
    assert waveform.sample_rate == RATE
    assert 3.5 <= waveform.duration_s <= 7
    measured = pitch(waveform.samples[0], RATE)
    assert 150 < measured.median_hz < 280
    assert 1.15 < measured.high_hz / measured.low_hz < 3
    assert 0.45 < measured.voiced_share < 0.97


def test_the_same_text_sounds_the_same_whatever_was_spoken_before(engine: SpeechEngine) -> None:
    first = _digest(engine.speak(SENTENCE, MAIN_VOICE))
    engine.speak("Something else.", MAIN_VOICE, 1.3)
    assert _digest(engine.speak(SENTENCE, MAIN_VOICE)) == first
    other = SpeechEngine(NOWHERE)
    try:
        other.warm_up()
        assert other.voices == engine.voices
        assert _digest(other.speak(SENTENCE, MAIN_VOICE)) == first
    finally:
        other.close()


def test_speed_shortens_and_lengthens(engine: SpeechEngine) -> None:
    slow, normal, fast = (engine.speak(SENTENCE, MAIN_VOICE, speed).duration_s for speed in (0.5, 1.0, 2.0))
    assert slow > 1.6 * normal
    assert fast < 0.65 * normal


def test_a_long_text_is_joined_without_gaps_or_clicks(engine: SpeechEngine) -> None:
    waveform = engine.speak("\n".join([f"{SENTENCE} {SENTENCE}"] * 2), MAIN_VOICE)
    samples, one = waveform.samples[0], engine.speak(SENTENCE, MAIN_VOICE)
    assert 4 * one.duration_s < waveform.duration_s < 4 * one.duration_s + 2
    assert longest_digital_silence_s(samples, RATE) < 0.001
    assert max(pauses_s(samples, RATE)) < 0.7
    assert np.abs(np.diff(samples)).max() <= 1.05 * np.abs(np.diff(one.samples[0])).max()


@pytest.mark.parametrize("more", ["Привет мир", "你好世界", "مرحبا", "😀", "नमस्ते", "∞", "ស្រី", "π"])
def test_what_it_does_not_read_is_spoken_too(engine: SpeechEngine, more: str) -> None:
    alone = engine.speak("hello", MAIN_VOICE).duration_s
    assert engine.speak(f"hello {more}", MAIN_VOICE).duration_s > alone + 0.2
    assert engine.speak(more, MAIN_VOICE).duration_s > 0.2


@pytest.mark.parametrize(("unit", "few", "many"), [("ab", 20, 400), ("qwrt", 10, 200), ("word ", 20, 300)])
def test_nothing_is_left_out(engine: SpeechEngine, unit: str, few: int, many: int) -> None:
    short, long = (engine.speak(unit * count, MAIN_VOICE).duration_s / count for count in (few, many))
    assert long == pytest.approx(short, rel=0.3)


def test_notation_is_read_as_text(engine: SpeechEngine) -> None:
    """As phonemes, [one](/two/) would be spoken as "two"."""
    spoken = engine.speak("[photosynthesis](/b/)", MAIN_VOICE).duration_s
    assert spoken > engine.speak("photosynthesis", MAIN_VOICE).duration_s


@pytest.mark.parametrize("text", ["...", "—", "( )", "“”", "?!"])
def test_what_has_no_sound_is_refused(engine: SpeechEngine, text: str) -> None:
    with pytest.raises(NothingToSpeak):
        engine.speak(text, MAIN_VOICE)


def test_what_would_last_too_long_is_refused_before_it_is_spoken(engine: SpeechEngine) -> None:
    with pytest.raises(SpeechTooLong):
        engine.speak("777 " * 1249, MAIN_VOICE)


def test_espeak_reads_what_the_rules_of_the_voice_stumble_over_and_the_log_says_so(
    engine: SpeechEngine, caplog: pytest.LogCaptureFixture
) -> None:
    # More figures than the package has words for.
    text = ",".join(["123"] * 16)
    assert engine.speak(text, MAIN_VOICE).duration_s > 5
    assert [record.message for record in caplog.records] == ["eSpeak NG spoke what a voice's rules failed on"]
    assert "123" not in caplog.text


def test_a_model_that_fails_is_no_reason_for_another_voice(monkeypatch: pytest.MonkeyPatch) -> None:
    voices = HibariVoices(english_readers.EnglishReaders())
    (voice,) = (voice for voice in hibari_voices.hibari_voices(NOWHERE)[0] if voice.voice_id == MAIN_VOICE)
    voices.load(voice.source)

    def fail(*_arguments: object) -> None:
        raise MemoryError

    monkeypatch.setattr(voices, "_synthesize", fail)
    with pytest.raises(MemoryError):
        voices.speak("hello", voice.source, 1.0)
    with pytest.raises(Unreadable):
        voices.speak(",".join(["123"] * 16), voice.source, 1.0)


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package's data in a folder that a test may damage."""
    folder = tmp_path / "assets"
    folder.mkdir()
    for name in ("voices.json", "hibari.onnx"):
        shutil.copy(english_readers.assets_folder() / name, folder)
    monkeypatch.setattr(hibari_voices, "assets_folder", lambda: folder)
    return folder


def test_without_the_package_espeak_is_left_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(english_readers, "PACKAGE", "no_such_package")
    assert hibari_voices.hibari_voices(NOWHERE) == (
        [],
        [Refused(MAIN_VOICE, "the package hibari-tts is not installed")],
    )
    engine = SpeechEngine(NOWHERE)
    try:
        assert engine.engines == ("espeak-ng",)
        assert engine.label.startswith("eSpeak NG")
        assert [one.name for one in engine.refused] == [MAIN_VOICE]
    finally:
        engine.close()


def test_a_model_that_is_gone_is_not_listed(copied: Path) -> None:
    (copied / "hibari.onnx").unlink()
    assert hibari_voices.hibari_voices(NOWHERE) == ([], [Refused(MAIN_VOICE, "hibari.onnx is not there")])
    (copied / "voices.json").write_text('{"heart": {"bundled": true}}')
    (refused,) = hibari_voices.hibari_voices(NOWHERE)[1]
    assert refused.reason.startswith("the package hibari-tts is damaged")


def test_a_model_that_cannot_be_loaded_is_refused_at_the_start(copied: Path) -> None:
    (copied / "hibari.onnx").write_bytes(b"no model")
    engine = SpeechEngine(NOWHERE)
    try:
        assert engine.voices[0].voice_id == MAIN_VOICE
        engine.warm_up()
        assert engine.engines == ("espeak-ng",)
        (refused,) = engine.refused
        assert "the voice hibari.onnx cannot be loaded" in refused.reason
        assert not engine.rescan()
        assert engine.speak("hello", "espeak-en-us").duration_s > 0.3
    finally:
        engine.close()


def test_a_file_that_is_not_there_is_not_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(*_arguments: object, **_options: object) -> None:
        raise AssertionError("something was fetched")

    monkeypatch.setattr("urllib.request.urlopen", fetch)
    voices = HibariVoices(english_readers.EnglishReaders())
    with pytest.raises(FileNotFoundError):
        voices.load(str(tmp_path / "bf_emma.int8.onnx"))


def test_a_voice_that_was_pulled_speaks_beside_the_one_that_comes_along(
    tmp_path: Path, engine: SpeechEngine
) -> None:
    """The file is the bundled model: what is tried is that another accent reads for another voice."""
    (tmp_path / "hibari").mkdir()
    engine_with_two = SpeechEngine(tmp_path)
    try:
        shutil.copy(engine.voice(MAIN_VOICE).source, tmp_path / "hibari" / "bf_emma.int8.onnx")
        assert engine_with_two.rescan()
        emma = engine_with_two.voice("hibari-emma")
        assert (emma.language, emma.gender, emma.commercial_use) == ("en-GB", "female", True)
        british = engine_with_two.speak("A tomato in a bath.", "hibari-emma")
        american = engine_with_two.speak("A tomato in a bath.", MAIN_VOICE)
        assert _digest(british) != _digest(american)
        assert _digest(american) == _digest(engine.speak("A tomato in a bath.", MAIN_VOICE))
    finally:
        engine_with_two.close()


def test_a_pulled_voice_may_not_have_its_name(tmp_path: Path) -> None:
    write_tiny_voice(tmp_path, MAIN_VOICE)
    engine = SpeechEngine(tmp_path)
    try:
        assert engine.voice(MAIN_VOICE).engine == "hibari"
        assert Refused(MAIN_VOICE, "a voice of Hibari has this name") in engine.refused
    finally:
        engine.close()
