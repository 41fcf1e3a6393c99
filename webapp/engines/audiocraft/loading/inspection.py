"""Tells whether a checkpoint will load, without loading it.

Its settings, its codec and its tokenizer are read as loading does. Of the language model and the text encoder
only names and shapes are: their files are mapped, or their headers read.
"""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from webapp.engines.audiocraft.decoder.delays import columns_of
from webapp.engines.audiocraft.decoder.weights import decoder_weights
from webapp.engines.audiocraft.loading.checkpoint import (
    CheckpointFile,
    Unfilled,
    check_weights,
    read_checkpoint,
)
from webapp.engines.audiocraft.loading.importing import import_audiocraft
from webapp.engines.audiocraft.loading.model_loader import (
    check_parts,
    empty_language_model,
    exact_frame_rate,
    load_codec,
    one_clear_error,
)
from webapp.engines.audiocraft.loading.pretrained import whole_folder
from webapp.engines.audiocraft.loading.text_encoders import text_encoder_given
from webapp.engines.audiocraft.loading.transformers_musicgen import (
    named_weights,
    settings_of,
    transformers_codec,
)
from webapp.engines.audiocraft.windows import frames_for
from webapp.engines.base import ModelLoadError
from webapp.weights.catalogue import SOUND_RATE_HZ, Kind
from webapp.weights.layout import CODEC_FILE, LM_FILE, is_checkpoint_folder
from webapp.weights.transformers_layout import TransformersFolder, safetensors_shapes, transformers_folder

if TYPE_CHECKING:
    from audiocraft.models import CompressionModel


@dataclass(frozen=True, slots=True)
class Examined:
    """The facts about a checkpoint. `columns` is how many keys and values a job takes in each of `layers`."""

    kind: Kind
    sample_rate: int
    channels: int
    window_s: float
    codebooks: int
    layers: int
    dim: int
    columns: int


def examine(folder: Path, models_dir: Path, kind: Kind | None) -> Examined:
    """Examine a checkpoint folder, as of a `kind` or, for None, of the one that it seems to be.

    Raises ModelLoadError where loading would, EngineOutOfMemory where there is none for looking.
    """
    import_audiocraft()
    from audiocraft.models import builders  # noqa: PLC0415 - after its stand-ins

    with one_clear_error(folder.name), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        foreign = None if is_checkpoint_folder(folder) else transformers_folder(folder)
        codec, checkpoint, encoder, place = (
            _own_parts(folder, models_dir) if foreign is None else _foreign_parts(foreign)
        )
        config = checkpoint.config
        kind = kind or _seeming_kind(config.get("lm_model"), codec.sample_rate)
        lm = empty_language_model(
            checkpoint, kind, round(codec.frame_rate),
            text_encoders=text_encoder_given(encoder, place), dtype=None,
        )  # fmt: skip
        check_weights(lm, checkpoint)
        whole = builders.get_wrapped_compression_model(codec, config)
        check_parts(lm, whole)
        weights = decoder_weights(lm)
        seconds = float(config.dataset.segment_duration)
        frames = frames_for(seconds, exact_frame_rate(whole))
        delays = (0,) if kind is Kind.MAGNET else tuple(lm.pattern_provider.delays)
        return Examined(
            kind, int(whole.sample_rate), int(whole.channels), seconds, weights.codebooks,
            len(weights.layers), weights.dim, columns_of(frames, delays),
        )  # fmt: skip


def _own_parts(folder: Path, models_dir: Path) -> tuple["CompressionModel", CheckpointFile, nn.Module, Path]:
    """Codec, language model's file, text encoder without weights, and the folder of its tokenizer."""
    from transformers import T5Config, T5EncoderModel  # noqa: PLC0415 - heavy

    codec = load_codec(folder / CODEC_FILE, models_dir)
    checkpoint = read_checkpoint(folder / LM_FILE)
    name = str(checkpoint.config.conditioners.description.t5.name)
    place = whole_folder(models_dir, name, "text encoder")
    with Unfilled():
        encoder: nn.Module = T5EncoderModel(T5Config.from_pretrained(place, local_files_only=True))
    _check_names(encoder, _shapes((place / "model.safetensors",)), place.name)
    return codec, checkpoint, encoder, place


def _foreign_parts(
    foreign: TransformersFolder,
) -> tuple["CompressionModel", CheckpointFile, nn.Module, Path]:
    from transformers import (  # noqa: PLC0415 - heavy
        MusicgenConfig,
        MusicgenForConditionalGeneration,
        T5EncoderModel,
    )

    if foreign.missing:
        raise ModelLoadError(f"{foreign.folder.name} lacks {' and '.join(foreign.missing)}")
    config = MusicgenConfig.from_pretrained(foreign.folder, local_files_only=True)
    settings = settings_of(config)
    with torch.device("meta"):
        model: Any = MusicgenForConditionalGeneration(config)
    with Unfilled():
        encoder: nn.Module = T5EncoderModel(config.text_encoder)
    shapes = _shapes(foreign.weights)
    for prefix, part in (("decoder.", model.decoder), ("text_encoder.", encoder)):
        inner = {
            name.removeprefix(prefix): shape for name, shape in shapes.items() if name.startswith(prefix)
        }
        _check_names(part, inner, foreign.folder.name)
    weights: Mapping[str, Tensor] = dict(named_weights(model))
    checkpoint = CheckpointFile(foreign.folder.name, settings, weights)
    return transformers_codec(config), checkpoint, encoder, foreign.folder


def _seeming_kind(lm_model: object, sample_rate: int) -> Kind:
    """MusicGen and AudioGen have one form; AudioGen's are at 16 kHz."""
    if lm_model == "transformer_lm_magnet":
        return Kind.MAGNET
    return Kind.AUDIOGEN if sample_rate == SOUND_RATE_HZ else Kind.MUSICGEN


def _shapes(files: tuple[Path, ...]) -> dict[str, tuple[int, ...]]:
    """Names and shapes of weights in safetensors. Raises ModelLoadError for files that are none."""
    shapes: dict[str, tuple[int, ...]] = {}
    for path in files:
        try:
            shapes |= safetensors_shapes(path)
        except (ValueError, OSError) as error:
            raise ModelLoadError(f"{path.parent.name} is damaged or not all there; fetch it again") from error
    return shapes


def _check_names(model: nn.Module, given: Mapping[str, tuple[int, ...]], label: str) -> None:
    """Raise ModelLoadError where a parameter is not there in its shape; tied ones are there once."""
    for names, parameter in _parameters(model):
        found = next((given[name] for name in names if name in given), None)
        if found != tuple(parameter.shape):
            reason = "is missing" if found is None else "is of another shape"
            raise ModelLoadError(f"the weights in {label} do not fit its settings: {names[0]} {reason}")


def _parameters(model: nn.Module) -> Iterator[tuple[list[str], nn.Parameter]]:
    """Each parameter once, with all names that it has."""
    names: dict[int, list[str]] = {}
    parameters: dict[int, nn.Parameter] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        names.setdefault(id(parameter), []).append(name)
        parameters[id(parameter)] = parameter
    return ((names[key], parameter) for key, parameter in parameters.items())
