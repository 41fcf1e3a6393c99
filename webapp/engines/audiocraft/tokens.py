"""From requests to tokens: windows after one another, jobs beside one another."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from webapp.engines.audiocraft.batch import WindowBatch, WindowDecoder
from webapp.engines.audiocraft.catalogue import Kind
from webapp.engines.audiocraft.conditioning import PromptEncoding, batch_conditions, encode_prompt
from webapp.engines.audiocraft.decoding import DelayedDecoder, StepperFactory, audiocraft_stepper
from webapp.engines.audiocraft.loading import LoadedModel
from webapp.engines.audiocraft.magnet import MagnetDecoder
from webapp.engines.audiocraft.sampling import Chance, TokenSampling, settings_for
from webapp.engines.audiocraft.windows import Window, frames_for, overlap_frames, plan_windows
from webapp.engines.base import CancelToken, GenerationRequest, ProgressCallback


@dataclass(slots=True, eq=False)
class _Job:
    """One request on its way: what is decided about it, and the tokens it has so far."""

    prompt: PromptEncoding
    settings: TokenSampling
    chance: Chance
    windows: tuple[Window, ...]
    tokens: Tensor
    steps: int
    steps_done: int = 0


class TokenDecoder:
    """Decodes tokens with one model."""

    def __init__(self, model: LoadedModel, make_stepper: StepperFactory = audiocraft_stepper) -> None:
        """`make_stepper` runs MusicGen's and AudioGen's language model."""
        self._model = model
        self._overlap = overlap_frames(model.window_frames, model.span_frames)
        self._decoder: WindowDecoder = (
            MagnetDecoder(model) if model.kind is Kind.MAGNET else DelayedDecoder(model, make_stepper)
        )

    @torch.no_grad()
    def decode(
        self, requests: Sequence[GenerationRequest], progress: ProgressCallback, cancel: CancelToken
    ) -> list[Tensor]:
        """Tokens (codebooks, frames) of each request, decoded as one batch.

        Raises GenerationCancelled, NotFinite, and torch's own errors.
        """
        jobs = [self._job(request) for request in requests]
        for number in range(max(len(job.windows) for job in jobs)):
            active = {index: job for index, job in enumerate(jobs) if number < len(job.windows)}

            def after_step(done: int, active: dict[int, _Job] = active, number: int = number) -> None:
                cancel.raise_if_cancelled()
                for index, job in active.items():
                    steps = min(done, self._decoder.steps(job.windows[number]))
                    progress(index, (job.steps_done + steps) / job.steps)

            self._decode_window(list(active.values()), number, after_step)
        return [job.tokens for job in jobs]

    def _job(self, request: GenerationRequest) -> _Job:
        model = self._model
        frames = frames_for(request.duration_s, model.frame_rate)
        windows = plan_windows(frames, model.window_frames, self._overlap)
        return _Job(
            encode_prompt(model, request.prompt),
            settings_for(request.sampling, model.kind),
            Chance(request.seed),
            windows,
            torch.zeros(model.codebooks, 0, dtype=torch.int64, device=model.device),
            sum(self._decoder.steps(window) for window in windows),
        )

    def _decode_window(self, jobs: Sequence[_Job], number: int, after_step: Callable[[int], None]) -> None:
        windows = tuple(job.windows[number] for job in jobs)
        overlap = windows[0].prompt
        batch = WindowBatch(
            windows,
            torch.stack([job.tokens[:, job.tokens.shape[-1] - overlap :] for job in jobs]),
            batch_conditions([job.prompt for job in jobs]),
            tuple(job.settings for job in jobs),
            tuple(job.chance for job in jobs),
        )
        rows = self._decoder.decode(batch, after_step)
        for job, window, row in zip(jobs, windows, rows, strict=True):
            job.tokens = torch.cat([job.tokens, row[:, window.prompt : window.length]], dim=-1)
            job.steps_done += self._decoder.steps(window)
