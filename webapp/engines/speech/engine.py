"""The speech engine: splits a text, has its parts spoken, and joins them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from webapp.audio.waveform import Waveform
from webapp.engines.speech.base import NothingToSpeak, Segment, SpeechError, Voice
from webapp.engines.speech.catalogue import FEMALE, PREFIX, espeak_voices
from webapp.engines.speech.installed import InstalledVoices
from webapp.engines.speech.joining import join
from webapp.engines.speech.piper_descriptions import Refused
from webapp.engines.speech.piper_voices import is_installed
from webapp.engines.speech.readable import readable
from webapp.engines.speech.scripts import NEUTRAL, READER_OF, runs, scripts_read_in
from webapp.engines.speech.sentences import COMMAS, breaths, paragraphs, sentences
from webapp.engines.speech.speaker import Speaker

# Five thousand characters of prose are six minutes; of emoji, which are named one by one, two hours.
LONGEST_S: Final = 900.0
# Where the reader changes within a sentence, and where a very long one is parted.
PAUSE_BETWEEN_WORDS_S: Final = 0.06
PAUSE_BEHIND_COMMA_S: Final = 0.18
PAUSE_BETWEEN_SENTENCES_S: Final = 0.28
PAUSE_BETWEEN_PARAGRAPHS_S: Final = 0.5


class SpeechEngine:
    """Speaks texts. For one thread at a time; the same text, voice and speed give the same samples."""

    longest_s = LONGEST_S

    def __init__(self, voices_folder: Path, speaker: Speaker | None = None) -> None:
        """`voices_folder` holds Piper voices; it need not be there. Raises SpeechError."""
        self._installed = InstalledVoices(voices_folder)
        self._speaker = speaker or Speaker()
        self.version, rate, found = self._speaker.voices()
        self._espeak = {voice.voice_id: voice for voice in espeak_voices(found, rate, self.version)}
        self._voices: dict[str, Voice] = {}
        self._refused: tuple[Refused, ...] = ()
        self.look_again()

    @property
    def voices(self) -> tuple[Voice, ...]:
        """Every voice: neural ones first, then eSpeak NG's by name."""
        return tuple(self._voices.values())

    @property
    def refused(self) -> tuple[Refused, ...]:
        """The neural voices that are there and cannot speak, each with the reason."""
        return self._refused

    @property
    def has_piper(self) -> bool:
        """Return whether there is a neural voice."""
        return any(voice.engine == "piper" for voice in self.voices)

    @property
    def label(self) -> str:
        """Return the engine's name, for people."""
        return f"{'Piper and ' if self.has_piper else ''}eSpeak NG {self.version}"

    def voice(self, voice_id: str) -> Voice:
        """A voice by its id. Raises SpeechError where there is none."""
        try:
            return self._voices[voice_id]
        except KeyError:
            raise SpeechError(f"no voice {voice_id}") from None

    def look_again(self) -> bool:
        """Look for Piper voices that were pulled or removed; returns whether any were."""
        piper, refused = self._installed.look(has_piper=is_installed())
        named_alike = [voice.voice_id for voice in piper if voice.voice_id in self._espeak]
        refused += [Refused(name, "a voice of eSpeak NG has this name") for name in named_alike]
        voices = {voice.voice_id: voice for voice in piper} | self._espeak
        changed = (voices, tuple(refused)) != (self._voices, self._refused)
        self._voices, self._refused = voices, tuple(refused)
        return changed

    def speak(self, text: str, voice_id: str, speed: float = 1.0) -> Waveform:
        """The text as a mono sound at the voice's sample rate.

        `speed` is 1 for the voice's own, from 0.5 to 2. Raises NothingToSpeak, SpeechTooLong, and
        SpeechError for everything else, a voice that is not there among it.
        """
        voice = self.voice(voice_id)
        segments = list(self._segments(text, voice))
        if not segments:
            raise NothingToSpeak
        spoken = self._speaker.speak(segments, speed, LONGEST_S)
        joined = join(spoken, [segment.pause_s / speed for segment in segments], voice.sample_rate)
        if joined is None:
            raise NothingToSpeak
        return joined

    def close(self) -> None:
        """End the process that speaks."""
        self._speaker.close()

    def _segments(self, text: str, voice: Voice) -> Iterator[Segment]:
        for paragraph in paragraphs(readable(text)):
            spoken = [self._pieces(sentence, voice) for sentence in sentences(paragraph)]
            for place, (*inner, (last_reader, last)) in enumerate(spoken):
                for reader, piece in inner:
                    yield Segment(_plain(piece), reader, _pause_within_s(piece))
                is_last = place == len(spoken) - 1
                pause_s = PAUSE_BETWEEN_PARAGRAPHS_S if is_last else PAUSE_BETWEEN_SENTENCES_S
                yield Segment(_plain(last), last_reader, pause_s)

    def _pieces(self, sentence: str, voice: Voice) -> list[tuple[Voice, str]]:
        """A sentence in pieces for one reader each; there is at least one."""
        own = scripts_read_in(voice.language)
        return [
            (self._reader(script, voice), piece)
            for part in breaths(sentence)
            for script, piece in runs(part, own)
        ]

    def _reader(self, script: str, voice: Voice) -> Voice:
        """Who reads a script: the voice itself what it is written in, another language's what it is not."""
        if script == NEUTRAL:
            return voice
        is_female = voice.source.endswith(FEMALE)
        return self._espeak.get(f"{PREFIX}{READER_OF[script]}{'-female' if is_female else ''}", voice)


def _pause_within_s(piece: str) -> float:
    return PAUSE_BEHIND_COMMA_S if piece.rstrip().endswith(COMMAS) else PAUSE_BETWEEN_WORDS_S


def _plain(piece: str) -> str:
    # Of markup, names and values are read; the brackets themselves would turn the letter behind them into
    # a number.
    return piece.replace("<", " ").replace(">", " ")
