"""The words that sketch understands, as tables from phrase to meaning.

Phrases are lower case with hyphens as blanks; where several match, the longest wins.
"""

from typing import TypeVar

_Meaning = TypeVar("_Meaning")


def _by_phrase(phrases: dict[_Meaning, str]) -> dict[str, _Meaning]:
    """From meaning → "phrase, phrase" to phrase → meaning."""
    return {phrase: meaning for meaning, listed in phrases.items() for phrase in listed.split(", ")}


GENRE_WORDS: dict[str, str] = _by_phrase(
    {
        "techno": "techno, electronic, electro, industrial, acid",
        "house": "house, edm, dance",
        "trance": "trance, rave",
        "drum and bass": "drum and bass, drum n bass, dnb, breakbeat",
        "dubstep": "dubstep",
        "synthwave": "synthwave, retrowave, 80s",
        "hip hop": "hip hop, hiphop, rap, boom bap",
        "lofi": "lofi, lo fi, chillhop, chill",
        "trap": "trap",
        "rock": "rock",
        "metal": "metal, punk",
        "pop": "pop, indie",
        "funk": "funk",
        "disco": "disco",
        "reggae": "reggae, dub, ska",
        "jazz": "jazz, swing",
        "blues": "blues",
        "bossa nova": "bossa nova, bossa, samba, latin",
        "waltz": "waltz",
        "march": "march",
        "folk": "folk, celtic, acoustic",
        "country": "country",
        "classical": "classical, baroque, romantic",
        "orchestral": "orchestral, orchestra, symphony, symphonic",
        "cinematic": "cinematic, epic, film, soundtrack, trailer",
        "ambient": "ambient, meditation, drone, relaxing, sleep, spa, new age",
        "chiptune": "chiptune, 8 bit, 8bit, video game, arcade",
        "lullaby": "lullaby",
    }
)

# The instrument, and how it plays when nobody says.
INSTRUMENT_WORDS: dict[str, tuple[str, str]] = _by_phrase(
    {
        ("piano", "hands"): "piano, pianist, grand piano",
        ("electric piano", "chords"): "electric piano, rhodes, wurlitzer",
        ("harpsichord", "hands"): "harpsichord",
        ("organ", "chords"): "organ, church organ, accordion",
        ("organ", "pad"): "harmonium",
        ("guitar", "arpeggio"): "guitar, acoustic guitar, lute",
        ("guitar", "chords"): "electric guitar, ukulele",
        ("pluck", "arpeggio"): "banjo, mandolin, pluck, plucks, plucked",
        ("pluck", "melody"): "sitar, koto",
        ("harp", "arpeggio"): "harp",
        ("flute", "melody"): "flute, panpipe, recorder, whistle, ocarina, shakuhachi",
        ("clarinet", "melody"): "clarinet",
        ("oboe", "melody"): "oboe, saxophone, sax",
        ("trumpet", "melody"): "trumpet",
        ("trumpet", "chords"): "brass",
        ("horn", "melody"): "horn, trombone",
        ("horn", "chords"): "horns",
        ("violin", "melody"): "violin, fiddle, viola",
        ("cello", "melody"): "cello",
        ("strings", "pad"): "strings, string section, string quartet",
        ("choir", "pad"): "choir, voices, vocals",
        ("bass", "bass"): "bass, bassline, bass guitar, double bass",
        ("synth bass", "bass"): "sub bass, synth bass, 808",
        ("bell", "melody"): "bell, bells, chimes, wind chimes",
        ("music box", "melody"): "glockenspiel, celesta, music box",
        ("vibraphone", "melody"): "vibraphone",
        ("marimba", "arpeggio"): "marimba, kalimba",
        ("marimba", "melody"): "xylophone",
        ("bell", "bass"): "gong",
        ("pad", "pad"): "pad, pads, synth pad, synth pads",
        ("lead", "arpeggio"): "synth, synths, synthesizer, arpeggio, arp",
        ("lead", "melody"): "lead, synth lead",
    }
)

# The pieces of the kit; none of them means the whole kit.
DRUM_WORDS: dict[str, tuple[str, ...]] = _by_phrase(
    {
        (): "drums, drum, beat, beats, percussion, drum kit, drumbeat, drum machine, groove",
        ("kick",): "kick, kick drum, bass drum, four on the floor",
        ("snare",): "snare, snare drum",
        ("clap",): "clap, claps, handclaps",
        ("hat", "open hat"): "hi hat, hi hats, hihat, hihats, hats",
        ("shaker",): "shaker, tambourine",
        ("ride", "crash"): "cymbal, cymbals",
        ("tom",): "toms, tom, taiko, timpani",
        ("ride",): "ride cymbal",
    }
)

TEXTURE_WORDS: dict[str, str] = _by_phrase(
    {
        "rain": "rain, raining, rainy, rainfall, drizzle",
        "heavy rain": "downpour, rainstorm",
        "thunder": "thunder, lightning",
        "thunderstorm": "thunderstorm, storm",
        "wind": "wind, windy",
        "light wind": "breeze",
        "heavy wind": "gale, blizzard",
        "sea": "sea, ocean, waves, surf, beach, shore",
        "fire": "fire, fireplace, campfire, crackling, bonfire",
        "birds": "birds, bird, birdsong, chirping",
        "forest": "forest, woods, jungle, rainforest",
        "stream": "stream, river, creek, brook",
        "heavy stream": "waterfall",
        "crickets": "crickets, cicadas, night crickets",
        "white noise": "white noise, static",
        "pink noise": "noise, pink noise",
        "brown noise": "brown noise",
        "vinyl": "vinyl, vinyl crackle",
    }
)

# Words that stand for several layers or carry an intensity of their own.
TEXTURE_MEANING: dict[str, tuple[tuple[str, float], ...]] = {
    "heavy rain": (("rain", 0.9),),
    "thunderstorm": (("rain", 0.85), ("thunder", 0.6)),
    "light wind": (("wind", 0.25),),
    "heavy wind": (("wind", 0.9),),
    "heavy stream": (("stream", 0.95),),
    "forest": (("birds", 0.5), ("wind", 0.25)),
}

# How much of it: change of intensity (on a scale of 0 to 1) and of level in dB.
INTENSITY_WORDS: dict[str, tuple[float, float]] = _by_phrase(
    {
        (-0.3, -3): "soft, softly, gentle, light, delicate",
        (-0.3, -6): "quiet",
        (-0.4, -8): "faint",
        (-0.3, -5): "subtle",
        (-0.2, -2): "mellow",
        (-0.25, -1): "calm",
        (-0.15, -7): "distant, far",
        (-0.1, -5): "background",
        (0.4, 2): "heavy, pouring, howling",
        (0.35, 2): "hard",
        (0.35, 4): "loud",
        (0.3, 2): "strong",
        (0.4, 3): "intense, massive, roaring",
        (0.35, 3): "powerful",
        (0.3, 1): "driving",
        (0.45, 2): "aggressive",
        (0.5, 3): "torrential",
    }
)
DISTANT_WORDS = frozenset({"distant", "far", "faraway", "background"})

# Range in beats per minute.
TEMPO_WORDS: dict[str, tuple[float, float]] = _by_phrase(
    {
        (56, 70): "slow, slowly",
        (42, 52): "very slow",
        (44, 56): "largo",
        (60, 72): "adagio",
        (76, 92): "andante",
        (92, 108): "moderate",
        (96, 110): "moderato",
        (122, 144): "allegro",
        (168, 190): "presto",
        (140, 164): "fast",
        (132, 152): "quick",
        (116, 132): "upbeat",
        (124, 144): "uptempo",
        (126, 144): "energetic",
        (118, 136): "lively",
        (168, 184): "very fast",
        (124, 138): "driving",
        (60, 76): "calm, sad",
        (60, 74): "peaceful, relaxing",
        (62, 78): "dreamy",
        (112, 130): "happy",
    }
)

MODE_WORDS: dict[str, str] = _by_phrase(
    {
        "major": "major, ionian, maj",
        "minor": "minor, aeolian, min",
        "dorian": "dorian",
        "phrygian": "phrygian",
        "lydian": "lydian",
        "mixolydian": "mixolydian",
        "locrian": "locrian",
        "harmonic minor": "harmonic minor",
    }
)
MOOD_MODES: dict[str, tuple[str, ...]] = _by_phrase(
    {
        ("major",): "happy, uplifting, joyful",
        ("major", "mixolydian"): "cheerful",
        ("major", "lydian"): "bright",
        ("lydian", "major"): "dreamy",
        ("lydian",): "magical",
        ("minor",): "sad, gloomy",
        ("minor", "phrygian"): "dark",
        ("minor", "dorian"): "melancholic, melancholy",
        ("phrygian", "harmonic minor"): "mysterious",
        ("phrygian", "locrian"): "scary",
        ("harmonic minor",): "spooky, oriental",
        ("phrygian",): "tense, spanish",
    }
)
# Amount of reverb, 0 to 1.
SPACE_WORDS: dict[str, float] = _by_phrase(
    {
        0.0: "dry",
        0.08: "close",
        0.15: "intimate",
        0.7: "reverb, spacious",
        0.9: "cathedral",
        0.75: "church",
        0.6: "hall",
        0.8: "ethereal, echoing",
        0.65: "dreamy",
        0.85: "cave",
    }
)
STYLE_WORDS: dict[str, str] = _by_phrase(
    {
        "melody": "melody",
        "arpeggio": "arpeggio, arpeggios, arpeggiated",
        "chords": "chords, strumming",
    }
)
