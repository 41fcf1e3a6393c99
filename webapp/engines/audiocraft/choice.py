"""Which checkpoint serves a model: a published one that is installed, or any folder in the same layout."""

from dataclasses import dataclass
from pathlib import Path

from webapp.weights.catalogue import (
    BYTES_PER_FLOAT,
    Checkpoint,
    Kind,
    checkpoints_for,
    chosen_name,
    published,
)
from webapp.weights.inventory import installed_names
from webapp.weights.layout import CODEC_FILE, LM_FILE, is_checkpoint_folder, needed_files


@dataclass(frozen=True, slots=True)
class Choice:
    """What serves a model, as far as it is known before it is loaded.

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
    if not asked or published(asked) or not is_checkpoint_folder(folder):
        return None
    # Until it is loaded it is taken for one of the smallest of its kind.
    like = checkpoints_for(model)[0]
    return _choice(folder.name, folder, like, "", (folder / CODEC_FILE, folder / LM_FILE))


def _choice(name: str, folder: Path, like: Checkpoint, licence: str, files: tuple[Path, ...]) -> Choice:
    text_bytes = like.text_encoder.encoder_parameters * BYTES_PER_FLOAT
    return Choice(name, folder, like.kind, like.sample_rate, like.channels, licence, text_bytes, files)
