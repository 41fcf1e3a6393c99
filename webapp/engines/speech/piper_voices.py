"""Piper voices: neural ones, where the package `piper-tts` is installed and voices were pulled.

The package is GPL-3.0 and an extra, so it is imported by name; only the speaker process does.
"""

import json
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from webapp.engines.speech.base import Voice

PACKAGE: Final = "piper"
# Fixed, so that the noise which voices are made from is the same at every start.
SEED: Final = 1
# Voices kept loaded, of some 60 to 120 MB each.
KEPT: Final = 2
# Of all ways to get from text to sounds, those that need neither further packages nor downloads.
PLAIN_PHONEMES: Final = ("espeak", "text")


def is_installed() -> bool:
    """Whether Piper can be imported; it is not imported for that."""
    return find_spec(PACKAGE) is not None


def voices_in(folder: Path) -> list[Voice]:
    """The voices in a folder, by name: each a model `NAME.onnx` with `NAME.onnx.json` beside it.

    A voice whose description cannot be read is left out.
    """
    if not folder.is_dir():
        return []
    found = (_voice(model) for model in sorted(folder.glob("*.onnx")))
    return [voice for voice in found if voice is not None]


def _voice(model: Path) -> Voice | None:
    try:
        said = json.loads(Path(f"{model}.json").read_text(encoding="utf-8"))
        if said.get("phoneme_type", "espeak") not in PLAIN_PHONEMES:
            return None
        language = said.get("language", {})
        quality = str(said["audio"].get("quality", ""))
        return Voice(
            voice_id=model.stem,
            name=str(said.get("dataset") or model.stem).replace("_", " ").capitalize(),
            language=str(language.get("code") or said["espeak"]["voice"]).replace("_", "-"),
            quality=quality or "medium",
            sample_rate=int(said["audio"]["sample_rate"]),
            description=f"Neural voice, {language.get('name_english', 'unknown language')}",
            license=_license(model),
            engine="piper",
            source=str(model),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _license(model: Path) -> str:
    """What the voice's card, kept beside it, says of its licence."""
    card = model.with_suffix(".MODEL_CARD")
    if not card.is_file():
        return "See the voice's own page"
    for line in card.read_text(encoding="utf-8", errors="replace").splitlines():
        name, found, value = line.strip("*- ").partition(":")
        if found and name.strip("* ").lower() in ("license", "licence"):
            return value.strip()[:200] or "See the voice's own page"
    return "See the voice's own page"


class PiperVoices:
    """Loads voices and speaks with them. `load` is for the process that forks, `speak` for its children."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}

    def load(self, model: str) -> None:
        """Have a voice ready. Raises what onnxruntime raises for a model that is none."""
        if model in self._loaded:
            self._loaded[model] = self._loaded.pop(model)
            return
        onnxruntime, piper = import_module("onnxruntime"), import_module(PACKAGE)
        onnxruntime.set_seed(SEED)
        # Threads do not survive a fork.
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        config = import_module("piper.config").PiperConfig.from_dict(
            json.loads(Path(f"{model}.json").read_text(encoding="utf-8"))
        )
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        while len(self._loaded) >= KEPT:
            del self._loaded[next(iter(self._loaded))]
        self._loaded[model] = piper.PiperVoice(session=session, config=config)

    def speak(self, text: str, model: str, speed: float) -> tuple[int, bytes]:
        """The sample rate, and the text as 16-bit mono samples."""
        voice = self._loaded[model]
        scale = voice.config.length_scale / speed
        chosen = import_module(PACKAGE).SynthesisConfig(length_scale=scale, normalize_audio=False)
        # Two brackets would begin phonemes; here everything is text.
        plain = text.replace("[[", "[ [")
        chunks = [chunk.audio_int16_bytes for chunk in voice.synthesize(plain, chosen)]
        return voice.config.sample_rate, b"".join(chunks)
