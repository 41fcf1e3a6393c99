"""Kokoro's voices, with the real reader and runtime and a model of a kilobyte that hums."""

import hashlib
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.speech.measure import pitch
from tests.speech.tiny_voice import FLOAT, INT64, Node, onnx_model
from webapp.audio.waveform import Waveform
from webapp.engines.speech.base import SpeechError, SpeechTooLong
from webapp.engines.speech.engine import SpeechEngine
from webapp.engines.speech.kokoro_voices import LONGEST_PHONEMES, parts

SENTENCE = "The rain in Spain stays mainly in the plain."
RATE = 24_000
AMERICAN, BRITISH, BROKEN = "kokoro-af_ann", "kokoro-bm_bob", "kokoro-af_broken"
LOWEST_HZ = 100.0
BRITISH_SHIFT_HZ = 90.0


def _model() -> bytes:
    """Hum each phoneme at a pitch of its own, from a lowest one that the style shifts."""
    nodes: tuple[Node, ...] = (
        ("Cast", ("input_ids",), "ids", {"to": FLOAT}),
        ("Mul", ("ids", "quarter"), "scaled", {}),
        ("Unsqueeze", ("scaled", "last axis"), "column", {}),
        ("Div", ("samples per phoneme", "speed"), "samples", {}),
        ("Cast", ("samples",), "count", {"to": INT64}),
        ("Concat", ("ones", "count"), "shape", {"axis": 0}),
        ("Expand", ("column", "shape"), "spread", {}),
        ("Reshape", ("spread", "one row"), "row", {}),
        ("Gather", ("style", "first"), "shift", {"axis": 1}),
        ("Add", ("row", "shift"), "pitch", {}),
        ("Mul", ("pitch", "radians per hertz"), "step", {}),
        ("CumSum", ("step", "time"), "phase", {}),
        ("Sin", ("phase",), "hum", {}),
        ("Mul", ("hum", "gain"), "waveform", {}),
    )
    constants = {
        "quarter": np.float32(0.25),
        "last axis": np.array([2]),
        "samples per phoneme": np.float32(1200),
        "ones": np.array([1, 1]),
        "one row": np.array([1, -1]),
        "first": np.array([0]),
        "radians per hertz": np.float32(2 * math.pi / RATE),
        "time": np.array(1),
        "gain": np.float32(0.3),
    }
    return onnx_model(nodes, constants, {"input_ids": INT64, "style": FLOAT, "speed": FLOAT})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("voices")
    pulled = folder / "kokoro"
    pulled.mkdir()
    (pulled / "model_quantized.onnx").write_bytes(_model())
    for name, shift_hz in (("af_ann", 0.0), ("bm_bob", BRITISH_SHIFT_HZ)):
        np.full((510, 256), LOWEST_HZ + shift_hz, np.float32).tofile(pulled / f"{name}.bin")
    (pulled / "af_broken.bin").write_bytes(b"abc")
    # Languages that the rules do not read, and what is no voice.
    (pulled / "jf_alpha.bin").write_bytes(b"")
    (pulled / "notes.bin").write_bytes(b"")
    return folder


@pytest.fixture(scope="module")
def kokoro(folder: Path) -> Iterator[SpeechEngine]:
    engine = SpeechEngine(folder)
    yield engine
    engine.close()


def _digest(waveform: Waveform) -> str:
    return hashlib.sha256(waveform.samples.tobytes()).hexdigest()


def test_pulled_voices_are_listed_with_their_licence(kokoro: SpeechEngine) -> None:
    found = [voice for voice in kokoro.voices if voice.engine == "kokoro"]
    assert [voice.voice_id for voice in found] == [AMERICAN, BROKEN, BRITISH]
    ann = kokoro.voice(AMERICAN)
    assert (ann.name, ann.language, ann.license) == ("Ann of Kokoro, female", "en-US", "Apache-2.0")
    assert (ann.commercial_use, kokoro.voice(BRITISH).language) == (True, "en-GB")
    assert kokoro.label.startswith("Hibari, Kokoro and eSpeak NG")


def test_a_voice_speaks_with_the_shared_model_and_its_own_style(kokoro: SpeechEngine) -> None:
    american, british = (kokoro.speak(SENTENCE, voice) for voice in (AMERICAN, BRITISH))
    assert american.sample_rate == RATE
    medians = [pitch(spoken.samples[0], RATE).median_hz for spoken in (american, british)]
    assert LOWEST_HZ < medians[0] < LOWEST_HZ + 50
    assert medians[1] - medians[0] == pytest.approx(BRITISH_SHIFT_HZ, abs=20)


def test_the_same_text_gives_the_same_sound_and_speed_shortens_it(kokoro: SpeechEngine) -> None:
    one = kokoro.speak(SENTENCE, AMERICAN)
    kokoro.speak("Something else.", BRITISH)
    assert _digest(kokoro.speak(SENTENCE, AMERICAN)) == _digest(one)
    assert kokoro.speak(SENTENCE, AMERICAN, 2).duration_s == pytest.approx(one.duration_s / 2, rel=0.05)


def test_other_scripts_and_long_texts(kokoro: SpeechEngine) -> None:
    mixed, plain = (kokoro.speak(text, AMERICAN).duration_s for text in ("hello Привет", "hello"))
    assert mixed > plain + 0.2
    short, long = (kokoro.speak("word " * count, AMERICAN).duration_s / count for count in (20, 200))
    assert long == pytest.approx(short, rel=0.15)


def test_a_text_that_would_keep_others_waiting_is_refused(kokoro: SpeechEngine) -> None:
    assert kokoro.speak("word " * 200, AMERICAN).duration_s > 5
    with pytest.raises(SpeechTooLong):
        kokoro.speak("word " * 900, AMERICAN)


@pytest.mark.parametrize("phonemes", ["", "a", "ab " * 400, "a" * 1700])
def test_what_the_model_takes_at_a_time(phonemes: str) -> None:
    parted = parts(phonemes)
    assert "".join(parted) == phonemes
    assert all(len(part) <= LONGEST_PHONEMES for part in parted)
    assert len(parted) < 5


def test_a_broken_voice_fails_its_text_alone(kokoro: SpeechEngine) -> None:
    with pytest.raises(SpeechError):
        kokoro.speak(SENTENCE, BROKEN)
    assert kokoro.speak("hello", AMERICAN).duration_s > 0.2


def test_without_the_model_no_voice_is_listed(tmp_path: Path) -> None:
    (tmp_path / "kokoro").mkdir()
    np.zeros((510, 256), np.float32).tofile(tmp_path / "kokoro" / "af_ann.bin")
    engine = SpeechEngine(tmp_path)
    try:
        assert "kokoro" not in engine.engines
    finally:
        engine.close()
