"""Chooses the precision of a model: the fastest one that its own weights allow."""

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

from webapp.engines.audiocraft.devices import Precision, free_memory
from webapp.engines.audiocraft.loading.model_loader import LoadedModel
from webapp.engines.audiocraft.model_runner import ModelRunner
from webapp.weights.verdicts import BOUND, Verdicts, current_verdicts, write_verdicts

logger = logging.getLogger(__name__)

MEASURING_CODE: Final = ("fidelity.py", "loading/model_loader.py", "decoder")
"""The code on which a measured distance depends."""


@dataclass(frozen=True, slots=True)
class PrecisionChoice:
    """A model's runner, its precision, and the reason for it."""

    runner: ModelRunner
    precision: Precision
    reason: str


Build = Callable[[Precision], tuple[ModelRunner, Callable[[], float]]]
"""Builds a runner in a precision, and returns a function that measures its distance from float32."""


def choose_precision(
    model: LoadedModel,
    candidates: Sequence[Precision],
    build: Build,
    distances: "PrecisionDistances",
    *,
    is_requested: bool,
) -> PrecisionChoice:
    """Choose the first candidate whose distance is within the bound; the last candidate is float32.

    A precision that was requested is used whatever its distance, which is reported. Raises what `build` does.
    """
    reasons: list[str] = []
    for precision in candidates:
        if precision is not Precision.FLOAT32:
            distance = distances.distance(precision)
            if distance is not None and distance > BOUND and not is_requested:
                reasons.append(_describe(precision, distance))
                continue
            runner, measure = build(precision)
            if distance is None:
                distance = distances.record(precision, measure())
            reasons.append(_describe(precision, distance))
            if distance > BOUND and not is_requested:
                del runner, measure
                free_memory(model.device)
                continue
        else:
            runner, _ = build(precision)
        return _logged(model, PrecisionChoice(runner, precision, "; ".join(reasons)))
    raise AssertionError("float32 is always among the candidates")


def _describe(precision: Precision, distance: float) -> str:
    is_over = "" if distance <= BOUND else f", more than {BOUND:g}"
    return f"{precision} is {distance:.3f} from float32{is_over}"


def _logged(model: LoadedModel, choice: PrecisionChoice) -> PrecisionChoice:
    level = logging.WARNING if "more than" in choice.reason else logging.INFO
    logger.log(
        level, "%s is computed in %s%s", model.name, choice.precision,
        f": {choice.reason}" if choice.reason else "",
    )  # fmt: skip
    return choice


class PrecisionDistances:
    """The measured distances of a model's precisions from float32 on a kind of device."""

    def __init__(self) -> None:
        self._distances: dict[Precision, float] = {}

    def distance(self, precision: Precision) -> float | None:
        """Return the measured distance, or None."""
        return self._distances.get(precision)

    def record(self, precision: Precision, distance: float) -> float:
        """Record a measured distance, and return it."""
        self._distances[precision] = distance
        return distance


class StoredDistances(PrecisionDistances):
    """Distances stored beside a checkpoint's weights; in memory only if that folder cannot be written.

    The weights' digest is computed when it is first needed.
    """

    def __init__(self, folder: Path, files: tuple[Path, ...], device: str) -> None:
        super().__init__()
        self._folder, self._files, self._device = folder, files, device
        self._read: Verdicts | None = None

    def distance(self, precision: Precision) -> float | None:
        self._verdicts()
        return super().distance(precision)

    def _verdicts(self) -> Verdicts:
        if self._read is None:
            try:
                self._read = current_verdicts(self._folder, self._files, code_version())
            except OSError:
                logger.warning("the measured precisions cannot be read", exc_info=True)
                self._read = Verdicts()
            for name, distance in self._read.of(self._device).items():
                if name in set(Precision):
                    self._distances[Precision(name)] = distance
        return self._read

    def record(self, precision: Precision, distance: float) -> float:
        verdicts = self._verdicts()
        super().record(precision, distance)
        if verdicts.digest:
            found = {each.value: distance for each, distance in self._distances.items()}
            self._read = verdicts.with_distances(self._device, found)
            try:
                write_verdicts(self._folder, self._read)
            except OSError as error:
                logger.info("the measured precisions are not stored: %s", error)
        return distance


@cache
def code_version() -> str:
    """Return a digest of the code that computes and measures, and of torch's version.

    Distances measured with another version do not count.
    """
    folder, digest = Path(__file__).parent, hashlib.sha256(version("torch").encode())
    for name in MEASURING_CODE:
        part = folder / name
        files = sorted(part.rglob("*")) if part.is_dir() else [part]
        for path in files:
            if path.is_file() and path.suffix != ".pyc":
                digest.update(path.read_bytes())
    return digest.hexdigest()
