"""Loads the neural English voices of the package `hibari-tts`: the one that it carries, and pulled ones.

The package can fetch others by itself. That is never called: a voice is loaded from a file that is there.
Only the speaker process imports the package, by name, since it brings onnxruntime along.
"""

import json
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np

from webapp.engines.speech.base import Refused, Voice
from webapp.engines.speech.english_readers import (
    DISTRIBUTION,
    PACKAGE,
    EnglishReaders,
    assets_folder,
    shortest_s,
)

# The folder of pulled voices, in the voices folder.
PULLED: Final = "hibari"
PREFIX: Final = "hibari-"
# The voice that the package carries.
MAIN_VOICE: Final = f"{PREFIX}heart"
# Of the package, its models, and Kokoro, from which they were distilled.
LICENSE: Final = "Apache-2.0"
SAMPLE_RATE: Final = 24_000
# Fixed, so that breath and hiss are the same each time.
SEED: Final = 1
FULL_SCALE: Final = 32_767


def hibari_voices(folder: Path) -> tuple[list[Voice], list[Refused]]:
    """Return the package's voice and those that were pulled to a folder, and those that cannot be used."""
    try:
        assets = assets_folder()
        described = described_voices(assets).items()
        bundled = [_voice(name, entry, assets) for name, entry in described if entry["bundled"]]
        pulled = [_voice(name, entry, folder / PULLED) for name, entry in described if not entry["bundled"]]
    except ImportError as error:
        return [], [Refused(MAIN_VOICE, str(error))]
    except (OSError, ValueError, LookupError) as error:
        return [], [Refused(MAIN_VOICE, f"the package {DISTRIBUTION} is damaged: {error}")]
    there = [voice for voice in (*bundled, *pulled) if Path(voice.source).is_file()]
    return there, [
        Refused(voice.voice_id, f"{Path(voice.source).name} is not there")
        for voice in bundled
        if voice not in there
    ]


class HibariVoices:
    """Loads voices and speaks with them. The process that forks calls `load`, its children call `speak`."""

    def __init__(self, readers: EnglishReaders) -> None:
        self._readers = readers
        self._loaded: dict[str, Any] = {}

    def load(self, model: str) -> None:
        """Load a voice from its file, with all that reading words needs. Raises the errors of the package."""
        if model in self._loaded:
            return
        if not Path(model).is_file():
            raise FileNotFoundError(f"{Path(model).name} is not there")
        described = described_voices(assets_folder())
        name = next(name for name, entry in described.items() if entry["file"] == Path(model).name)
        reader = self._readers.reader(is_british=described[name]["british"])
        # Threads do not survive a fork.
        self._loaded[model] = import_module(PACKAGE).Hibari(voice=name, model=model, threads=1, g2p=reader)

    def shortest_s(self, text: str, model: str, speed: float) -> float:
        """Return how long a text lasts at least; that takes a small part of the time of speaking it."""
        return sum(shortest_s(phonemes, speed) for phonemes in self._loaded[model].phonemize(text))

    def speak(self, text: str, model: str, speed: float) -> tuple[int, bytes]:
        """Speak a text; return the sample rate and 16-bit mono samples, none for a text without sounds."""
        voice = self._loaded[model]
        noise = np.random.default_rng(SEED)
        spoken = [
            voice.from_ids(voice.ids(phonemes), speed, noise)
            for phonemes in voice.phonemize(text)
            if any(phoneme.isalpha() for phoneme in phonemes)
        ]
        if not spoken:
            return SAMPLE_RATE, b""
        samples = np.clip(np.concatenate(spoken), -1, 1) * FULL_SCALE
        return SAMPLE_RATE, samples.astype(np.int16).tobytes()


def described_voices(assets: Path) -> dict[str, dict[str, Any]]:
    """Read the package's list of voices. Raises OSError and ValueError."""
    described: dict[str, dict[str, Any]] = json.loads((assets / "voices.json").read_text(encoding="utf-8"))
    return described


def _voice(name: str, entry: dict[str, Any], assets: Path) -> Voice:
    return Voice(
        voice_id=f"{PREFIX}{name}",
        name=f"{name.capitalize()}, {entry['gender']}",
        language=entry["language"],
        quality="high",
        sample_rate=SAMPLE_RATE,
        description=f"Neural voice, {entry['accent']} English",
        license=LICENSE,
        engine="hibari",
        source=str(assets / entry["file"]),
        commercial_use=True,
        gender=entry["gender"],
    )
