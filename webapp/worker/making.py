"""Makes the sound of one job: takes on the engine's thread, finishing and files on another."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from webapp import tracing
from webapp.audio.export import write_renditions
from webapp.audio.finish import FinishedAudio, finish
from webapp.audio.joining import finish_continued
from webapp.audio.loop import loop_overlap_s
from webapp.audio.marks import Marks
from webapp.audio.waveform import Waveform
from webapp.engines.base import (
    CancelToken,
    EngineInfo,
    GenerationRequest,
    RequestNotSupported,
    Sampling,
    Understanding,
)
from webapp.engines.continuation import Continuation, material_of
from webapp.ids import Ids
from webapp.policy.generation import SamplingChoice
from webapp.policy.queue.live_sound import EARLIER_IS_BETTER, TOO_POOR
from webapp.services.library.sounds import PromptReading, SoundFacts
from webapp.services.queue.leases import Claim
from webapp.services.workers.metrics import WorkerMetrics
from webapp.worker.sound_marks import marks_of
from webapp.worker.stages import StageClock, StageMeasures

T = TypeVar("T")

FURTHER_TAKES = 2
FILE_STEM = "sound"
PICTURE_STEM = "spectrogram"


class WantedSound(Protocol):
    """A request for a sound, by a job or at a shell."""

    @property
    def prompt(self) -> str: ...
    @property
    def duration_s(self) -> float: ...
    @property
    def model(self) -> str: ...
    @property
    def is_loopable(self) -> bool: ...
    @property
    def sampling(self) -> SamplingChoice: ...


class Generates(Protocol):
    """Whoever turns a request into sound."""

    async def generate(
        self,
        request: GenerationRequest,
        progress: Callable[[float], None],
        cancel: CancelToken,
        heard: Callable[[Waveform], None],
    ) -> Waveform: ...


class Listens(Protocol):
    """Whoever lets a sound be heard while it is made."""

    def heard(self, chunk: Waveform) -> None:
        """Take the next chunk of the present take; called from the engine's thread."""
        ...

    def generated(self, waveform: Waveform) -> None:
        """Take the end of the present take, and all of it from an engine that hands over no chunks."""
        ...

    async def discard(self, reason: str) -> None:
        """Forget what was heard so far: it is not what the sound will be. Raises LeaseLost."""
        ...


class KnowsEngines(Protocol):
    """Whoever knows which engine serves a model."""

    def info(self, model: str) -> EngineInfo: ...

    def explain(self, request: GenerationRequest) -> Understanding | None: ...


@dataclass(frozen=True, slots=True)
class Take:
    """One try at a sound, finished and scored, and what made it."""

    seed: int
    audio: FinishedAudio
    made_by: EngineInfo
    understanding: Understanding | None
    material: bytes = b""


@dataclass(frozen=True, slots=True)
class Making:
    """A job on its way: where its files go, who is told how far it is, and how it is stopped.

    `progress` takes percentages and may be called from any thread. `generating` is told whether the
    engine has the job now. `melody` is the sound whose melody is to be followed, and `continuation` the sound
    that the job continues. `live` lets the sound be heard meanwhile.
    """

    claim: Claim
    folder: Path
    progress: Callable[[int], None]
    generating: Callable[[bool], None]
    cancel: CancelToken
    live: Listens
    melody: Waveform | None = None
    continuation: Continuation | None = None


@dataclass(frozen=True, slots=True)
class MakingOptions:
    """The operator's choices: below which score a take is made again, how loud sounds are, and whether files
    hold the prompts that they were made from.
    """

    low_quality_below: int
    target_lufs: float
    marks_prompts: bool = True


class SoundMaker:
    """Turns claims into files, several at a time."""

    def __init__(
        self,
        engine: Generates,
        engines: KnowsEngines,
        ids: Ids,
        finishing: Executor,
        *,
        metrics: WorkerMetrics,
        options: MakingOptions,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Finishing and writing run in `finishing`; `now_s` is a clock that never goes back.

        What is heard meanwhile is encoded in `streaming`, which nothing that takes long holds up.
        """
        self.streaming: Executor = ThreadPoolExecutor(1, thread_name_prefix="streaming")
        self._engine = engine
        self._engines = engines
        self._ids = ids
        self._finishing = finishing
        self._metrics = metrics
        self._options = options
        self._measures = StageMeasures()
        self._now_s = now_s

    async def make(self, making: Making) -> SoundFacts:
        """Generate, finish and write the sound.

        Raises EngineError (GenerationCancelled when it is cancelled) and OSError.
        """
        claim = making.claim
        engine = self._engine_name(claim.model)
        stages = StageClock(self._measures.of(engine, claim.model), making.progress, self._now_s)
        best = await self._best_take(making, stages)
        with tracing.span("write"):
            marks = marks_of(
                best.made_by,
                claim.prompt if self._options.marks_prompts else "",
                best.seed,
                is_loop=claim.is_loopable,
            )
            bytes_total = await self._in_finishing(lambda: _write(best, making.folder, marks, stages.written))
        self._measures.record(engine, claim.model, stages.measured(claim.duration_s))
        making.cancel.raise_if_cancelled()
        return _facts(best, bytes_total)

    def _engine_name(self, model: str) -> str:
        """Return the name of a model's engine; empty where none serves it, which generating will explain."""
        try:
            return self._engines.info(model).engine
        except RequestNotSupported:
            return ""

    async def _best_take(self, making: Making, stages: StageClock) -> Take:
        """The first take that is good enough, or the best of a few; only one if its seed was asked for."""
        claim = making.claim
        best = last = await self._take(making, stages, claim.seed)
        further = 0 if claim.seed_was_given else FURTHER_TAKES
        while best.audio.report.score < self._options.low_quality_below and further:
            further -= 1
            await making.live.discard(TOO_POOR)
            last = await self._take(making, stages, self._ids.seed())
            best = max(best, last, key=lambda candidate: candidate.audio.report.score)
        if best is not last:
            await making.live.discard(EARLIER_IS_BETTER)
        return best

    async def _take(self, making: Making, stages: StageClock, seed: int) -> Take:
        claim = making.claim
        request = generation_request(claim, seed, making.melody, making.continuation)
        making.generating(True)
        try:
            engine = self._engine_name(claim.model)
            with (
                self._metrics.generating(claim.model, engine, request.duration_s, self._now_s),
                tracing.span("generate", engine=engine) as span,
            ):
                progress = tracing.with_events(span, stages.generated)
                waveform = await self._engine.generate(request, progress, making.cancel, making.live.heard)
        finally:
            making.generating(False)
        # Before another checkpoint can have taken this one's place.
        made_by = self._engines.info(claim.model)
        understanding = self._engines.explain(request)
        making.cancel.raise_if_cancelled()
        making.live.generated(waveform)
        with tracing.span("finish"):
            finished = await self._in_finishing(
                lambda: finished_audio(
                    claim,
                    waveform,
                    making.continuation,
                    target_lufs=self._options.target_lufs,
                    progressed=stages.finished,
                )
            )
        return Take(seed, finished, made_by, understanding, material_of(waveform))

    def _in_finishing(self, act: Callable[[], T]) -> Awaitable[T]:
        return asyncio.get_running_loop().run_in_executor(self._finishing, act)


def finished_audio(
    wanted: WantedSound,
    waveform: Waveform,
    continuation: Continuation | None,
    *,
    target_lufs: float,
    progressed: Callable[[float], object] = lambda _share: None,
) -> FinishedAudio:
    """Finish what was generated for a request; what it continues stays as it is."""
    if continuation is not None:
        return finish_continued(
            waveform, continuation.head, duration_s=wanted.duration_s, progressed=progressed
        )
    return finish(
        waveform,
        duration_s=wanted.duration_s,
        loopable=wanted.is_loopable,
        target_lufs=target_lufs,
        progressed=progressed,
    )


def generation_request(
    wanted: WantedSound,
    seed: int,
    melody: Waveform | None = None,
    continuation: Continuation | None = None,
) -> GenerationRequest:
    """Return what to generate: longer than wanted for a loop, whose end is crossfaded with its start."""
    overlap_s = loop_overlap_s(wanted.duration_s) if wanted.is_loopable else 0.0
    chosen = wanted.sampling
    return GenerationRequest(
        wanted.prompt,
        wanted.duration_s + overlap_s,
        wanted.model,
        seed,
        Sampling(chosen.temperature, chosen.top_k, chosen.top_p, chosen.guidance),
        overlap_s,
        melody,
        continuation,
    )


def _write(take: Take, folder: Path, marks: Marks, progressed: Callable[[float], object]) -> int:
    """Write every file of a take; returns their bytes together."""
    renditions = write_renditions(
        take.audio, folder, FILE_STEM, dither_seed=take.seed, marks=marks, progressed=progressed
    )
    (folder / f"{FILE_STEM}.png").rename(folder / f"{PICTURE_STEM}.png")
    return sum(rendition.size_bytes for rendition in renditions)


def _facts(take: Take, bytes_total: int) -> SoundFacts:
    info, waveform, report = take.made_by, take.audio.waveform, take.audio.report
    return SoundFacts(
        engine=info.engine,
        engine_label=info.label,
        checkpoint=info.checkpoint,
        license=info.licence,
        seed=take.seed,
        duration_s=waveform.duration_s,
        sample_rate=waveform.sample_rate,
        channels=waveform.channels,
        loudness_lufs=report.loudness_lufs,
        true_peak_dbtp=report.true_peak_dbtp,
        quality_score=report.score,
        quality_reasons=report.reasons,
        peaks=tuple(take.audio.peaks),
        bytes_total=bytes_total,
        reading=_reading(take.understanding),
        material=take.material,
    )


def _reading(understanding: Understanding | None) -> PromptReading | None:
    if understanding is None:
        return None
    return PromptReading(understanding.understood, understanding.unknown, understanding.is_empty)
