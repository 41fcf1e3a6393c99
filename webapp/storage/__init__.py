"""Where the files of sounds are kept."""

from webapp.storage.local import LocalStorage
from webapp.storage.opening import open_storage
from webapp.storage.storage import CopiedFile, Storage, StoredFile

__all__ = ["CopiedFile", "LocalStorage", "Storage", "StoredFile", "open_storage"]
