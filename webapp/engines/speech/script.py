"""Makes a script of a text: which voice speaks which piece, and how long the pauses are."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from webapp.engines.speech.base import Passage, Segment, Voice
from webapp.engines.speech.catalogue import PREFIX
from webapp.engines.speech.reading.english import in_words
from webapp.engines.speech.reading.english_readings import written_out
from webapp.engines.speech.reading.readable import readable
from webapp.engines.speech.reading.scripts import LATIN, NEUTRAL, READER_OF, runs, scripts_read_in
from webapp.engines.speech.reading.sentences import COMMAS, breaths, ends_sentence, paragraphs, sentences
from webapp.engines.speech.reading.symbols import with_names

# Between voices within a sentence, and where a very long sentence is split.
PAUSE_BETWEEN_WORDS_S: Final = 0.06
PAUSE_AFTER_COMMA_S: Final = 0.18
PAUSE_BETWEEN_SENTENCES_S: Final = 0.28
PAUSE_BETWEEN_PARAGRAPHS_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Script:
    """The segments of a text in order, and its sentences as they were written."""

    segments: tuple[Segment, ...]
    sentences: tuple[str, ...]


class ScriptWriter:
    """Writes scripts with the voices that are there."""

    def __init__(self, voice: Callable[[str], Voice], espeak: Mapping[str, Voice]) -> None:
        """`voice` returns a voice by its id; `espeak` has eSpeak NG's by theirs."""
        self._voice = voice
        self._espeak = espeak

    def write(self, passages: Iterable[Passage]) -> Script:
        """Write the script of a text. Raises SpeechError for a voice that is not there."""
        segments: list[Segment] = []
        written: list[str] = []
        for passage in passages:
            voice = self._voice(passage.voice_id)
            for sentence, pause_s in _sentences(passage):
                segments += self._segments(sentence, voice, passage, pause_s, len(written))
                written.append(" ".join(sentence.split()))
            if segments and passage.pause_s is not None:
                segments[-1] = replace(segments[-1], pause_s=passage.pause_s)
        return Script(tuple(segments), tuple(written))

    def _segments(
        self, sentence: str, voice: Voice, passage: Passage, pause_s: float, number: int
    ) -> Iterator[Segment]:
        pieces = self._pieces(readable(sentence), voice)
        for index, (reader, piece) in enumerate(pieces):
            is_last = index == len(pieces) - 1
            text, spare = self._text(piece, reader)
            yield Segment(
                text,
                reader,
                (pause_s if is_last else _pause_within_s(piece)) / passage.speed,
                spare,
                passage.speed,
                passage.pitch,
                number,
            )

    def _text(self, piece: str, reader: Voice) -> tuple[str, Voice | None]:
        plain = _plain(piece)
        if not reader.reads_english_only:
            return with_names(plain), None
        return in_words(written_out(plain)), self._reader(LATIN, reader)

    def _pieces(self, sentence: str, voice: Voice) -> list[tuple[Voice, str]]:
        """Split a sentence into pieces for one voice each."""
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


def _sentences(passage: Passage) -> Iterator[tuple[str, float]]:
    """Yield the sentences of a passage, each with the pause that follows it at normal speed."""
    lines = paragraphs(passage.text)
    for line_number, line in enumerate(lines):
        spoken = list(sentences(line))
        for index, sentence in enumerate(spoken):
            if index < len(spoken) - 1:
                yield sentence, PAUSE_BETWEEN_SENTENCES_S
            elif line_number < len(lines) - 1:
                yield sentence, PAUSE_BETWEEN_PARAGRAPHS_S
            else:
                yield sentence, _pause_after_s(sentence)


def _pause_after_s(sentence: str) -> float:
    """Return the pause behind the last words of a passage, which need not end a sentence."""
    return PAUSE_BETWEEN_SENTENCES_S if ends_sentence(sentence) else _pause_within_s(sentence)


def _pause_within_s(piece: str) -> float:
    return PAUSE_AFTER_COMMA_S if piece.rstrip().endswith(COMMAS) else PAUSE_BETWEEN_WORDS_S


def _plain(piece: str) -> str:
    # Names and values in markup are read; the brackets would turn the next letter into a number.
    return piece.replace("<", " ").replace(">", " ")
