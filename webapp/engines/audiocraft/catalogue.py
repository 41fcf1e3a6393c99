"""Which checkpoint serves a model: a published one that is installed, or any folder in the same layout.

What is published is in `webapp.weights.catalogue`, and how a models folder is laid out in
`webapp.weights.layout`; engines find all of it here.
"""

from dataclasses import dataclass
from pathlib import Path

from webapp.weights.catalogue import (
    BYTES_PER_FLOAT,
    BYTES_PER_HALF,
    CHECKPOINTS,
    DEFAULT_CHECKPOINTS,
    KIND_OF_MODEL,
    MODELS,
    WEIGHTS_LICENCE,
    Checkpoint,
    Kind,
    checkpoints_for,
    published,
)
from webapp.weights.layout import (
    CODEC_FILE,
    LM_FILE,
    TRANSFORMERS_FILES,
    is_checkpoint_folder,
    missing_files,
    present,
)

__all__ = [
    "BYTES_PER_FLOAT",
    "BYTES_PER_HALF",
    "CHECKPOINTS",
    "CODEC_FILE",
    "DEFAULT_CHECKPOINTS",
    "KIND_OF_MODEL",
    "LM_FILE",
    "MODELS",
    "TRANSFORMERS_FILES",
    "WEIGHTS_LICENCE",
    "Checkpoint",
    "Choice",
    "Kind",
    "checkpoints_for",
    "choose",
    "is_checkpoint_folder",
    "missing_files",
    "present",
    "published",
]


@dataclass(frozen=True, slots=True)
class Choice:
    """What serves a model: a folder, and what is known of it before it is loaded."""

    name: str
    folder: Path
    kind: Kind
    sample_rate: int
    channels: int
    licence: str
    text_encoder_bytes: int


def choose(model: str, asked: str, models_dir: Path) -> Choice | None:
    """The checkpoint that serves a model, or None where there is none.

    `asked` is a published name, another folder's name in `models_dir`, the path of a folder anywhere, or
    empty: then the default is taken if it is there, and otherwise the smallest that is.
    """
    if not asked:
        names = [DEFAULT_CHECKPOINTS[model], *(checkpoint.name for checkpoint in checkpoints_for(model))]
        return next((choice for name in names if (choice := choose(model, name, models_dir))), None)
    known = published(asked)
    if known is not None:
        usable = known.model == model and not missing_files(known, models_dir)
        folder = models_dir / known.name
        return _chosen(known.name, folder, known.kind, known) if usable else None
    # An absolute path stays what it is.
    folder = models_dir / asked
    kind = KIND_OF_MODEL[model]
    nearest = next(checkpoint for checkpoint in CHECKPOINTS if checkpoint.kind is kind)
    return _chosen(folder.name, folder, kind, nearest, licence="") if is_checkpoint_folder(folder) else None


def _chosen(name: str, folder: Path, kind: Kind, like: Checkpoint, licence: str = WEIGHTS_LICENCE) -> Choice:
    text_bytes = like.text_encoder.encoder_parameters * BYTES_PER_FLOAT
    return Choice(name, folder, kind, like.sample_rate, like.channels, licence, text_bytes)
