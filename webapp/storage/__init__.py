"""Where the files of sounds are kept."""

from webapp.storage.local import LocalStorage
from webapp.storage.storage import Storage

__all__ = ["LocalStorage", "Storage"]
