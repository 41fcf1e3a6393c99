"""Loads Kokoro's English voices, once they are pulled: one model for all, and a file of half a megabyte each.

They read with the rules of `hibari-tts`, whose phonemes are Kokoro's. Only the speaker process loads them.
"""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.signal import resample_poly

from webapp.engines.speech.base import Gender, Voice
from webapp.engines.speech.english_readers import RUNTIME, EnglishReaders
from webapp.engines.speech.english_voices import SAMPLE_RATE, SEED, EnglishVoices, Samples

PREFIX: Final = "kokoro-"
LICENSE: Final = "Apache-2.0"
# The folder of pulled voices, in the voices folder, and the model in it.
PULLED: Final = "kokoro"
MODEL: Final = "model_quantized.onnx"
VOICE_ENDING: Final = ".bin"
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


class KokoroVoices(EnglishVoices):
    """Loads Kokoro's voices and speaks with them."""

    # The model takes about as long as what it speaks, and no text may keep the others waiting for long.
    longest_s = 60.0

    def __init__(self, readers: EnglishReaders) -> None:
        super().__init__(readers)
        self._models: dict[Path, Any] = {}
        self._styles: dict[str, Any] = {}
        self._symbols: dict[str, int] = {}

    def load(self, source: str) -> None:
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

    def _phonemize(self, text: str, source: str) -> Sequence[str]:
        return parts(self._readers.reader(is_british=_is_british(Path(source)))(text))

    def _synthesize(self, parts: Sequence[str], source: str, speed: float, pitch: float) -> list[Samples]:
        spoken = [self._synthesize_part(part, source, speed / pitch) for part in parts]
        return spoken if pitch == 1 else [_raised(samples, pitch) for samples in spoken]

    def _synthesize_part(self, phonemes: str, source: str, speed: float) -> Samples:
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
        spoken: Samples = session.run(None, given)[0]
        return spoken.reshape(-1)


def _raised(samples: Samples, pitch: float) -> Samples:
    """Play a sound that was spoken more slowly at its pace, and so at a higher pitch."""
    raised: Samples = resample_poly(samples, 100, round(100 * pitch)).astype(np.float32)
    return raised


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
