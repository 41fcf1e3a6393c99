"""Folders in the layout of transformers, read without trusting them and without the network."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import nn

from webapp.engines.audiocraft.devices import is_out_of_memory
from webapp.engines.base import ModelLoadError
from webapp.weights.layout import TRANSFORMERS_FILES, folder_name

Read: TypeAlias = Callable[..., tuple[nn.Module, dict[str, Any]]]
"""A class of transformers' `from_pretrained`."""


def whole_folder(models_dir: Path, name: str, what: str) -> Path:
    """The folder of what a checkpoint names (`owner/name` or `name`), `what` in words.

    Raises ModelLoadError when it lacks a file.
    """
    folder = models_dir / folder_name(name)
    missing = [file for file in TRANSFORMERS_FILES if not (folder / file).is_file()]
    if missing:
        raise ModelLoadError(f"the {what} {folder.name} lacks {' and '.join(missing)}")
    return folder


def read_pretrained(read: Read, folder: Path) -> nn.Module:
    """A model in float32, its weights from safetensors only.

    Raises ModelLoadError when it is damaged, or its weights are not all that its configuration asks for:
    transformers would fill what is missing with chance. Raises torch's out of memory and MemoryError.
    """
    try:
        model, said = read(
            folder, local_files_only=True, use_safetensors=True, dtype=torch.float32,
            output_loading_info=True, ignore_mismatched_sizes=True,
        )  # fmt: skip
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise ModelLoadError(f"{folder.name} is damaged or not all there; fetch it again") from error
    unfit = sorted({*said["missing_keys"], *(key for key, *_ in said["mismatched_keys"])})
    if unfit:
        raise ModelLoadError(
            f"the weights in {folder.name}/{TRANSFORMERS_FILES[1]} do not fit its configuration: {unfit[0]}"
        )
    return model
