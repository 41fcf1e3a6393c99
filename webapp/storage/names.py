"""The names of groups and of the files in them, which are all that is ever looked for."""

import re
from typing import Final

KEY: Final = re.compile(r"[0-9a-f]{20}-[0-9]{1,18}")
# What a group may consist of.
FILE_NAMES: Final = ("sound.wav", "sound.flac", "sound.ogg", "sound.mp3", "spectrogram.png")
# The file, or object, by which a storage is known. Beside the folder of the groups.
MARK_NAME: Final = "storage.id"


def group_path(key: str) -> str:
    """Return where a group lies below the root. Raises FileNotFoundError for what is no key of ours."""
    if not KEY.fullmatch(key):
        raise FileNotFoundError(key)
    return f"sounds/{key[:2]}/{key}"


def file_path(key: str, name: str) -> str:
    """Return where a file lies below the root. Raises FileNotFoundError for names that are not ours."""
    if name not in FILE_NAMES:
        raise FileNotFoundError(name)
    return f"{group_path(key)}/{name}"
