"""Sketch's abilities, and proposals of which it understands every word."""

from typing import Final

from webapp.engines.base import Abilities

_MUSIC_PARTS: Final = (
    (
        "lo-fi hip hop", "ambient", "slow piano", "deep house", "bossa nova", "strings", "synthwave",
        "techno",
        "folk", "jazz", "drum and bass", "a lullaby", "rock", "a string quartet",
    ),
    (
        "with a warm bass", "with brushed drums", "with a music box", "with distant bells", "with soft pads",
        "with a flute", "with vinyl crackle", "with harp", "with a walking bass", "with hand claps",
    ),
    (
        "calm", "hopeful", "happy", "sad", "dreamy", "tender", "mysterious", "playful", "over heavy rain",
        "by the sea", "with birds",
    ),
)  # fmt: skip
_SOURCES: Final = (
    "heavy rain", "a crackling fire", "a train", "a crowd", "waves", "an old clock", "wind in the trees",
    "geese",
    "footsteps on gravel", "thunder", "a wooden door", "a typewriter", "a stream", "crickets", "church bells",
)  # fmt: skip
_PLACES: Final = (
    "on a tin roof", "in a hall", "far away", "close", "in a kitchen", "in an empty street", "in a forest",
    "getting louder",
)  # fmt: skip
_MUSIC: Final = "Name a style, instruments, a tempo, a key, a mood"
_FAST: Final = "The same as music here"

ABILITIES: Final = {
    "music": Abilities(_MUSIC, "{} {}, {}", _MUSIC_PARTS),
    "magnet": Abilities(_FAST, "{} {}, {}", _MUSIC_PARTS),
    "audio": Abilities(
        "Weather, water, animals",
        "{} {}, with {}",
        (_SOURCES, _PLACES, _SOURCES[::-1]),
    ),
}
