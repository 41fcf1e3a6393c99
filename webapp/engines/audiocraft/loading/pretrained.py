"""Reads folders in the layout of transformers, without trusting them and without the network."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import nn

from webapp.engines.audiocraft.devices import is_out_of_memory
from webapp.engines.base import ModelLoadError
from webapp.weights.layout import TRANSFORMERS_FILES, folder_name

FromPretrained: TypeAlias = Callable[..., tuple[nn.Module, dict[str, Any]]]
"""The `from_pretrained` of a class of transformers."""


def require_folder(models_dir: Path, name: str, what: str) -> Path:
    """Return the folder of a part that a checkpoint names (`owner/name` or `name`); `what` describes it.

    Raises ModelLoadError if a file is missing.
    """
    folder = models_dir / folder_name(name)
    missing = [file for file in TRANSFORMERS_FILES if not (folder / file).is_file()]
    if missing:
        raise ModelLoadError(f"the {what} {folder.name} lacks {' and '.join(missing)}")
    return folder


def read_pretrained(read: FromPretrained, folder: Path) -> nn.Module:
    """Read a model in float32, its weights from safetensors only.

    Raises ModelLoadError if it is damaged, or if weights of its configuration are missing: transformers would
    initialize those randomly. Raises torch's out of memory and MemoryError.
    """
    try:
        model, loading_info = read(
            folder, local_files_only=True, use_safetensors=True, dtype=torch.float32,
            output_loading_info=True, ignore_mismatched_sizes=True,
        )  # fmt: skip
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise ModelLoadError(f"{folder.name} is damaged or incomplete; fetch it again") from error
    wrong = sorted({*loading_info["missing_keys"], *(key for key, *_ in loading_info["mismatched_keys"])})
    if wrong:
        raise ModelLoadError(
            f"the weights in {folder.name}/{TRANSFORMERS_FILES[1]} do not fit its configuration: {wrong[0]}"
        )
    return model
