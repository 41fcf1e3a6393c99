"""The layout of a models folder, and the published checkpoints that are complete in one.

It has a folder for each checkpoint, with `state_dict.bin` and `compression_state_dict.bin`, and one for each
text encoder (and codec, if a checkpoint only points to one) in the layout of transformers, with weights as
safetensors. Any folder in a checkpoint's layout can be served, published or not.
"""

import pickletools
import zipfile
from dataclasses import dataclass
from pathlib import Path

from webapp.weights.catalogue import TEXT_ENCODER_LICENCE, WEIGHTS_LICENCE, Checkpoint

LM_FILE = "state_dict.bin"
CODEC_FILE = "compression_state_dict.bin"
TRANSFORMERS_FILES = ("config.json", "model.safetensors")
TOKENIZER_FILES = ("tokenizer.json", "spiece.model")
# A codec takes hundreds of megabytes; a file that only names one, less than this.
MAX_POINTER_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Part:
    """One folder of a model: its name, the repository that it comes from, and its files.

    The last file is downloaded last: it makes the part complete.
    """

    name: str
    repository: str
    files: tuple[str, ...]
    licence: str
    is_shared: bool


def parts_of(checkpoint: Checkpoint, codec_file: Path) -> tuple[Part, ...]:
    """Return the folders that a checkpoint needs, its own last.

    If the checkpoint only points to a codec, that one is known once `codec_file`, which names it, exists.
    """
    text = checkpoint.text_encoder
    shared = [
        Part(
            text.name,
            text.repository,
            (TRANSFORMERS_FILES[0], TOKENIZER_FILES[0], TRANSFORMERS_FILES[1]),
            TEXT_ENCODER_LICENCE,
            is_shared=True,
        )
    ]
    codec = named_codec(codec_file)
    if codec:
        shared.append(Part(folder_name(codec), codec, TRANSFORMERS_FILES, WEIGHTS_LICENCE, is_shared=True))
    own = Part(
        checkpoint.name, checkpoint.repository, (CODEC_FILE, LM_FILE), checkpoint.licence, is_shared=False
    )
    return (*shared, own)


def folder_name(repository: str) -> str:
    """Return the name of the folder for a repository: its name without the owner."""
    return repository.rpartition("/")[2]


def missing_files(checkpoint: Checkpoint, models_dir: Path) -> tuple[Path, ...]:
    """Return the files that a published checkpoint needs and the models folder lacks."""
    return tuple(path for path in needed_files(checkpoint, models_dir) if not path.is_file())


def needed_files(checkpoint: Checkpoint, models_dir: Path) -> tuple[Path, ...]:
    """Return the files that a published checkpoint needs, present or not.

    Those of its parts, then its own.
    """
    parts = parts_of(checkpoint, models_dir / checkpoint.name / CODEC_FILE)
    return tuple(_path_of(models_dir / part.name, file) for part in parts for file in part.files)


def is_checkpoint_folder(folder: Path) -> bool:
    """Return whether a folder has the files of a checkpoint, published or not."""
    return (folder / LM_FILE).is_file() and (folder / CODEC_FILE).is_file()


def named_codec(path: Path) -> str:
    """Return the repository of the codec that a codec file points to; empty for a file that holds a codec.

    The file is a pickle. Its instructions are only parsed, never executed.
    """
    try:
        if path.stat().st_size > MAX_POINTER_BYTES:
            return ""
        with zipfile.ZipFile(path) as archive:
            inner = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
            if archive.getinfo(inner).file_size > MAX_POINTER_BYTES:
                return ""
            texts = [
                argument for _, argument, _ in pickletools.genops(archive.read(inner))
                if isinstance(argument, str)
            ]  # fmt: skip
    except (OSError, ValueError, StopIteration, zipfile.BadZipFile, RuntimeError, NotImplementedError):
        return ""
    after = texts.index("pretrained") + 1 if "pretrained" in texts[:-1] else None
    repository = texts[after] if after is not None else ""
    # It becomes the name of a folder, so it must not be a path.
    return repository if folder_name(repository) not in ("", ".", "..") and "\\" not in repository else ""


def _path_of(folder: Path, file: str) -> Path:
    if file not in TOKENIZER_FILES:
        return folder / file
    # Either file is sufficient for a tokenizer.
    present = (folder / other for other in TOKENIZER_FILES if (folder / other).is_file())
    return next(present, folder / file)
