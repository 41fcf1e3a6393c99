"""Read a prompt into a plan. Whatever the prompt leaves open is drawn from its own hash and the seed."""

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from webapp.engines.sketch import vocabulary as words
from webapp.engines.sketch.plan import DrumPart, Part, Plan, TextureLayer
from webapp.engines.sketch.theory import PITCH_CLASSES

MIN_TEMPO_BPM, MAX_TEMPO_BPM = 30.0, 240.0

_NEGATORS = frozenset({"no", "without", "minus", "not"})
_JOINERS = frozenset({"or", "and", "nor"})
_SOLO_WORDS = frozenset({"solo", "unaccompanied", "only", "alone"})
_MODIFIER_REACH = 3
_LONGEST_PHRASE = 4
_COVERED_BY = {"hands": {"hands", "chords", "melody"}, "arpeggio": {"arpeggio", "chords"}}

_TEMPO = re.compile(r"(\d{2,3}(?:\.\d+)?)\s*-?\s*(?:bpm|beats per minute)|tempo\s+(?:of\s+)?(\d{2,3})")
_METRE_OF_THREE = re.compile(r"\b(?:3/4|6/8|9/8)\b")
_MODE = (
    r"(?P<mode>major|minor|maj|min|ionian|aeolian|dorian|phrygian|lydian|mixolydian|locrian|harmonic minor)"
)
_ACCIDENTAL = r"(?:\s?-?(?P<accidental>#|♯|♭|sharp|flat|b(?![a-z])|s(?=harp)))?"
_KEY_WITH_MODE = re.compile(rf"(?<![\w'])(?P<letter>[a-g]){_ACCIDENTAL}[\s-]+{_MODE}\b", re.IGNORECASE)
_KEY_AFTER_IN = re.compile(
    rf"\b(?:in|key of)\s+(?:the key of\s+)?(?P<letter>[a-g]){_ACCIDENTAL}(?![\w'#♯♭])", re.IGNORECASE
)
_SHORT_MINOR = re.compile(r"(?<!\w)(?P<letter>[A-G])(?P<accidental>[#b♯♭])?m(?!\w)")


@dataclass(frozen=True, slots=True)
class _Source:
    """A sound that the prompt names: its kind, its word, and which tokens it takes."""

    kind: str
    phrase: str
    start: int
    end: int


def read_prompt(prompt: str, model: str, seed: int) -> Plan:
    """The plan for ``prompt``; any text gives one. ``model`` only matters when nothing is understood."""
    text = unicodedata.normalize("NFKC", prompt)
    folded = text.casefold()
    tokens = _tokens(folded)
    plan_seed = _hash_seed(folded, model, seed)
    rng = np.random.default_rng(plan_seed)
    found = list(_sources(tokens))
    wanted = [source for source in found if not _negated(tokens, source)]
    unwanted = {(s.kind, _meaning(s)) for s in found if s not in wanted}
    genre = next((words.GENRES[words.GENRE_WORDS[s.phrase]] for s in wanted if s.kind == "genre"), None)
    parts = _parts(tokens, wanted)
    drums = _drums(tokens, wanted, genre)
    textures = _textures(tokens, wanted)
    solo = bool(_SOLO_WORDS & set(tokens)) and bool(parts)
    if solo:
        parts = [replace(parts[0], style=_solo_style(parts[0]))]
        drums = drums if any(s.kind == "drum" for s in wanted) else None
    elif genre is not None:
        parts = _with_ensemble(parts, genre, unwanted)
    if any(kind == "drum" for kind, _ in unwanted):
        drums = None
    if not parts and drums is None and not textures:
        parts, textures = _default(model, rng)
    tempo_bpm, exact_tempo = _tempo(folded, tokens, genre, rng)
    tonic, mode = _key(text, tokens, genre, rng)
    return Plan(
        seed=plan_seed,
        tempo_bpm=tempo_bpm,
        exact_tempo=exact_tempo,
        beats_per_bar=3 if _METRE_OF_THREE.search(folded) else (genre.beats_per_bar if genre else 4),
        tonic=tonic,
        mode=mode,
        swing=genre.swing if genre else 0.0,
        space=_space(tokens, genre),
        parts=tuple(_one_melody(parts)),
        drums=drums,
        textures=tuple(textures),
    )


def _tokens(folded: str) -> list[str]:
    spelled = folded.replace("&", " and ").replace("-", " ")
    return re.findall(r"\w+", spelled)


def _hash_seed(folded: str, model: str, seed: int) -> int:
    text = f"{model}\n{seed}\n{' '.join(folded.split())}"
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest())


def _sources(tokens: Sequence[str]) -> Iterator[_Source]:
    """Sounds named in the prompt, longest phrase first at each place, without overlaps."""
    tables = {
        "genre": words.GENRE_WORDS,
        "instrument": words.INSTRUMENT_WORDS,
        "drum": words.DRUM_WORDS,
        "texture": words.TEXTURE_WORDS,
    }
    at = 0
    while at < len(tokens):
        for length in range(_LONGEST_PHRASE, 0, -1):
            phrase = " ".join(tokens[at : at + length])
            kind = next((kind for kind, table in tables.items() if phrase in table), None)
            if kind is not None and at + length <= len(tokens):
                yield _Source(kind, phrase, at, at + length)
                at += length
                break
        else:
            at += 1


def _negated(tokens: Sequence[str], source: _Source) -> bool:
    """Whether "no" or "without" governs the source, through at most one adjective and a list."""
    at = source.start - 1
    steps = 0
    while at >= 0 and steps < 2:
        if tokens[at] in _NEGATORS:
            return True
        if tokens[at] in _JOINERS:
            return "without" in tokens[max(0, at - 3) : at] or (
                tokens[at] != "and" and _NEGATORS & set(tokens[max(0, at - 3) : at]) != set()
            )
        at -= 1
        steps += 1
    return False


def _meaning(source: _Source) -> str:
    if source.kind == "instrument":
        return words.INSTRUMENT_WORDS[source.phrase][0]
    return source.phrase


def _strength(tokens: Sequence[str], source: _Source) -> tuple[float, float, bool]:
    """Intensity 0 to 1, level in dB, and whether it is far away, from the words around a source."""
    near = tokens[max(0, source.start - _MODIFIER_REACH) : source.start]
    for other in _sources(near):
        near = near[other.end :]
        break
    after = tokens[source.end : source.end + 2]
    adverbs = [token for token in after if token.endswith("ly")]
    intensity, level_db = 0.5, 0.0
    for token in (*near, *adverbs):
        change, change_db = words.INTENSITY_WORDS.get(token, (0.0, 0.0))
        intensity, level_db = intensity + change, level_db + change_db
    distant = bool(words.DISTANT_WORDS & set(near))
    return min(1.0, max(0.05, intensity)), max(-12.0, min(6.0, level_db)), distant


def _parts(tokens: Sequence[str], sources: Sequence[_Source]) -> list[Part]:
    parts: dict[str, Part] = {}
    for source in sources:
        if source.kind != "instrument":
            continue
        instrument, style = words.INSTRUMENT_WORDS[source.phrase]
        nearby = tokens[max(0, source.start - 1) : source.end + 2]
        style = next((words.STYLE_WORDS[t] for t in nearby if t in words.STYLE_WORDS), style)
        intensity, level_db, _ = _strength(tokens, source)
        parts.setdefault(instrument, Part(instrument, style, level_db, intensity))
    return list(parts.values())


def _solo_style(part: Part) -> str:
    return {"chords": "hands", "pad": "pad", "bass": "bass"}.get(part.style, part.style)


def _with_ensemble(parts: list[Part], genre: words.Genre, unwanted: set[tuple[str, str]]) -> list[Part]:
    """The named parts, and of the genre's own those that play what nobody plays yet."""
    covered = {style for part in parts for style in _COVERED_BY.get(part.style, {part.style})}
    named = {part.instrument for part in parts}
    added = [
        Part(instrument, style)
        for instrument, style in genre.ensemble
        if style not in covered and instrument not in named and ("instrument", instrument) not in unwanted
    ]
    return parts + added


def _one_melody(parts: Sequence[Part]) -> Iterator[Part]:
    """Only one part leads: further melodies hold long notes, and a piano beside a melody plays chords."""
    leader = next((part for part in parts if part.style == "melody"), None)
    for part in parts:
        if leader is None or part is leader:
            yield part
        elif part.style == "melody":
            yield replace(part, style="pad")
        elif part.style == "hands":
            yield replace(part, style="arpeggio")
        else:
            yield part


def _drums(tokens: Sequence[str], sources: Sequence[_Source], genre: words.Genre | None) -> DrumPart | None:
    named = [source for source in sources if source.kind == "drum"]
    pattern = genre.drums if genre else None
    if not named:
        return DrumPart(pattern) if pattern else None
    strengths = [_strength(tokens, source) for source in named]
    pieces = tuple(dict.fromkeys(piece for s in named for piece in words.DRUM_WORDS[s.phrase]))
    if pattern or any(not words.DRUM_WORDS[source.phrase] for source in named):
        pieces = ()
    return DrumPart(pattern or "rock", pieces, strengths[0][1], strengths[0][0])


def _textures(tokens: Sequence[str], sources: Sequence[_Source]) -> list[TextureLayer]:
    layers: dict[str, TextureLayer] = {}
    for source in sources:
        if source.kind != "texture":
            continue
        intensity, level_db, distant = _strength(tokens, source)
        meaning = words.TEXTURE_WORDS[source.phrase]
        for texture, base in words.TEXTURE_MEANING.get(meaning, ((meaning, 0.5),)):
            strength = min(1.0, max(0.05, base + intensity - 0.5))
            layers.setdefault(texture, TextureLayer(texture, level_db, strength, distant))
    return list(layers.values())


def _default(model: str, rng: np.random.Generator) -> tuple[list[Part], list[TextureLayer]]:
    ensemble = words.DEFAULT_ENSEMBLES[rng.integers(len(words.DEFAULT_ENSEMBLES))]
    if model != "audio":
        return [Part(instrument, style) for instrument, style in ensemble], []
    scene = words.DEFAULT_SCENES[rng.integers(len(words.DEFAULT_SCENES))]
    return [Part("pad", "pad", level_db=-6.0, intensity=0.3)], [TextureLayer(scene)]


def _tempo(
    folded: str, tokens: Sequence[str], genre: words.Genre | None, rng: np.random.Generator
) -> tuple[float, bool]:
    match = _TEMPO.search(folded)
    if match:
        return min(MAX_TEMPO_BPM, max(MIN_TEMPO_BPM, float(match[1] or match[2]))), True
    low, high = genre.tempo_bpm if genre else (84.0, 108.0)
    phrases = (*(" ".join(pair) for pair in zip(tokens, tokens[1:], strict=False)), *tokens)
    wanted = next((words.TEMPO_WORDS[phrase] for phrase in phrases if phrase in words.TEMPO_WORDS), None)
    if wanted is not None:
        # "Slow techno" is slow for techno, not as slow as a lullaby.
        low, high = (min(max(bpm, 0.75 * low), 1.3 * high) for bpm in wanted) if genre else wanted
    return round(float(rng.uniform(low, high))), False


def _key(
    text: str, tokens: Sequence[str], genre: words.Genre | None, rng: np.random.Generator
) -> tuple[int, str]:
    modes = next((words.MOOD_MODES[t] for t in tokens if t in words.MOOD_MODES), None)
    modes = modes or (genre.modes if genre else ("major", "minor", "dorian"))
    tonic, mode = int(rng.integers(12)), modes[rng.integers(len(modes))]
    phrases = (*(" ".join(pair) for pair in zip(tokens, tokens[1:], strict=False)), *tokens)
    named = next((words.MODE_WORDS[phrase] for phrase in phrases if phrase in words.MODE_WORDS), None)
    match = _KEY_WITH_MODE.search(text)
    if match:
        mode_word = match["mode"].lower()
        return _pitch_class(match), named or {"maj": "major", "min": "minor"}.get(mode_word, mode)
    match = _SHORT_MINOR.search(text)
    if match:
        return _pitch_class(match), "minor"
    match = _KEY_AFTER_IN.search(text)
    if match and not _is_article(text, match):
        # A bare letter is a major key unless a mood or a genre makes it darker.
        default = mode if (genre or any(t in words.MOOD_MODES for t in tokens)) else "major"
        return _pitch_class(match), named or default
    return tonic, named or mode


def _is_article(text: str, match: re.Match[str]) -> bool:
    """ "in a forest": the letter is an article when a small "a" stands before another word."""
    return (
        match["letter"] == "a" and not match["accidental"] and bool(re.match(r"\s*\w", text[match.end() :]))
    )


def _pitch_class(match: re.Match[str]) -> int:
    accidental = (match["accidental"] or "").lower()
    shift = {"#": 1, "♯": 1, "sharp": 1, "b": -1, "♭": -1, "flat": -1}.get(accidental, 0)
    return (PITCH_CLASSES[match["letter"].lower()] + shift) % 12


def _space(tokens: Sequence[str], genre: words.Genre | None) -> float:
    named = next((words.SPACE_WORDS[token] for token in tokens if token in words.SPACE_WORDS), None)
    if named is not None:
        return named
    return genre.space if genre else 0.35
