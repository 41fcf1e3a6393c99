"""Which precision a model is computed in: the quickest that its own weights allow."""

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
from webapp.engines.audiocraft.sequence import Decoding
from webapp.weights.verdicts import BOUND, Verdicts, current_verdicts, write_verdicts

logger = logging.getLogger(__name__)

MEASURING: Final = ("fidelity.py", "loading/model_loader.py", "decoder")
"""The code that a distance depends on."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model's decoder, its precision, and the reason for it."""

    decoding: Decoding
    precision: Precision
    note: str


Build = Callable[[Precision], tuple[Decoding, Callable[[], float]]]
"""Makes what decodes in a precision, and what measures how far that is from float32."""


def fitted(
    model: LoadedModel, candidates: Sequence[Precision], build: Build, known: "Known", *, is_asked: bool
) -> Fitted:
    """The first of the candidates, the last of which is float32, whose distance is within the bound.

    One that was asked for is used whatever its distance, which is told. Raises what `build` does.
    """
    notes: list[str] = []
    for precision in candidates:
        if precision is not Precision.FLOAT32:
            distance = known.distance(precision)
            if distance is not None and distance > BOUND and not is_asked:
                notes.append(_told(precision, distance))
                continue
            decoding, measure = build(precision)
            if distance is None:
                distance = known.learn(precision, measure())
            notes.append(_told(precision, distance))
            if distance > BOUND and not is_asked:
                del decoding, measure
                free_memory(model.device)
                continue
        else:
            decoding, _ = build(precision)
        return _said(model, Fitted(decoding, precision, "; ".join(notes)))
    raise AssertionError("float32 is always among the candidates")


def _told(precision: Precision, distance: float) -> str:
    is_over = "" if distance <= BOUND else f", more than {BOUND:g}"
    return f"{precision} is {distance:.3f} from float32{is_over}"


def _said(model: LoadedModel, fitted_: Fitted) -> Fitted:
    level = logging.WARNING if "more than" in fitted_.note else logging.INFO
    logger.log(
        level, "%s is computed in %s%s", model.name, fitted_.precision,
        f": {fitted_.note}" if fitted_.note else "",
    )  # fmt: skip
    return fitted_


class Known:
    """The distances that are known of a model on a kind of device."""

    def __init__(self) -> None:
        self._distances: dict[Precision, float] = {}

    def distance(self, precision: Precision) -> float | None:
        """Return the measured figures, or None."""
        return self._distances.get(precision)

    def learn(self, precision: Precision, distance: float) -> float:
        """Keep a new one."""
        self._distances[precision] = distance
        return distance


class KeptInFolder(Known):
    """Distances kept beside a checkpoint's weights; where that folder cannot be written, in memory only.

    The weights' digest is taken when somebody asks.
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
                logger.warning("what is known of precisions cannot be read", exc_info=True)
                self._read = Verdicts()
            for name, distance in self._read.of(self._device).items():
                if name in set(Precision):
                    self._distances[Precision(name)] = distance
        return self._read

    def learn(self, precision: Precision, distance: float) -> float:
        verdicts = self._verdicts()
        super().learn(precision, distance)
        if verdicts.digest:
            found = {each.value: distance for each, distance in self._distances.items()}
            self._read = verdicts.with_distances(self._device, found)
            try:
                write_verdicts(self._folder, self._read)
            except OSError as error:
                logger.info("what was found out about precisions is not kept: %s", error)
        return distance


@cache
def code_version() -> str:
    """Of the code that computes and measures, and of torch: what was found out with another is not known."""
    folder, whole = Path(__file__).parent, hashlib.sha256(version("torch").encode())
    for name in MEASURING:
        part = folder / name
        files = sorted(part.rglob("*")) if part.is_dir() else [part]
        for path in files:
            if path.is_file() and path.suffix != ".pyc":
                whole.update(path.read_bytes())
    return whole.hexdigest()
