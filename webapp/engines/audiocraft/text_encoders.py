"""T5 from a local folder, for AudioCraft's text conditioner.

The conditioner loads its T5 by the name in the checkpoint, which would reach for the network. While a
model is built, that name means a folder of the models folder, and only safetensors are read from it.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from webapp.engines.audiocraft.catalogue import TRANSFORMERS_FILES
from webapp.engines.base import ModelLoadError

if TYPE_CHECKING:
    from transformers import T5EncoderModel, T5Tokenizer

_lock = threading.RLock()


@contextmanager
def text_encoders_from(models_dir: Path) -> Iterator[None]:
    """Inside, names of text encoders mean folders in `models_dir`; one model is built at a time.

    Reading one raises ModelLoadError when its folder is incomplete.
    """
    # Imports transformers, and has to come after AudioCraft's stand-ins.
    from audiocraft.modules import conditioners  # noqa: PLC0415
    from transformers.utils import logging as transformers_logging  # noqa: PLC0415

    transformers_logging.disable_progress_bar()
    with _lock:
        before = conditioners.T5EncoderModel, conditioners.T5Tokenizer
        conditioners.T5EncoderModel = _FromFolder(
            before[0], models_dir, use_safetensors=True, dtype=torch.float32
        )
        conditioners.T5Tokenizer = _FromFolder(before[1], models_dir)
        try:
            yield
        finally:
            conditioners.T5EncoderModel, conditioners.T5Tokenizer = before


class _FromFolder:
    """A class of transformers whose `from_pretrained` reads from the models folder only."""

    def __init__(
        self, original: "type[T5EncoderModel | T5Tokenizer]", models_dir: Path, **options: object
    ) -> None:
        self._original = original
        self._models_dir = models_dir
        self._options = options

    def from_pretrained(self, name: str) -> "T5EncoderModel | T5Tokenizer":
        folder = self._models_dir / name.rpartition("/")[2]
        missing = [file for file in TRANSFORMERS_FILES if not (folder / file).is_file()]
        if missing:
            raise ModelLoadError(f"the text encoder {folder.name} lacks {' and '.join(missing)}")
        return self._original.from_pretrained(folder, local_files_only=True, **self._options)
