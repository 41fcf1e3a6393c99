"""Measures each stage's share of a job's time, so that percentages move as the time does."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

# A job that is not visible yet is never reported as complete.
MOST_PCT: Final = 99
# How much the newest job counts against all before it.
NEWEST_SHARE: Final = 0.3


@dataclass(frozen=True, slots=True)
class StageTimes:
    """Seconds that each stage takes for a second of sound."""

    generate_s: float
    finish_s: float = 0.03
    write_s: float = 0.12

    @property
    def shares(self) -> tuple[float, float]:
        """The shares of the whole, 0 to 1, at which generating and finishing end."""
        whole_s = self.generate_s + self.finish_s + self.write_s
        return self.generate_s / whole_s, (self.generate_s + self.finish_s) / whole_s

    def drawn_towards(self, newest: "StageTimes") -> "StageTimes":
        """The times with those of one more job."""
        return StageTimes(
            *(
                before + NEWEST_SHARE * (after - before)
                for before, after in (
                    (self.generate_s, newest.generate_s),
                    (self.finish_s, newest.finish_s),
                    (self.write_s, newest.write_s),
                )
            )
        )


# Before the first job of an engine: on an idle processor, rules take about as long as writing the files.
GUESS_SKETCH: Final = StageTimes(generate_s=0.12)
GUESS_NEURAL: Final = StageTimes(generate_s=2.0)


class StageMeasures:
    """The measured stage times of this process's jobs, by engine and model."""

    def __init__(self) -> None:
        self._times: dict[tuple[str, str], StageTimes] = {}

    def of(self, engine: str, model: str) -> StageTimes:
        """The measured times, or a guess before the first job."""
        return self._times.get((engine, model)) or (GUESS_SKETCH if engine == "sketch" else GUESS_NEURAL)

    def record(self, engine: str, model: str, newest: StageTimes) -> None:
        """Take the times of a finished job into account."""
        before = self._times.get((engine, model))
        self._times[(engine, model)] = before.drawn_towards(newest) if before else newest


class StageClock:
    """One job's way through the stages: reports percentages, and measures how long each stage took."""

    def __init__(self, times: StageTimes, report: Callable[[int], None], now_s: Callable[[], float]) -> None:
        self._ends = (*times.shares, 1.0)
        self._report = report
        self._now_s = now_s
        self._stage_s = [0.0, 0.0, 0.0]
        self._since_s = now_s()
        # When the engine first reported, and how far it was: before that it may have been loading.
        self._first: tuple[float, float] | None = None

    def generated(self, share: float) -> None:
        """The engine has made this share, 0 to 1."""
        now_s = self._now_s()
        if self._first is None:
            self._first = (now_s, share)
        if share >= 1.0:
            first_s, first_share = self._first
            paced_s = (now_s - first_s) / (1 - first_share) if first_share < 1 else now_s - self._since_s
            self._stage_s[0] += paced_s
            self._since_s, self._first = now_s, None
        self._at(0, share)

    def finished(self, share: float) -> None:
        """This share of trimming, levelling and scoring is done."""
        self._timed(1)
        self._at(1, share)

    def written(self, share: float) -> None:
        """This share of the files is written."""
        self._timed(2)
        self._at(2, share)

    def measured(self, duration_s: float) -> StageTimes:
        """Return each stage's time for a second of sound, for a sound of this length."""
        return StageTimes(*(stage_s / duration_s for stage_s in self._stage_s))

    def _timed(self, stage: int) -> None:
        now_s = self._now_s()
        self._stage_s[stage] += now_s - self._since_s
        self._since_s = now_s

    def _at(self, stage: int, share: float) -> None:
        begin = self._ends[stage - 1] if stage else 0.0
        self._report(min(MOST_PCT, int(100 * (begin + share * (self._ends[stage] - begin)))))
