"""Makes the sound of one job: takes, finishing, files. Synchronous; one thread runs it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from webapp.audio.export import write_renditions
from webapp.audio.finish import FinishedAudio, finish
from webapp.audio.loop import loop_overlap_s
from webapp.engines.base import CancelToken, EngineInfo, GenerationRequest, Sampling
from webapp.engines.batch import generate_all
from webapp.ids import Ids
from webapp.policy.generation import SamplingChoice
from webapp.services.leases import Claim, SoundFacts
from webapp.worker.engine_set import EngineSet

FURTHER_TAKES = 2
# Shares of the whole at which each stage ends; what each takes was measured on 30 s clips.
GENERATED_PCT = 80
FINISHED_PCT = 85
WRITTEN_PCT = 99
FILE_STEM = "sound"
PICTURE_STEM = "spectrogram"

Progress = Callable[[int], None]


class WantedSound(Protocol):
    """What is asked for, by a job or at a shell."""

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


@dataclass(frozen=True, slots=True)
class Take:
    """One try at a sound, finished and scored."""

    seed: int
    audio: FinishedAudio


class Runner:
    """Turns a claim into files in a folder."""

    def __init__(self, engines: EngineSet, ids: Ids, *, low_quality_below: int, target_lufs: float) -> None:
        self._engines = engines
        self._target_lufs = target_lufs
        self._ids = ids
        self._low_quality_below = low_quality_below

    def run(self, claim: Claim, folder: Path, progress: Progress, cancel: CancelToken) -> SoundFacts:
        """Generate, finish and write the sound; `progress` is told percentages.

        Raises EngineError (GenerationCancelled when `cancel` is set) and OSError.
        """
        best = self._best_take(claim, progress, cancel)
        progress(FINISHED_PCT)
        renditions = write_renditions(best.audio, folder, FILE_STEM, dither_seed=best.seed)
        (folder / f"{FILE_STEM}.png").rename(folder / f"{PICTURE_STEM}.png")
        progress(WRITTEN_PCT)
        cancel.raise_if_cancelled()
        return _facts(
            self._engines.info(claim.model), best, sum(rendition.size_bytes for rendition in renditions)
        )

    def _best_take(self, claim: Claim, progress: Progress, cancel: CancelToken) -> Take:
        """The first take that is good enough, or the best of a few; only one if its seed was asked for."""
        best = self._take(claim, claim.seed, progress, cancel)
        further = 0 if claim.seed_was_given else FURTHER_TAKES
        while best.audio.report.score < self._low_quality_below and further:
            further -= 1
            take = self._take(claim, self._ids.seed(), progress, cancel)
            best = max(best, take, key=lambda candidate: candidate.audio.report.score)
        return best

    def _take(self, claim: Claim, seed: int, progress: Progress, cancel: CancelToken) -> Take:
        engine = self._engines.for_model(claim.model)
        engine.load(claim.model)
        request = generation_request(claim, seed)
        (waveform,) = generate_all(
            engine, [request], lambda _, share: progress(int(share * GENERATED_PCT)), cancel
        )
        cancel.raise_if_cancelled()
        finished = finish(
            waveform, duration_s=claim.duration_s, loopable=claim.is_loopable, target_lufs=self._target_lufs
        )
        return Take(seed, finished)


def generation_request(wanted: WantedSound, seed: int) -> GenerationRequest:
    """What the engine is asked for: for a loop, as much more as its end is crossfaded with its start."""
    overlap_s = loop_overlap_s(wanted.duration_s) if wanted.is_loopable else 0.0
    chosen = wanted.sampling
    return GenerationRequest(
        wanted.prompt,
        wanted.duration_s + overlap_s,
        wanted.model,
        seed,
        Sampling(chosen.temperature, chosen.top_k, chosen.top_p, chosen.guidance),
        overlap_s,
    )


def _facts(info: EngineInfo, take: Take, bytes_total: int) -> SoundFacts:
    waveform, report = take.audio.waveform, take.audio.report
    return SoundFacts(
        engine=info.engine,
        engine_label=info.label,
        checkpoint="",
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
    )
