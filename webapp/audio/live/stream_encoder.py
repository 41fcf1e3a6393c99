"""Encodes chunks of sound whose length nobody knows, so that they can be heard as they come."""

import numpy as np

from webapp.audio.encode import AudioFormat, at_rate, mp3_rate, quantise
from webapp.audio.live.encode import LiveEncoder
from webapp.audio.waveform import Waveform


class StreamEncoder:
    """Encodes one stream, a chunk at a time. `finish` ends it."""

    def __init__(self, audio_format: AudioFormat, sample_rate: int, channels: int) -> None:
        """MP3 has nine sample rates: each chunk is resampled where it has another."""
        self._format = audio_format
        self._sample_rate = mp3_rate(sample_rate) if audio_format is AudioFormat.MP3 else sample_rate
        self._encoder = LiveEncoder(audio_format, self._sample_rate, channels, frames=None)
        self._chunks = 0

    def encode(self, chunk: Waveform) -> bytes:
        """Return what can be sent after another chunk; encoders keep a little of it back."""
        chunk = at_rate(chunk, self._sample_rate)
        self._chunks += 1
        if self._format in (AudioFormat.WAV, AudioFormat.FLAC):
            # Each chunk with a dither of its own: the same noise again and again would be a tone.
            return self._encoder.encode(quantise(chunk, dither_seed=self._chunks))
        return self._encoder.encode(np.ascontiguousarray(chunk.samples.T))

    def finish(self) -> bytes:
        """Return the rest; nothing may be encoded afterwards."""
        return self._encoder.finish()
