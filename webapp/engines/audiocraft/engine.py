"""The engine: MusicGen, AudioGen and MAGNeT behind the same door as any other."""

import logging

import torch

from webapp.audio.waveform import Waveform
from webapp.engines.audiocraft.catalogue import (
    BYTES_PER_HALF,
    CODEC_FILE,
    LM_FILE,
    MODELS,
    Choice,
    choose,
)
from webapp.engines.audiocraft.devices import (
    DeviceMemory,
    free_memory,
    is_out_of_memory,
    resolve_device,
    resolve_precision,
)
from webapp.engines.audiocraft.generation import Generator
from webapp.engines.audiocraft.loading import load_model
from webapp.engines.base import (
    EngineError,
    EngineInfo,
    EngineOptions,
    EngineOutOfMemory,
    GenerationRequest,
    GenerationTask,
    RequestNotSupported,
    TaskSource,
)
from webapp.engines.batch import run_task

logger = logging.getLogger(__name__)

ENGINE = "audiocraft"
MAX_DURATION_S = 180.0
# A loop's overlap comes on top.
_MAX_RENDERED_S = MAX_DURATION_S + 10.0
MAX_BATCH = 8
MAX_BATCH_ON_CPU = 4


class AudioCraftEngine:
    """Serves those models whose checkpoints are there. Loads on demand, and keeps what it has loaded."""

    def __init__(self, options: EngineOptions | None = None) -> None:
        """Raises ModelLoadError for a device or a precision that there is not."""
        self._options = options or EngineOptions()
        self._device = resolve_device(self._options.device)
        self._dtype = resolve_precision(self._options.precision, self._device)
        if self._options.threads:
            torch.set_num_threads(self._options.threads)
        self._choices: dict[str, Choice] = {}
        self._loaded: dict[str, Generator] = {}
        self.rescan()

    def rescan(self) -> None:
        """Look which weights there are. A loaded model whose weights are replaced must be unloaded before."""
        chosen = (
            (model, choose(model, self._options.checkpoints.get(model, ""), self._options.models_dir))
            for model in MODELS
        )
        self._choices = {model: choice for model, choice in chosen if choice is not None}

    def available_bytes(self) -> int | None:
        """Memory of the device that could be used now; None when that cannot be known."""
        return DeviceMemory(self._device).available_bytes()

    @property
    def name(self) -> str:
        return ENGINE

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(self._choices)

    def info(self, model: str) -> EngineInfo:
        choice, loaded = self._choice(model), self._loaded.get(model)
        return EngineInfo(
            engine=ENGINE,
            label=f"AudioCraft: {choice.name}",
            model=model,
            max_duration_s=MAX_DURATION_S,
            sample_rate=loaded.sample_rate if loaded else choice.sample_rate,
            channels=loaded.channels if loaded else choice.channels,
            licence=choice.licence,
            max_batch=MAX_BATCH_ON_CPU if self._device.type == "cpu" else MAX_BATCH,
            needs_load=True,
            checkpoint=choice.name,
            memory_bytes=self._estimated_bytes(choice),
            device=str(self._device),
        )

    def load(self, model: str) -> None:
        choice = self._choice(model)
        if model in self._loaded:
            return
        logger.info("loading model", extra={"model": model, "checkpoint": choice.name})
        try:
            self._loaded[model] = Generator(
                load_model(
                    choice.folder,
                    self._options.models_dir,
                    choice.kind,
                    device=self._device,
                    dtype=self._dtype,
                )
            )
        finally:
            free_memory(self._device)

    def unload(self, model: str) -> None:
        if self._loaded.pop(model, None) is not None:
            free_memory(self._device)

    def serve(self, model: str, source: TaskSource) -> None:
        self.load(model)
        while tasks := source.take(1):
            for task in tasks:
                run_task(task, self._render)

    def _render(self, task: GenerationTask) -> Waveform:
        request = task.request
        self._check(request)
        try:
            (waveform,) = self._loaded[request.model].generate(
                [request], lambda _, share: task.progressed(share), task.cancel
            )
        except EngineError:
            raise
        except Exception as error:
            if is_out_of_memory(error):
                raise EngineOutOfMemory(str(error)) from error
            raise
        return waveform

    def _estimated_bytes(self, choice: Choice) -> int:
        """Weights as they will be in memory; they are published in half precision, the codec in full."""
        language_model, codec = (
            (choice.folder / file).stat().st_size if (choice.folder / file).is_file() else 0
            for file in (LM_FILE, CODEC_FILE)
        )
        return language_model * self._dtype.itemsize // BYTES_PER_HALF + codec + choice.text_encoder_bytes

    def _check(self, request: GenerationRequest) -> None:
        self._choice(request.model)
        if not 0 < request.duration_s <= _MAX_RENDERED_S:
            raise RequestNotSupported(f"{request.duration_s} s is outside 0 to {_MAX_RENDERED_S} s")

    def _choice(self, model: str) -> Choice:
        if model not in self._choices:
            raise RequestNotSupported(f"there is no checkpoint for {model!r}")
        return self._choices[model]
