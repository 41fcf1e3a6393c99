"""Files of sounds where a test may damage them: in a folder."""

from pathlib import Path

from webapp.services.container import Services
from webapp.storage import LocalStorage


def stored_path(services: Services, key: str, name: str) -> Path:
    """Return where a file of a group is."""
    assert isinstance(services.storage, LocalStorage)
    return services.storage.path(key, name)
