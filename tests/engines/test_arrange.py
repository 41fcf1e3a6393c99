"""What is played, before anything is rendered."""

import pytest

from webapp.engines.sketch.arrange import arrange
from webapp.engines.sketch.instruments import TONES
from webapp.engines.sketch.plan import Plan
from webapp.engines.sketch.prompt import read_prompt
from webapp.engines.sketch.theory import SCALES
from webapp.engines.sketch.vocabulary import GENRE_WORDS, INSTRUMENT_WORDS

PROMPTS = sorted(set(GENRE_WORDS.values())) + [f"solo {word}" for word in INSTRUMENT_WORDS]


def plan_of(prompt: str, seed: int = 1) -> Plan:
    return read_prompt(prompt, "music", seed)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_note_is_in_the_key_and_on_the_instrument(seed: int) -> None:
    for prompt in PROMPTS:
        plan = plan_of(prompt, seed)
        scale = {(plan.tonic + step) % 12 for step in SCALES[plan.mode]}
        score = arrange(plan, 40.0, with_ending=True)
        for part, notes in zip(plan.parts, score.notes, strict=True):
            assert notes, f"{prompt}: {part.instrument} plays nothing"
            low, high = TONES[part.instrument].range
            assert {note.pitch % 12 for note in notes} <= scale, prompt
            assert low <= min(note.pitch for note in notes), f"{prompt}: {part}"
            assert max(note.pitch for note in notes) <= high, f"{prompt}: {part}"


@pytest.mark.parametrize("prompt", ["jazz", "techno", "waltz", "solo flute"])
def test_a_longer_sound_begins_like_a_shorter_one(prompt: str) -> None:
    plan = plan_of(prompt)
    short, long = (arrange(plan, duration_s, with_ending=False) for duration_s in (10.0, 25.0))
    for shorter, longer in zip(short.notes, long.notes, strict=True):
        until = [note for note in longer if note.start_s < 9.5]
        assert [note for note in shorter if note.start_s < 9.5] == until
    assert [hit for hit in short.hits if hit.start_s < 9.5] == [hit for hit in long.hits if hit.start_s < 9.5]


@pytest.mark.parametrize(
    "prompt", ["piano in C major", "strings in C major", "harp in C major", "solo flute in C major"]
)
def test_it_ends_at_home(prompt: str) -> None:
    notes = arrange(plan_of(prompt), 30.0, with_ending=True).notes[0]
    final = {note.pitch % 12 for note in notes if note.start_s + note.duration_s > 29.9}
    assert final
    assert final <= {0, 4, 7}


def test_every_eighth_bar_has_a_fill() -> None:
    plan = plan_of("rock at 120 bpm")
    hits = arrange(plan, 40.0, with_ending=False).hits
    toms = [hit.start_s for hit in hits if hit.piece == "tom"]
    assert toms
    assert all(15.0 <= start_s % 16.0 < 16.1 for start_s in toms)


def test_four_on_the_floor() -> None:
    hits = arrange(plan_of("128 BPM techno"), 10.0, with_ending=False).hits
    kicks = [hit.start_s for hit in hits if hit.piece == "kick"]
    beat_s = 60 / 128
    assert len(kicks) == len([beat for beat in range(30) if beat * beat_s < 10.0])
    assert all(abs(start_s - beat * beat_s) < 0.01 for beat, start_s in enumerate(kicks))


def test_swing_delays_the_off_beats() -> None:
    straight, swung = (
        [
            hit.start_s % 0.5
            for hit in arrange(plan_of(prompt), 20.0, with_ending=False).hits
            if hit.piece == "ride"
        ]
        for prompt in ("metal at 120 bpm", "jazz at 120 bpm")
    )
    assert not any(0.2 < start_s < 0.4 for start_s in straight)
    assert any(0.29 < start_s < 0.4 for start_s in swung)
