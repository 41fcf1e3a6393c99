"""The installation's secret key: from a setting, or generated once and stored in the data folder."""

import hashlib
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from webapp.settings import Settings

KEY_FILE: Final = "secret.key"
KEY_BYTES: Final = 32


def secret_key(settings: Settings) -> bytes:
    """Return 32 secret bytes, the same in every process of a data folder. Raises OSError."""
    if settings.secret_key:
        return hashlib.sha256(settings.secret_key.encode()).digest()
    path = settings.data_path / KEY_FILE
    if not path.exists():
        _make(path)
    return path.read_bytes()


def _make(path: Path) -> None:
    """Write a new key to a temporary file and link it atomically; another process may have been faster."""
    # Temporary files are private to their user from the start.
    with tempfile.NamedTemporaryFile(dir=path.parent) as aside:
        aside.write(secrets.token_bytes(KEY_BYTES))
        aside.flush()
        os.fsync(aside.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(aside.name)
