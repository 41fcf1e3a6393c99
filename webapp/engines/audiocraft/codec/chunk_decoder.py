"""A sound's next piece: beside the steps or between them, and in smaller pieces when memory runs out."""

from collections.abc import Sequence
from typing import Final

from webapp.audio.waveform import Samples
from webapp.engines.audiocraft.codec.background_decoder import CodecTurn
from webapp.engines.audiocraft.codec.decoder import CodecDecoder, NotFinite, SoundStream
from webapp.engines.audiocraft.devices import free_memory, is_out_of_memory
from webapp.engines.base import EngineOutOfMemory, GenerationFailed

SMALLEST_CHUNK_FRAMES: Final = 25


class Pieces:
    """Makes the pieces of the sounds that a server has in hand."""

    def __init__(self, codec: CodecDecoder, turn: CodecTurn | None) -> None:
        """With a `turn` pieces are made beside the steps."""
        self._codec = codec
        self._turn = turn

    def begin(self, sounds: Sequence[tuple[SoundStream, int]]) -> None:
        """Begin what can be made beside the steps, of sounds of which so many frames are final."""
        if self._turn is None:
            return
        try:
            self._turn.begin(sounds)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            # They are made one after the other then, as small as need be.
            free_memory(self._codec.device)

    def take(self, sound: SoundStream, final_frames: int, *, waits: bool) -> Samples | None:
        """The next piece of a sound if there is one; what is under way may be waited for.

        Raises GenerationFailed for a sound that is none, EngineOutOfMemory, and torch's errors.
        """
        try:
            if self._turn is not None and self._turn.is_busy_with(sound):
                return self._turn.take(sound, waits=waits)
            return self._made_now(sound, final_frames)
        except NotFinite as error:
            raise GenerationFailed(str(error)) from error

    def forget(self, sound: SoundStream) -> None:
        """Nobody wants a sound any more."""
        if self._turn is not None:
            self._turn.forget(sound)

    def _made_now(self, sound: SoundStream, final_frames: int) -> Samples | None:
        while True:
            try:
                return sound.next_piece(final_frames)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
            free_memory(self._codec.device)
            if self._codec.chunk_frames <= SMALLEST_CHUNK_FRAMES:
                raise EngineOutOfMemory("memory ran out while decoding sound")
            self._codec.chunk_frames //= 2
