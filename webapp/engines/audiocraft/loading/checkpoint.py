"""Reads AudioCraft's checkpoint files without trusting them.

A checkpoint is a pickle, and a pickle can run code. Only tensors, plain containers and OmegaConf's settings
are read from one: anything else is rejected before it is constructed, whatever the environment says.
"""

import pickle
import typing
import zipfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any, Final

import torch
from omegaconf import DictConfig, ListConfig
from omegaconf.base import ContainerMetadata, Metadata
from omegaconf.nodes import AnyNode
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.serialization import safe_globals

from webapp.engines.audiocraft.loading.settings import SettingRefused, plain_settings
from webapp.engines.base import ModelLoadError

# The classes in a configuration that is stored as objects, not as text, as in fine-tuned checkpoints.
SETTINGS_CLASSES: Final = [
    DictConfig, ListConfig, AnyNode, Metadata, ContainerMetadata, defaultdict, dict, list, int, typing.Any,
]  # fmt: skip
INITIALIZERS: Final = (Tensor.uniform_, Tensor.normal_)
MAX_REASON_CHARACTERS: Final = 160


@dataclass(frozen=True, slots=True)
class CheckpointFile:
    """The content of a checkpoint file: AudioCraft's configuration, and weights by parameter name."""

    name: str
    config: Any
    weights: Mapping[str, Tensor]


def read_package(path: Path) -> Mapping[str, Any]:
    """Read the dictionary in a checkpoint file; its tensors are memory-mapped where the format allows.

    Raises ModelLoadError for a file that is missing, damaged, or holds more than weights.
    """
    label = f"{path.parent.name}/{path.name}"
    try:
        with safe_globals(SETTINGS_CLASSES):
            package = torch.load(
                path, map_location="cpu", weights_only=True, mmap=True if zipfile.is_zipfile(path) else None
            )
    except FileNotFoundError as error:
        raise ModelLoadError(f"{label} is missing") from error
    except pickle.UnpicklingError as error:
        raise ModelLoadError(f"{label} is damaged or holds more than weights, and was not opened") from error
    except OSError as error:
        raise ModelLoadError(f"{label} cannot be read: {error.strerror or first_line(error)}") from error
    except (EOFError, RuntimeError, ValueError, LookupError, AttributeError, TypeError) as error:
        # Torch's message is for its developers; the log has it.
        raise ModelLoadError(f"{label} is damaged or incomplete; fetch it again") from error
    if not isinstance(package, dict):
        raise ModelLoadError(f"{label} is not a checkpoint of AudioCraft")
    return package


def read_checkpoint(path: Path) -> CheckpointFile:
    """Read the configuration and weights of a checkpoint file. Raises ModelLoadError."""
    return parse_checkpoint(read_package(path), f"{path.parent.name}/{path.name}")


def parse_checkpoint(package: Mapping[str, Any], label: str) -> CheckpointFile:
    """Check a package and return its content. Raises ModelLoadError."""
    raw, weights = package.get("xp.cfg"), package.get("best_state")
    if not isinstance(raw, str | dict | DictConfig) or not isinstance(weights, dict):
        raise ModelLoadError(f"{label} is not a checkpoint of AudioCraft")
    if isinstance(weights.get("model"), dict) or package.get("fsdp_best_state"):
        raise ModelLoadError(
            f"{label} is a checkpoint of training, not one to generate with: export it with AudioCraft"
            " (audiocraft.utils.export)"
        )
    if not all(isinstance(key, str) and isinstance(value, Tensor) for key, value in weights.items()):
        raise ModelLoadError(f"{label} holds something else among its weights")
    try:
        config = plain_settings(raw)
    except SettingRefused as error:
        raise ModelLoadError(f"{label} is refused: {error}") from error
    except Exception as error:
        raise ModelLoadError(f"{label} has a damaged configuration: {first_line(error)}") from error
    if config is None:
        raise ModelLoadError(f"{label} has no configuration")
    return CheckpointFile(label, config, weights)


class SkipInitialization(TorchFunctionMode):
    """Skips the initialization of parameters inside, since all of them are about to be loaded.

    Drawing billions of numbers would take longer than reading them, and memory that is not needed yet.
    """

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: object,
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        options = kwargs or {}
        if func in INITIALIZERS or getattr(func, "__module__", "") == nn.init.__name__:
            return options["tensor"] if "tensor" in options else args[0]
        return func(*args, **options)


def load_weights(model: nn.Module, checkpoint: CheckpointFile) -> None:
    """Load all weights of a checkpoint into a model. Raises ModelLoadError when they do not fit."""
    try:
        model.load_state_dict(dict(checkpoint.weights), strict=True)
    except RuntimeError as error:
        # The first reason only: there may be hundreds; the log has all.
        reason = next(iter(str(error).splitlines()[1:]), "").partition(": copying")[0]
        short = shorten(reason, MAX_REASON_CHARACTERS, placeholder=" …")
        raise ModelLoadError(
            f"the weights in {checkpoint.name} do not fit its configuration: {short}"
        ) from error


def check_weights(model: nn.Module, checkpoint: CheckpointFile) -> None:
    """Raise ModelLoadError if `load_weights` would, without reading or copying weights."""
    expected = {name: weight.shape for name, weight in model.state_dict().items()}
    stored = {name: weight.shape for name, weight in checkpoint.weights.items()}
    both = expected.keys() & stored.keys()
    reasons = {
        "missing": sorted(expected.keys() - stored.keys()),
        "not known": sorted(stored.keys() - expected.keys()),
        "of another shape": sorted(name for name in both if expected[name] != stored[name]),
    }
    for reason, names in reasons.items():
        if names:
            raise ModelLoadError(
                f"the weights in {checkpoint.name} do not fit its configuration: {names[0]} is {reason}"
            )


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text."""
    return next(iter(str(error).splitlines()), type(error).__name__)
