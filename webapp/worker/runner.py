"""Makes the sound of one job: takes, finishing, files. Synchronous; one thread runs it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from webapp.audio.export import write_renditions
from webapp.audio.finish import FinishedAudio, finish
from webapp.audio.loop import loop_overlap_s
from webapp.engines.base import CancelToken, EngineInfo, GenerationRequest, Sampling
from webapp.ids import Ids
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


@dataclass(frozen=True, slots=True)
class Take:
    """One try at a sound, finished and scored."""

    seed: int
    audio: FinishedAudio


class Runner:
    """Turns a claim into files in a folder."""

    def __init__(self, engines: EngineSet, ids: Ids, *, low_quality_below: int) -> None:
        self._engines = engines
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
        request = _request(claim, seed)
        waveform = engine.generate([request], lambda _, share: progress(int(share * GENERATED_PCT)), cancel)[
            0
        ]
        cancel.raise_if_cancelled()
        return Take(seed, finish(waveform, duration_s=claim.duration_s, loopable=claim.is_loopable))


def _request(claim: Claim, seed: int) -> GenerationRequest:
    overlap_s = loop_overlap_s(claim.duration_s) if claim.is_loopable else 0.0
    sampling = Sampling(
        claim.sampling.temperature, claim.sampling.top_k, claim.sampling.top_p, claim.sampling.guidance
    )
    request = GenerationRequest(claim.prompt, claim.duration_s, claim.model, seed, sampling)
    return replace(request, duration_s=claim.duration_s + overlap_s, loop_overlap_s=overlap_s)


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
