"""How prompts are read: the plan, and what is said to be unknown."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webapp.engines.sketch.effects.catalogue import EFFECTS
from webapp.engines.sketch.music.request import MusicRequest
from webapp.engines.sketch.understanding.lexicon import lexicon
from webapp.engines.sketch.understanding.outline import outline
from webapp.engines.sketch.understanding.plan import EffectLayer, Plan
from webapp.engines.sketch.understanding.reading import read_prompt


def plan(prompt: str, model: str = "audio") -> Plan:
    return read_prompt(prompt, model, 1)


def layers(prompt: str, model: str = "audio") -> list[EffectLayer]:
    read = plan(prompt, model)
    return [layer for scene in read.scenes for layer in scene.effects] + list(read.background)


def sounds(prompt: str, model: str = "audio") -> list[str]:
    return [layer.sound for layer in layers(prompt, model)]


def music(prompt: str, model: str = "music") -> MusicRequest:
    found = next((scene.music for scene in plan(prompt, model).scenes if scene.music), None)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a dog barking", ["dog_bark"]),
        ("dogs bark", ["dog_bark"]),
        ("howling wolf", ["wolf"]),
        ("a door creaks, then slams, thunder in the distance", ["door_creak", "door_slam", "thunder"]),
        ("a car starts, idles and leaves", ["car_start", "car_idle", "car_pass"]),
        ("slams shut", ["door_slam"]),
        ("rain without thunder", ["rain"]),
        ("a thunderstorm without rain", ["thunder", "wind"]),
        ("heavy rain on a tin roof", ["rain_roof"]),
        ("a fan humming", ["fan"]),
        ("a plane flies over", ["jet"]),
        ("hammering nails into wood", ["hammer"]),
        ("chainsaw cutting a tree", ["chainsaw"]),
        ("knocks on a wooden door", ["knock"]),
        ("footsteps on metal stairs", ["footsteps"]),
        ("leaves rustling", ["wind_trees"]),
        ("a cinematic riser", ["riser"]),
        ("crackling vinyl", ["vinyl_crackle"]),
        ("forest", ["songbird", "wind_trees"]),
        ("waves crashing on rocks", ["waves"]),
        ("snowstorm", ["blizzard"]),
        ("cafés", ["crowd"]),
        ("somebody knocking on a wooden door three times", ["knock"]),
        ("my old fridge humming", ["air_conditioner"]),
        ("kids laughing in the distance", ["laughter"]),
        ("someone sweeping the floor with a broom", ["broom"]),
        ("popcorn popping in a pot", ["popcorn"]),
        ("a baby babbling and giggling", ["laughter"]),
        ("rain hammering down on the car", ["rain_heavy"]),
        ("a creepy old house at midnight", ["door_creak", "wind_door", "owl"]),
        ("a bus pulling away", ["truck_pass"]),
        ("a plane landing", ["jet"]),
        ("a man clearing his throat", ["throat"]),
        ("a woman sobbing", ["sob"]),
        ("a horse-drawn carriage on cobbles", ["horse_hooves"]),
        ("someone chopping vegetables", ["chopping"]),
        ("basketball bouncing in a gym", ["ball_bounce"]),
        ("windscreen wipers", ["wipers"]),
        ("an electric toothbrush", ["toothbrush"]),
    ],
)
def test_sounds_are_understood(prompt: str, expected: list[str]) -> None:
    assert sounds(prompt) == expected


@pytest.mark.parametrize(
    ("word", "sound", "instrument", "genre"),
    [
        ("horn", "car_horn", "french horn", ""),
        ("keys", "keys", "electric piano", ""),
        ("keyboard", "typing", "electric piano", ""),
        ("whistle", "referee_whistle", "whistling", ""),
        ("bell", "bell", "bells", ""),
        ("metal", "metal_hit", "", "metal"),
        ("drill", "drill", "", "trap"),
        ("drone", "drone", "", "drone"),
    ],
)
def test_model_decides_what_a_word_means(word: str, sound: str, instrument: str, genre: str) -> None:
    assert sounds(word, "audio") == [sound]
    request = music(word, "music")
    assert request.genre == genre
    assert [one.instrument for one in request.instruments] == ([instrument] if instrument else [])


def test_context_decides_before_the_model() -> None:
    assert music("a jazz band with horns", "audio").instruments[0].instrument == "brass"
    assert sounds("a honking car horn in traffic", "music") == ["car_horn", "traffic"]
    assert sounds("metal door slams", "music") == ["door_slam"]
    assert music("trap beat with bells").instruments[0].instrument == "bells"
    assert music("epic battle music").genre == "cinematic"
    assert sounds("epic battle music", "music") == []


def test_modifiers_reach_what_they_are_said_of() -> None:
    dog, thunder = layers("three dogs barking, thunder in the distance")
    assert (dog.count, dog.distance) == (3, 0.0)
    assert thunder.distance > 0.5
    assert layers("a dog barks three times")[0].count == 3
    assert layers("5 knocks on a wooden door")[0].count == 5
    assert layers("slow footsteps on gravel")[0].speed < 0.3
    assert layers("faint wind")[0].level_db < layers("wind")[0].level_db < layers("loud wind")[0].level_db
    assert layers("applause slowly fading out")[0].fade == "out"
    assert layers("a helicopter approaching")[0].fade == "approach"
    assert layers("footsteps in a cave")[0].space == "cave"


def test_sequences_and_backgrounds() -> None:
    scenes = plan("a gunshot, silence, then a scream").scenes
    assert [[layer.sound for layer in scene.effects] for scene in scenes] == [["gunshot"], [], ["scream"]]
    read = plan("a dog barks, then a cat meows, over heavy rain")
    assert [layer.sound for layer in read.background] == ["rain_heavy"]
    assert len(plan("piano over rain", "music").scenes) == 1


def test_music_is_understood() -> None:
    request = music("piano and violin duet in D minor at 72 bpm, 3/4")
    assert [one.instrument for one in request.instruments] == ["piano", "violin"]
    assert (request.tonic, request.mode, request.tempo_bpm, request.beats_per_bar) == (2, "minor", 72, 3)
    assert music("90s hip hop").era == "1990s"
    assert music("80 bpm hip hop").era == ""
    assert music("something happy").moods == ("happy",)
    assert music("music in the key of E").tonic == 4
    assert music("120 bpm").tempo_bpm == 120
    assert music("a guitar solo").instruments[0].role == "melody"
    assert music("piano arpeggios").instruments[0].role == "arpeggio"
    assert music("staccato strings").articulation == "staccato"
    assert music("hip-hop with 808s and hi-hats").drums is not None


def test_negations() -> None:
    assert "drums" in music("techno without drums").without
    assert "distorted guitar" in music("rock without guitar").without
    assert not {"bass guitar", "bass"} & music("rock without guitar").without
    request = music("no drums, just piano and bass")
    assert request.solo
    assert len(request.instruments) == 2
    assert plan("no music", "music").is_empty
    assert music("not sad, happy piano").moods == ("happy",)


def test_solo_with_a_style_is_played_in_front_of_it() -> None:
    assert music("solo cello").solo
    assert not music("saxophone solo, smooth jazz").solo


@pytest.mark.parametrize(
    "prompt",
    [
        "xyzzy",
        "the meaning of life",
        "Hundegebell",
        "perro ladrando",
        "雨の音とピアノ",
        "the colour blue",
        "",
        "!?",
        "🎹",
    ],
)
@pytest.mark.parametrize("model", ["music", "audio", "magnet"])
def test_what_is_not_known_is_said(prompt: str, model: str) -> None:
    read = plan(prompt, model)
    assert read.is_empty
    assert "neutral hum" in next(iter(outline(read)))
    words = [word for word in prompt.split() if word.isalpha() and word not in {"the", "of"}]
    assert list(read.unknown) == words


@pytest.mark.parametrize("number", ["❶", "²", "½", "٣", "१२", "0", "99999999999999999999"])
def test_strange_numbers_are_read_or_passed_over(number: str) -> None:
    assert sounds(f"{number} dogs barking") == ["dog_bark"]


@pytest.mark.parametrize("prompt", ["\u0303", "a \u0303 dog", "'s", "’s ’s", "\u200d", "\ufeffdog"])
def test_marks_alone_are_no_words(prompt: str) -> None:
    assert list(outline(plan(prompt)))


def test_unknown_words_are_named_once_and_change_nothing() -> None:
    assert plan("a frobnicated dog barking frobnicated").unknown == ("frobnicated",)
    assert layers("a frobnicated dog barking") == layers("a dog barking")


def test_everything_understood_is_accounted_for() -> None:
    read = plan("three dogs barking in the distance, zorp", "audio")
    assert [finding.text for finding in read.understood] == ["three", "dogs barking", "in the distance"]
    assert read.unknown == ("zorp",)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("lo-fi beat at 90 BPM", [("lo-fi", "lofi"), ("beat", "drums"), ("90 BPM", "tempo")]),
        (
            "sad piano in A minor, 3/4",
            [("sad", "mood: sad"), ("piano", "piano"), ("A minor", "key"), ("3/4", "metre")],
        ),
        ("waltz in D", [("waltz", "waltz"), ("in D", "key")]),
        ("rain in a forest", [("rain", "rain"), ("forest", "forest")]),
    ],
)
def test_figures_and_keys_are_accounted_for(prompt: str, expected: list[tuple[str, str]]) -> None:
    assert [(found.text, found.meaning) for found in plan(prompt).understood] == expected


@settings(max_examples=150)
@given(st.text(max_size=1000), st.sampled_from(["music", "audio"]))
def test_any_text_has_a_plan(prompt: str, model: str) -> None:
    read = read_prompt(prompt, model, 0)
    assert list(outline(read))


_WORDS = sorted({word for words in lexicon().entries for word in words})


@settings(max_examples=150)
@given(
    st.lists(
        st.sampled_from([*_WORDS, "the", "a", ",", ".", "and", "then", "no", "3", "-", "of"]), max_size=160
    ),
    st.sampled_from(["music", "audio"]),
)
def test_any_order_of_known_words_has_a_plan_of_known_things(words: list[str], model: str) -> None:
    prompt = " ".join(words)[:1000]
    read = read_prompt(prompt, model, 0)
    assert all(layer.sound in EFFECTS for scene in read.scenes for layer in scene.effects)
    assert read_prompt(prompt, model, 0) == read


@pytest.mark.parametrize(
    "words", ["no dog ", "then piano ", "three dogs, ", "((", "bark howl ", "in a loud house "]
)
def test_long_prompts_take_time_in_proportion(words: str) -> None:
    """Twenty times the text may take at most sixty times as long."""

    def best_s(prompt: str) -> float:
        times = []
        for _ in range(3):
            began = time.process_time()
            for _ in range(20):
                read_prompt(prompt, "audio", 1)
            times.append(time.process_time() - began)
        return min(times)

    text = words * 1000
    best_s(text[:1000])
    assert best_s(text[:1000]) < 60 * max(best_s(text[:50]), 0.002)
