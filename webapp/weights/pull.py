"""Fetching a published model: its weights, its codec and its text encoder, each only once.

Everything arrives and is checked beside its place. Shared parts get their names as they are complete, the
model's own files at the very end, its weights last: a model is there only when all of it is.
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
    insist,
    part_of,
)

REPORT_EVERY_S = 0.25


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a pull. The numbers count what this pull has to bring; `bytes_per_s` 0 is not known."""

    state: Literal["looking", "checking", "waiting", "fetching"]
    file: str = ""
    done_bytes: int = 0
    total_bytes: int = 0
    bytes_per_s: int = 0

    @property
    def eta_s(self) -> int | None:
        """Seconds until all of it is there, at the present speed."""
        return (self.total_bytes - self.done_bytes) // self.bytes_per_s if self.bytes_per_s else None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The environment of a pull: the disk to leave free, clocks, and who accepted the licence."""

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
    """Bytes of this pull, by the file that they belong to."""

    meter: Meter
    total: dict[Path, int] = field(default_factory=dict)
    done: dict[Path, int] = field(default_factory=dict)

    def forget(self, path: Path) -> None:
        """Count a file no longer."""
        self.total.pop(path, None)
        self.done.pop(path, None)

    def progress(self, file: str) -> Progress:
        done, total = sum(self.done.values()), sum(self.total.values())
        return Progress("fetching", file, done, total, self.meter.bytes_per_s)


class Pull:
    """Brings one model into a models folder."""

    def __init__(
        self,
        models_dir: Path,
        source: Source,
        surroundings: Surroundings,
        report: Callable[[Progress], None],
    ) -> None:
        self._models_dir = models_dir
        self._source = source
        self._surroundings = surroundings
        self._conditions = Conditions(surroundings.reserve_bytes, surroundings.wait)
        self._report = report
        self._tally = _Tally(Meter(surroundings.now_s))
        self._told_s = -REPORT_EVERY_S
        self._revisions: dict[str, str] = {}
        # Files in their place that need no second look.
        self._right: set[Path] = set()

    def run(self, checkpoint: Checkpoint) -> bool:
        """Fetch what is missing; False when everything was there, and right, already.

        Raises Conflict when somebody else is at it, NotFound, SourceFailed, StorageFull and OSError.
        """
        with locked(self._models_dir, checkpoint.name):
            *shared, own = self._parts(checkpoint)
            codec, weights = self._look(own)
            others = [item for part in shared for item in self._look(part)]
            self._check_space((codec, *others, weights))
            fetched = {codec.path.name: self._fetch(codec)}
            # Only now is it known whether the codec is one, or names one.
            for part in self._parts(checkpoint)[len(shared) : -1]:
                others += self._look(part)
                self._check_space(others)
            brought = [self._install_shared(item) for item in others]
            fetched[weights.path.name] = self._fetch(weights)
            return self._install(own, (codec, weights), fetched) or any(brought)

    def _parts(self, checkpoint: Checkpoint) -> tuple[Part, ...]:
        path = self._models_dir / checkpoint.name / CODEC_FILE
        return parts_of(checkpoint, part_of(path) if part_of(path).is_file() else path)

    def _look(self, part: Part) -> list[_Item]:
        """Ask the source about a part's files, all of one revision."""
        items = []
        for file in part.files:
            self._report(Progress("looking", f"{part.name}/{file}"))
            look = partial(self._source.look, part.repository, file, self._revisions.get(part.repository, ""))
            remote = insist(look, self._surroundings.wait)
            self._revisions[part.repository] = remote.revision
            items.append(_Item(part, self._models_dir / part.name / file, remote))
        return items

    def _check_space(self, items: Sequence[_Item]) -> None:
        lacking = [item for item in items if not self._is_there(item)]
        for item in lacking:
            self._tally.total[item.path] = item.remote.size_bytes
            self._tally.done[item.path] = arrived_bytes(item.path)
        needed = sum(item.remote.size_bytes - arrived_bytes(item.path) for item in lacking)
        self._models_dir.mkdir(parents=True, exist_ok=True)
        check_space(self._models_dir, needed, self._surroundings.reserve_bytes)

    def _is_there(self, item: _Item) -> bool:
        """Return whether the file is in its place and is what the source has."""
        remote, path = item.remote, item.path
        if path in self._right:
            return True
        if not path.is_file() or path.stat().st_size != remote.size_bytes:
            return False
        noted = read_manifest(path.parent).files.get(path.name)
        is_right = not remote.sha256 or (noted is not None and noted.sha256 == remote.sha256)
        if not is_right:
            self._report(Progress("checking", item.label))
            with path.open("rb") as file:
                is_right = hashlib.file_digest(file, "sha256").hexdigest() == remote.sha256
        if is_right:
            self._right.add(path)
        return is_right

    def _fetch(self, item: _Item) -> InstalledFile | None:
        """Bring a file beside its place, checked; None when it is in its place already."""
        if self._is_there(item):
            discard(item.path)
            # Another pull may have brought it meanwhile.
            self._tally.forget(item.path)
            return None
        transfer = self._transfer(item)
        checked = "sha256" if item.remote.sha256 else "git_sha1" if item.remote.git_sha1 else "size"
        return InstalledFile(item.remote.size_bytes, transfer.run(), checked)

    def _transfer(self, item: _Item) -> Transfer:
        tally, now_s = self._tally, self._surroundings.now_s
        tally.total[item.path] = item.remote.size_bytes

        def moved(length: int, new: int) -> None:
            tally.done[item.path] = length
            if new:
                tally.meter.add(new)
            is_news = not new or length == item.remote.size_bytes
            if is_news or now_s() - self._told_s >= REPORT_EVERY_S:
                self._told_s = now_s() if new else self._told_s
                self._report(tally.progress(item.label))

        return Transfer(self._source, item.remote, item.path, self._conditions, moved)

    def _install_shared(self, item: _Item) -> bool:
        """Fetch a file that other models use as well; whether that was necessary."""
        with locked(
            self._models_dir, item.part.name, waiting=lambda: self._report(Progress("waiting", item.label))
        ):
            fetched = {item.path.name: self._fetch(item)}
            return self._install(item.part, (item,), fetched)

    def _install(self, part: Part, items: Sequence[_Item], fetched: dict[str, InstalledFile | None]) -> bool:
        """Give checked files their names, in order, and note what they are; whether there were any."""
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
                    accepted_by=self._surroundings.accepted_by,
                    accepted_ms=self._surroundings.now_ms(),
                    files=before.files | new,
                ),
            )
        return bool(new)
