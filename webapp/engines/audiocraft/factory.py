"""Builds the scheduler of a loaded model: its precision, its backend, and the size of its batch."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from webapp.engines.audiocraft.codec.backends import faster_backends
from webapp.engines.audiocraft.codec.background_decoder import BackgroundDecoder, CudaSideStream
from webapp.engines.audiocraft.codec.decoder import CodecDecoder
from webapp.engines.audiocraft.conditioning import PromptEncoder
from webapp.engines.audiocraft.decoder.autoregressive_runner import ROWS_PER_SEQUENCE, AutoregressiveRunner
from webapp.engines.audiocraft.decoder.backend import Backend, BackendFactory
from webapp.engines.audiocraft.decoder.capture import CudaCapture
from webapp.engines.audiocraft.decoder.delays import columns_of
from webapp.engines.audiocraft.decoder.graph_backend import GraphBackend
from webapp.engines.audiocraft.decoder.linears import fastest_linear
from webapp.engines.audiocraft.decoder.native.backend import native_factory
from webapp.engines.audiocraft.decoder.native.compiler import NativeUnavailable
from webapp.engines.audiocraft.decoder.native.sampling import native_sampler_factory
from webapp.engines.audiocraft.decoder.plain_backend import PlainBackend
from webapp.engines.audiocraft.decoder.transformer import Transformer
from webapp.engines.audiocraft.decoder.weights import DecoderWeights
from webapp.engines.audiocraft.devices import DeviceMemory, Precision, has_fast_bfloat16
from webapp.engines.audiocraft.estimates import kv_cache_bytes
from webapp.engines.audiocraft.fidelity import backend_distance, transformer_distance
from webapp.engines.audiocraft.loading.model_loader import LoadedModel
from webapp.engines.audiocraft.magnet_runner import MagnetRunner
from webapp.engines.audiocraft.magnet_schedule import Segment
from webapp.engines.audiocraft.material import TokenArchive
from webapp.engines.audiocraft.model_runner import ModelRunner
from webapp.engines.audiocraft.precision import PrecisionDistances, choose_precision
from webapp.engines.audiocraft.sampling import GuidedSampler, UniformSource, settings_for
from webapp.engines.audiocraft.scheduler import Scheduler
from webapp.engines.audiocraft.sequence import TokenSequence, empty_tokens
from webapp.engines.audiocraft.windows import frames_for, overlap_frames, plan_windows
from webapp.engines.base import (
    GenerationRequest,
    GenerationTask,
    MelodyNotFollowed,
    ModelLoadError,
    RequestNotSupported,
)
from webapp.weights.catalogue import Kind

logger = logging.getLogger(__name__)

MAX_BATCH: Final = 16
MAX_BATCH_ON_CPU: Final = 8
MAX_MAGNET_BATCH_ON_CPU: Final = 2
"""One MAGNeT sequence keeps a CPU busy: in a larger batch the first would only wait for the last."""
CACHE_SHARE: Final = 1 / 3
"""Share of the memory that is free once a model is loaded which its key-value cache may take."""
RESERVED_WORDS: Final = 256
"""Words for which memory is reserved per text: a prompt of 1,000 characters has some 250."""
FLOAT32_BATCH: Final = 2
MAX_RENDERED_S: Final = 190.0
"""The longest sound, including the overlap of a loop."""


def max_batch(kind: Kind, device: torch.device) -> int:
    """Return the largest batch of a model where memory suffices."""
    if device.type != "cpu":
        return MAX_BATCH
    return MAX_MAGNET_BATCH_ON_CPU if kind is Kind.MAGNET else MAX_BATCH_ON_CPU


@dataclass(frozen=True, slots=True)
class BuiltScheduler:
    """A model's scheduler, its precision, and the reason for it."""

    scheduler: Scheduler
    precision: Precision
    reason: str


def build_scheduler(
    model: LoadedModel,
    requested: Precision | None,
    distances: PrecisionDistances,
    *,
    batch: int | None = None,
) -> BuiltScheduler:
    """Build the scheduler of a model, in a precision or, for None, in the fastest that its weights allow.

    `batch` is the largest batch, None for what memory allows. Raises ModelLoadError for a precision that is
    not available here, and torch's out of memory.
    """

    def build(precision: Precision) -> tuple[ModelRunner, Callable[[], float]]:
        return _build_measured_runner(model, precision, batch or affordable_batch(model, precision))

    requested = supported_precision(requested, model.kind)
    is_requested = requested is not None
    candidates = _candidates(initial_precision(requested, model), model.device, is_requested=is_requested)
    choice = choose_precision(model, candidates, build, distances, is_requested=is_requested)
    make_float32: Callable[[], ModelRunner] | None = None
    if choice.precision is not Precision.FLOAT32:

        def make_float32() -> ModelRunner:
            return build_runner(model, Precision.FLOAT32, FLOAT32_BATCH)

    codec = _codec_decoder(model, choice.precision)
    is_cuda = model.device.type == "cuda"
    archive = TokenArchive.of(model)
    scheduler = Scheduler(
        SequenceFactory(model, choice.runner, archive).make,
        codec,
        model.sample_rate,
        model.channels,
        runner=choice.runner,
        make_float32=make_float32,
        background=BackgroundDecoder(codec, CudaSideStream(model.device)) if is_cuda else None,
        pack=archive.pack,
    )
    return BuiltScheduler(scheduler, choice.precision, choice.reason)


def scheduler_for(model: LoadedModel, requested: Precision | None, *, batch: int | None = None) -> Scheduler:
    """Build the scheduler of a model without stored distances."""
    return build_scheduler(model, requested, PrecisionDistances(), batch=batch).scheduler


def _codec_decoder(model: LoadedModel, precision: Precision) -> CodecDecoder:
    """Build the codec decoder of a model. Raises ModelLoadError for an unsupported codec."""
    try:
        decoder = CodecDecoder(model.codec, faster=faster_backends(precision, model.device))
    except ValueError as error:
        raise ModelLoadError(f"the codec of {model.name} is not supported: {error}") from error
    if decoder.hop * model.frame_rate != model.sample_rate:
        raise ModelLoadError(
            f"the codec of {model.name} does not produce the number of samples that it declares"
        )
    return decoder


def supported_precision(requested: Precision | None, kind: Kind) -> Precision | None:
    """Return the requested precision if the kind supports it; MAGNeT has no INT8, and uses its default."""
    return None if requested is Precision.INT8 and kind is Kind.MAGNET else requested


def initial_precision(requested: Precision | None, model: LoadedModel) -> Precision:
    """Return the first precision to try: the requested one or the default of the device."""
    return requested or default_precision(model.device.type, model.kind)


def default_precision(device: str, kind: Kind) -> Precision:
    """Return the default precision of a kind of device, before a model's weights are measured."""
    if device == "cuda":
        return Precision.FLOAT16
    if device != "cpu":
        return Precision.FLOAT32
    usual = Precision.BFLOAT16 if has_fast_bfloat16() else Precision.FLOAT32
    if kind is Kind.MAGNET:
        return usual
    try:
        native_factory()
    except NativeUnavailable as error:
        logger.warning("decoding in %s, without the compiled step: %s", usual, error)
        return usual
    return Precision.INT8


def _candidates(first: Precision, device: torch.device, *, is_requested: bool) -> tuple[Precision, ...]:
    """Return the precisions to try, fastest first; each is the fallback of the one before."""
    if is_requested or first is Precision.FLOAT32:
        return (first,)
    between = () if first is Precision.BFLOAT16 else (Precision.BFLOAT16,)
    if device.type == "cpu" and not has_fast_bfloat16():
        between = ()
    return (first, *between, Precision.FLOAT32)


class SequenceFactory:
    """Makes the token sequences of tasks."""

    def __init__(self, model: LoadedModel, runner: ModelRunner, archive: TokenArchive | None = None) -> None:
        """The `archive` finds the tokens of sounds that are continued; None makes one."""
        self._model = model
        self._archive = archive or TokenArchive.of(model)
        self._runner = runner
        self._prompts = PromptEncoder(model)
        stride_frames = int(model.frame_rate * model.usage.stride_s)
        self._overlap = overlap_frames(model.window_frames, model.span_frames, stride_frames)

    def make(self, task: GenerationTask) -> TokenSequence:
        """Return the sequence of a task at its start. Raises RequestNotSupported and torch's own errors."""
        model, request = self._model, task.request
        if request.melody is not None:
            raise MelodyNotFollowed
        if not 0 < request.duration_s <= MAX_RENDERED_S:
            raise RequestNotSupported(f"{request.duration_s} s is outside 0 to {MAX_RENDERED_S} s")
        frames = frames_for(request.duration_s, model.frame_rate)
        known = self._known_tokens(request)
        windows = plan_windows(frames, model.window_frames, self._overlap, known=known.shape[1])
        tokens = empty_tokens(model.codebooks, frames, model.device)
        tokens[:, : known.shape[1]] = known
        return TokenSequence(
            task,
            self._prompts.encode(request.prompt),
            settings_for(request.sampling, model.usage),
            UniformSource(request.seed),
            windows,
            tokens,
            sum(self._runner.window_steps(window) for window in windows),
            final_frames=known.shape[1],
        )

    def _known_tokens(self, request: GenerationRequest) -> Tensor:
        """Return the tokens that a sound begins with: none, or those of the sound that it continues.

        They are a whole number of the model's spans; what is left of the last one is generated again. Raises
        RequestNotSupported for a beginning as long as the sound.
        """
        model, continuation = self._model, request.continuation
        if continuation is None:
            return empty_tokens(model.codebooks, 0, model.device)
        known = self._archive.prompt_tokens(continuation)
        known = known[:, : known.shape[1] - known.shape[1] % model.span_frames]
        if known.shape[1] >= frames_for(request.duration_s, model.frame_rate):
            raise RequestNotSupported("the beginning is as long as the whole sound")
        return known


def build_runner(model: LoadedModel, precision: Precision, batch: int) -> ModelRunner:
    """Build the runner of a model in a precision, for batches of at most `batch` sequences.

    Raises ModelLoadError for a precision that is not available here, and torch's out of memory.
    """
    return _build_measured_runner(model, precision, batch)[0]


def _build_measured_runner(
    model: LoadedModel, precision: Precision, batch: int
) -> tuple[ModelRunner, Callable[[], float]]:
    """Build a runner, and a function that measures how far its distributions are from those of float32."""
    weights = model.weights
    if model.kind is Kind.MAGNET:
        linear = fastest_linear(model.device, precision.dtype)
        transformer = Transformer(weights, model.window_frames, precision.dtype, linear)
        segment = Segment(
            model.window_frames, model.span_frames, model.context_frames, model.usage.first_passes,
            model.usage.temperature,
        )  # fmt: skip
        return MagnetRunner(transformer, segment, batch), lambda: transformer_distance(model, transformer)
    steps = columns_of(model.window_frames, model.delays)
    backend = backend_factory(precision, model.device)(weights, ROWS_PER_SEQUENCE * batch, steps)
    make_sampler = native_sampler_factory() if precision is Precision.INT8 else GuidedSampler
    runner = AutoregressiveRunner(
        backend, model.codebooks, model.card, model.delays, make_sampler=make_sampler
    )
    if isinstance(backend, GraphBackend):
        backend.capture_common()
    return runner, lambda: backend_distance(model, backend)


def backend_factory(precision: Precision, device: torch.device) -> BackendFactory:
    """Return what makes the backends of a precision. Raises ModelLoadError where it is not available."""
    if precision is Precision.INT8:
        try:
            return native_factory()
        except NativeUnavailable as error:
            raise ModelLoadError(f"the precision int8 is not available here: {error}") from error
    is_captured = device.type == "cuda" and precision is not Precision.FLOAT32

    def make(weights: DecoderWeights, rows: int, steps: int) -> Backend:
        if is_captured:
            capture = CudaCapture(device)
            return GraphBackend(weights, rows, steps, dtype=precision.dtype, capture=capture)
        return PlainBackend(weights, rows, steps, dtype=precision.dtype)

    return make


def affordable_batch(model: LoadedModel, precision: Precision) -> int:
    """Return how many sequences fit into a share of the free memory, at least one."""
    largest = max_batch(model.kind, model.device)
    available = DeviceMemory(model.device).available_bytes()
    if available is None:
        return largest
    return max(1, min(largest, int(available * CACHE_SHARE) // sequence_bytes(model, precision)))


def sequence_bytes(model: LoadedModel, precision: Precision) -> int:
    """Return the memory of one sequence in a batch; on a GPU every text takes that of the reserved words."""
    weights, size = model.weights, precision.dtype.itemsize
    words = 0 if model.device.type == "cpu" else RESERVED_WORDS
    if model.kind is not Kind.MAGNET:
        columns = columns_of(model.window_frames, model.delays)
        return kv_cache_bytes(len(weights.layers), weights.dim, columns + words, precision)
    # Per column: the residual stream, the activations of one layer with its feed-forward part at its widest,
    # and the logits with the intermediate results of sampling.
    per_column = 2 * 4 * weights.dim + (2 * weights.hidden + 6 * weights.dim) * size + 4 * 4 * weights.card
    text = 2 * len(weights.layers) * RESERVED_WORDS * weights.dim * size
    return ROWS_PER_SEQUENCE * model.window_frames * per_column + text
