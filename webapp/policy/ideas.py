"""Prompts for whoever does not know what to ask for: put together from parts, different each time."""

from typing import Final

MUSIC_STYLES: Final = (
    "lo-fi hip hop", "ambient", "slow piano", "deep house", "bossa nova", "chamber strings", "synthwave",
    "dub techno", "a folk waltz", "jazz trio", "drum and bass", "a lullaby", "post-rock", "a string quartet",
)  # fmt: skip
MUSIC_COLOURS: Final = (
    "with a warm bass", "with brushed drums", "with a music box", "with distant bells", "with soft pads",
    "with a solo flute", "with vinyl crackle", "with plucked harp", "with a walking bass", "with hand claps",
)  # fmt: skip
MUSIC_MOODS: Final = (
    "calm and wide", "hopeful", "late at night", "like a slow sunrise", "restless", "tender", "mysterious",
    "for a long train ride", "after the rain", "playful", "solemn", "weightless",
)  # fmt: skip
SOUND_SOURCES: Final = (
    "heavy rain", "a crackling fire", "a night train", "a busy market", "waves on pebbles", "an old clock",
    "wind in dry reeds", "a flock of geese", "footsteps on gravel", "a coffee machine", "thunder",
    "a wooden door", "a typewriter", "a mountain stream",
)  # fmt: skip
SOUND_PLACES: Final = (
    "on a tin roof", "in a stone hall", "far away across a valley", "close to the ear", "in a small kitchen",
    "under a bridge", "at dawn", "in an empty street", "behind a window", "in a forest",
)  # fmt: skip
SOUNDS: Final = "audio"


def idea(model: str, number: int) -> str:
    """The prompt for a model that belongs to a number, drawn at random from 0 up by who asks."""
    if model == SOUNDS:
        return _put_together("{} {}, with {}", number, SOUND_SOURCES, SOUND_PLACES, SOUND_SOURCES[::-1])
    return _put_together("{} {}, {}", number, MUSIC_STYLES, MUSIC_COLOURS, MUSIC_MOODS)


def _put_together(form: str, number: int, *lists: tuple[str, ...]) -> str:
    parts = []
    for words in lists:
        number, index = divmod(number, len(words))
        parts.append(words[index])
    return form.format(*parts)
