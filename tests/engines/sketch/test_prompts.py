"""The table of prompts: what each must sound like, measured on the samples."""

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.engines.sketch import listening
from tests.engines.sketch.listening import rendered
from webapp.audio.waveform import Samples

pytestmark = pytest.mark.slow

TABLE: list[dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("prompts.toml").read_text(encoding="utf-8")
)["prompts"]
SECONDS = 4.0
MEASURES = {
    name: getattr(listening, name)
    for name in (
        "onset_rate",
        "regularity",
        "centroid_hz",
        "harmonicity",
        "decay_s",
        "ring_s",
        "silence",
        "events",
        "rise_db",
        "glide_semitones",
    )
} | {
    "width_db": listening.width,
    "pitch_hz": lambda samples: float(np.median(listening.pitches_hz(samples))),
    # The share of time that is close to the loudest: many drops leave no gaps.
    "fullness": lambda samples: float((listening.levels_db(samples) > -12).mean()),
}
TEMPO_TOLERANCE = 0.02
# Chance would give 0.58.
LEAST_IN_SCALE = 0.75
# Spectra of one kind of thing differ by less than the first, of different things by more than the second.
ALIKE_DB, DIFFERENT_DB = 4.0, 2.5
_KNOWN = {
    "text",
    "seconds",
    "model",
    "tempo",
    "key",
    "more",
    "less",
    "like",
    "unlike",
    "unlike_model",
    "tolerance_db",
}


def sound(entry: dict[str, Any], text: str | None = None) -> Samples:
    """The sound of an entry, or of another prompt for as long and by the same model."""
    model = entry.get("model", "music")
    if text is not None:
        model = next((other.get("model", "music") for other in TABLE if other["text"] == text), model)
    return rendered(text or entry["text"], entry.get("seconds", SECONDS), model)


def test_table_is_large_and_measures_what_there_is() -> None:
    assert len(TABLE) >= 150
    assert len({(entry["text"], entry.get("model")) for entry in TABLE}) == len(TABLE)
    for entry in TABLE:
        measured = set(entry) - _KNOWN
        assert measured <= set(MEASURES), measured
        assert set(entry) - {"text", "seconds", "model", "tolerance_db"}, entry["text"]


@pytest.mark.parametrize("entry", TABLE, ids=[entry["text"] for entry in TABLE])
def test_prompt_sounds_as_asked(entry: dict[str, Any]) -> None:
    samples = sound(entry)
    found: dict[str, tuple[float, object]] = {}
    for name in set(entry) & set(MEASURES):
        low, high = entry[name]
        value = MEASURES[name](samples)
        if not low <= value <= high:
            found[name] = (value, entry[name])
    if "tempo" in entry:
        value = listening.tempo(samples, entry["tempo"])
        if abs(value / entry["tempo"] - 1) > TEMPO_TOLERANCE:
            found["tempo"] = (value, entry["tempo"])
    if "key" in entry:
        value = listening.in_scale(samples, entry["key"])
        if value < LEAST_IN_SCALE:
            found["key"] = (value, entry["key"])
    assert not found


@pytest.mark.parametrize(
    ("entry", "name", "other", "sign"),
    [
        pytest.param(entry, name, other, sign, id=f"{entry['text']}: {name} against {other}")
        for entry in TABLE
        for word, sign in (("more", 1), ("less", -1))
        for name, other in entry.get(word, {}).items()
    ],
)
def test_opposites_differ_as_they_should(entry: dict[str, Any], name: str, other: str, sign: int) -> None:
    measure = MEASURES[name]
    own, others = measure(sound(entry)), measure(sound(entry, other))
    assert sign * own > sign * others


@pytest.mark.parametrize(
    ("entry", "other"),
    [pytest.param(e, e["like"], id=f"{e['text']} like {e['like']}") for e in TABLE if "like" in e],
)
def test_synonyms_sound_alike(entry: dict[str, Any], other: str) -> None:
    unlike_db = listening.unlikeness_db(sound(entry), sound(entry, other))
    assert unlike_db < entry.get("tolerance_db", ALIKE_DB)


@pytest.mark.parametrize(
    ("entry", "other"),
    [pytest.param(e, e["unlike"], id=f"{e['text']} unlike {e['unlike']}") for e in TABLE if "unlike" in e],
)
def test_different_things_sound_different(entry: dict[str, Any], other: str) -> None:
    assert listening.unlikeness_db(sound(entry), sound(entry, other)) > DIFFERENT_DB


@pytest.mark.parametrize("entry", [e for e in TABLE if "unlike_model" in e], ids=lambda entry: entry["text"])
def test_ambiguous_word_is_told_by_the_model(entry: dict[str, Any]) -> None:
    other = rendered(entry["text"], SECONDS, entry["unlike_model"])
    assert listening.unlikeness_db(sound(entry), other) > DIFFERENT_DB
