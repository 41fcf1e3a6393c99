"""The content of a models folder, and the removal of models from it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from webapp.errors import Conflict
from webapp.weights.catalogue import CHECKPOINTS, Checkpoint, published
from webapp.weights.layout import (
    CODEC_FILE,
    LM_FILE,
    TOKENIZER_FILES,
    Part,
    is_checkpoint_folder,
    missing_files,
    parts_of,
)
from webapp.weights.locking import locked
from webapp.weights.manifest import MANIFEST_FILE, Manifest, read_manifest
from webapp.weights.transfer import arrived_bytes, discard, part_of
from webapp.weights.verdicts import VERDICTS_FILE, verdicts_of


@dataclass(frozen=True, slots=True)
class Holding:
    """The state of a published checkpoint in a models folder.

    `missing` are the files it lacks, as `folder/file`. `disk_bytes` is the size of its own folder, of which
    `arrived_bytes` are partial downloads. `precisions` describes the measured precisions of its weights.
    """

    checkpoint: Checkpoint
    missing: tuple[str, ...]
    disk_bytes: int
    arrived_bytes: int
    manifest: Manifest
    precisions: str = ""

    @property
    def is_installed(self) -> bool:
        return not self.missing


@dataclass(frozen=True, slots=True)
class Removal:
    """The result of a removal: the bytes freed, and the parts kept because something else may need them."""

    freed_bytes: int
    kept: tuple[str, ...]


def holdings(models_dir: Path) -> tuple[Holding, ...]:
    """Return the files that a models folder has of every published checkpoint."""
    return tuple(_holding(checkpoint, models_dir) for checkpoint in CHECKPOINTS)


def installed_names(models_dir: Path) -> frozenset[str]:
    """Return the published checkpoints that are installed with all their parts."""
    return frozenset(
        checkpoint.name for checkpoint in CHECKPOINTS if not missing_files(checkpoint, models_dir)
    )


def shared_parts(models_dir: Path) -> tuple[tuple[str, int], ...]:
    """Return the installed parts that several models use, and their sizes."""
    names = {
        part.name: models_dir / part.name
        for checkpoint in CHECKPOINTS
        for part in _parts(checkpoint, models_dir)
        if part.is_shared
    }
    return tuple((name, _size(folder)) for name, folder in sorted(names.items()) if folder.is_dir())


def remove(checkpoint: Checkpoint, models_dir: Path) -> Removal:
    """Remove a checkpoint from a models folder, and the parts that nothing else there needs.

    Files that do not belong to the checkpoint stay. Raises Conflict if it is not installed, and if another
    process is downloading or removing it.
    """
    with locked(models_dir, checkpoint.name):
        *shared, own = _parts(checkpoint, models_dir)
        if not (models_dir / own.name).exists():
            raise Conflict(f"{checkpoint.name} is not installed")
        freed = _take_away(own, models_dir)
        kept = []
        for part in shared:
            if _is_needed(part, checkpoint, models_dir):
                kept.append(part.name)
            elif (models_dir / part.name).exists():
                freed += _remove_unless_in_use(part, models_dir)
        return Removal(freed, tuple(kept))


def _holding(checkpoint: Checkpoint, models_dir: Path) -> Holding:
    folder = models_dir / checkpoint.name
    missing = (path.relative_to(models_dir).as_posix() for path in missing_files(checkpoint, models_dir))
    own = _parts(checkpoint, models_dir)[-1]
    arrived = sum(arrived_bytes(folder / file) for file in own.files)
    precisions = verdicts_of(folder, (folder / LM_FILE,)).summary()
    return Holding(checkpoint, tuple(missing), _size(folder), arrived, read_manifest(folder), precisions)


def _parts(checkpoint: Checkpoint, models_dir: Path) -> tuple[Part, ...]:
    return parts_of(checkpoint, models_dir / checkpoint.name / CODEC_FILE)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) if folder.is_dir() else 0


def _is_needed(part: Part, removed: Checkpoint, models_dir: Path) -> bool:
    """Return whether another model, installed or being downloaded, uses a shared part."""
    for folder in _folders(models_dir):
        other = published(folder.name)
        if other is None and is_checkpoint_folder(folder):
            return True
        if other is None or other == removed:
            continue
        parts = _parts(other, models_dir)
        files = [folder / file for file in parts[-1].files]
        if part in parts and any(file.exists() or part_of(file).exists() for file in files):
            return True
    return False


def _folders(models_dir: Path) -> Iterator[Path]:
    return (path for path in models_dir.iterdir() if path.is_dir())


def _remove_unless_in_use(part: Part, models_dir: Path) -> int:
    try:
        with locked(models_dir, part.name):
            return _take_away(part, models_dir)
    except Conflict:
        # Another model that needs it is being downloaded.
        return 0


def _take_away(part: Part, models_dir: Path) -> int:
    """Delete a part's files, the one that makes it complete first; return the bytes freed."""
    folder = models_dir / part.name
    if folder.is_symlink():
        # The target of a link is not ours.
        folder.unlink()
        return 0
    before = _size(folder)
    for file in (*reversed(part.files), *TOKENIZER_FILES, MANIFEST_FILE, VERDICTS_FILE):
        (folder / file).unlink(missing_ok=True)
        discard(folder / file)
    freed = before - _size(folder)
    if not any(folder.iterdir()):
        folder.rmdir()
    return freed
