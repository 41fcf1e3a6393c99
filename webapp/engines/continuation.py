"""The sound that another one goes on from, as engines see it: samples, and what an engine kept of them."""

from dataclasses import dataclass

from webapp.audio.waveform import Waveform


@dataclass(frozen=True, slots=True, eq=False)
class Continuation:
    """The beginning of a sound that is to be continued.

    ``head`` is the sound up to where the new one goes on, finished as it is in its file. ``material`` is what
    an engine kept when it made that sound (see :class:`MadeWaveform`), of the whole of it; empty if there is
    nothing. ``engine`` made it, from ``prompt`` and ``seed``, with ``model``.
    """

    head: Waveform
    material: bytes = b""
    engine: str = ""
    prompt: str = ""
    model: str = ""
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class MadeWaveform(Waveform):
    """A waveform with its ``material``: what its engine needs to continue it, in bytes that only it reads."""

    material: bytes = b""


def material_of(waveform: Waveform) -> bytes:
    """Return what the engine of a waveform kept; empty if that is nothing."""
    return waveform.material if isinstance(waveform, MadeWaveform) else b""
