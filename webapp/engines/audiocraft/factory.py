"""From a loaded model to what serves tasks with it: in which precision, with how many jobs at a time."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch

from webapp.engines.audiocraft.codec.backends import quicker_bodies
from webapp.engines.audiocraft.codec.background_decoder import CodecTurn, CudaSide
from webapp.engines.audiocraft.codec.decoder import CodecDecoder
from webapp.engines.audiocraft.conditioning import PromptEncoder
from webapp.engines.audiocraft.decoder.autoregressive_runner import ROWS_PER_JOB, RowsDecoding
from webapp.engines.audiocraft.decoder.backend import Backend, BackendFactory
from webapp.engines.audiocraft.decoder.capture import CudaCapture
from webapp.engines.audiocraft.decoder.delays import columns_of
from webapp.engines.audiocraft.decoder.graph_backend import GraphBackend
from webapp.engines.audiocraft.decoder.linears import quickest
from webapp.engines.audiocraft.decoder.native.backend import native_factory
from webapp.engines.audiocraft.decoder.native.compiler import NativeUnavailable
from webapp.engines.audiocraft.decoder.native.sampling import native_drawers
from webapp.engines.audiocraft.decoder.plain_backend import PlainBackend
from webapp.engines.audiocraft.decoder.transformer import Transformer
from webapp.engines.audiocraft.decoder.weights import DecoderWeights
from webapp.engines.audiocraft.devices import DeviceMemory, Precision, has_quick_bfloat16
from webapp.engines.audiocraft.estimates import past_bytes
from webapp.engines.audiocraft.fidelity import backend_distance, transformer_distance
from webapp.engines.audiocraft.loading.model_loader import LoadedModel
from webapp.engines.audiocraft.magnet_runner import MagnetDecoding, Segment
from webapp.engines.audiocraft.precision import Known, fitted
from webapp.engines.audiocraft.sampling import Chance, GuidedSampler, settings_for
from webapp.engines.audiocraft.scheduler import Server
from webapp.engines.audiocraft.sequence import Decoding, Job, empty_tokens
from webapp.engines.audiocraft.windows import frames_for, overlap_frames, plan_windows
from webapp.engines.base import GenerationTask, ModelLoadError, RequestNotSupported
from webapp.weights.catalogue import Kind

logger = logging.getLogger(__name__)

MAX_JOBS: Final = 16
MAX_JOBS_ON_CPU: Final = 8
MAX_MAGNET_JOBS_ON_CPU: Final = 2
"""MAGNeT keeps a processor busy alone: more at a time would only make the first wait for the last."""
CACHE_SHARE: Final = 1 / 3
"""Of the memory that is free once a model is loaded, what its jobs' keys and values may take."""
RESERVED_WORDS: Final = 256
"""A text's keys and values are counted as so many words': a prompt of 1,000 characters has some 250."""
EXACT_JOBS: Final = 2
MAX_RENDERED_S: Final = 190.0
"""The longest sound, with a loop's overlap on top."""


def max_jobs(kind: Kind, device: torch.device) -> int:
    """Return how many jobs a model decodes at a time where memory suffices."""
    if device.type != "cpu":
        return MAX_JOBS
    return MAX_MAGNET_JOBS_ON_CPU if kind is Kind.MAGNET else MAX_JOBS_ON_CPU


@dataclass(frozen=True, slots=True)
class Built:
    """A runner for a model's tasks, its precision, and the reason for it."""

    server: Server
    precision: Precision
    note: str


def build(model: LoadedModel, asked: Precision | None, known: Known, *, jobs: int | None = None) -> Built:
    """Build the runner for a model, in a precision or, for None, in the fastest that its weights allow.

    `jobs` is how many at a time, None for what memory allows. Raises ModelLoadError where the precision
    cannot be had, and torch's out of memory.
    """

    def computing(precision: Precision) -> tuple[Decoding, Callable[[], float]]:
        return _computing(model, precision, jobs or affordable_jobs(model, precision))

    asked = asked_of(asked, model.kind)
    candidates = _candidates(resolved(asked, model), model.device, is_asked=asked is not None)
    fit = fitted(model, candidates, computing, known, is_asked=asked is not None)
    exact: Callable[[], Decoding] | None = None
    if fit.precision is not Precision.FLOAT32:

        def exact() -> Decoding:
            return decoding_of(model, Precision.FLOAT32, EXACT_JOBS)

    codec = _codec_decoder(model, fit.precision)
    turn = CodecTurn(codec, CudaSide(model.device)) if model.device.type == "cuda" else None
    server = Server(
        JobMaker(model, fit.decoding).make,
        codec,
        model.sample_rate,
        model.channels,
        decoding=fit.decoding,
        make_exact=exact,
        turn=turn,
    )
    return Built(server, fit.precision, fit.note)


def build_server(model: LoadedModel, asked: Precision | None, *, jobs: int | None = None) -> Server:
    """As `build`, with nothing known of the model before."""
    return build(model, asked, Known(), jobs=jobs).server


def _codec_decoder(model: LoadedModel, precision: Precision) -> CodecDecoder:
    """Build the decoder of a model's tokens. Raises ModelLoadError for a codec that it cannot decode."""
    try:
        decoder = CodecDecoder(model.codec, quicker=quicker_bodies(precision, model.device))
    except ValueError as error:
        raise ModelLoadError(f"the codec of {model.name} is not supported: {error}") from error
    if decoder.hop * model.frame_rate != model.sample_rate:
        raise ModelLoadError(f"the codec of {model.name} does not make as many samples as it says")
    return decoder


def asked_of(asked: Precision | None, kind: Kind) -> Precision | None:
    """Return the requested precision, if a kind can have it; MAGNeT has no INT8, and takes its usual one."""
    return None if asked is Precision.INT8 and kind is Kind.MAGNET else asked


def resolved(asked: Precision | None, model: LoadedModel) -> Precision:
    """The precision to begin with; a processor's is INT8 if it can be had and fits the model."""
    return asked or usual_precision(model.device.type, model.kind)


def usual_precision(device: str, kind: Kind) -> Precision:
    """Return the usual precision of a kind of device, before a model is examined."""
    if device == "cuda":
        return Precision.FLOAT16
    if device != "cpu":
        return Precision.FLOAT32
    without = Precision.BFLOAT16 if has_quick_bfloat16() else Precision.FLOAT32
    if kind is Kind.MAGNET:
        return without
    try:
        native_factory()
    except NativeUnavailable as error:
        logger.warning("decoding in %s, without the compiled step: %s", without, error)
        return without
    return Precision.INT8


def _candidates(first: Precision, device: torch.device, *, is_asked: bool) -> tuple[Precision, ...]:
    """Return the precisions to try, fastest first: each is for models that the one before does not fit."""
    if is_asked or first is Precision.FLOAT32:
        return (first,)
    between = () if first is Precision.BFLOAT16 else (Precision.BFLOAT16,)
    if device.type == "cpu" and not has_quick_bfloat16():
        between = ()
    return (first, *between, Precision.FLOAT32)


class JobMaker:
    """Makes jobs of tasks."""

    def __init__(self, model: LoadedModel, decoding: Decoding) -> None:
        self._model = model
        self._decoding = decoding
        self._prompts = PromptEncoder(model)
        stride_frames = int(model.frame_rate * model.usage.stride_s)
        self._overlap = overlap_frames(model.window_frames, model.span_frames, stride_frames)

    def make(self, task: GenerationTask) -> Job:
        """A job at its beginning. Raises RequestNotSupported and torch's own errors."""
        model, request = self._model, task.request
        if not 0 < request.duration_s <= MAX_RENDERED_S:
            raise RequestNotSupported(f"{request.duration_s} s is outside 0 to {MAX_RENDERED_S} s")
        frames = frames_for(request.duration_s, model.frame_rate)
        windows = plan_windows(frames, model.window_frames, self._overlap)
        return Job(
            task,
            self._prompts.encode(request.prompt),
            settings_for(request.sampling, model.usage),
            Chance(request.seed),
            windows,
            empty_tokens(model.codebooks, frames, model.device),
            sum(self._decoding.steps(window) for window in windows),
        )


def decoding_of(model: LoadedModel, precision: Precision, jobs: int) -> Decoding:
    """Build the decoder of a model's jobs in a precision, for so many at a time.

    Raises ModelLoadError where the precision cannot be had, and torch's out of memory.
    """
    return _computing(model, precision, jobs)[0]


def _computing(model: LoadedModel, precision: Precision, jobs: int) -> tuple[Decoding, Callable[[], float]]:
    """The same, and what measures how far its distributions are from those of float32."""
    weights = model.weights
    if model.kind is Kind.MAGNET:
        linear = quickest(model.device, precision.dtype)
        transformer = Transformer(weights, model.window_frames, precision.dtype, linear)
        segment = Segment(
            model.window_frames, model.span_frames, model.context_frames, model.usage.first_passes,
            model.usage.temperature,
        )  # fmt: skip
        return MagnetDecoding(transformer, segment, jobs), lambda: transformer_distance(model, transformer)
    steps = columns_of(model.window_frames, model.delays)
    backend = backend_factory(precision, model.device)(weights, ROWS_PER_JOB * jobs, steps)
    make_drawer = native_drawers() if precision is Precision.INT8 else GuidedSampler
    decoding = RowsDecoding(backend, model.codebooks, model.card, model.delays, make_drawer=make_drawer)
    if isinstance(backend, GraphBackend):
        backend.record_usual()
    return decoding, lambda: backend_distance(model, backend)


def backend_factory(precision: Precision, device: torch.device) -> BackendFactory:
    """Build the backend of a precision on a device. Raises ModelLoadError where it cannot be had."""
    if precision is Precision.INT8:
        try:
            return native_factory()
        except NativeUnavailable as error:
            raise ModelLoadError(f"the precision int8 cannot be had here: {error}") from error
    is_captured = device.type == "cuda" and precision is not Precision.FLOAT32

    def make(weights: DecoderWeights, rows: int, steps: int) -> Backend:
        if is_captured:
            capture = CudaCapture(device)
            return GraphBackend(weights, rows, steps, dtype=precision.dtype, capture=capture)
        return PlainBackend(weights, rows, steps, dtype=precision.dtype)

    return make


def affordable_jobs(model: LoadedModel, precision: Precision) -> int:
    """Return how many jobs a share of what is free now is enough for, at least one."""
    most = max_jobs(model.kind, model.device)
    available = DeviceMemory(model.device).available_bytes()
    if available is None:
        return most
    return max(1, min(most, int(available * CACHE_SHARE) // job_bytes(model, precision)))


def job_bytes(model: LoadedModel, precision: Precision) -> int:
    """Return the memory of a job while it is decoded; on a GPU a text takes the same, however long it is."""
    weights, size = model.weights, precision.dtype.itemsize
    words = 0 if model.device.type == "cpu" else RESERVED_WORDS
    if model.kind is not Kind.MAGNET:
        columns = columns_of(model.window_frames, model.delays)
        return past_bytes(len(weights.layers), weights.dim, columns + words, precision)
    # Of a column at a time: the sum that runs through the layers, what is made of it in one of them with the
    # feed-forward part at its widest, and logits with what sampling makes of them.
    numbers = 2 * 4 * weights.dim + (2 * weights.hidden + 6 * weights.dim) * size + 4 * 4 * weights.card
    text = 2 * len(weights.layers) * RESERVED_WORDS * weights.dim * size
    return ROWS_PER_JOB * model.window_frames * numbers + text
