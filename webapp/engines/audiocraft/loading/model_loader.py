"""Loads models from checkpoint folders with AudioCraft's own builders.

AudioCraft's loaders are not used: they let the environment decide whether a pickle may run code, support
one precision per device, fetch what is missing, and switch attention for the whole process.
"""

import math
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from omegaconf import DictConfig
from torch import nn

from webapp.engines.audiocraft.decoder.weights import DecoderWeights, decoder_weights
from webapp.engines.audiocraft.devices import is_out_of_memory
from webapp.engines.audiocraft.loading.checkpoint import (
    CheckpointFile,
    SkipInitialization,
    first_line,
    load_weights,
    parse_checkpoint,
    read_checkpoint,
    read_package,
)
from webapp.engines.audiocraft.loading.importing import import_audiocraft
from webapp.engines.audiocraft.loading.pretrained import read_pretrained, require_folder
from webapp.engines.audiocraft.loading.supported import check_supported
from webapp.engines.audiocraft.loading.text_encoders import text_encoders_from, using_text_encoder
from webapp.engines.audiocraft.loading.transformers_musicgen import read_musicgen
from webapp.engines.audiocraft.windows import frames_for
from webapp.engines.base import EngineError, EngineOutOfMemory, ModelLoadError
from webapp.weights.catalogue import Kind, Usage, usage_of
from webapp.weights.layout import CODEC_FILE, LM_FILE, is_checkpoint_folder
from webapp.weights.transformers_layout import transformers_folder

if TYPE_CHECKING:
    from audiocraft.models import CompressionModel, LMModel


@dataclass(frozen=True, slots=True, eq=False)
class LoadedModel:
    """A model in memory. One thread uses it.

    ``lm`` and ``codec`` are AudioCraft's; ``weights`` are the tensors of ``lm`` that decoding needs. A window
    has ``window_frames`` frames, for MAGNeT a whole number of spans of ``span_frames``; ``delays`` are those
    of the codebooks, in frames. MAGNeT's later codebooks attend to ``context_frames`` on either side, below 0
    to all. ``usage`` holds the default settings of such a checkpoint.
    """

    name: str
    kind: Kind
    lm: "LMModel"
    codec: "CompressionModel"
    weights: DecoderWeights
    device: torch.device
    window_frames: int
    span_frames: int
    context_frames: int
    delays: tuple[int, ...]
    usage: Usage

    @property
    def codebooks(self) -> int:
        return int(self.lm.n_q)

    @property
    def card(self) -> int:
        """Return the entries of a codebook; the token of this number is the special token."""
        return int(self.lm.card)

    @property
    def sample_rate(self) -> int:
        return int(self.codec.sample_rate)

    @property
    def channels(self) -> int:
        return int(self.codec.channels)

    @property
    def frame_rate(self) -> Fraction:
        """Return the exact frames per second: a codec's hop need not divide its sample rate."""
        return exact_frame_rate(self.codec)


def exact_frame_rate(codec: "CompressionModel") -> Fraction:
    """Return the exact frames per second of AudioCraft's codec or of transformers'."""
    core = codec.model if hasattr(codec, "get_left_right_codes") else codec
    config = getattr(core.model, "config", None) if hasattr(core, "model") else None
    hop = math.prod(config.upsampling_ratios) if config is not None else int(core.decoder.hop_length)
    return Fraction(int(codec.sample_rate), hop)


def load_model(
    folder: Path, models_dir: Path, kind: Kind, *, device: torch.device, dtype: torch.dtype | None = None
) -> LoadedModel:
    """Load a checkpoint folder; its text encoder, and a codec that it only names, come from `models_dir`.

    `dtype` is the type of the large matrices; None keeps them as they were published.

    Raises ModelLoadError, and EngineOutOfMemory when it does not fit.
    """
    import_audiocraft()
    with as_load_errors(folder.name), warnings.catch_warnings():
        # AudioCraft and torch use deprecated parts of each other.
        warnings.simplefilter("ignore")
        codec, checkpoint, text_encoders = _read(folder, models_dir, device)
        frame_rate = round(codec.frame_rate)
        lm = build_language_model(checkpoint, kind, frame_rate, text_encoders=text_encoders, dtype=dtype)
        load_weights(lm, checkpoint)
        return _assemble(folder.name, kind, lm, codec, checkpoint.config, device=device)


def _read(
    folder: Path, models_dir: Path, device: torch.device
) -> tuple["CompressionModel", CheckpointFile, AbstractContextManager[None]]:
    """Read a checkpoint's codec and its language model's file; the context provides its text encoder."""
    transformers = None if is_checkpoint_folder(folder) else transformers_folder(folder)
    if transformers is not None:
        parts = read_musicgen(transformers)
        return parts.codec, parts.checkpoint, using_text_encoder(parts.text_encoder, folder)
    codec = load_codec(folder / CODEC_FILE, models_dir)
    return codec, read_checkpoint(folder / LM_FILE), text_encoders_from(models_dir, device)


def load_codec(path: Path, models_dir: Path) -> "CompressionModel":
    from audiocraft.models import builders  # noqa: PLC0415 - after its stand-ins

    package = read_package(path)
    if "pretrained" in package:
        return _codec_of_transformers(str(package["pretrained"]), models_dir)
    checkpoint = parse_checkpoint(package, f"{path.parent.name}/{path.name}")
    checkpoint.config.device = "cpu"
    with SkipInitialization():
        codec: CompressionModel = builders.get_compression_model(checkpoint.config)
    load_weights(codec, checkpoint)
    return codec


def _codec_of_transformers(name: str, models_dir: Path) -> "CompressionModel":
    """Load a codec that a checkpoint only names, in the layout of transformers."""
    from audiocraft.models import HFEncodecCompressionModel, HFEncodecModel  # noqa: PLC0415

    original = read_pretrained(HFEncodecModel.from_pretrained, require_folder(models_dir, name, "codec"))
    codec: CompressionModel = HFEncodecCompressionModel(original)
    return codec


def build_language_model(
    checkpoint: CheckpointFile,
    kind: Kind,
    frame_rate: int,
    *,
    text_encoders: AbstractContextManager[None],
    dtype: torch.dtype | None,
) -> "LMModel":
    """Build the language model of a checkpoint's settings; its weights are allocated and not initialized.

    Raises ModelLoadError for settings that are not supported.
    """
    from audiocraft.models import builders  # noqa: PLC0415 - after its stand-ins

    config = checkpoint.config
    check_supported(config, kind)
    dtype = dtype or _published_precision(checkpoint)
    # In full precision the large matrices would take twice the memory while loading.
    config.device, config.dtype = "cpu", str(dtype).removeprefix("torch.")
    config.transformer_lm.update(weight_init=None, depthwise_init=None, zero_bias_init=False)
    context = -1
    if kind is Kind.MAGNET:
        context = int(config.transformer_lm.get("subcodes_context", 5))
        config.transformer_lm.update(
            compression_model_framerate=frame_rate,
            segment_duration=config.dataset.segment_duration,
            span_len=config.masking.span_len,
            # AudioCraft would build masks of its own, one per head, which are not used.
            subcodes_context=-1,
        )
    with text_encoders, SkipInitialization():
        lm = builders.get_lm_model(config)
    _set_precision(lm, dtype)
    if kind is Kind.MAGNET:
        lm.subcodes_context = context
    return lm


def _assemble(
    name: str,
    kind: Kind,
    lm: "LMModel",
    codec: "CompressionModel",
    config: DictConfig,
    *,
    device: torch.device,
) -> LoadedModel:
    """Check that the parts fit each other, and move everything to the device."""
    from audiocraft.models import builders  # noqa: PLC0415 - after its stand-ins

    codec = builders.get_wrapped_compression_model(codec, config)
    check_compatibility(lm, codec)
    # As long as a training segment, so that a sound of that length needs one window.
    frames = frames_for(config.dataset.segment_duration, exact_frame_rate(codec))
    span = max(1, int(lm.span_len)) if kind is Kind.MAGNET else 1
    context = int(lm.subcodes_context) if kind is Kind.MAGNET else -1
    lm.eval().requires_grad_(requires_grad=False).to(device)
    codec.eval().requires_grad_(requires_grad=False).to(device)
    conditioner = lm.condition_provider.conditioners["description"]
    conditioner.t5.requires_grad_(requires_grad=False).to(device)
    conditioner.device = str(device)
    return LoadedModel(
        name,
        kind,
        lm,
        codec,
        decoder_weights(lm),
        device,
        frames + -frames % span,
        span,
        context,
        (0,) * int(lm.n_q) if kind is Kind.MAGNET else tuple(lm.pattern_provider.delays),
        usage_of(kind, int(codec.sample_rate), config.dataset.segment_duration),
    )


def check_compatibility(lm: "LMModel", codec: "CompressionModel") -> None:
    """Raise ModelLoadError for a codec or a text encoder other than those of the model's training."""
    if (lm.n_q, lm.card) != (codec.num_codebooks, codec.cardinality):
        raise ModelLoadError(
            f"language model and codec do not fit: {lm.n_q} codebooks of {lm.card} and"
            f" {codec.num_codebooks} of {codec.cardinality}"
        )
    conditioner = lm.condition_provider.conditioners["description"]
    width, needed = int(conditioner.t5.config.d_model), int(conditioner.output_proj.in_features)
    if width != needed:
        raise ModelLoadError(
            f"the text encoder {conditioner.name} does not fit: it is {width} wide, the model needs {needed}"
        )


def _published_precision(checkpoint: CheckpointFile) -> torch.dtype:
    """Return the precision of a checkpoint's matrices."""
    weight = checkpoint.weights.get("transformer.layers.0.linear1.weight")
    return torch.float32 if weight is None else weight.dtype


def _set_precision(lm: "LMModel", dtype: torch.dtype) -> None:
    """Convert the large matrices; embeddings, norms and the text projection stay in full precision."""
    for part in (lm.transformer, lm.linears):
        part.to(dtype)
        for module in part.modules():
            if isinstance(module, nn.LayerNorm):
                module.float()


@contextmanager
def as_load_errors(name: str) -> Iterator[None]:
    try:
        yield
    except EngineError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise EngineOutOfMemory(f"{name} does not fit into memory") from error
        raise ModelLoadError(f"{name} is not a usable checkpoint: {first_line(error)}") from error
