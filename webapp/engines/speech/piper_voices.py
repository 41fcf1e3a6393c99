"""Loads Piper's neural voices, where the package `piper-tts` is installed and voices were pulled.

The package is GPL-3.0 and optional, so only the speaker process imports it, by name.
"""

from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, Final

from webapp.engines.speech.base import Voice
from webapp.engines.speech.piper_descriptions import described_in, description_of

PACKAGE: Final = "piper"
# Fixed, so that the noise from which voices are generated is the same at every start.
SEED: Final = 1
# The number of voices that stay loaded, of some 60 to 120 MB each.
KEPT: Final = 2


def is_installed() -> bool:
    """Return whether Piper can be imported, without importing it."""
    return find_spec(PACKAGE) is not None


def voices_in(folder: Path) -> list[Voice]:
    """Return the voices in a folder with valid descriptions, by name."""
    return [one.voice for one in described_in(folder)[0]]


def unknown_languages(languages: Iterable[str]) -> list[str]:
    """Return the languages that Piper's eSpeak NG cannot read. For a child process: it changes the library.

    The module is loaded without its package, which would import onnxruntime.
    """
    package = find_spec(PACKAGE)
    (folder,) = (Path(place) for place in (package and package.submodule_search_locations) or ())
    (library,) = folder.glob("espeakbridge*.so")
    spec = spec_from_file_location("espeakbridge", library)
    if spec is None or spec.loader is None:
        raise ImportError(f"{library} cannot be loaded")
    bridge: Any = module_from_spec(spec)
    spec.loader.exec_module(bridge)
    bridge.initialize(str(folder / "espeak-ng-data"))
    unknown = []
    for language in languages:
        try:
            bridge.set_voice(language)
        except RuntimeError:
            unknown.append(language)
    return unknown


class PiperVoices:
    """Loads voices and speaks with them. The process that forks calls `load`, its children call `speak`."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}

    def load(self, model: str) -> None:
        """Load a voice. Raises onnxruntime's errors for an invalid model."""
        if model in self._loaded:
            self._loaded[model] = self._loaded.pop(model)
            return
        onnxruntime, piper = import_module("onnxruntime"), import_module(PACKAGE)
        onnxruntime.set_seed(SEED)
        # Threads do not survive a fork.
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        config = import_module("piper.config").PiperConfig.from_dict(description_of(Path(model)))
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        while len(self._loaded) >= KEPT:
            del self._loaded[next(iter(self._loaded))]
        self._loaded[model] = piper.PiperVoice(session=session, config=config)

    def speak(self, text: str, model: str, speed: float) -> tuple[int, bytes]:
        """Speak a text; return the sample rate and 16-bit mono samples."""
        voice = self._loaded[model]
        scale = voice.config.length_scale / speed
        chosen = import_module(PACKAGE).SynthesisConfig(length_scale=scale, normalize_audio=False)
        # Two brackets would start phonemes; here everything is text.
        plain = text.replace("[[", "[ [")
        chunks = [chunk.audio_int16_bytes for chunk in voice.synthesize(plain, chosen)]
        return voice.config.sample_rate, b"".join(chunks)
