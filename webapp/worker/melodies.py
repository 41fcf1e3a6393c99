"""Reads the sound whose melody a job follows."""

import asyncio
from pathlib import Path
from typing import Final

import numpy as np
import soundfile

from webapp.audio.waveform import Waveform
from webapp.errors import NotFound
from webapp.policy.library.sound_sources import SoundSource
from webapp.services.sources.sound_sources import SoundSources
from webapp.worker.continuing import SourceGone

# No engine follows more of a melody.
LONGEST_S: Final = 60.0


class MelodyGone(SourceGone):
    """The sound was deleted, or has expired, since the job was accepted."""

    user_message = "The sound whose melody it was to follow is no longer there"


async def read_melody(sources: SoundSources, source: SoundSource) -> Waveform:
    """Return the first minute of a source's sound. Raises MelodyGone and StorageAway."""
    try:
        async with sources.opened(source) as path:
            return await asyncio.to_thread(first_minute, path)
    except NotFound as error:
        raise MelodyGone from error


def first_minute(path: Path) -> Waveform:
    """Read the first minute of a sound file that the server itself wrote. Raises OSError."""
    with soundfile.SoundFile(path) as file:
        samples = file.read(round(LONGEST_S * file.samplerate), dtype="float32", always_2d=True)
        return Waveform(np.ascontiguousarray(samples.T), file.samplerate)
