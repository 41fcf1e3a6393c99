"""Read a prompt into a plan."""

import hashlib
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

from webapp.engines.sketch.understanding.composing import MusicReader
from webapp.engines.sketch.understanding.grammar import Reader, unknown_words
from webapp.engines.sketch.understanding.layers import effect_layers
from webapp.engines.sketch.understanding.lexicon import SOURCES, Entry, Lexicon, lexicon
from webapp.engines.sketch.understanding.matching import Match, find_matches, is_musical, without_purposes
from webapp.engines.sketch.understanding.plan import EffectLayer, Finding, Plan, Scene
from webapp.engines.sketch.understanding.structure import Part, Source
from webapp.engines.sketch.understanding.tempo_and_key import figures_in, key_in
from webapp.engines.sketch.understanding.words import Token, tokenise

_NAMED: Final = SOURCES | {"solo", "silence"}
_NUMERIC: Final = frozenset({"intensity", "size", "speed", "density", "distance", "tempo", "reverb"})
_UNNAMED: Final = frozenset({"ignored", "connective", "verb"})


def read_prompt(prompt: str, model: str, seed: int) -> Plan:
    """Return the plan for ``prompt``. The model decides between meanings: `audio` prefers effects.

    A word that is not known changes nothing; it is named in the plan.
    """
    text = unicodedata.normalize("NFKC", prompt)
    words = lexicon()
    tokens = tokenise(text)
    found = find_matches(tokens, words)
    matches = without_purposes(tokens, found)
    musical = is_musical(matches, model)
    parts = Reader(tokens, matches, words.owners, musical=musical).parts()
    music = MusicReader(text, parts, words)
    scenes, background = _scenes(parts, music, words)
    return Plan(
        seed=_hash_seed(text, model, seed),
        scenes=tuple(scenes),
        background=background,
        understood=tuple(_findings(text, tokens, matches, parts, has_music=any(s.music for s in scenes))),
        unknown=tuple(unknown_words(tokens, found, has_key=key_in(text)[0] is not None)),
    )


def _scenes(
    parts: Sequence[Part], music: MusicReader, words: Lexicon
) -> tuple[list[Scene], tuple[EffectLayer, ...]]:
    """Turn parts into scenes. What was named behind a sequence goes on through all of it."""
    scenes = []
    background: list[EffectLayer] = []
    for part in parts:
        behind: list[EffectLayer] = []
        here: list[EffectLayer] = []
        for layer, source in effect_layers(part, words):
            (behind if source.is_background and len(parts) > 1 else here).append(layer)
        background += behind
        request = None if part.is_silence else music.request(part)
        fade = next((e.key for clause in part.clauses for e in clause.free if e.kind == "fade"), "")
        if request is not None and not fade:
            fade = _fade_of_music(part.sources)
        scenes.append(Scene(request, tuple(here), fade if fade in {"in", "out"} else ""))
    if len(scenes) > 1:
        scenes = [
            scene for scene, part in zip(scenes, parts, strict=True) if part.is_silence or not scene.is_silent
        ]
    return scenes, tuple(background)


def _fade_of_music(sources: Iterable[Source]) -> str:
    return next((e.key for source in sources for e in source.modifiers if e.kind == "fade"), "")


def _findings(
    text: str, tokens: Sequence[Token], matches: Iterable[Match], parts: Iterable[Part], *, has_music: bool
) -> list[Finding]:
    """Account for every phrase that means something, in the order of the prompt."""
    meanings = {
        place: source.entry
        for part in parts
        for source in part.sources
        for place in range(source.match.start, source.match.end)
    }
    figures_read = figures_in(text) if has_music else ()
    findings = [(start, end, Finding(text[start:end], meaning)) for start, end, meaning in figures_read]
    figures = [range(start, end) for start, end, _ in findings]
    for match in matches:
        # "Sad" is a mood, and slow besides.
        telling = sorted(match.entries, key=lambda entry: entry.kind in _NUMERIC)
        entry = meanings.get(match.start) or next((e for e in telling if e.kind not in _UNNAMED), None)
        if entry is None or entry.kind == "cue":
            continue
        start, end = tokens[match.start].start, tokens[match.end - 1].end
        # "minor" in "A minor" was accounted for with the key.
        if not any(start in figure for figure in figures):
            findings.append((start, end, Finding(text[start:end], _meaning(entry))))
    return [finding for _, _, finding in sorted(findings, key=lambda each: each[:2])]


def _meaning(entry: Entry) -> str:
    """A meaning in words. Numbers of the data files stay inside; what they change is told."""
    if entry.kind in _NUMERIC:
        return entry.kind
    named = (entry.key or "drums").replace("_", " ")
    return named if entry.kind in _NAMED else f"{entry.kind}: {named}"


def _hash_seed(text: str, model: str, seed: int) -> int:
    content = f"{model}\n{seed}\n{' '.join(text.casefold().split())}"
    return int.from_bytes(hashlib.blake2b(content.encode("utf-8", "replace"), digest_size=8).digest())
