"""Loads Kokoro's English voices, once they are pulled: one model for all, and a file of half a megabyte each.

They read with the rules of `hibari-tts`, whose phonemes are Kokoro's. Only the speaker process loads them.
"""

from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from webapp.engines.speech.base import Gender, Voice
from webapp.engines.speech.english_readers import RUNTIME, EnglishReaders, shortest_s

PREFIX: Final = "kokoro-"
LICENSE: Final = "Apache-2.0"
# The folder of pulled voices, in the voices folder, and the model in it.
PULLED: Final = "kokoro"
MODEL: Final = "model_quantized.onnx"
VOICE_ENDING: Final = ".bin"
SAMPLE_RATE: Final = 24_000
# Fixed, so that breath and hiss are the same each time.
SEED: Final = 1
FULL_SCALE: Final = 32_767
# How long a text may last at least. The model takes half a second for a second on one thread, and no text may
# keep the others waiting for longer than a minute.
LONGEST_S: Final = 60.0
STYLE_SIZE: Final = 256
LONGEST_PHONEMES: Final = 500
_ACCENTS: Final = {"a": ("en-US", "American"), "b": ("en-GB", "British")}
_GENDERS: Final[dict[str, Gender]] = {"f": "female", "m": "male"}


def kokoro_voices(folder: Path) -> list[Voice]:
    """Return the English voices that were pulled to a folder, by name; none without their model."""
    pulled = folder / PULLED
    if not (pulled / MODEL).is_file():
        return []
    return [
        kokoro_voice(path.stem, path)
        for path in sorted(pulled.glob(f"*{VOICE_ENDING}"))
        if path.stem[:1] in _ACCENTS and path.stem[1:2] in _GENDERS and path.stem[2:3] == "_"
    ]


def kokoro_voice(name: str, path: Path) -> Voice:
    """Return the voice of a published name, such as `af_heart`."""
    language, accent = _ACCENTS[name[0]]
    gender = _GENDERS[name[1]]
    return Voice(
        voice_id=f"{PREFIX}{name}",
        name=f"{name[3:].capitalize()} of Kokoro, {gender}",
        language=language,
        quality="high",
        sample_rate=SAMPLE_RATE,
        description=f"Neural voice, {accent} English, slower than others",
        license=LICENSE,
        engine="kokoro",
        source=str(path),
        commercial_use=True,
        gender=gender,
    )


class KokoroVoices:
    """Loads voices and speaks with them. The process that forks calls `load`, its children call `speak`."""

    def __init__(self, readers: EnglishReaders) -> None:
        self._readers = readers
        self._models: dict[Path, Any] = {}
        self._styles: dict[str, Any] = {}
        self._symbols: dict[str, int] = {}

    def load(self, source: str) -> None:
        """Load a voice and the model beside it. Raises the errors of onnxruntime and of the reader."""
        if source in self._styles:
            return
        onnxruntime = import_module(RUNTIME)
        path = Path(source)
        styles = np.fromfile(path, np.float32).reshape(-1, STYLE_SIZE)
        if not styles.size:
            raise ValueError(f"{path.name} is empty")
        model = path.with_name(MODEL)
        if model not in self._models:
            onnxruntime.set_seed(SEED)
            # Threads do not survive a fork.
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = options.inter_op_num_threads = 1
            providers = ["CPUExecutionProvider"]
            self._models[model] = onnxruntime.InferenceSession(str(model), options, providers=providers)
        self._symbols = self._symbols or self._readers.symbols()
        self._readers.reader(is_british=_is_british(path))
        self._styles[source] = styles

    def shortest_s(self, text: str, source: str, speed: float) -> float:
        """Return how long a text lasts at least; that takes a small part of the time of speaking it."""
        return shortest_s(self._readers.reader(is_british=_is_british(Path(source)))(text), speed)

    def speak(self, text: str, source: str, speed: float) -> tuple[int, bytes]:
        """Speak a text; return the sample rate and 16-bit mono samples, none for a text without sounds."""
        path = Path(source)
        phonemes = self._readers.reader(is_british=_is_british(path))(text)
        if not any(phoneme.isalpha() for phoneme in phonemes):
            return SAMPLE_RATE, b""
        spoken = [self._speak_part(part, source, speed) for part in parts(phonemes)]
        samples = np.clip(np.concatenate(spoken), -1, 1) * FULL_SCALE
        return SAMPLE_RATE, samples.astype(np.int16).tobytes()

    def _speak_part(self, phonemes: str, source: str, speed: float) -> npt.NDArray[np.float32]:
        session = self._models[Path(source).with_name(MODEL)]
        styles = self._styles[source]
        numbers = [self._symbols[phoneme] for phoneme in phonemes if phoneme in self._symbols]
        # Each length of text has a style of its own.
        style = styles[min(len(numbers), len(styles) - 1)]
        tokens = next(one.name for one in session.get_inputs() if one.name not in ("style", "speed"))
        given = {
            tokens: np.asarray([[0, *numbers, 0]], np.int64),
            "style": style[np.newaxis],
            "speed": np.asarray([speed], np.float32),
        }
        spoken: npt.NDArray[np.float32] = session.run(None, given)[0]
        return spoken.reshape(-1)


def parts(phonemes: str) -> list[str]:
    """Part phonemes, between words where there are any, into as many as the model takes at a time."""
    parted = []
    while len(phonemes) > LONGEST_PHONEMES:
        cut = phonemes.rfind(" ", 1, LONGEST_PHONEMES) + 1 or LONGEST_PHONEMES
        parted.append(phonemes[:cut])
        phonemes = phonemes[cut:]
    return [*parted, phonemes]


def _is_british(path: Path) -> bool:
    return path.stem.startswith("b")
