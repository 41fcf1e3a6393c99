"""One take as it is heard while it is made: levelled and encoded as far as somebody listens."""

from collections import deque
from typing import Final

import numpy as np

from webapp.audio.encode import AudioFormat, PcmSamples, quantise
from webapp.audio.live.encode import LiveEncoder, can_be_streamed
from webapp.audio.live.levelling import LiveLeveller
from webapp.audio.waveform import Samples, Waveform, frame_count
from webapp.policy.queue.live_sound import Piece, StreamFormat

# The first piece is short, so that it is there at once; each further one may be longer than the one before,
# so that who comes late need not wait for all that was made before.
FIRST_PIECE_S: Final = 0.5
LONGEST_PIECE_S: Final = 4.0
PART_S: Final = 0.25


class LiveTake:
    """The sound of a take so far, and a stream in each format that was asked for.

    A stream begins with the sound, whenever it is first asked for. Chunks may be added while a piece is made;
    all pieces are made by one thread. As long as nobody listens, chunks are kept as they came.
    """

    def __init__(self, duration_s: float, *, target_lufs: float) -> None:
        self._duration_s = duration_s
        self._target_lufs = target_lufs
        self._raw: deque[Waveform] = deque()
        self._is_over = False
        self._levelled: _Levelled | None = None
        self._streams: dict[StreamFormat, _Stream] = {}

    @property
    def is_empty(self) -> bool:
        """Return whether nothing was heard yet."""
        return self._levelled is None and not self._raw

    def add(self, chunk: Waveform) -> None:
        """Take the next chunk of the sound."""
        self._raw.append(chunk)

    def end(self) -> None:
        """Note that there is no more to come."""
        self._is_over = True

    def next_piece(self, stream_format: StreamFormat) -> tuple[int, Piece] | None:
        """Return the next piece in a format, and its index; None if there is nothing new."""
        is_over = self._is_over
        if self.is_empty:
            return None
        if self._levelled is None:
            self._levelled = _Levelled(self._raw[0].sample_rate, self._duration_s, self._target_lufs)
        levelled = self._levelled
        if not can_be_streamed(AudioFormat(stream_format), levelled.rate):
            return None
        stream = self._streams.get(stream_format)
        if stream is None:
            stream = self._streams[stream_format] = _Stream(AudioFormat(stream_format), levelled)
        if stream.has_encoded_all and not levelled.is_over:
            levelled.level(self._raw, is_over=is_over)
        return stream.next()


class _Levelled:
    """The levelled samples of a take, as far as they were needed."""

    def __init__(self, rate: int, duration_s: float, target_lufs: float) -> None:
        self.rate = rate
        self.frames = frame_count(duration_s, rate)
        self.pcm: list[PcmSamples] = []
        self.is_over = False
        self._done = 0
        self._leveller = LiveLeveller(rate, self.frames, target_lufs=target_lufs)

    def level(self, raw: deque[Waveform], *, is_over: bool) -> None:
        """Level the next chunks, enough for a piece; `is_over`: there are no others."""
        done, enough = self._done, frame_count(LONGEST_PIECE_S, self.rate)
        while raw and self._done - done < enough:
            self._keep(self._leveller.feed(raw.popleft().samples))
        if is_over and not raw:
            self._keep(self._leveller.flush())
            self.is_over = True

    def _keep(self, samples: Samples | None) -> None:
        if samples is None:
            return
        # Another seed for each part: the same noise again and again would be a tone.
        pcm = quantise(Waveform(samples, self.rate), dither_seed=self._done)
        self._done += len(pcm)
        part = max(1, frame_count(PART_S, self.rate))
        self.pcm += (pcm[start : start + part] for start in range(0, len(pcm), part))


class _Stream:
    """One encoder, and how far it is."""

    def __init__(self, audio_format: AudioFormat, levelled: _Levelled) -> None:
        self._format = audio_format
        self._levelled = levelled
        self._encoder: LiveEncoder | None = None
        self._parts = 0
        self._pieces = 0
        self._is_over = False

    @property
    def has_encoded_all(self) -> bool:
        """Return whether everything that was levelled is encoded."""
        return self._parts == len(self._levelled.pcm)

    def next(self) -> tuple[int, Piece] | None:
        """Return the next piece and its index; None when there is nothing to encode."""
        begin, most_s = self._parts, min(LONGEST_PIECE_S, FIRST_PIECE_S * 2.0**self._pieces)
        taken = self._levelled.pcm[begin : begin + round(most_s / PART_S)]
        self._parts += len(taken)
        is_last = self._levelled.is_over and self.has_encoded_all and not self._is_over
        if not taken and not is_last:
            return None
        data = self._encoded(taken, is_last=is_last)
        self._is_over = is_last
        index, self._pieces = self._pieces, self._pieces + 1
        return index, Piece(data, is_last)

    def _encoded(self, taken: list[PcmSamples], *, is_last: bool) -> bytes:
        data = b""
        if taken:
            pcm = np.concatenate(taken)
            if self._encoder is None:
                levelled = self._levelled
                self._encoder = LiveEncoder(self._format, levelled.rate, pcm.shape[1], frames=levelled.frames)
            data = self._encoder.encode(pcm)
        if is_last and self._encoder is not None:
            data += self._encoder.finish()
        return data
