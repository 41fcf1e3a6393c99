"""Checks whether a checkpoint will load, without loading it.

Its settings, codec and tokenizer are read as for loading. Of the language model and the text encoder only
names and shapes are read: their files are memory-mapped, or their headers read.
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
    SkipInitialization,
    check_weights,
    read_checkpoint,
)
from webapp.engines.audiocraft.loading.importing import import_audiocraft
from webapp.engines.audiocraft.loading.model_loader import (
    as_load_errors,
    build_language_model,
    check_compatibility,
    exact_frame_rate,
    load_codec,
)
from webapp.engines.audiocraft.loading.pretrained import require_folder
from webapp.engines.audiocraft.loading.text_encoders import using_text_encoder
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
class CheckpointFacts:
    """The facts about a checkpoint. A sequence's key-value cache has `columns` in each of `layers`."""

    kind: Kind
    sample_rate: int
    channels: int
    window_s: float
    codebooks: int
    layers: int
    dim: int
    columns: int


def inspect_checkpoint(folder: Path, models_dir: Path, kind: Kind | None) -> CheckpointFacts:
    """Inspect a checkpoint folder as a `kind` or, for None, as the kind that its settings suggest.

    Raises ModelLoadError where loading would, EngineOutOfMemory where the inspection itself lacks memory.
    """
    import_audiocraft()
    from audiocraft.models import builders  # noqa: PLC0415 - after its stand-ins

    with as_load_errors(folder.name), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        source = None if is_checkpoint_folder(folder) else transformers_folder(folder)
        codec, checkpoint, encoder, tokenizer_folder = (
            _audiocraft_parts(folder, models_dir) if source is None else _transformers_parts(source)
        )
        config = checkpoint.config
        kind = kind or _guess_kind(config.get("lm_model"), codec.sample_rate)
        lm = build_language_model(
            checkpoint, kind, round(codec.frame_rate),
            text_encoders=using_text_encoder(encoder, tokenizer_folder), dtype=None,
        )  # fmt: skip
        check_weights(lm, checkpoint)
        whole = builders.get_wrapped_compression_model(codec, config)
        check_compatibility(lm, whole)
        weights = decoder_weights(lm)
        seconds = float(config.dataset.segment_duration)
        frames = frames_for(seconds, exact_frame_rate(whole))
        delays = (0,) if kind is Kind.MAGNET else tuple(lm.pattern_provider.delays)
        return CheckpointFacts(
            kind, int(whole.sample_rate), int(whole.channels), seconds, weights.codebooks,
            len(weights.layers), weights.dim, columns_of(frames, delays),
        )  # fmt: skip


def _audiocraft_parts(
    folder: Path, models_dir: Path
) -> tuple["CompressionModel", CheckpointFile, nn.Module, Path]:
    """Return codec, language model's file, text encoder without weights, and the folder of its tokenizer."""
    from transformers import T5Config, T5EncoderModel  # noqa: PLC0415 - heavy

    codec = load_codec(folder / CODEC_FILE, models_dir)
    checkpoint = read_checkpoint(folder / LM_FILE)
    name = str(checkpoint.config.conditioners.description.t5.name)
    tokenizer_folder = require_folder(models_dir, name, "text encoder")
    with SkipInitialization():
        encoder: nn.Module = T5EncoderModel(T5Config.from_pretrained(tokenizer_folder, local_files_only=True))
    _check_names(encoder, _shapes((tokenizer_folder / "model.safetensors",)), tokenizer_folder.name)
    return codec, checkpoint, encoder, tokenizer_folder


def _transformers_parts(
    source: TransformersFolder,
) -> tuple["CompressionModel", CheckpointFile, nn.Module, Path]:
    from transformers import (  # noqa: PLC0415 - heavy
        MusicgenConfig,
        MusicgenForConditionalGeneration,
        T5EncoderModel,
    )

    if source.missing:
        raise ModelLoadError(f"{source.folder.name} lacks {' and '.join(source.missing)}")
    config = MusicgenConfig.from_pretrained(source.folder, local_files_only=True)
    settings = settings_of(config)
    with torch.device("meta"):
        model: Any = MusicgenForConditionalGeneration(config)
    with SkipInitialization():
        encoder: nn.Module = T5EncoderModel(config.text_encoder)
    shapes = _shapes(source.weights)
    for prefix, part in (("decoder.", model.decoder), ("text_encoder.", encoder)):
        inner = {
            name.removeprefix(prefix): shape for name, shape in shapes.items() if name.startswith(prefix)
        }
        _check_names(part, inner, source.folder.name)
    weights: Mapping[str, Tensor] = dict(named_weights(model))
    checkpoint = CheckpointFile(source.folder.name, settings, weights)
    return transformers_codec(config), checkpoint, encoder, source.folder


def _guess_kind(lm_model: object, sample_rate: int) -> Kind:
    """Guess the kind: MusicGen and AudioGen share an architecture, and AudioGen's rate is 16 kHz."""
    if lm_model == "transformer_lm_magnet":
        return Kind.MAGNET
    return Kind.AUDIOGEN if sample_rate == SOUND_RATE_HZ else Kind.MUSICGEN


def _shapes(files: tuple[Path, ...]) -> dict[str, tuple[int, ...]]:
    """Read names and shapes of the weights in safetensors files. Raises ModelLoadError for other files."""
    shapes: dict[str, tuple[int, ...]] = {}
    for path in files:
        try:
            shapes |= safetensors_shapes(path)
        except (ValueError, OSError) as error:
            raise ModelLoadError(f"{path.parent.name} is damaged or incomplete; fetch it again") from error
    return shapes


def _check_names(model: nn.Module, shapes: Mapping[str, tuple[int, ...]], label: str) -> None:
    """Raise ModelLoadError for a parameter that is missing or of another shape; tied ones are stored once."""
    for names, parameter in _parameters(model):
        found = next((shapes[name] for name in names if name in shapes), None)
        if found != tuple(parameter.shape):
            reason = "is missing" if found is None else "is of another shape"
            raise ModelLoadError(f"the weights in {label} do not fit its settings: {names[0]} {reason}")


def _parameters(model: nn.Module) -> Iterator[tuple[list[str], nn.Parameter]]:
    """List each parameter once, with all of its names."""
    names: dict[int, list[str]] = {}
    parameters: dict[int, nn.Parameter] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        names.setdefault(id(parameter), []).append(name)
        parameters[id(parameter)] = parameter
    return ((names[key], parameter) for key, parameter in parameters.items())
