"""Voices of one file whose size and digest are known beforehand: downloaded with resume, and verified."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from webapp.errors import NotFound
from webapp.weights.locking import locked
from webapp.weights.meter import Meter
from webapp.weights.pull import Progress, PullEnvironment
from webapp.weights.source import FolderSource, RemoteFile, Source, SourceFailed
from webapp.weights.transfer import (
    Conditions,
    Transfer,
    arrived_bytes,
    check_space,
    finish,
    part_of,
    resume_record_path,
    retry_interrupted,
)


@dataclass(frozen=True, slots=True)
class KnownVoice:
    """A published voice and where it is kept. `file` is its path in the repository; `card` is for people."""

    name: str
    repository: str
    file: str
    size_bytes: int
    sha256: str
    card: str
    folder: Path

    @property
    def path(self) -> Path:
        """Return where the voice is kept, present or not."""
        return self.folder / Path(self.file).name

    @property
    def is_installed(self) -> bool:
        return self.path.is_file()


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
        self._source = source
        self._environment = environment
        self._report = report
        self._meter = Meter(environment.now_s)

    def fetch_licence_card(self) -> str:
        """Return what is known of the voice, its licence included."""
        return self._voice.card

    def run(self) -> None:
        """Download the voice. Raises Conflict, NotFound, SourceFailed, StorageFull and OSError."""
        voice = self._voice
        voice.folder.mkdir(parents=True, exist_ok=True)
        with locked(voice.folder, voice.name):
            remote = self._describe()
            if remote.size_bytes != voice.size_bytes:
                raise SourceFailed(
                    f"{voice.file} from {self._source.name} has {remote.size_bytes} bytes in place of"
                    f" {voice.size_bytes}"
                )
            needed_bytes = voice.size_bytes - arrived_bytes(voice.path)
            check_space(voice.folder, needed_bytes, self._environment.reserve_bytes)
            conditions = Conditions(self._environment.reserve_bytes, self._environment.wait)
            known = replace(remote, sha256=voice.sha256)
            Transfer(self._source, known, voice.path, conditions, self._on_progress).run()
            finish(voice.path)

    def _describe(self) -> RemoteFile:
        voice = self._voice
        self._report(Progress("looking", voice.name))
        try:
            return retry_interrupted(
                lambda: self._source.describe(voice.repository, voice.file, ""), self._environment.wait
            )
        except NotFound:
            if not isinstance(self._source, FolderSource):
                raise
            # A folder may hold voices side by side.
            return self._source.describe("", voice.path.name, "")

    def _on_progress(self, bytes_done: int, bytes_new: int) -> None:
        if bytes_new:
            self._meter.add(bytes_new)
        voice = self._voice
        self._report(Progress("fetching", voice.name, bytes_done, voice.size_bytes, self._meter.bytes_per_s))


def remove_known_voice(voice: KnownVoice) -> int:
    """Delete a voice and a partial download of it; return the bytes freed. Raises NotFound and Conflict."""
    paths = (voice.path, part_of(voice.path), resume_record_path(voice.path))
    present = [path for path in paths if path.is_file()]
    if not present:
        raise NotFound(f"There is no voice {voice.name} in {voice.folder}")
    with locked(voice.folder, voice.name):
        freed_bytes = sum(path.stat().st_size for path in present)
        for path in present:
            path.unlink()
    return freed_bytes
