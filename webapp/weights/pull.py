"""Downloads a published model: its weights, codec and text encoder; shared parts only once.

Every file is downloaded under a temporary name beside its final one, and verified. Shared parts are renamed
when they are complete; the model's own files at the very end, its weights last. So a model is installed only
when it is complete.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal

from webapp.weights.catalogue import Checkpoint
from webapp.weights.layout import CODEC_FILE, Part, parts_of
from webapp.weights.locking import locked
from webapp.weights.manifest import InstalledFile, read_manifest, write_manifest
from webapp.weights.meter import Meter
from webapp.weights.source import RemoteFile, Source
from webapp.weights.transfer import (
    Conditions,
    Transfer,
    arrived_bytes,
    check_space,
    discard,
    finish,
    part_of,
    retry_interrupted,
)

REPORT_EVERY_S = 0.25


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a pull, in the bytes that it has to download. `bytes_per_s` is 0 while unknown."""

    state: Literal["looking", "checking", "waiting", "fetching"]
    file: str = ""
    done_bytes: int = 0
    total_bytes: int = 0
    bytes_per_s: int = 0

    @property
    def eta_s(self) -> int | None:
        """Return the seconds until the pull is complete at the present speed."""
        return (self.total_bytes - self.done_bytes) // self.bytes_per_s if self.bytes_per_s else None


@dataclass(frozen=True, slots=True)
class PullEnvironment:
    """The environment of a pull: the disk space to leave free, clocks, and who accepted the licence."""

    reserve_bytes: int
    wait: Callable[[float], None]
    now_s: Callable[[], float]
    now_ms: Callable[[], int]
    accepted_by: str = ""


@dataclass(frozen=True, slots=True)
class _Item:
    part: Part
    path: Path
    remote: RemoteFile

    @property
    def label(self) -> str:
        return f"{self.part.name}/{self.path.name}"


@dataclass(slots=True)
class _Tally:
    """The bytes that this pull has to download and has downloaded, by file."""

    meter: Meter
    total: dict[Path, int] = field(default_factory=dict)
    done: dict[Path, int] = field(default_factory=dict)

    def forget(self, path: Path) -> None:
        """Stop counting a file."""
        self.total.pop(path, None)
        self.done.pop(path, None)

    def progress(self, file: str) -> Progress:
        done, total = sum(self.done.values()), sum(self.total.values())
        return Progress("fetching", file, done, total, self.meter.bytes_per_s)


class Pull:
    """Downloads one model into a models folder."""

    def __init__(
        self,
        models_dir: Path,
        source: Source,
        environment: PullEnvironment,
        report: Callable[[Progress], None],
    ) -> None:
        self._models_dir = models_dir
        self._source = source
        self._environment = environment
        self._conditions = Conditions(environment.reserve_bytes, environment.wait)
        self._report = report
        self._tally = _Tally(Meter(environment.now_s))
        self._reported_s = -REPORT_EVERY_S
        self._revisions: dict[str, str] = {}
        # Installed files that are known to be the source's.
        self._verified: set[Path] = set()

    def run(self, checkpoint: Checkpoint) -> bool:
        """Download what is missing; return False if everything was installed and correct already.

        Raises Conflict if another process is downloading or removing it, NotFound, SourceFailed, StorageFull
        and OSError.
        """
        with locked(self._models_dir, checkpoint.name):
            *shared, own = self._parts(checkpoint)
            codec, weights = self._describe(own)
            others = [item for part in shared for item in self._describe(part)]
            self._check_space((codec, *others, weights))
            fetched = {codec.path.name: self._fetch(codec)}
            # Only now is it known whether the file holds a codec or the name of one.
            for part in self._parts(checkpoint)[len(shared) : -1]:
                others += self._describe(part)
                self._check_space(others)
            installed = [self._install_shared(item) for item in others]
            fetched[weights.path.name] = self._fetch(weights)
            return self._install(own, (codec, weights), fetched) or any(installed)

    def _parts(self, checkpoint: Checkpoint) -> tuple[Part, ...]:
        path = self._models_dir / checkpoint.name / CODEC_FILE
        return parts_of(checkpoint, part_of(path) if part_of(path).is_file() else path)

    def _describe(self, part: Part) -> list[_Item]:
        """Ask the source about a part's files, all of one revision."""
        items = []
        for file in part.files:
            self._report(Progress("looking", f"{part.name}/{file}"))
            describe = partial(
                self._source.describe, part.repository, file, self._revisions.get(part.repository, "")
            )
            remote = retry_interrupted(describe, self._environment.wait)
            self._revisions[part.repository] = remote.revision
            items.append(_Item(part, self._models_dir / part.name / file, remote))
        return items

    def _check_space(self, items: Sequence[_Item]) -> None:
        lacking = [item for item in items if not self._is_installed(item)]
        for item in lacking:
            self._tally.total[item.path] = item.remote.size_bytes
            self._tally.done[item.path] = arrived_bytes(item.path)
        needed = sum(item.remote.size_bytes - arrived_bytes(item.path) for item in lacking)
        self._models_dir.mkdir(parents=True, exist_ok=True)
        check_space(self._models_dir, needed, self._environment.reserve_bytes)

    def _is_installed(self, item: _Item) -> bool:
        """Return whether the file is installed and is the same as the source's."""
        remote, path = item.remote, item.path
        if path in self._verified:
            return True
        if not path.is_file() or path.stat().st_size != remote.size_bytes:
            return False
        recorded = read_manifest(path.parent).files.get(path.name)
        is_same = not remote.sha256 or (recorded is not None and recorded.sha256 == remote.sha256)
        if not is_same:
            self._report(Progress("checking", item.label))
            with path.open("rb") as file:
                is_same = hashlib.file_digest(file, "sha256").hexdigest() == remote.sha256
        if is_same:
            self._verified.add(path)
        return is_same

    def _fetch(self, item: _Item) -> InstalledFile | None:
        """Download and verify a file without installing it; None if it is installed already."""
        if self._is_installed(item):
            discard(item.path)
            # Another pull may have installed it in the meantime.
            self._tally.forget(item.path)
            return None
        transfer = self._transfer(item)
        checked = "sha256" if item.remote.sha256 else "git_sha1" if item.remote.git_sha1 else "size"
        return InstalledFile(item.remote.size_bytes, transfer.run(), checked)

    def _transfer(self, item: _Item) -> Transfer:
        tally, now_s = self._tally, self._environment.now_s
        tally.total[item.path] = item.remote.size_bytes

        def on_progress(bytes_done: int, bytes_new: int) -> None:
            tally.done[item.path] = bytes_done
            if bytes_new:
                tally.meter.add(bytes_new)
            is_first_or_last = not bytes_new or bytes_done == item.remote.size_bytes
            if is_first_or_last or now_s() - self._reported_s >= REPORT_EVERY_S:
                self._reported_s = now_s() if bytes_new else self._reported_s
                self._report(tally.progress(item.label))

        return Transfer(self._source, item.remote, item.path, self._conditions, on_progress)

    def _install_shared(self, item: _Item) -> bool:
        """Install a file that other models use as well; return whether that was necessary."""
        with locked(
            self._models_dir, item.part.name, waiting=lambda: self._report(Progress("waiting", item.label))
        ):
            fetched = {item.path.name: self._fetch(item)}
            return self._install(item.part, (item,), fetched)

    def _install(self, part: Part, items: Sequence[_Item], fetched: dict[str, InstalledFile | None]) -> bool:
        """Rename verified files to their final names, in order, and record them.

        Return whether there were any.
        """
        new = {name: entry for name, entry in fetched.items() if entry is not None}
        for item in items:
            if item.path.name in new:
                finish(item.path)
        if new:
            folder = self._models_dir / part.name
            before = read_manifest(folder)
            write_manifest(
                folder,
                replace(
                    before,
                    repository=part.repository,
                    source=self._source.name,
                    revision=self._revisions.get(part.repository, ""),
                    licence=part.licence,
                    accepted_by=self._environment.accepted_by,
                    accepted_ms=self._environment.now_ms(),
                    files=before.files | new,
                ),
            )
        return bool(new)
