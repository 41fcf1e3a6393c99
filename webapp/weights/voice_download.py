"""Downloads the files of a voice, with resume, and reports how far it is."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from webapp.errors import NotFound
from webapp.weights.meter import Meter
from webapp.weights.pull import Progress, PullEnvironment
from webapp.weights.source import FolderSource, RemoteFile, Source
from webapp.weights.transfer import Conditions, Transfer, arrived_bytes, check_space, retry_interrupted


class VoiceDownload:
    """Finds and downloads the files of one voice from one source."""

    def __init__(
        self, source: Source, environment: PullEnvironment, report: Callable[[Progress], None]
    ) -> None:
        self.source = source
        self._environment = environment
        self._report = report
        self._meter = Meter(environment.now_s)
        self._done: dict[Path, int] = {}
        self._total_bytes = 0

    def describe(
        self, label: str, repository: str, file: str, revision: str = "", *, beside: Sequence[str] = ()
    ) -> RemoteFile:
        """Return what the source says of a file. Raises NotFound and SourceFailed.

        A folder may hold the files of voices side by side; there the names in `beside` will do.
        """
        self._report(Progress("looking", label))
        try:
            return retry_interrupted(
                lambda: self.source.describe(repository, file, revision), self._environment.wait
            )
        except NotFound:
            if isinstance(self.source, FolderSource):
                for name in beside:
                    with suppress(NotFound):
                        return self.source.describe("", name, "")
            raise

    def require_space(self, folder: Path, sizes_bytes: Mapping[Path, int]) -> None:
        """Take these files for all that there is to download. Raises StorageFull."""
        self._total_bytes = sum(sizes_bytes.values())
        needed_bytes = self._total_bytes - sum(map(arrived_bytes, sizes_bytes))
        check_space(folder, needed_bytes, self._environment.reserve_bytes)

    def transfer(self, label: str, remote: RemoteFile, path: Path) -> None:
        """Download a file under a temporary name. Raises SourceFailed, StorageFull and OSError."""

        def on_progress(bytes_done: int, bytes_new: int) -> None:
            self._done[path] = bytes_done
            if bytes_new:
                self._meter.add(bytes_new)
            done_bytes, total_bytes = sum(self._done.values()), self._total_bytes or remote.size_bytes
            self._report(Progress("fetching", label, done_bytes, total_bytes, self._meter.bytes_per_s))

        conditions = Conditions(self._environment.reserve_bytes, self._environment.wait)
        Transfer(self.source, remote, path, conditions, on_progress).run()
