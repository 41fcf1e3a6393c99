"""Neural voices, with the real Piper and a model of a kilobyte."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.speech.measure import pitch
from tests.speech.tiny_voice import LOWEST_HZ, NAME, SAMPLE_RATE, write_tiny_voice
from webapp.audio.waveform import Waveform
from webapp.engines.speech.base import SpeechError
from webapp.engines.speech.engine import SpeechEngine

SENTENCE = "The rain in Spain stays mainly in the plain."
BROKEN = "en_US-broken-low"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("voices")
    write_tiny_voice(folder)
    write_tiny_voice(folder, BROKEN)
    (folder / f"{BROKEN}.onnx").write_bytes(b"no model")
    return folder


@pytest.fixture(scope="module")
def neural(folder: Path) -> Iterator[SpeechEngine]:
    engine = SpeechEngine(folder)
    yield engine
    engine.close()


def _digest(waveform: Waveform) -> str:
    return hashlib.sha256(waveform.samples.tobytes()).hexdigest()


def test_a_neural_voice_stands_before_the_others(neural: SpeechEngine, engine: SpeechEngine) -> None:
    assert [voice.voice_id for voice in neural.voices[:2]] == [BROKEN, NAME]
    assert len(neural.voices) == len(engine.voices) + 2
    voice = neural.voice(NAME)
    assert (voice.engine, voice.language, voice.sound_license) == ("piper", "en-US", "CC0")
    assert neural.label.startswith("Piper, Hibari and eSpeak NG")
    assert neural.engines == ("piper", "hibari", "espeak-ng")
    assert engine.engines == ("hibari", "espeak-ng")


def test_it_speaks_with_its_own_model(neural: SpeechEngine) -> None:
    waveform = neural.speak(SENTENCE, NAME)
    assert (waveform.sample_rate, waveform.channels) == (SAMPLE_RATE, 1)
    measured = pitch(waveform.samples[0], SAMPLE_RATE)
    # What the model hums, and no eSpeak NG voice does: every phoneme in the model's own range.
    assert 0.98 * LOWEST_HZ < measured.low_hz < measured.high_hz < LOWEST_HZ + 70
    assert measured.voiced_share > 0.9


def test_the_same_text_gives_the_same_sound_in_any_process(neural: SpeechEngine, folder: Path) -> None:
    first = _digest(neural.speak(SENTENCE, NAME))
    neural.speak("Something else.", NAME)
    assert _digest(neural.speak(SENTENCE, NAME)) == first
    other = SpeechEngine(folder)
    try:
        assert _digest(other.speak(SENTENCE, NAME)) == first
    finally:
        other.close()


def test_the_noise_of_a_model_is_there(neural: SpeechEngine) -> None:
    """Else the test above would be met by a model that draws nothing."""
    spoken = neural.speak("mmmmmmmm", NAME).samples[0]
    spectrum = np.abs(np.fft.rfft(spoken)) ** 2
    high = spectrum[spectrum.size // 2 :].sum() / spectrum.sum()
    assert 1e-6 < high < 1e-2


def test_speed_and_sentences(neural: SpeechEngine) -> None:
    one, slow = neural.speak(SENTENCE, NAME), neural.speak(SENTENCE, NAME, 0.5)
    assert slow.duration_s == pytest.approx(2 * one.duration_s, rel=0.05)
    three = neural.speak(" ".join([SENTENCE] * 3), NAME)
    assert three.duration_s == pytest.approx(3 * one.duration_s + 2 * 0.28, rel=0.02)


def test_other_scripts_and_phoneme_brackets(neural: SpeechEngine) -> None:
    mixed = neural.speak("hello Привет", NAME)
    assert mixed.sample_rate == SAMPLE_RATE
    assert mixed.duration_s > neural.speak("hello", NAME).duration_s + 0.2
    # As phonemes these would be other sounds than the letters' names.
    assert _digest(neural.speak("[[abc]] there", NAME)) == _digest(neural.speak("abc there", NAME))


def test_a_model_that_is_none_fails_its_text_alone(neural: SpeechEngine) -> None:
    with pytest.raises(SpeechError):
        neural.speak(SENTENCE, BROKEN)
    assert neural.speak("hello", NAME).duration_s > 0.3


def test_voices_that_come_and_go_are_noticed(tmp_path: Path) -> None:
    engine = SpeechEngine(tmp_path / "voices")
    try:
        assert "piper" not in engine.engines
        write_tiny_voice(tmp_path / "voices")
        assert engine.rescan()
        assert engine.voices[0].voice_id == NAME
        assert not engine.rescan()
        (tmp_path / "voices" / f"{NAME}.onnx").unlink()
        assert engine.rescan()
        assert "piper" not in engine.engines
    finally:
        engine.close()


def test_without_piper_its_voices_are_not_offered(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webapp.engines.speech.engine.is_installed", lambda: False)
    engine = SpeechEngine(folder)
    assert "piper" not in engine.engines
    engine.close()
