"""Effects on a track before the mix: a guitar's amplifier, a tape echo, a wah, a wobble."""

from collections.abc import Callable
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, sosfilt

from webapp.audio.waveform import Samples
from webapp.engines.sketch.music.bus import Tape, saturated
from webapp.engines.sketch.music.instruments.sampler import SAMPLE_RATE

Sections = npt.NDArray[np.float64]

_BIAS: Final = np.float32(0.12)
_POWER_STAGE: Final = 1.6
_WOBBLE_BEATS: Final = (0.5, 1 / 3, 0.25, 0.5)
_ECHO_BEATS, _ECHO_FEEDBACK, _ECHO_WET = 0.75, 0.5, 0.55
_MOUTH_HZ: Final = (420.0, 700.0, 1150.0, 1800.0)
_MOUTH_GAIN: Final = np.float32(5.0)
_WAH_HZ: Final = (450.0, 1900.0)


class Pedal(Protocol):
    """Changes the sound of a track."""

    def __call__(self, samples: Samples, start: int, /) -> Samples:
        """``samples``, shape (2, n), begin at frame ``start`` of the piece."""
        ...


class Filter:
    """A filter that goes on from section to section."""

    def __init__(self, sections: Sections) -> None:
        self._sections = sections
        self._state = np.zeros((len(sections), 2, 2))

    def __call__(self, samples: Samples) -> Samples:
        filtered, self._state = sosfilt(self._sections, samples, zi=self._state)
        return np.asarray(filtered, np.float32)


class Amplifier:
    """A guitar's amplifier: a tight low end, a stage that bends, a power stage, and a loudspeaker in its box.

    Notes that sound together are bent together: what they make between them is the growl of a power chord.
    """

    def __init__(self, drive: float) -> None:
        self._drive = np.float32(drive)
        tight = butter(1, 60 + 9 * drive, "highpass", fs=SAMPLE_RATE, output="sos")
        self._before = Filter(np.vstack((tight, _peak(750, 4, 0.6))))
        self._between = Filter(
            np.vstack((
                butter(1, 40, "highpass", fs=SAMPLE_RATE, output="sos"),
                butter(1, 6500, fs=SAMPLE_RATE, output="sos"),
            ))
        )  # fmt: skip
        self._cabinet = Filter(
            np.vstack((
                butter(2, 85, "highpass", fs=SAMPLE_RATE, output="sos"),
                _peak(120, 3, 1.0),
                _peak(420, -4, 0.8),
                _peak(2600, 6, 0.9),
                butter(4, 5200, fs=SAMPLE_RATE, output="sos"),
            ))
        )  # fmt: skip

    def __call__(self, samples: Samples, _start: int) -> Samples:
        bent = np.tanh(self._before(samples) * self._drive + _BIAS)
        power = saturated(self._between(bent), _POWER_STAGE)
        return self._cabinet(power) * np.float32(0.5)


class Echo:
    """A tape echo on the beat, duller with each repetition."""

    def __init__(self, beat_s: float) -> None:
        self._delay = max(1, round(_ECHO_BEATS * beat_s * SAMPLE_RATE))
        self._dull = Filter(butter(1, [180, 2600], "bandpass", fs=SAMPLE_RATE, output="sos"))
        self._tape = Tape()

    def __call__(self, samples: Samples, _start: int) -> Samples:
        heard = np.empty_like(samples)
        for first in range(0, samples.shape[1], self._delay):
            block = samples[:, first : first + self._delay]
            repeated = self._tape.take(block.shape[1])
            self._tape.lay(
                self._dull(block + np.float32(_ECHO_FEEDBACK) * repeated), self._delay - block.shape[1]
            )
            heard[:, first : first + self._delay] = block + np.float32(_ECHO_WET) * repeated
        return heard


class Wah:
    """A band that a foot opens and closes with the beat."""

    def __init__(self, beat_s: float) -> None:
        self._beat = beat_s * SAMPLE_RATE
        low, high = _WAH_HZ
        self._low = Filter(butter(1, [0.7 * low, 1.4 * low], "bandpass", fs=SAMPLE_RATE, output="sos"))
        self._high = Filter(butter(1, [0.7 * high, 1.4 * high], "bandpass", fs=SAMPLE_RATE, output="sos"))

    def __call__(self, samples: Samples, start: int) -> Samples:
        beats = (start + np.arange(samples.shape[1])) / self._beat
        opening = (0.5 - 0.5 * np.cos(2 * np.pi * beats)).astype(np.float32)
        swept: Samples = self._low(samples) * (1 - opening) + self._high(samples) * opening
        return np.float32(1.5) * swept + np.float32(0.25) * samples


class Mouth:
    """The mouth of somebody who plays a didgeridoo: bands that move from vowel to vowel with the beat."""

    def __init__(self, beat_s: float) -> None:
        self._beat = beat_s * SAMPLE_RATE
        self._bands = [
            Filter(butter(1, [0.8 * hertz, 1.25 * hertz], "bandpass", fs=SAMPLE_RATE, output="sos"))
            for hertz in _MOUTH_HZ
        ]

    def __call__(self, samples: Samples, start: int) -> Samples:
        beats = (start + np.arange(samples.shape[1])) / self._beat
        # Half a turn in each half beat, slower in every other bar.
        place = (len(_MOUTH_HZ) - 1) * (0.5 - 0.5 * np.cos(np.pi * beats * np.where(beats % 8 < 4, 2, 1)))
        said: Samples = np.float32(0.3) * samples
        for index, band in enumerate(self._bands):
            said = (
                said
                + band(samples) * np.clip(1 - np.abs(place - index), 0, 1).astype(np.float32) * _MOUTH_GAIN
            )
        return said


class Wobble:
    """A low-pass that opens and closes with the beat."""

    def __init__(self, beat_s: float) -> None:
        self._beat = beat_s * SAMPLE_RATE
        self._dull = Filter(butter(2, 180, fs=SAMPLE_RATE, output="sos"))
        self._bright = Filter(butter(2, 1800, fs=SAMPLE_RATE, output="sos"))

    def __call__(self, samples: Samples, start: int) -> Samples:
        beats = (start + np.arange(samples.shape[1])) / self._beat
        rates = np.array(_WOBBLE_BEATS)[(beats.astype(int) // 2) % len(_WOBBLE_BEATS)]
        opening = 0.5 - 0.5 * np.cos(2 * np.pi * (beats % 1.0) / rates)
        mixed: Samples = self._dull(samples) + opening.astype(np.float32) * self._bright(
            saturated(samples * 3, 1.5)
        )
        return mixed


# By the names that the table of styles uses.
PEDALS: Final[dict[str, Callable[[float], Pedal]]] = {
    "echo": Echo,
    "mouth": Mouth,
    "wah": Wah,
    "wobble": Wobble,
}


def _peak(centre_hz: float, gain_db: float, width: float) -> Sections:
    """A bell-shaped boost or cut, as one second-order section; ``width`` is its quality."""
    turn = 2 * np.pi * centre_hz / SAMPLE_RATE
    slope = np.sin(turn) / (2 * width)
    gain = 10 ** (gain_db / 40)
    row = [
        1 + slope * gain, -2 * np.cos(turn), 1 - slope * gain,
        1 + slope / gain, -2 * np.cos(turn), 1 - slope / gain,
    ]  # fmt: skip
    section: Sections = np.array([row]) / row[3]
    return section
