"""Finds the Piper voices of a folder: those that can be used, and those that cannot, with the reasons."""

from contextlib import closing
from pathlib import Path
from typing import Final

from webapp.engines.speech.base import Refused, SpeechError, Voice
from webapp.engines.speech.piper_descriptions import Described, described_in
from webapp.engines.speech.speaker import Speaker

NO_PIPER: Final = "Piper is not installed"


class InstalledVoices:
    """Scans a folder of voices repeatedly. One thread at a time may use it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # A check takes a process and half a second; its result does not change.
        self._known: dict[str, bool] = {}

    def scan(self, *, has_piper: bool) -> tuple[list[Voice], list[Refused]]:
        """Return the usable voices by name, and the refused ones; without Piper all are refused."""
        described, refused = described_in(self._folder)
        found = [one for one in described if one.model_bytes]
        refused += [
            Refused(one.voice.voice_id, f"{one.voice.voice_id}.onnx is empty")
            for one in described
            if one not in found
        ]
        if not has_piper:
            refused_all = [Refused(one.voice.voice_id, NO_PIPER) for one in found]
            return [], sorted([*refused, *refused_all], key=_name)
        self._check_languages({one.espeak_language for one in found} - self._known.keys() - {""})
        unknown = [one for one in found if not self._known.get(one.espeak_language, True)]
        voices = [one.voice for one in found if one not in unknown]
        return voices, sorted([*refused, *map(_without_language, unknown)], key=_name)

    def _check_languages(self, languages: set[str]) -> None:
        if not languages:
            return
        # A process of its own: the engine's speaker may be busy in another thread.
        with closing(Speaker()) as speaker:
            try:
                unknown = speaker.unknown_languages(languages)
            except SpeechError:
                # Speaking will report the error.
                unknown = frozenset()
        self._known |= {language: language not in unknown for language in languages}


def _without_language(one: Described) -> Refused:
    return Refused(one.voice.voice_id, f"eSpeak NG knows no language {one.espeak_language!r}")


def _name(refused: Refused) -> str:
    return refused.name
