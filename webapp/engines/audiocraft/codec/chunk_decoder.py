"""Decodes the next chunk of a waveform: in the background or right away, and smaller if memory is short."""

from collections.abc import Sequence
from typing import Final

from webapp.audio.waveform import Samples
from webapp.engines.audiocraft.codec.background_decoder import BackgroundDecoder
from webapp.engines.audiocraft.codec.decoder import CodecDecoder
from webapp.engines.audiocraft.codec.waveform_stream import NotFinite, WaveformStream
from webapp.engines.audiocraft.devices import free_memory, is_out_of_memory
from webapp.engines.base import EngineOutOfMemory, GenerationFailed

MIN_CHUNK_FRAMES: Final = 25


class ChunkDecoder:
    """Decodes the chunks of the waveforms that a scheduler is generating."""

    def __init__(self, codec: CodecDecoder, background: BackgroundDecoder | None) -> None:
        """With a `background` decoder, chunks are decoded concurrently with the steps."""
        self._codec = codec
        self._background = background

    def start(self, streams: Sequence[tuple[WaveformStream, int]]) -> None:
        """Start what can be decoded in the background, of streams with their numbers of final frames."""
        if self._background is None:
            return
        try:
            self._background.start(streams)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            # The chunks are then decoded one by one, as small as necessary.
            free_memory(self._codec.device)

    def take(self, stream: WaveformStream, final_frames: int, *, waits: bool) -> Samples | None:
        """Return the next chunk of a stream if there is one; `waits` allows waiting for one in flight.

        Raises GenerationFailed for samples that are not finite, EngineOutOfMemory, and torch's errors.
        """
        try:
            if self._background is not None and self._background.is_decoding(stream):
                return self._background.take(stream, waits=waits)
            return self._decode_now(stream, final_frames)
        except NotFinite as error:
            raise GenerationFailed(str(error)) from error

    def discard(self, stream: WaveformStream) -> None:
        """Forget a stream: its chunks are not needed any more."""
        if self._background is not None:
            self._background.discard(stream)

    def _decode_now(self, stream: WaveformStream, final_frames: int) -> Samples | None:
        while True:
            try:
                return stream.next_chunk(final_frames)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
            free_memory(self._codec.device)
            if self._codec.chunk_frames <= MIN_CHUNK_FRAMES:
                raise EngineOutOfMemory("memory ran out while decoding audio")
            self._codec.chunk_frames //= 2
