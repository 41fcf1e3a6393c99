"""Piper voices in the voices folder: downloaded like models, with resume, and verified.

A voice has three files: its model, its configuration file, and a card that states its licence. The model file
is renamed into place last, so a voice is installed only when it is complete.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from webapp.errors import InvalidRequest, NotFound
from webapp.foreign_text import is_plain_name, text_of
from webapp.weights.locking import locked
from webapp.weights.pull import Progress, PullEnvironment
from webapp.weights.source import RemoteFile, Source
from webapp.weights.transfer import (
    finish,
    part_of,
)
from webapp.weights.voice_download import VoiceDownload

REPOSITORY: Final = "rhasspy/piper-voices"
NAME: Final = re.compile(r"(?P<language>[a-z]{2,3})_(?P<region>[A-Z]{2,3})-(?P<name>\w+)-(?P<quality>\w+)")
MODEL, CONFIG, CARD = ".onnx", ".onnx.json", ".MODEL_CARD"
# The name of a card where each voice has a folder of its own.
PUBLISHED_CARD: Final = "MODEL_CARD"
LONGEST_NAME: Final = 200
NO_CARD: Final = "The voice comes without a card that says under which licence it is."
LARGEST_CARD_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class VoiceFiles:
    """The files of a voice in the voices folder."""

    name: str
    folder: Path

    def path(self, suffix: str) -> Path:
        """Return the path of one of them, present or not."""
        return self.folder / f"{self.name}{suffix}"

    @property
    def is_installed(self) -> bool:
        return all(self.path(suffix).is_file() for suffix in (MODEL, CONFIG))


def voice_files(name: str, folder: Path) -> VoiceFiles:
    """Return the files of a voice. Raises InvalidRequest for a name that is not of the published form."""
    if not NAME.fullmatch(name):
        raise InvalidRequest(f"{name!r} is no name of a Piper voice; they are like en_US-ljspeech-medium")
    return VoiceFiles(name, folder)


def existing_voice_files(name: str, folder: Path) -> VoiceFiles:
    """Return the files of a voice that may have been put into the folder under any name.

    Raises InvalidRequest.
    """
    if NAME.fullmatch(name) or (is_plain_name(name, LONGEST_NAME) and (folder / f"{name}{MODEL}").is_file()):
        return VoiceFiles(name, folder)
    return voice_files(name, folder)


class VoicePull:
    """Downloads one voice into a voices folder."""

    def __init__(
        self,
        voice: VoiceFiles,
        source: Source,
        environment: PullEnvironment,
        report: Callable[[Progress], None],
    ) -> None:
        self._voice = voice
        self._download = VoiceDownload(source, environment, report)

    def fetch_licence_card(self) -> str:
        """Download the voice's card, and return its text, which states the licence.

        Raises what `run` raises.
        """
        voice = self._voice
        voice.folder.mkdir(parents=True, exist_ok=True)
        with locked(voice.folder, voice.name):
            try:
                remote = self._describe(CARD)
            except NotFound:
                return NO_CARD
            if remote.size_bytes > LARGEST_CARD_BYTES:
                return NO_CARD
            self._fetch(CARD, remote)
            finish(voice.path(CARD))
        return text_of(voice.path(CARD).read_bytes(), errors="replace").strip()

    def run(self) -> None:
        """Download the voice. Raises Conflict, NotFound, SourceFailed, StorageFull and OSError."""
        voice = self._voice
        with locked(voice.folder, voice.name):
            remotes = {suffix: self._describe(suffix) for suffix in (CONFIG, MODEL)}
            sizes_bytes = {voice.path(suffix): remote.size_bytes for suffix, remote in remotes.items()}
            self._download.require_space(voice.folder, sizes_bytes)
            for suffix, remote in remotes.items():
                self._fetch(suffix, remote)
            for suffix in remotes:
                finish(voice.path(suffix))

    def _describe(self, suffix: str) -> RemoteFile:
        name = f"{self._voice.name}{suffix}"
        beside = (name, PUBLISHED_CARD) if suffix == CARD else (name,)
        file = _remote_path(self._voice.name, suffix)
        return self._download.describe(name, REPOSITORY, file, beside=beside)

    def _fetch(self, suffix: str, remote: RemoteFile) -> None:
        self._download.transfer(f"{self._voice.name}{suffix}", remote, self._voice.path(suffix))


def remove_voice(voice: VoiceFiles) -> int:
    """Delete a voice and partial downloads of it; return the bytes freed. Raises NotFound and Conflict."""
    paths = [voice.path(suffix) for suffix in (MODEL, CONFIG, CARD)]
    present = [path for whole in paths for path in (whole, part_of(whole)) if path.is_file()]
    if not present:
        raise NotFound(f"There is no voice {voice.name} in {voice.folder}")
    with locked(voice.folder, voice.name):
        freed_bytes = sum(path.stat().st_size for path in present)
        # The model first: without it the voice is not installed.
        for path in present:
            path.unlink()
    return freed_bytes


def _remote_path(name: str, suffix: str) -> str:
    """Return the path of a voice's file on the hub: `en/en_US/ljspeech/medium/en_US-ljspeech-medium.onnx`."""
    match = NAME.fullmatch(name)
    if match is None:
        raise InvalidRequest(f"{name!r} is no name of a Piper voice")
    folder = f"{match['language']}/{match['language']}_{match['region']}/{match['name']}/{match['quality']}"
    return f"{folder}/{PUBLISHED_CARD if suffix == CARD else f'{name}{suffix}'}"
