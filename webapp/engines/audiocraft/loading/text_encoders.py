"""T5 from a local folder, for AudioCraft's text conditioner.

The conditioner loads its T5 by the name in the checkpoint, which would reach for the network. While a
model is built, that name means a folder of the models folder, and only safetensors are read from it.
Models with the same text encoder share it.
"""

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from webapp.engines.audiocraft.loading.pretrained import read_pretrained, whole_folder
from webapp.weights.layout import TRANSFORMERS_FILES

if TYPE_CHECKING:
    from transformers import T5EncoderModel, T5Tokenizer

_lock = threading.RLock()
_encoders: "weakref.WeakValueDictionary[tuple[Path, int, str], T5EncoderModel]" = (
    weakref.WeakValueDictionary()
)


@contextmanager
def text_encoders_from(models_dir: Path, device: torch.device) -> Iterator[None]:
    """Inside, names of text encoders mean folders in `models_dir`; one model is built at a time.

    Encoders are shared by models for the same `device`, to which they are brought by who builds one. Until
    then they stay where they are: another model may be using them, and building may fail.

    Reading one raises ModelLoadError when its folder is incomplete.
    """
    # Imports transformers, and has to come after AudioCraft's stand-ins.
    from audiocraft.modules import conditioners  # noqa: PLC0415
    from transformers.utils import logging as transformers_logging  # noqa: PLC0415

    transformers_logging.disable_progress_bar()
    with _lock:
        before = conditioners.T5EncoderModel, conditioners.T5Tokenizer
        encoders = _Encoders(before[0], models_dir, device)
        conditioners.T5EncoderModel = encoders
        conditioners.T5Tokenizer = _Tokenizers(before[1], models_dir)
        try:
            yield
        finally:
            conditioners.T5EncoderModel, conditioners.T5Tokenizer = before
            encoders.let_go()


class _Encoders:
    """In place of transformers' class: reads weights from the models folder only, and once."""

    def __init__(self, original: "type[T5EncoderModel]", models_dir: Path, device: torch.device) -> None:
        self._original = original
        self._device = device
        self._models_dir = models_dir
        self._fixed: list[T5EncoderModel] = []

    def let_go(self) -> None:
        """Let encoders that were handed out be brought elsewhere again."""
        for encoder in self._fixed:
            vars(encoder).pop("to", None)
        self._fixed.clear()

    def from_pretrained(self, name: str) -> "T5EncoderModel":
        folder = _folder(self._models_dir, name)
        # A folder that was replaced is another encoder.
        key = folder.absolute(), (folder / TRANSFORMERS_FILES[1]).stat().st_mtime_ns, str(self._device)
        encoder = _encoders.get(key)
        if encoder is None:
            encoder = _encoders[key] = read_pretrained(self._original.from_pretrained, folder)
        # AudioCraft's conditioner brings it, in place, to where the model is built.
        vars(encoder)["to"] = lambda *_, **_named: encoder
        self._fixed.append(encoder)
        return encoder


class _Tokenizers:
    """In place of transformers' class: reads tokenizers from the models folder only."""

    def __init__(self, original: "type[T5Tokenizer]", models_dir: Path) -> None:
        self._original = original
        self._models_dir = models_dir

    def from_pretrained(self, name: str) -> "T5Tokenizer":
        return self._original.from_pretrained(_folder(self._models_dir, name), local_files_only=True)


def _folder(models_dir: Path, name: str) -> Path:
    return whole_folder(models_dir, name, "text encoder")


@contextmanager
def text_encoder_given(encoder: nn.Module, folder: Path) -> Iterator[None]:
    """Inside, any name of a text encoder means this one, with the tokenizer in its folder."""
    from audiocraft.modules import conditioners  # noqa: PLC0415 - after its stand-ins

    with _lock:
        before = conditioners.T5EncoderModel, conditioners.T5Tokenizer
        conditioners.T5EncoderModel = _Given(lambda: encoder)
        conditioners.T5Tokenizer = _Given(lambda: before[1].from_pretrained(folder, local_files_only=True))
        try:
            yield
        finally:
            conditioners.T5EncoderModel, conditioners.T5Tokenizer = before


class _Given:
    """In place of transformers' class: one object, whatever it is asked for."""

    def __init__(self, make: Callable[[], object]) -> None:
        self._make = make

    def from_pretrained(self, _name: str) -> object:
        return self._make()
