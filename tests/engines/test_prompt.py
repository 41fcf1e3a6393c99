"""What sketch reads out of a prompt."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webapp.engines.sketch.drums import PATTERNS, DrumKit
from webapp.engines.sketch.genres import DEFAULT_ENSEMBLES, DEFAULT_SCENES, GENRES
from webapp.engines.sketch.instruments import TONES
from webapp.engines.sketch.plan import Plan, TextureLayer
from webapp.engines.sketch.prompt import read_prompt
from webapp.engines.sketch.textures import texture_of
from webapp.engines.sketch.theory import PROGRESSIONS, SCALES
from webapp.engines.sketch.vocabulary import (
    DRUM_WORDS,
    GENRE_WORDS,
    INSTRUMENT_WORDS,
    MOOD_MODES,
    TEXTURE_MEANING,
    TEXTURE_WORDS,
)


def plan_of(prompt: str, model: str = "music", seed: int = 1) -> Plan:
    return read_prompt(prompt, model, seed)


def instruments(plan: Plan) -> set[str]:
    return {part.instrument for part in plan.parts}


def textures(plan: Plan) -> set[str]:
    return {layer.texture for layer in plan.textures}


@pytest.mark.parametrize(
    ("prompt", "tempo_bpm"),
    [
        ("128 BPM techno", 128),
        ("jazz, 97.5bpm", 97.5),
        ("piano at 60 beats per minute", 60),
        ("tempo of 140", 140),
        ("999 bpm", 240),
        ("10 bpm", 30),
    ],
)
def test_tempo_as_a_number(prompt: str, tempo_bpm: float) -> None:
    plan = plan_of(prompt)
    assert plan.tempo_bpm == tempo_bpm
    assert plan.exact_tempo


@pytest.mark.parametrize("seed", range(5))
def test_tempo_in_words(seed: int) -> None:
    assert plan_of("slow piano", seed=seed).tempo_bpm < 75
    assert plan_of("fast piano", seed=seed).tempo_bpm > 130
    assert 120 <= plan_of("techno", seed=seed).tempo_bpm <= 136
    assert 90 <= plan_of("slow techno", seed=seed).tempo_bpm < plan_of("techno", seed=seed).tempo_bpm


@pytest.mark.parametrize(
    ("prompt", "tonic", "mode"),
    [
        ("solo flute in D", 2, "major"),
        ("piano in F# minor", 6, "minor"),
        ("piano in f sharp minor", 6, "minor"),
        ("guitar in B flat major", 10, "major"),
        ("strings in Bb", 10, "major"),
        ("E-flat major waltz", 3, "major"),
        ("D dorian jam on organ", 2, "dorian"),
        ("lofi in Am", 9, "minor"),
        ("C#m pad", 1, "minor"),
        ("harp in the key of G, lydian", 7, "lydian"),
        ("cello in A harmonic minor", 9, "harmonic minor"),
        ("bells in C phrygian", 0, "phrygian"),
        ("sad piano in C", 0, "minor"),
    ],
)
def test_key_and_mode(prompt: str, tonic: int, mode: str) -> None:
    plan = plan_of(prompt)
    assert (plan.tonic, plan.mode) == (tonic, mode)


def test_an_article_is_no_key() -> None:
    assert {plan_of("birds and a flute in a forest", seed=seed).tonic for seed in range(12)} != {9}


def test_metre() -> None:
    assert plan_of("a waltz").beats_per_bar == 3
    assert plan_of("piano in 3/4").beats_per_bar == 3
    assert plan_of("piano").beats_per_bar == 4


def test_mixture_has_both() -> None:
    plan = plan_of("slow piano over heavy rain")
    assert instruments(plan) == {"piano"}
    assert textures(plan) == {"rain"}
    assert plan.textures[0].intensity > plan_of("piano over rain").textures[0].intensity
    assert plan.drums is None


def test_intensity_belongs_to_the_sound_it_stands_before() -> None:
    plan = plan_of("soft piano over heavy rain with distant thunder")
    by_name = {layer.texture: layer for layer in plan.textures}
    assert plan.parts[0].intensity < 0.5 < by_name["rain"].intensity
    assert by_name["thunder"].distant
    assert not by_name["rain"].distant


@pytest.mark.parametrize(
    "prompt", ["solo flute in D", "solo jazz piano", "unaccompanied cello", "solo techno synth"]
)
def test_solo_means_one(prompt: str) -> None:
    plan = plan_of(prompt)
    assert plan.solo
    assert len(plan.parts) == 1


def test_genre_brings_an_ensemble_around_what_is_named() -> None:
    plan = plan_of("techno")
    assert plan.drums is not None
    assert plan.drums.pattern == "techno"
    assert len(plan.parts) >= 2
    jazz = plan_of("jazz with flute")
    assert "flute" in instruments(jazz)
    assert "trumpet" not in instruments(jazz)
    assert sum(part.style == "melody" for part in jazz.parts) == 1


def test_what_is_refused_stays_away() -> None:
    assert plan_of("techno without drums").drums is None
    plan = plan_of("jazz, no piano or trumpet, no rain")
    assert not {"piano", "trumpet"} & instruments(plan)
    assert not plan.textures
    assert plan_of("techno without drums or bass").drums is None
    assert "synth bass" not in instruments(plan_of("techno without drums or bass"))
    assert "piano" in instruments(plan_of("no drums, just piano"))


def test_pieces_of_the_kit() -> None:
    kick = plan_of("kick drum at 100 bpm").drums
    assert kick is not None
    assert kick.pieces == ("kick",)
    whole = plan_of("drums with a loud snare").drums
    assert whole is not None
    assert whole.pieces == ()


def test_longest_phrase_wins() -> None:
    assert plan_of("drum and bass").drums is not None
    assert plan_of("bass drum").parts == ()
    assert instruments(plan_of("electric piano")) == {"electric piano"}
    assert plan_of("hi-hats").drums == plan_of("hi hats").drums


@pytest.mark.parametrize("model", ["music", "audio", "magnet"])
@pytest.mark.parametrize("prompt", ["xyzzy", "雨の音", "🎹🎶", "...", "a dog barking"])
def test_unknown_words_still_give_something(prompt: str, model: str) -> None:
    plan = plan_of(prompt, model)
    assert plan.parts or plan.textures


def test_seed_varies_what_the_prompt_leaves_open() -> None:
    assert len({instruments(plan_of("xyzzy", seed=seed)).__repr__() for seed in range(20)}) > 3
    assert plan_of("xyzzy", seed=3) == plan_of("xyzzy", seed=3)
    assert plan_of("Rain  and PIANO") == plan_of("rain and piano")


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300), st.integers(0, 2**63 - 1))
def test_any_text_gives_a_playable_plan(prompt: str, seed: int) -> None:
    plan = read_prompt(prompt, "music", seed)
    assert plan.parts or plan.textures or plan.drums
    assert 30 <= plan.tempo_bpm <= 240


def test_every_word_leads_to_something_that_exists() -> None:
    """Tables that name what no other table has would fail only when someone used the word."""
    ensembles = [genre.ensemble for genre in GENRES.values()] + list(DEFAULT_ENSEMBLES)
    named = {instrument for ensemble in ensembles for instrument, _ in ensemble}
    named |= {instrument for instrument, _ in INSTRUMENT_WORDS.values()}
    assert named <= TONES.keys()
    assert set(GENRE_WORDS.values()) == GENRES.keys()
    assert {genre.drums for genre in GENRES.values() if genre.drums} <= PATTERNS.keys()
    modes = {mode for genre in GENRES.values() for mode in genre.modes}
    modes |= {mode for moods in MOOD_MODES.values() for mode in moods}
    assert modes <= SCALES.keys() == PROGRESSIONS.keys()
    layers = {layer for meanings in TEXTURE_MEANING.values() for layer, _ in meanings}
    layers |= set(TEXTURE_WORDS.values()) - TEXTURE_MEANING.keys() | set(DEFAULT_SCENES)
    for layer in layers:
        recipe = texture_of(TextureLayer(layer, distant=True))
        assert recipe.bands or recipe.events
    kit = DrumKit(1)
    pieces = {piece for lanes in PATTERNS.values() for piece in lanes}
    for piece in pieces | {piece for listed in DRUM_WORDS.values() for piece in listed}:
        assert kit.hit(piece, 0).any()
