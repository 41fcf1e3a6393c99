"""The abilities of the published models, and proposals for them."""

from typing import Final

from webapp.engines.base import Abilities

_MUSIC_PARTS: Final = (
    (
        "lo-fi hip hop", "ambient", "slow piano", "deep house", "bossa nova", "chamber strings", "synthwave",
        "dub techno", "a folk waltz", "jazz trio", "drum and bass", "a lullaby", "post-rock",
        "a string quartet",
    ),
    (
        "with a warm bass", "with brushed drums", "with a music box", "with distant bells", "with soft pads",
        "with a solo flute", "with vinyl crackle", "with plucked harp", "with a walking bass",
        "with hand claps",
    ),
    (
        "calm and wide", "hopeful", "late at night", "like a slow sunrise", "restless", "tender",
        "mysterious",
        "for a long train ride", "after the rain", "playful", "solemn", "weightless",
    ),
)  # fmt: skip
_SOURCES: Final = (
    "heavy rain", "a crackling fire", "a night train", "a busy market", "waves on pebbles", "an old clock",
    "wind in dry reeds", "a flock of geese", "footsteps on gravel", "a coffee machine", "thunder",
    "a wooden door", "a typewriter", "a mountain stream",
)  # fmt: skip
_PLACES: Final = (
    "on a tin roof", "in a stone hall", "far away across a valley", "close to the ear", "in a small kitchen",
    "under a bridge", "at dawn", "in an empty street", "behind a window", "in a forest",
)  # fmt: skip

ABILITIES: Final = {
    "music": Abilities("Melodies, beats and whole arrangements", "{} {}, {}", _MUSIC_PARTS),
    "magnet": Abilities("Short music, made in fewer steps", "{} {}, {}", _MUSIC_PARTS),
    "audio": Abilities(
        "Rain, doors, engines, crowds: sounds of the world",
        "{} {}, with {}",
        (_SOURCES, _PLACES, _SOURCES[::-1]),
    ),
}
