"""`soundloom generate --continue-from FILE`: the beginning of a file of one's own."""

from pathlib import Path
from typing import Final

from webapp.audio.decode import NotSound, decode
from webapp.audio.waveform import frame_count
from webapp.engines.continuation import Continuation
from webapp.errors import InvalidRequest
from webapp.policy.continuations import check_span

LONGEST_S: Final = 600.0
MOST_SAMPLES: Final = 2 * 192_000 * 600
ADDED_S: Final = 8.0


def beginning_of(path: Path, from_s: float | None) -> Continuation:
    """Read a sound file up to a second, or to its end for None.

    Raises InvalidRequest for a file that is no sound, and OSError.
    """
    if not path.is_file():
        raise InvalidRequest(f"There is no file {path}")
    try:
        whole = decode(
            path, path.suffix.removeprefix(".").lower(), longest_s=LONGEST_S, most_samples=MOST_SAMPLES
        )
    except NotSound as error:
        raise InvalidRequest(f"{path} cannot be continued: {error}") from error
    until_s = whole.duration_s if from_s is None else from_s
    check_span(until_s, whole.duration_s, until_s + ADDED_S)
    frames = frame_count(until_s, whole.sample_rate)
    return Continuation(whole.with_samples(whole.samples[:, :frames].copy()))
