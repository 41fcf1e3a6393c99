"""The allowed form of a worker's id."""

import re
from typing import Final

MAX_WORKER_ID_CHARACTERS: Final = 64
WORKER_ID_RULE: Final = (
    f"1 to {MAX_WORKER_ID_CHARACTERS} letters, digits, dots, underscores, hyphens and colons,"
    " beginning with a letter or digit"
)
_WORKER_ID: Final = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._:-]{{0,{MAX_WORKER_ID_CHARACTERS - 1}}}\Z")


def is_worker_id(text: str) -> bool:
    """Return whether a text has the form of a worker id."""
    return _WORKER_ID.match(text) is not None
