"""The installation's secret key: given by a setting, or made once and kept in the data folder."""

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
    """32 bytes that nobody else knows, the same in every process of a data folder. Raises OSError."""
    if settings.secret_key:
        return hashlib.sha256(settings.secret_key.encode()).digest()
    path = settings.data_path / KEY_FILE
    if not path.exists():
        _make(path)
    return path.read_bytes()


def _make(path: Path) -> None:
    """Write a new key aside and link it in place, whole and durable; another process may have been first."""
    # Temporary files are private to their user from the start.
    with tempfile.NamedTemporaryFile(dir=path.parent) as aside:
        aside.write(secrets.token_bytes(KEY_BYTES))
        aside.flush()
        os.fsync(aside.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(aside.name)
