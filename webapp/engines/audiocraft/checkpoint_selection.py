"""Selects the checkpoint that serves a model: a published one, or any folder in a supported layout."""

from dataclasses import dataclass
from pathlib import Path

from webapp.weights.catalogue import (
    BYTES_PER_FLOAT,
    KIND_OF_MODEL,
    Checkpoint,
    Kind,
    Usage,
    checkpoints_for,
    chosen_name,
    published,
)
from webapp.weights.inventory import installed_names
from webapp.weights.layout import CODEC_FILE, LM_FILE, is_checkpoint_folder, missing_files, needed_files
from webapp.weights.transformers_layout import transformers_folder


@dataclass(frozen=True, slots=True)
class SelectedCheckpoint:
    """The checkpoint that serves a model, as far as it is known before it is loaded.

    `files` are the files that are read; of an unpublished checkpoint, without those of its text encoder.
    """

    name: str
    folder: Path
    kind: Kind
    sample_rate: int
    channels: int
    licence: str
    text_encoder_bytes: int
    files: tuple[Path, ...]
    usage: Usage

    @property
    def codec_bytes(self) -> int:
        """Return the size of the codec's file; 0 if one file holds everything."""
        return _size(self.folder / CODEC_FILE)

    @property
    def lm_files(self) -> tuple[Path, ...]:
        """Return the language model's file, or the files that hold everything."""
        return tuple(path for path in self.files if path.parent == self.folder and path.name != CODEC_FILE)

    @property
    def lm_bytes(self) -> int:
        return sum(map(_size, self.lm_files))


def select_checkpoint(model: str, requested: str, models_dir: Path) -> SelectedCheckpoint | None:
    """Select the checkpoint that serves a model; None if there is none.

    `requested` is a published name, another folder's name in `models_dir`, the path of a folder anywhere, or
    empty: then the default if it is installed, and otherwise the smallest that is.
    """
    checkpoint = published(chosen_name(model, requested, installed_names(models_dir)) or "")
    if checkpoint is not None:
        folder = models_dir / checkpoint.name
        return _selected(
            checkpoint.name, folder, checkpoint, checkpoint.licence, needed_files(checkpoint, models_dir)
        )
    # Joining keeps an absolute path as it is.
    folder = models_dir / requested
    if not requested or published(requested):
        return None
    files = _files_of_folder(model, folder)
    if files is None:
        return None
    # Until it is loaded, it is assumed to resemble the smallest of its kind.
    similar = checkpoints_for(model)[0]
    if not is_checkpoint_folder(folder):
        # Its text encoder is one of its own files.
        return SelectedCheckpoint(
            folder.name,
            folder,
            similar.kind,
            similar.sample_rate,
            similar.channels,
            "",
            0,
            files,
            similar.usage,
        )
    return _selected(folder.name, folder, similar, "", files)


def explain_unavailable(model: str, requested: str, models_dir: Path) -> str:
    """Explain why a checkpoint that was requested by name cannot serve a model; empty if it can, or none was.

    The text names the folder, and the files that are missing in it.
    """
    if not requested or select_checkpoint(model, requested, models_dir) is not None:
        return ""
    checkpoint = published(requested)
    if checkpoint is not None:
        names = ", ".join(
            path.relative_to(models_dir).as_posix() for path in missing_files(checkpoint, models_dir)
        )
        return (
            f"{checkpoint.name} was requested and is not installed: {models_dir} lacks {names};"
            f" soundloom models pull {checkpoint.name} fetches it"
        )
    folder = models_dir / requested
    if not folder.is_dir():
        return f"{requested} was requested and is not installed: there is no folder {folder}"
    transformers = transformers_folder(folder)
    if transformers is None:
        missing = [file for file in (LM_FILE, CODEC_FILE) if not (folder / file).is_file()]
        return f"the folder {folder} is not a checkpoint: it lacks {' and '.join(missing)}"
    if KIND_OF_MODEL[model] is not Kind.MUSICGEN:
        return f"the folder {folder} holds a MusicGen in the layout of transformers, which serves music only"
    return (
        f"the folder {folder} holds a MusicGen in the layout of transformers; it lacks"
        f" {' and '.join(transformers.missing)}"
    )


def _files_of_folder(model: str, folder: Path) -> tuple[Path, ...] | None:
    """Return the files of an unpublished checkpoint that can serve a model; None if one is missing."""
    if is_checkpoint_folder(folder):
        return folder / CODEC_FILE, folder / LM_FILE
    transformers = transformers_folder(folder) if KIND_OF_MODEL[model] is Kind.MUSICGEN else None
    return None if transformers is None or transformers.missing else transformers.files


def _selected(
    name: str, folder: Path, similar: Checkpoint, licence: str, files: tuple[Path, ...]
) -> SelectedCheckpoint:
    text_bytes = similar.text_encoder.encoder_parameters * BYTES_PER_FLOAT
    return SelectedCheckpoint(
        name,
        folder,
        similar.kind,
        similar.sample_rate,
        similar.channels,
        licence,
        text_bytes,
        files,
        similar.usage,
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
