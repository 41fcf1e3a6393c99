"""Which checkpoint serves a model: a published one that is installed, or any folder in a layout we read."""

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
class Choice:
    """The checkpoint, device and precision that will serve a model, as far as known before it is loaded.

    `files` are those that it is read from; of an unpublished one only its own, not its text encoder's.
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
        """The codec's file; 0 where it is in one with everything else."""
        return _size(self.folder / CODEC_FILE)

    @property
    def lm_files(self) -> tuple[Path, ...]:
        """The language model's file, or those with everything in them."""
        return tuple(path for path in self.files if path.parent == self.folder and path.name != CODEC_FILE)

    @property
    def lm_bytes(self) -> int:
        return sum(map(_size, self.lm_files))


def choose(model: str, asked: str, models_dir: Path) -> Choice | None:
    """The checkpoint that serves a model, or None where there is none.

    `asked` is a published name, another folder's name in `models_dir`, the path of a folder anywhere, or
    empty: then the default is taken if it is there, and otherwise the smallest that is.
    """
    known = published(chosen_name(model, asked, installed_names(models_dir)) or "")
    if known is not None:
        folder = models_dir / known.name
        return _choice(known.name, folder, known, known.licence, needed_files(known, models_dir))
    # An absolute path stays what it is.
    folder = models_dir / asked
    if not asked or published(asked):
        return None
    files = _own_files(model, folder)
    if files is None:
        return None
    # Until it is loaded it is taken for one of the smallest of its kind.
    like = checkpoints_for(model)[0]
    if not is_checkpoint_folder(folder):
        # Its text encoder is among its own files.
        return Choice(
            folder.name, folder, like.kind, like.sample_rate, like.channels, "", 0, files, like.usage
        )
    return _choice(folder.name, folder, like, "", files)


def why_not(model: str, asked: str, models_dir: Path) -> str:
    """Why a checkpoint that was asked for by name cannot serve a model; empty where it can, or none was.

    It names the folder, and the files that the folder lacks.
    """
    if not asked or choose(model, asked, models_dir) is not None:
        return ""
    known = published(asked)
    if known is not None:
        lacking = ", ".join(
            path.relative_to(models_dir).as_posix() for path in missing_files(known, models_dir)
        )
        return (
            f"{known.name} was asked for and is not there: {models_dir} lacks {lacking};"
            f" soundloom models pull {known.name} fetches it"
        )
    folder = models_dir / asked
    if not folder.is_dir():
        return f"{asked} was asked for and is not there: there is no folder {folder}"
    foreign = transformers_folder(folder)
    if foreign is None:
        missing = [file for file in (LM_FILE, CODEC_FILE) if not (folder / file).is_file()]
        return f"the folder {folder} is no checkpoint: it lacks {' and '.join(missing)}"
    if KIND_OF_MODEL[model] is not Kind.MUSICGEN:
        return f"the folder {folder} holds a MusicGen in the layout of transformers, which serves music only"
    return (
        f"the folder {folder} holds a MusicGen in the layout of transformers; it lacks"
        f" {' and '.join(foreign.missing)}"
    )


def _own_files(model: str, folder: Path) -> tuple[Path, ...] | None:
    """The files of an unpublished checkpoint that can serve a model; None where something is lacking."""
    if is_checkpoint_folder(folder):
        return folder / CODEC_FILE, folder / LM_FILE
    foreign = transformers_folder(folder) if KIND_OF_MODEL[model] is Kind.MUSICGEN else None
    return None if foreign is None or foreign.missing else foreign.files


def _choice(name: str, folder: Path, like: Checkpoint, licence: str, files: tuple[Path, ...]) -> Choice:
    text_bytes = like.text_encoder.encoder_parameters * BYTES_PER_FLOAT
    return Choice(
        name, folder, like.kind, like.sample_rate, like.channels, licence, text_bytes, files, like.usage
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
