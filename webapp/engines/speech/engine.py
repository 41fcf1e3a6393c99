"""The speech engine: splits a text, speaks its parts, and joins them."""

from collections.abc import Generator, Sequence
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import Final

from webapp.audio.waveform import Samples, Waveform
from webapp.engines.speech.base import (
    EngineName,
    NothingToSpeak,
    Passage,
    Refused,
    SpeechError,
    Utterance,
    Voice,
)
from webapp.engines.speech.catalogue import espeak_voices
from webapp.engines.speech.hibari_voices import MAIN_VOICE, hibari_voices
from webapp.engines.speech.installed import InstalledVoices
from webapp.engines.speech.joining import Joiner, whole
from webapp.engines.speech.kokoro_voices import kokoro_voices
from webapp.engines.speech.piper_voices import is_installed
from webapp.engines.speech.script import Script, ScriptWriter
from webapp.engines.speech.speaker import Speaker

# Five thousand characters of prose take six minutes; of emoji, which are named one by one, two hours.
LONGEST_S: Final = 900.0
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
        passages = [Passage(text, voice_id, speed)]
        return self.joined(list(self.utter(passages, voice_id)), voice_id)

    def utter(self, passages: Sequence[Passage], voice_id: str) -> Generator[Utterance, None, None]:
        """Speak passages sentence by sentence, each as soon as it is spoken; stops when it is closed.

        All are mono sounds at the sample rate of the voice `voice_id`. Raises what `speak` raises.
        """
        script = ScriptWriter(self.voice, self._espeak).write(passages)
        if not script.segments:
            raise NothingToSpeak
        joiner = Joiner(self.voice(voice_id).sample_rate)
        with closing(self._speaker.speak(script.segments, LONGEST_S)) as spoken:
            for number, group in groupby(script.segments, lambda segment: segment.sentence):
                parts = [(next(spoken), segment.pause_s) for segment in group]
                yield _utterance(script, number, joiner.add(parts))
            # To its end: what else it has to say is for the log.
            next(spoken, None)

    def joined(self, utterances: Sequence[Utterance], voice_id: str) -> Waveform:
        """Return the whole sound of what `utter` yielded. Raises NothingToSpeak for silence."""
        sound = whole([one.samples for one in utterances], self.voice(voice_id).sample_rate)
        if sound is None:
            raise NothingToSpeak
        return sound

    def close(self) -> None:
        """End the speaker process."""
        self._speaker.close()


def _utterance(script: Script, number: int, joined: tuple[Samples, float, float]) -> Utterance:
    samples, begin_s, end_s = joined
    return Utterance(script.sentences[number], number + 1, len(script.sentences), samples, begin_s, end_s)
