"""The speech engine: splits a text, speaks its parts, and joins them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from webapp.audio.waveform import Waveform
from webapp.engines.speech.base import EngineName, NothingToSpeak, Refused, Segment, SpeechError, Voice
from webapp.engines.speech.catalogue import PREFIX, espeak_voices
from webapp.engines.speech.hibari_voices import MAIN_VOICE, hibari_voices
from webapp.engines.speech.installed import InstalledVoices
from webapp.engines.speech.joining import join
from webapp.engines.speech.kokoro_voices import kokoro_voices
from webapp.engines.speech.piper_voices import is_installed
from webapp.engines.speech.reading.english import in_words
from webapp.engines.speech.reading.english_readings import written_out
from webapp.engines.speech.reading.readable import readable
from webapp.engines.speech.reading.scripts import LATIN, NEUTRAL, READER_OF, runs, scripts_read_in
from webapp.engines.speech.reading.sentences import COMMAS, breaths, paragraphs, sentences
from webapp.engines.speech.speaker import Speaker

# Five thousand characters of prose take six minutes; of emoji, which are named one by one, two hours.
LONGEST_S: Final = 900.0
# Between voices within a sentence, and where a very long sentence is split.
PAUSE_BETWEEN_WORDS_S: Final = 0.06
PAUSE_AFTER_COMMA_S: Final = 0.18
PAUSE_BETWEEN_SENTENCES_S: Final = 0.28
PAUSE_BETWEEN_PARAGRAPHS_S: Final = 0.5
NAMES: Final[dict[EngineName, str]] = {
    "espeak-ng": "eSpeak NG",
    "hibari": "Hibari",
    "kokoro": "Kokoro",
    "piper": "Piper",
}


class SpeechEngine:
    """Speaks texts. One thread at a time may use it; the same text, voice and speed give the same samples."""

    longest_s = LONGEST_S

    def __init__(self, voices_folder: Path, speaker: Speaker | None = None) -> None:
        """`voices_folder` holds Piper voices; it need not exist. Raises SpeechError."""
        self._installed = InstalledVoices(voices_folder)
        self._speaker = speaker or Speaker()
        self.version, rate, found = self._speaker.voices()
        self._espeak = {voice.voice_id: voice for voice in espeak_voices(found, rate, self.version)}
        self._voices_folder = voices_folder
        self._broken: dict[str, Refused] = {}
        self._voices: dict[str, Voice] = {}
        self._refused: tuple[Refused, ...] = ()
        self.rescan()

    @property
    def voices(self) -> tuple[Voice, ...]:
        """Return all voices: neural ones first, then eSpeak NG's by name."""
        return tuple(self._voices.values())

    @property
    def refused(self) -> tuple[Refused, ...]:
        """Return the installed neural voices that cannot be used, with the reasons."""
        return self._refused

    @property
    def engines(self) -> tuple[EngineName, ...]:
        """Return the engines that have a voice, neural ones first."""
        return tuple(dict.fromkeys(voice.engine for voice in self.voices))

    @property
    def label(self) -> str:
        """Return the engines' names, for people."""
        *neural, last = (NAMES[engine] for engine in self.engines)
        return " and ".join([*([", ".join(neural)] if neural else []), f"{last} {self.version}"])

    def voice(self, voice_id: str) -> Voice:
        """Return a voice by its id. Raises SpeechError if there is none."""
        try:
            return self._voices[voice_id]
        except KeyError:
            raise SpeechError(f"no voice {voice_id}") from None

    def rescan(self) -> bool:
        """Find voices that were pulled or removed; return whether any were."""
        piper, refused = self._installed.scan(has_piper=is_installed())
        found, refused_hibari = hibari_voices(self._voices_folder)
        hibari = {voice.voice_id: voice for voice in found if voice.voice_id not in self._broken}
        kokoro = {voice.voice_id: voice for voice in kokoro_voices(self._voices_folder)} if found else {}
        always = hibari | kokoro | self._espeak
        named_alike = [always[voice.voice_id] for voice in piper if voice.voice_id in always]
        refused += [
            Refused(other.voice_id, f"a voice of {NAMES[other.engine]} has this name")
            for other in named_alike
        ]
        refused += [*refused_hibari, *self._broken.values()]
        voices = {voice.voice_id: voice for voice in piper} | always
        changed = (voices, tuple(refused)) != (self._voices, self._refused)
        self._voices, self._refused = voices, tuple(refused)
        return changed

    def warm_up(self) -> None:
        """Load the voice that comes along; if it cannot be loaded, it is refused from now on."""
        voice = self._voices.get(MAIN_VOICE)
        if voice is None:
            return
        try:
            self._speaker.load(voice)
        except SpeechError as error:
            self._broken[voice.voice_id] = Refused(voice.voice_id, str(error))
            self.rescan()

    def speak(self, text: str, voice_id: str, speed: float = 1.0) -> Waveform:
        """Speak a text as a mono sound at the voice's sample rate.

        `speed` is from 0.5 to 2, where 1 is normal. Raises NothingToSpeak, SpeechTooLong, and SpeechError for
        all other errors, including an unknown voice.
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
        """End the speaker process."""
        self._speaker.close()

    def _segments(self, text: str, voice: Voice) -> Iterator[Segment]:
        for paragraph in paragraphs(readable(text)):
            spoken = [self._pieces(sentence, voice) for sentence in sentences(paragraph)]
            for index, (*inner, (last_reader, last)) in enumerate(spoken):
                for reader, piece in inner:
                    yield self._segment(piece, reader, _pause_within_s(piece))
                is_last = index == len(spoken) - 1
                pause_s = PAUSE_BETWEEN_PARAGRAPHS_S if is_last else PAUSE_BETWEEN_SENTENCES_S
                yield self._segment(last, last_reader, pause_s)

    def _segment(self, piece: str, reader: Voice, pause_s: float) -> Segment:
        plain = _plain(piece)
        if not reader.reads_english_only:
            return Segment(plain, reader, pause_s)
        return Segment(in_words(written_out(plain)), reader, pause_s, spare=self._reader(LATIN, reader))

    def _pieces(self, sentence: str, voice: Voice) -> list[tuple[Voice, str]]:
        """Split a sentence into pieces for one voice each; there is at least one."""
        own = scripts_read_in(voice.language)
        return [
            (self._reader(script, voice), piece)
            for part in breaths(sentence)
            for script, piece in runs(part, own)
        ]

    def _reader(self, script: str, voice: Voice) -> Voice:
        """Return the voice that reads a script: the voice itself, or one of a language with that script."""
        if script == NEUTRAL:
            return voice
        suffix = "-female" if voice.gender == "female" else ""
        return self._espeak.get(f"{PREFIX}{READER_OF[script]}{suffix}", voice)


def _pause_within_s(piece: str) -> float:
    return PAUSE_AFTER_COMMA_S if piece.rstrip().endswith(COMMAS) else PAUSE_BETWEEN_WORDS_S


def _plain(piece: str) -> str:
    # Names and values in markup are read; the brackets would turn the next letter into a number.
    return piece.replace("<", " ").replace(">", " ")
