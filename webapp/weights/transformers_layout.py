"""MusicGen in the layout of transformers: language model, codec and text encoder in one folder."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from webapp.weights.layout import TOKENIZER_FILES, TRANSFORMERS_FILES

MODEL_TYPE: Final = "musicgen"
CONFIG_FILE, WEIGHTS_FILE = TRANSFORMERS_FILES
INDEX_FILE: Final = "model.safetensors.index.json"
LARGEST_JSON_BYTES: Final = 4_000_000
LARGEST_HEADER_BYTES: Final = 100_000_000
"""The limit of the format's own library."""
LENGTH_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class TransformersFolder:
    """A folder with the configuration of MusicGen: its files, and the names of missing ones."""

    folder: Path
    weights: tuple[Path, ...]
    tokenizer: Path | None
    missing: tuple[str, ...]

    @property
    def files(self) -> tuple[Path, ...]:
        tokenizer = () if self.tokenizer is None else (self.tokenizer,)
        return (self.folder / CONFIG_FILE, *tokenizer, *self.weights)


def transformers_folder(folder: Path) -> TransformersFolder | None:
    """Return the MusicGen in a folder; None for a folder of anything else."""
    if read_json(folder / CONFIG_FILE).get("model_type") != MODEL_TYPE:
        return None
    weights = _weight_names(folder)
    missing = [name for name in weights if not (folder / name).is_file()]
    tokenizer = next((folder / name for name in TOKENIZER_FILES if (folder / name).is_file()), None)
    if tokenizer is None:
        missing.append(" or ".join(TOKENIZER_FILES))
    return TransformersFolder(folder, tuple(folder / name for name in weights), tokenizer, tuple(missing))


def read_json(path: Path) -> Mapping[str, Any]:
    """Return the object in a small JSON file; an empty one if it is missing or unreadable."""
    try:
        if path.stat().st_size > LARGEST_JSON_BYTES:
            return {}
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def safetensors_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Return names and shapes of the weights in a safetensors file, of which only the header is read.

    Raises ValueError for a malformed or truncated file, and OSError.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(LENGTH_BYTES), "little")
        if not 0 < length <= LARGEST_HEADER_BYTES:
            raise ValueError("it has no header")
        header = json.loads(file.read(length))
    try:
        entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
        end = max((entry["data_offsets"][1] for entry in entries.values()), default=0)
        shapes = {name: tuple(map(int, entry["shape"])) for name, entry in entries.items()}
    except (AttributeError, KeyError, IndexError, TypeError) as error:
        raise ValueError("its header is damaged") from error
    if path.stat().st_size < LENGTH_BYTES + length + end:
        raise ValueError("it ends too early")
    return shapes


def _weight_names(folder: Path) -> tuple[str, ...]:
    """Return the name of the file with the weights, or of those that its index lists."""
    if not (folder / WEIGHTS_FILE).is_file():
        weight_map = read_json(folder / INDEX_FILE).get("weight_map")
        if isinstance(weight_map, dict) and weight_map:
            # Only names of files in this folder, no paths that lead out of it.
            return tuple(sorted({Path(str(name)).name for name in weight_map.values()}))
    return (WEIGHTS_FILE,)
