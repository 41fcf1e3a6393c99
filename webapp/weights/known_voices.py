"""Voices whose files are known by size and digest beforehand: downloaded with resume, and verified.

Voices may share a file, such as a model; it is downloaded once and stays until the last of them is removed.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from webapp.errors import NotFound
from webapp.weights.locking import locked
from webapp.weights.pull import Progress, PullEnvironment
from webapp.weights.source import RemoteFile, Source, SourceFailed
from webapp.weights.transfer import (
    finish,
    part_of,
    resume_record_path,
)
from webapp.weights.voice_download import VoiceDownload


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A published file: where it is, what it holds, and its path on this machine."""

    repository: str
    file: str
    revision: str
    size_bytes: int
    sha256: str
    path: Path


@dataclass(frozen=True, slots=True)
class KnownVoice:
    """A published voice. Its own file is the last; those before it may be other voices' too.

    `card` describes it for people, with its licence.
    """

    name: str
    folder: Path
    files: tuple[KnownFile, ...]
    card: str

    @property
    def is_installed(self) -> bool:
        return all(file.path.is_file() for file in self.files)


class KnownVoicePull:
    """Downloads one such voice."""

    def __init__(
        self,
        voice: KnownVoice,
        source: Source,
        environment: PullEnvironment,
        report: Callable[[Progress], None],
    ) -> None:
        self._voice = voice
        self._download = VoiceDownload(source, environment, report)

    def fetch_licence_card(self) -> str:
        """Return what is known of the voice, its licence included."""
        return self._voice.card

    def run(self) -> None:
        """Download what is missing. Raises Conflict, NotFound, SourceFailed, StorageFull and OSError."""
        folder = self._voice.folder
        folder.mkdir(parents=True, exist_ok=True)
        # One lock for all voices of the folder, since they share files.
        with locked(folder.parent, folder.name):
            missing = [file for file in self._voice.files if not file.path.is_file()]
            remotes = [self._describe(file) for file in missing]
            self._download.require_space(folder, {file.path: file.size_bytes for file in missing})
            for file, remote in zip(missing, remotes, strict=True):
                self._download.transfer(self._label(file), remote, file.path)
                finish(file.path)

    def _describe(self, file: KnownFile) -> RemoteFile:
        remote = self._download.describe(
            self._label(file), file.repository, file.file, file.revision, beside=(file.path.name,)
        )
        if remote.size_bytes != file.size_bytes:
            raise SourceFailed(
                f"{file.file} from {self._download.source.name} has {remote.size_bytes} bytes in place of"
                f" {file.size_bytes}"
            )
        return replace(remote, sha256=file.sha256)

    def _label(self, file: KnownFile) -> str:
        return f"{self._voice.name}: {file.path.name}"


def remove_known_voice(voice: KnownVoice, others: Iterable[KnownVoice]) -> int:
    """Delete a voice and partial downloads of it, and the files that no installed voice of `others` shares.

    Returns the bytes freed. Raises NotFound and Conflict.
    """
    with_parts = [path for file in voice.files for path in _with_parts(file.path)]
    if not any(path.is_file() for path in _with_parts(voice.files[-1].path)):
        raise NotFound(f"There is no voice {voice.name} in {voice.folder}")
    with locked(voice.folder.parent, voice.folder.name):
        kept = {
            path
            for other in others
            if other.name != voice.name and other.files[-1].path.is_file()
            for file in other.files
            for path in _with_parts(file.path)
        }
        present = [path for path in with_parts if path not in kept and path.is_file()]
        freed_bytes = sum(path.stat().st_size for path in present)
        # Its own file first: without it the voice is not there.
        for path in reversed(present):
            path.unlink()
    return freed_bytes


def _with_parts(path: Path) -> tuple[Path, Path, Path]:
    return path, part_of(path), resume_record_path(path)
