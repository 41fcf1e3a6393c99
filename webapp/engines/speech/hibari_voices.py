"""Loads the neural English voices of the package `hibari-tts`: the one that it carries, and pulled ones.

The package can fetch others by itself. That is never called: a voice is loaded from a file that is there.
Only the speaker process imports the package, by name, since it brings onnxruntime along.
"""

import json
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np

from webapp.engines.speech.base import Refused, Voice
from webapp.engines.speech.english_readers import DISTRIBUTION, PACKAGE, EnglishReaders, assets_folder
from webapp.engines.speech.english_voices import SAMPLE_RATE, SEED, EnglishVoices, Samples

# The folder of pulled voices, in the voices folder.
PULLED: Final = "hibari"
PREFIX: Final = "hibari-"
# The voice that the package carries.
MAIN_VOICE: Final = f"{PREFIX}heart"
# Of the package, its models, and Kokoro, from which they were distilled.
LICENSE: Final = "Apache-2.0"


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


class HibariVoices(EnglishVoices):
    """Loads the package's voices and speaks with them."""

    # What digits and spelled letters take, of which texts near the limit consist: 0.063 to 0.068 s. Prose
    # takes 0.075 to 0.09 s, dense consonants 0.057 s. With a lower bound most texts that are too long would
    # be spoken for seconds before they are refused.
    shortest_phoneme_s = 0.065

    def __init__(self, readers: EnglishReaders) -> None:
        super().__init__(readers)
        self._loaded: dict[str, Any] = {}

    def load(self, source: str) -> None:
        if source in self._loaded:
            return
        if not Path(source).is_file():
            raise FileNotFoundError(f"{Path(source).name} is not there")
        described = described_voices(assets_folder())
        name = next(name for name, entry in described.items() if entry["file"] == Path(source).name)
        reader = self._readers.reader(is_british=described[name]["british"])
        # Threads do not survive a fork.
        self._loaded[source] = import_module(PACKAGE).Hibari(voice=name, model=source, threads=1, g2p=reader)

    def _phonemize(self, text: str, source: str) -> Sequence[str]:
        parts: list[str] = self._loaded[source].phonemize(text)
        return parts

    def _synthesize(self, parts: Sequence[str], source: str, speed: float, pitch: float) -> list[Samples]:
        voice, noise = self._loaded[source], np.random.default_rng(SEED)
        if pitch == 1:
            return [voice.from_ids(voice.ids(part), speed, noise) for part in parts]
        # The model tells pitch and timbre apart, so the timbre stays.
        synth, sounds = import_module(f"{PACKAGE}.dsp").synth, []
        for part in parts:
            given = {"ids": np.asarray([voice.ids(part)], np.int64), "speed": np.asarray([speed], np.float32)}
            *spectra, pitches_hz = (one[0] for one in voice.sess.run(None, given))
            sounds.append(synth(*spectra, pitches_hz * np.float32(pitch), noise))
        return sounds


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
