"""Downloads one file, with resume.

What has arrived is in a file with the suffix `.part`, beside a resume record that identifies the complete
file. So the next attempt, or the next command, resumes where this one ended.
"""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from webapp.errors import StorageFull, is_disk_full
from webapp.weights.source import CHUNK_BYTES, Interrupted, RemoteFile, Source, SourceFailed

logger = logging.getLogger(__name__)

T = TypeVar("T")

# Consecutive attempts without progress; any progress resets the count.
MAX_FRUITLESS: Final = 5
FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 60.0
CHECK_DISK_EVERY_BYTES: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Conditions:
    """A transfer's settings: the disk space to leave free, and how to wait between attempts."""

    reserve_bytes: int
    wait: Callable[[float], None]


def part_of(path: Path) -> Path:
    """Return where a file is kept until it is complete."""
    return path.with_name(f"{path.name}.part")


def resume_record_path(path: Path) -> Path:
    """Return the path of the record by which a partial download can be resumed."""
    return path.with_name(f"{path.name}.part.json")


def arrived_bytes(path: Path) -> int:
    """Return the size of a partial download that can be resumed if the source still has the same file."""
    try:
        return part_of(path).stat().st_size if resume_record_path(path).is_file() else 0
    except FileNotFoundError:
        return 0


def retry_interrupted(attempt: Callable[[], T], wait: Callable[[float], None]) -> T:
    """Return the result of the first attempt that succeeds; wait and try again after interrupted ones.

    Raises SourceFailed after too many consecutive attempts without progress.
    """
    fruitless = 0
    while True:
        try:
            return attempt()
        except Interrupted as interruption:
            fruitless = fruitless + 1 if interruption.is_fruitless else 0
            if fruitless > MAX_FRUITLESS:
                raise SourceFailed(f"{interruption} What has arrived is kept.") from None
            wait_s = max(interruption.retry_after_s or 0, FIRST_WAIT_S * 2 ** max(0, fruitless - 1))
            logger.info("trying again", extra={"reason": str(interruption), "in_s": wait_s})
            wait(min(wait_s, LONGEST_WAIT_S))


class Transfer:
    """Downloads one file to its `.part` file and verifies it; :func:`finish` then renames it."""

    def __init__(
        self,
        source: Source,
        remote: RemoteFile,
        path: Path,
        conditions: Conditions,
        on_progress: Callable[[int, int], None],
    ) -> None:
        """`on_progress(bytes_done, bytes_new)` gets the bytes so far, and those that just arrived."""
        self._source = source
        self._remote = remote
        self._path = path
        self._conditions = conditions
        self._on_progress = on_progress
        self._sha256 = hashlib.sha256()
        self._git_sha1 = hashlib.sha1(b"blob %d\0" % remote.size_bytes, usedforsecurity=False)
        self._length = 0
        # The furthest that any attempt got, since a source that always starts over may never make progress.
        self._reached = 0
        self._validator = ""

    def run(self) -> str:
        """Download what is missing and verify the file; return its SHA-256 in hexadecimal.

        A file with a wrong checksum is deleted and downloaded once more. Raises NotFound, SourceFailed,
        StorageFull and OSError.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        for is_last in (False, True):
            try:
                with part_of(self._path).open("ab") as part:
                    self._resume_or_restart(part.fileno())
                    retry_interrupted(lambda: self._attempt(part.fileno()), self._conditions.wait)
                    os.fsync(part.fileno())
            except OSError as error:
                raise _plain(error, self._path.parent) from error
            if self._is_correct():
                return self._sha256.hexdigest()
            discard(self._path)
            logger.warning("wrong bytes", extra={"file": self._remote.file})
            if is_last:
                break
        raise SourceFailed(
            f"{self._remote.file} from {self._source.name} does not match its published checksum"
        )

    def _resume_or_restart(self, part: int) -> None:
        """Resume the partial download if it is of the same content; otherwise restart."""
        record = _read_resume_record(self._path)
        self._validator = str(record.pop("validator", ""))
        is_same = record == _identity(self._remote)
        if not is_same or not self._can_resume or os.fstat(part).st_size > self._remote.size_bytes:
            self._restart(part)
            return
        with part_of(self._path).open("rb") as arrived:
            while piece := arrived.read(CHUNK_BYTES):
                self._count(piece)
        self._on_progress(self._length, 0)

    @property
    def _can_resume(self) -> bool:
        """Return whether it can be verified that the source still has the same content."""
        return self._remote.is_checked or bool(self._validator)

    def _restart(self, part: int) -> None:
        os.ftruncate(part, 0)
        self._sha256 = hashlib.sha256()
        self._git_sha1 = hashlib.sha1(b"blob %d\0" % self._remote.size_bytes, usedforsecurity=False)
        self._length = 0
        self._on_progress(0, 0)

    def _attempt(self, part: int) -> None:
        """Read to the end of the file. Raises Interrupted if the connection ends before it."""
        if self._length < self._remote.size_bytes:
            self._check_disk()
            before = self._reached
            try:
                self._read(part)
            except Interrupted as interruption:
                interruption.is_fruitless = self._reached <= before
                raise
        self._write_resume_record()

    def _read(self, part: int) -> None:
        size_bytes = self._remote.size_bytes
        if not self._can_resume:
            self._restart(part)
        with self._source.open(self._remote, self._length, self._validator) as body:
            if body.offset != self._length:
                self._restart(part)
            self._validator = body.validator
            self._write_resume_record()
            while piece := body.read():
                if self._length + len(piece) > size_bytes:
                    raise SourceFailed(
                        f"{self._source.name} sends more than the {size_bytes} bytes it announced"
                    )
                self._write(part, piece)
        if self._length < size_bytes:
            raise Interrupted(f"The connection to {self._source.name} ended too early.")

    def _write(self, part: int, piece: bytes) -> None:
        rest = memoryview(piece)
        while rest:
            rest = rest[os.write(part, rest) :]
        before = self._length
        self._count(piece)
        if before // CHECK_DISK_EVERY_BYTES != self._length // CHECK_DISK_EVERY_BYTES:
            self._check_disk()
        self._on_progress(self._length, len(piece))

    def _count(self, piece: bytes) -> None:
        self._length += len(piece)
        self._reached = max(self._reached, self._length)
        self._sha256.update(piece)
        if self._remote.git_sha1:
            self._git_sha1.update(piece)

    def _is_correct(self) -> bool:
        if self._remote.sha256:
            return self._sha256.hexdigest() == self._remote.sha256
        return not self._remote.git_sha1 or self._git_sha1.hexdigest() == self._remote.git_sha1

    def _check_disk(self) -> None:
        check_space(self._path.parent, self._remote.size_bytes - self._length, self._conditions.reserve_bytes)

    def _write_resume_record(self) -> None:
        record = {**_identity(self._remote), "validator": self._validator}
        resume_record_path(self._path).write_text(json.dumps(record), encoding="utf-8")


def check_space(folder: Path, needed_bytes: int, reserve_bytes: int) -> None:
    """Raise StorageFull if so many bytes do not fit, or would not leave the reserve free."""
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < needed_bytes + reserve_bytes:
        raise StorageFull(
            f"There is not enough disk space: {_gb(needed_bytes)} are needed, {_gb(free_bytes)} are free and"
            f" {_gb(reserve_bytes)} of those are kept free. What has arrived is kept."
        )


def finish(path: Path) -> None:
    """Rename a complete file to its final name; it replaces an older one."""
    part_of(path).replace(path)
    resume_record_path(path).unlink(missing_ok=True)
    sync_folder(path.parent)


def discard(path: Path) -> None:
    """Delete a partial download."""
    part_of(path).unlink(missing_ok=True)
    resume_record_path(path).unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _identity(remote: RemoteFile) -> dict[str, object]:
    """Return the facts that must be unchanged for a partial download to be resumed."""
    digest = remote.sha256 or remote.git_sha1
    # The same bytes from another source are the same bytes.
    where = "" if digest else remote.location
    return {"digest": digest, "size_bytes": remote.size_bytes, "location": where}


def _read_resume_record(path: Path) -> dict[str, object]:
    try:
        record = json.loads(resume_record_path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return dict(record) if isinstance(record, Mapping) else {}


def _plain(error: OSError, folder: Path) -> Exception:
    """Return StorageFull for a full disk, and any other error as it is."""
    if is_disk_full(error):
        return StorageFull(f"The disk of {folder} is full. What has arrived is kept.")
    return error


def _gb(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.1f} GB"
