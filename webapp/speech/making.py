"""Makes the files of one spoken text. Synchronous; one thread runs it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np

from webapp.audio.ducking import LEAD_S
from webapp.audio.encode import AudioFormat, write_audio
from webapp.audio.export import write_renditions
from webapp.audio.finish import FinishedAudio, finish
from webapp.audio.live.fixed_level import FixedLevel
from webapp.audio.live.stream_encoder import StreamEncoder
from webapp.audio.marks import BY_RULES, TRAINED, Marks
from webapp.audio.ogg import set_serial_number
from webapp.audio.waveform import Waveform
from webapp.engines.speech.base import EngineName, Passage, Utterance, Voice
from webapp.engines.speech.engine import SpeechEngine
from webapp.policy.library.captions import Caption
from webapp.policy.speech import as_prompt
from webapp.policy.speech_markup import LEAST, MOST, plain_text, spoken_parts
from webapp.services.library.sounds import SoundFacts
from webapp.services.speech import SpeechClaim, VoiceView
from webapp.services.speech.views import FORMANTS
from webapp.speech.backing import BackingFile

# How many sentences are spoken, of how many, and the next piece of the stream where there is one.
Report: TypeAlias = Callable[[int, int, bytes], None]
# Encoding a whole sentence as MP3 takes half as long as speaking it.
FIRST_PIECE_S: Final = 0.5
FILE_STEM: Final = "sound"
PICTURE: Final = "spectrogram.png"
# Speech has no seed; what is random in a file is drawn from this one, so that it is always the same.
SEED: Final = 0
ENGINE_LABELS: Final[dict[EngineName, str]] = {
    "espeak-ng": "eSpeak NG: formant synthesis, no model",
    "hibari": "Hibari: neural voice",
    "kokoro": "Kokoro-82M: neural voice",
    "piper": "Piper: neural voice",
}


class SpeechMaker:
    """Turns claims into files in a folder. The same text, voice and settings give the same bytes."""

    def __init__(self, engine: SpeechEngine, *, target_lufs: float, marks_prompts: bool = True) -> None:
        """`marks_prompts`: files hold the texts that they were made from."""
        self._engine = engine
        self._target_lufs = target_lufs
        self._marks_prompts = marks_prompts

    def make(
        self, claim: SpeechClaim, folder: Path, report: Report, backing: BackingFile | None = None
    ) -> SoundFacts:
        """Speak, finish and write; a sample as WAV only. `report` is called after each sentence.

        Raises EngineError and OSError, and what `report` raises, which stops the speaking.
        """
        voice = self._engine.voice(claim.voice)
        spoken = self._spoken(claim, voice, report)
        waveform = self._engine.joined(spoken, claim.voice)
        if backing:
            waveform = backing.below(waveform)
        finished = finish(
            waveform, duration_s=waveform.duration_s, loopable=False, target_lufs=self._target_lufs
        )
        if claim.account_id is None:
            path = folder / f"{FILE_STEM}.{AudioFormat.WAV}"
            write_audio(path, finished.waveform, AudioFormat.WAV, dither_seed=SEED)
            return _facts(voice, finished, path.stat().st_size, ())
        marks = Marks(
            prompt=as_prompt(plain_text(claim.text, claim.options.markup)) if self._marks_prompts else "",
            model=voice.voice_id,
            seed=None,
            license=voice.sound_license,
            origin=BY_RULES if voice.engine == FORMANTS else TRAINED,
        )
        renditions = write_renditions(finished, folder, FILE_STEM, dither_seed=SEED, marks=marks)
        set_serial_number(folder / f"{FILE_STEM}.{AudioFormat.OGG}", SEED)
        (folder / f"{FILE_STEM}.png").rename(folder / PICTURE)
        size_bytes = sum(rendition.size_bytes for rendition in renditions)
        captions = _captions(spoken, LEAD_S if backing else 0)
        facts = _facts(voice, finished, size_bytes, captions)
        return _with_license_of(facts, backing) if backing else facts

    def _spoken(self, claim: SpeechClaim, voice: Voice, report: Report) -> list[Utterance]:
        """Speak the text, and encode what its listeners hear meanwhile."""
        spoken: list[Utterance] = []
        stream = None
        if claim.stream_format:
            stream = _Stream(AudioFormat(claim.stream_format), voice.sample_rate, self._target_lufs)
        with closing(self._engine.utter(_passages(claim), claim.voice)) as utterances:
            for one in utterances:
                spoken.append(one)
                for piece in stream.pieces(one) if stream else (b"",):
                    report(one.number, one.total, piece)
        if stream:
            report(spoken[-1].total, spoken[-1].total, stream.rest())
        return spoken


class _Stream:
    """The sound that is heard while a text is spoken: each sentence by itself, at one gain."""

    def __init__(self, audio_format: AudioFormat, sample_rate: int, target_lufs: float) -> None:
        self._sample_rate = sample_rate
        self._level = FixedLevel(target_lufs)
        self._encoder = StreamEncoder(audio_format, sample_rate, channels=1)
        self._is_begun = False

    def pieces(self, utterance: Utterance) -> Iterator[bytes]:
        """Encode a sentence; the very first one in two pieces, so that its beginning is heard sooner."""
        if not utterance.samples.size:
            return
        chunk = self._level.apply(Waveform(utterance.samples[np.newaxis], self._sample_rate))
        cut = 0 if self._is_begun else round(FIRST_PIECE_S * self._sample_rate)
        self._is_begun = True
        for samples in (chunk.samples[:, :cut], chunk.samples[:, cut:]):
            if samples.size:
                yield self._encoder.encode(chunk.with_samples(samples))

    def rest(self) -> bytes:
        return self._encoder.finish()


def voice_views(voices: Sequence[Voice]) -> list[VoiceView]:
    """The voices as everybody may know them."""
    return [
        VoiceView(
            id=voice.voice_id,
            name=voice.name,
            language=voice.language,
            quality=voice.quality,
            sample_rate=voice.sample_rate,
            description=voice.description,
            license=voice.license,
            engine=voice.engine,
            commercial_use=voice.commercial_use,
        )
        for voice in voices
    ]


def _passages(claim: SpeechClaim) -> list[Passage]:
    """Return the parts of a text as the engine takes them, each within the range of speeds and pitches."""
    return [
        Passage(
            part.text,
            part.voice or claim.voice,
            min(MOST, max(LEAST, part.speed * claim.speed)),
            min(MOST, max(LEAST, part.pitch * claim.options.pitch)),
            part.pause_s,
        )
        for part in spoken_parts(claim.text, claim.options.markup)
    ]


def _captions(spoken: Sequence[Utterance], after_s: float) -> tuple[Caption, ...]:
    return tuple(
        Caption(round(after_s + one.begin_s, 3), round(after_s + one.end_s, 3), one.text)
        for one in spoken
        if one.samples.size
    )


def _with_license_of(facts: SoundFacts, backing: BackingFile) -> SoundFacts:
    """Return the facts of a mix: the licences of both its parts bind."""
    licenses = dict.fromkeys(one for one in (facts.license, backing.license) if one)
    return replace(facts, license=" and ".join(licenses))


def _facts(
    voice: Voice, finished: FinishedAudio, bytes_total: int, captions: tuple[Caption, ...]
) -> SoundFacts:
    waveform, report = finished.waveform, finished.report
    return SoundFacts(
        engine=voice.engine,
        engine_label=ENGINE_LABELS[voice.engine],
        checkpoint=voice.voice_id,
        license=voice.sound_license,
        seed=SEED,
        duration_s=waveform.duration_s,
        sample_rate=waveform.sample_rate,
        channels=waveform.channels,
        loudness_lufs=report.loudness_lufs,
        true_peak_dbtp=report.true_peak_dbtp,
        quality_score=report.score,
        quality_reasons=report.reasons,
        peaks=tuple(finished.peaks),
        bytes_total=bytes_total,
        captions=captions,
    )
