"""One file from a source to the disk: in pieces if need be, and only whole ones count.

What has arrived lies beside the file's place under a name that ends in `.part`, with a note of what it is
part of; so the next attempt, or the next command, goes on where this one ended.
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

# Attempts in a row that brought nothing; any byte that arrives begins anew.
MAX_FRUITLESS: Final = 5
FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 60.0
LOOK_AT_DISK_EVERY: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Conditions:
    """A transfer's settings: the disk space to leave free, and how to wait between attempts."""

    reserve_bytes: int
    wait: Callable[[float], None]


def part_of(path: Path) -> Path:
    """Where a file lies until it is whole."""
    return path.with_name(f"{path.name}.part")


def note_of(path: Path) -> Path:
    """The state of a partly fetched file."""
    return path.with_name(f"{path.name}.part.json")


def arrived_bytes(path: Path) -> int:
    """Return the bytes of a file that can be resumed, if its source still has the same."""
    try:
        return part_of(path).stat().st_size if note_of(path).is_file() else 0
    except FileNotFoundError:
        return 0


def insist(attempt: Callable[[], T], wait: Callable[[float], None]) -> T:
    """The result of the first attempt that works; after one that was interrupted, wait and try again.

    Raises SourceFailed after too many fruitless attempts in a row.
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
    """Brings one file to its part, and checks it; :func:`finish` then gives it its name."""

    def __init__(
        self,
        source: Source,
        remote: RemoteFile,
        path: Path,
        conditions: Conditions,
        moved: Callable[[int, int], None],
    ) -> None:
        """`moved` is told how many bytes of the file are there, and how many of them have just come."""
        self._source = source
        self._remote = remote
        self._path = path
        self._conditions = conditions
        self._moved = moved
        self._sha256 = hashlib.sha256()
        self._git_sha1 = hashlib.sha1(b"blob %d\0" % remote.size_bytes, usedforsecurity=False)
        self._length = 0
        # The furthest that any attempt got: a source that always starts over may never get there again.
        self._reached = 0
        self._validator = ""

    def run(self) -> str:
        """Fetch what is missing and check the whole; returns the SHA-256 in hexadecimal.

        Raises NotFound, SourceFailed, StorageFull and OSError. A part with wrong bytes is thrown away, and
        fetched once more.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        for is_last in (False, True):
            try:
                with part_of(self._path).open("ab") as part:
                    self._go_on_from(part.fileno())
                    insist(lambda: self._attempt(part.fileno()), self._conditions.wait)
                    os.fsync(part.fileno())
            except OSError as error:
                raise _plain(error, self._path.parent) from error
            if self._is_right():
                return self._sha256.hexdigest()
            discard(self._path)
            logger.warning("wrong bytes", extra={"file": self._remote.file})
            if is_last:
                break
        raise SourceFailed(
            f"{self._remote.file} from {self._source.name} does not match its published checksum"
        )

    def _go_on_from(self, part: int) -> None:
        """Take up what is there already, if it is part of the same content; otherwise begin anew."""
        note = _read_note(self._path)
        self._validator = str(note.pop("validator", ""))
        is_same = note == _identity(self._remote)
        if not is_same or not self._can_go_on or os.fstat(part).st_size > self._remote.size_bytes:
            self._begin_anew(part)
            return
        with part_of(self._path).open("rb") as arrived:
            while piece := arrived.read(CHUNK_BYTES):
                self._count(piece)
        self._moved(self._length, 0)

    @property
    def _can_go_on(self) -> bool:
        """Return whether it can be told that what the source has is what the part is of."""
        return self._remote.is_checked or bool(self._validator)

    def _begin_anew(self, part: int) -> None:
        os.ftruncate(part, 0)
        self._sha256 = hashlib.sha256()
        self._git_sha1 = hashlib.sha1(b"blob %d\0" % self._remote.size_bytes, usedforsecurity=False)
        self._length = 0
        self._moved(0, 0)

    def _attempt(self, part: int) -> None:
        """Read to the end of the file. Raises Interrupted when the connection ends before it."""
        if self._length < self._remote.size_bytes:
            self._check_disk()
            before = self._reached
            try:
                self._read(part)
            except Interrupted as interruption:
                interruption.is_fruitless = self._reached <= before
                raise
        self._write_note()

    def _read(self, part: int) -> None:
        size_bytes = self._remote.size_bytes
        if not self._can_go_on:
            self._begin_anew(part)
        with self._source.open(self._remote, self._length, self._validator) as body:
            if body.offset != self._length:
                self._begin_anew(part)
            self._validator = body.validator
            self._write_note()
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
        if before // LOOK_AT_DISK_EVERY != self._length // LOOK_AT_DISK_EVERY:
            self._check_disk()
        self._moved(self._length, len(piece))

    def _count(self, piece: bytes) -> None:
        self._length += len(piece)
        self._reached = max(self._reached, self._length)
        self._sha256.update(piece)
        if self._remote.git_sha1:
            self._git_sha1.update(piece)

    def _is_right(self) -> bool:
        if self._remote.sha256:
            return self._sha256.hexdigest() == self._remote.sha256
        return not self._remote.git_sha1 or self._git_sha1.hexdigest() == self._remote.git_sha1

    def _check_disk(self) -> None:
        check_space(self._path.parent, self._remote.size_bytes - self._length, self._conditions.reserve_bytes)

    def _write_note(self) -> None:
        note = {**_identity(self._remote), "validator": self._validator}
        note_of(self._path).write_text(json.dumps(note), encoding="utf-8")


def check_space(folder: Path, needed_bytes: int, reserve_bytes: int) -> None:
    """Raise StorageFull when so much would not fit, or not leave the reserve free."""
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < needed_bytes + reserve_bytes:
        raise StorageFull(
            f"There is not enough disk space: {_gb(needed_bytes)} are needed, {_gb(free_bytes)} are free and"
            f" {_gb(reserve_bytes)} of those are kept free. What has arrived is kept."
        )


def finish(path: Path) -> None:
    """Give a file that is whole its name; it replaces what was there before."""
    part_of(path).replace(path)
    note_of(path).unlink(missing_ok=True)
    sync_folder(path.parent)


def discard(path: Path) -> None:
    """Throw away what has arrived of a file."""
    part_of(path).unlink(missing_ok=True)
    note_of(path).unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make sure that names in a folder outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _identity(remote: RemoteFile) -> dict[str, object]:
    """Return the facts that must be unchanged to resume a partly fetched file."""
    digest = remote.sha256 or remote.git_sha1
    # The same bytes from another source are the same bytes.
    where = "" if digest else remote.location
    return {"digest": digest, "size_bytes": remote.size_bytes, "location": where}


def _read_note(path: Path) -> dict[str, object]:
    try:
        note = json.loads(note_of(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return dict(note) if isinstance(note, Mapping) else {}


def _plain(error: OSError, folder: Path) -> Exception:
    """A full disk in plain words; anything else as it is."""
    if is_disk_full(error):
        return StorageFull(f"The disk of {folder} is full. What has arrived is kept.")
    return error


def _gb(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.1f} GB"
