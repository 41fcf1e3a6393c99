"""Gives AudioCraft's text conditioner a T5 from a local folder.

The conditioner loads its T5 by the name in the checkpoint, over the network. While a model is built, that
name is resolved to a folder in the models folder, and only safetensors are read from it. Models with the same
text encoder share it.
"""

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from webapp.engines.audiocraft.loading.pretrained import read_pretrained, require_folder
from webapp.weights.layout import TRANSFORMERS_FILES

if TYPE_CHECKING:
    from transformers import T5EncoderModel, T5Tokenizer

_lock = threading.RLock()
_encoders: "weakref.WeakValueDictionary[tuple[Path, int, str], T5EncoderModel]" = (
    weakref.WeakValueDictionary()
)


@contextmanager
def text_encoders_from(models_dir: Path, device: torch.device) -> Iterator[None]:
    """Resolve names of text encoders to folders in `models_dir` inside; one model is built at a time.

    Models for the same `device` share encoders. The caller moves an encoder to the device; until then it
    stays where it is: another model may be using it, and building may fail.

    Reading one raises ModelLoadError if its folder is incomplete.
    """
    # Imports transformers, which has to follow AudioCraft's stand-ins.
    from audiocraft.modules import conditioners  # noqa: PLC0415
    from transformers.utils import logging as transformers_logging  # noqa: PLC0415

    transformers_logging.disable_progress_bar()
    with _lock:
        before = conditioners.T5EncoderModel, conditioners.T5Tokenizer
        encoders = _EncoderLoader(before[0], models_dir, device)
        conditioners.T5EncoderModel = encoders
        conditioners.T5Tokenizer = _TokenizerLoader(before[1], models_dir)
        try:
            yield
        finally:
            conditioners.T5EncoderModel, conditioners.T5Tokenizer = before
            encoders.unpin()


class _EncoderLoader:
    """Replaces transformers' class: reads weights from the models folder only, and once."""

    def __init__(self, original: "type[T5EncoderModel]", models_dir: Path, device: torch.device) -> None:
        self._original = original
        self._device = device
        self._models_dir = models_dir
        self._pinned: list[T5EncoderModel] = []

    def unpin(self) -> None:
        """Allow the returned encoders to be moved to a device again."""
        for encoder in self._pinned:
            vars(encoder).pop("to", None)
        self._pinned.clear()

    def from_pretrained(self, name: str) -> "T5EncoderModel":
        folder = _folder(self._models_dir, name)
        # A replaced folder is another encoder.
        key = folder.absolute(), (folder / TRANSFORMERS_FILES[1]).stat().st_mtime_ns, str(self._device)
        encoder = _encoders.get(key)
        if encoder is None:
            encoder = _encoders[key] = read_pretrained(self._original.from_pretrained, folder)
        # AudioCraft's conditioner would move it, in place, to the device where the model is built.
        vars(encoder)["to"] = lambda *_, **_named: encoder
        self._pinned.append(encoder)
        return encoder


class _TokenizerLoader:
    """Replaces transformers' class: reads tokenizers from the models folder only."""

    def __init__(self, original: "type[T5Tokenizer]", models_dir: Path) -> None:
        self._original = original
        self._models_dir = models_dir

    def from_pretrained(self, name: str) -> "T5Tokenizer":
        return self._original.from_pretrained(_folder(self._models_dir, name), local_files_only=True)


def _folder(models_dir: Path, name: str) -> Path:
    return require_folder(models_dir, name, "text encoder")


@contextmanager
def using_text_encoder(encoder: nn.Module, folder: Path) -> Iterator[None]:
    """Resolve any name of a text encoder to this one inside, with the tokenizer in its folder."""
    from audiocraft.modules import conditioners  # noqa: PLC0415 - after its stand-ins

    with _lock:
        before = conditioners.T5EncoderModel, conditioners.T5Tokenizer
        conditioners.T5EncoderModel = _Fixed(lambda: encoder)
        conditioners.T5Tokenizer = _Fixed(lambda: before[1].from_pretrained(folder, local_files_only=True))
        try:
            yield
        finally:
            conditioners.T5EncoderModel, conditioners.T5Tokenizer = before


class _Fixed:
    """Replaces transformers' class: returns one object for any name."""

    def __init__(self, make: Callable[[], object]) -> None:
        self._make = make

    def from_pretrained(self, _name: str) -> object:
        return self._make()
