"""A batch of requests to waveforms, and what is done when memory or precision does not suffice."""

from collections.abc import Callable, Sequence
from typing import Final

from torch import Tensor

from webapp.audio.waveform import Samples, Waveform, frame_count
from webapp.engines.audiocraft.codec import CodecDecoder
from webapp.engines.audiocraft.decoding import StepperFactory, audiocraft_stepper
from webapp.engines.audiocraft.devices import free_memory, is_out_of_memory
from webapp.engines.audiocraft.health import NotFinite
from webapp.engines.audiocraft.loading import LoadedModel
from webapp.engines.audiocraft.tokens import TokenDecoder
from webapp.engines.base import (
    CancelToken,
    EngineOutOfMemory,
    GenerationFailed,
    GenerationRequest,
    ProgressCallback,
)

# Share of the work that is decoding tokens; the codec has the rest.
TOKENS_SHARE: Final = 0.95
SMALLEST_CHUNK_FRAMES: Final = 25


class Generator:
    """Generates with one loaded model. Like the model, it belongs to one thread."""

    def __init__(self, model: LoadedModel, make_stepper: StepperFactory = audiocraft_stepper) -> None:
        self._model = model
        self._tokens = TokenDecoder(model, make_stepper)
        self._codec = CodecDecoder(model.codec)

    @property
    def sample_rate(self) -> int:
        return self._model.sample_rate

    @property
    def channels(self) -> int:
        return self._model.channels

    def generate(
        self, requests: Sequence[GenerationRequest], progress: ProgressCallback, cancel: CancelToken
    ) -> list[Waveform]:
        """Render a batch.

        When memory runs out, smaller batches and pieces are tried. Numbers that are no numbers are
        computed again in full precision. Raises GenerationCancelled, EngineOutOfMemory, GenerationFailed.
        """
        work = _Work(tuple(requests), _forward_only(progress, len(requests)), cancel)
        cancel.raise_if_cancelled()
        tokens = self._decode(work, range(len(requests)))
        waveforms = []
        for index, request in enumerate(requests):
            waveforms.append(self._sound(tokens[index], request, work.after_chunk(index)))
            work.progress(index, 1.0)
        return waveforms

    def _decode(self, work: "_Work", indices: Sequence[int]) -> dict[int, Tensor]:
        """Tokens of some requests, by index, in batches that fit."""
        fault: str | None = None
        try:
            decoded = self._tokens.decode(
                [work.requests[index] for index in indices],
                lambda row, share: work.progress(indices[row], TOKENS_SHARE * share),
                work.cancel,
            )
            return dict(zip(indices, decoded, strict=True))
        except NotFinite as error:
            if self._model.is_full_precision:
                raise GenerationFailed(str(error)) from error
            fault = "precision"
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            fault = "memory"
        # Here the failed try's tensors are no longer held by its traceback.
        free_memory(self._model.device)
        if fault == "precision":
            return self._decode_in_full_precision(work, indices)
        if len(indices) == 1:
            raise EngineOutOfMemory("memory ran out while decoding tokens")
        middle = len(indices) // 2
        return self._decode(work, indices[:middle]) | self._decode(work, indices[middle:])

    def _decode_in_full_precision(self, work: "_Work", indices: Sequence[int]) -> dict[int, Tensor]:
        try:
            with self._model.in_float32():
                return self._decode(work, indices)
        except Exception as error:
            if is_out_of_memory(error):
                raise EngineOutOfMemory("memory ran out in full precision") from error
            raise

    def _sound(
        self, tokens: Tensor, request: GenerationRequest, after_chunk: Callable[[float], None]
    ) -> Waveform:
        """Decode tokens to exactly the duration asked for, in smaller pieces if memory runs out."""
        while True:
            try:
                return self._waveform(self._codec.decode(tokens, after_chunk), request)
            except NotFinite as error:
                raise GenerationFailed(str(error)) from error
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
            free_memory(self._model.device)
            if self._codec.chunk_frames <= SMALLEST_CHUNK_FRAMES:
                raise EngineOutOfMemory("memory ran out while decoding sound")
            self._codec.chunk_frames //= 2

    def _waveform(self, samples: Samples, request: GenerationRequest) -> Waveform:
        frames = frame_count(request.duration_s, self._model.sample_rate)
        return Waveform(samples[:, : max(1, frames)], self._model.sample_rate)


class _Work:
    """A batch on its way."""

    def __init__(
        self, requests: tuple[GenerationRequest, ...], progress: ProgressCallback, cancel: CancelToken
    ) -> None:
        self.requests = requests
        self.progress = progress
        self.cancel = cancel

    def after_chunk(self, index: int) -> Callable[[float], None]:
        """What the codec tells after each piece of a request's sound."""

        def tell(share: float) -> None:
            self.cancel.raise_if_cancelled()
            self.progress(index, TOKENS_SHARE + (1 - TOKENS_SHARE) * share)

        return tell


def _forward_only(progress: ProgressCallback, count: int) -> ProgressCallback:
    """A callback that passes on only what is further than before: work done twice counts once."""
    reached = [0.0] * count

    def tell(index: int, share: float) -> None:
        if share > reached[index]:
            reached[index] = share
            progress(index, share)

    return tell
