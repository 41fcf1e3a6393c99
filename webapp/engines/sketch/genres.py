"""What a style of music brings along when the prompt does not say otherwise."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Genre:
    """What a style of music brings when the prompt does not say otherwise."""

    tempo_bpm: tuple[float, float]
    ensemble: tuple[tuple[str, str], ...]
    drums: str | None = None
    modes: tuple[str, ...] = ("major", "minor")
    beats_per_bar: int = 4
    swing: float = 0.0
    space: float = 0.35


_ELECTRONIC = ("minor", "dorian", "phrygian")
GENRES: dict[str, Genre] = {
    "techno": Genre(
        (126, 134), (("synth bass", "bass"), ("lead", "arpeggio"), ("pad", "pad")), "techno", _ELECTRONIC
    ),
    "house": Genre(
        (120, 126), (("electric piano", "chords"), ("synth bass", "bass"), ("pad", "pad")), "house"
    ),
    "trance": Genre(
        (134, 140), (("lead", "arpeggio"), ("synth bass", "bass"), ("pad", "pad")), "techno", ("minor",)
    ),
    "drum and bass": Genre((170, 176), (("synth bass", "bass"), ("pad", "pad")), "breakbeat", _ELECTRONIC),
    "dubstep": Genre((138, 142), (("synth bass", "bass"), ("pad", "pad")), "halftime", _ELECTRONIC),
    "synthwave": Genre(
        (84, 112), (("synth bass", "bass"), ("pad", "pad"), ("lead", "melody")), "rock", ("minor",)
    ),
    "hip hop": Genre(
        (84, 96), (("electric piano", "chords"), ("bass", "bass")), "hip hop", ("minor", "dorian")
    ),
    "lofi": Genre(
        (72, 86), (("electric piano", "chords"), ("bass", "bass")), "lofi", ("dorian", "major"), swing=0.14
    ),
    "trap": Genre((136, 144), (("synth bass", "bass"), ("bell", "melody")), "trap", ("minor", "phrygian")),
    "rock": Genre((110, 128), (("guitar", "chords"), ("bass", "bass")), "rock", ("mixolydian", "minor")),
    "metal": Genre((150, 170), (("guitar", "chords"), ("bass", "bass")), "metal", ("phrygian", "minor")),
    "pop": Genre((100, 118), (("piano", "chords"), ("bass", "bass"), ("pad", "pad")), "rock", ("major",)),
    "funk": Genre(
        (100, 112), (("electric piano", "chords"), ("bass", "bass")), "funk", ("dorian", "mixolydian")
    ),
    "disco": Genre((116, 122), (("strings", "pad"), ("bass", "bass"), ("piano", "chords")), "house"),
    "reggae": Genre(
        (72, 82), (("organ", "chords"), ("bass", "bass")), "reggae", ("major", "dorian"), swing=0.08
    ),
    "jazz": Genre(
        (112, 150),
        (("piano", "chords"), ("bass", "bass"), ("trumpet", "melody")),
        "jazz",
        ("dorian", "major", "mixolydian"),
        swing=0.3,
    ),
    "blues": Genre(
        (76, 100),
        (("guitar", "melody"), ("organ", "chords"), ("bass", "bass")),
        "jazz",
        ("blues",),
        swing=0.3,
    ),
    "bossa nova": Genre((118, 130), (("guitar", "chords"), ("bass", "bass"), ("flute", "melody")), "bossa"),
    "waltz": Genre((90, 132), (("piano", "hands"), ("strings", "pad")), None, beats_per_bar=3),
    "march": Genre((104, 116), (("trumpet", "melody"), ("bass", "bass")), "march", ("major",)),
    "folk": Genre(
        (92, 112), (("guitar", "arpeggio"), ("flute", "melody")), None, ("major", "dorian", "mixolydian")
    ),
    "country": Genre((96, 120), (("guitar", "arpeggio"), ("bass", "bass")), "rock", ("major", "mixolydian")),
    "classical": Genre((80, 112), (("piano", "hands"), ("strings", "pad")), None, space=0.45),
    "orchestral": Genre(
        (70, 100), (("strings", "pad"), ("cello", "bass"), ("flute", "melody")), None, space=0.5
    ),
    "cinematic": Genre(
        (64, 84),
        (("strings", "pad"), ("cello", "bass"), ("piano", "arpeggio")),
        "cinematic",
        ("minor",),
        space=0.6,
    ),
    "ambient": Genre(
        (56, 72), (("pad", "pad"), ("bell", "melody")), None, ("major", "lydian", "dorian"), space=0.75
    ),
    "chiptune": Genre(
        (130, 150),
        (("chip", "arpeggio"), ("chip", "melody"), ("synth bass", "bass")),
        "techno",
        ("major",),
        space=0.05,
    ),
    "lullaby": Genre((60, 76), (("music box", "melody"), ("pad", "pad")), None, ("major",), beats_per_bar=3),
}

# What an unknown prompt becomes; its hash chooses.
DEFAULT_ENSEMBLES: tuple[tuple[tuple[str, str], ...], ...] = (
    (("piano", "hands"),),
    (("piano", "hands"), ("strings", "pad")),
    (("guitar", "arpeggio"), ("flute", "melody")),
    (("electric piano", "chords"), ("bass", "bass"), ("vibraphone", "melody")),
    (("pad", "pad"), ("bell", "melody")),
    (("harp", "arpeggio"), ("strings", "pad"), ("oboe", "melody")),
    (("marimba", "arpeggio"), ("pad", "pad"), ("bass", "bass")),
)
DEFAULT_SCENES = ("wind", "sea", "stream", "birds", "rain")
