"""The measured precisions of a checkpoint: a small file beside its weights.

It holds, by kind of device and by precision, the distance of the model's distributions from those of float32.
It is valid only for the weights and the code that it was measured with.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final

VERDICTS_FILE: Final = "soundloom-precision.json"
BOUND: Final = 0.035
"""The largest mean total variation of guided distributions from float32 with which a precision is used."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """A folder's record. `stamps` are the files' sizes and times when their `digest` was computed."""

    digest: str = ""
    code: str = ""
    stamps: tuple[tuple[int, int], ...] = ()
    distances: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def of(self, device: str) -> Mapping[str, float]:
        """Return the distances by precision on a kind of device."""
        return self.distances.get(device, {})

    def with_distances(self, device: str, distances: Mapping[str, float]) -> "Verdicts":
        return replace(self, distances={**self.distances, device: dict(distances)})

    def summary(self) -> str:
        """Return, for people, the precision to use on each kind of device, and the measured distances."""
        return "; ".join(f"{device}: {_serving(found)}" for device, found in sorted(self.distances.items()))


def read_verdicts(folder: Path) -> Verdicts:
    """Return the record of a folder; an empty one if it is missing or unreadable."""
    try:
        stored = json.loads((folder / VERDICTS_FILE).read_text(encoding="utf-8"))
        distances = {
            str(device): {str(name): float(distance) for name, distance in found.items()}
            for device, found in stored["distances"].items()
        }
        stamps = tuple((int(size), int(time)) for size, time in stored["stamps"])
        return Verdicts(str(stored["digest"]), str(stored["code"]), stamps, distances)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return Verdicts()


def current_verdicts(folder: Path, files: Sequence[Path], code: str) -> Verdicts:
    """Return this code's verdict on the weights in these files; an empty record if there is none.

    Files are only read if their sizes or times have changed. Raises OSError.
    """
    known, stamps = read_verdicts(folder), _stamps(files)
    digest = known.digest if known.digest and known.stamps == stamps else digest_of(files)
    distances = known.distances if (known.digest, known.code) == (digest, code) else {}
    return Verdicts(digest, code, stamps, distances)


def verdicts_of(folder: Path, files: Sequence[Path]) -> Verdicts:
    """Return the record of a folder if these files are unchanged since, else an empty one. Reads no file."""
    known = read_verdicts(folder)
    try:
        return known if known.stamps == _stamps(files) else Verdicts()
    except OSError:
        return Verdicts()


def kept_distances(folder: Path, files: Sequence[Path], code: str, device: str) -> Mapping[str, float]:
    """Return this code's verdict on files unchanged since."""
    known = verdicts_of(folder, files)
    return known.of(device) if known.code == code else {}


def write_verdicts(folder: Path, verdicts: Verdicts) -> None:
    """Replace the record of a folder atomically. Raises OSError."""
    aside = folder / f"{VERDICTS_FILE}.{os.getpid()}.part"
    aside.write_text(f"{json.dumps(asdict(verdicts), indent=1)}\n", encoding="utf-8")
    aside.replace(folder / VERDICTS_FILE)


def digest_of(files: Sequence[Path]) -> str:
    """Return the SHA-256 of the SHA-256 digests of files. Raises OSError."""
    whole = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()


def _stamps(files: Sequence[Path]) -> tuple[tuple[int, int], ...]:
    found = [path.stat() for path in files]
    return tuple((each.st_size, each.st_mtime_ns) for each in found)


def _serving(distances: Mapping[str, float]) -> str:
    fit = next((name for name, distance in distances.items() if distance <= BOUND), "float32")
    measured = ", ".join(f"{name} {distance:.3f}" for name, distance in distances.items())
    return f"{fit} ({measured} from float32)"
