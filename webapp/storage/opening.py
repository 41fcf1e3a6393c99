"""Which storage the settings ask for."""

import os
import re
from pathlib import Path
from typing import Final

from webapp.errors import SettingsError
from webapp.settings import Settings
from webapp.storage.local import LocalStorage
from webapp.storage.storage import Storage

# Bucket names as all stores of this kind take them; the prefix is ours.
ADDRESS: Final = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<prefix>[\w.=/-]*))?")


def open_storage(settings: Settings) -> Storage:
    """Open the storage of the settings; it is not asked anything. Raises SettingsError."""
    if not settings.storage_url:
        return LocalStorage(settings.data_path)
    bucket, prefix = bucket_and_prefix(settings.storage_url)
    # The client is loaded only where it is used.
    from webapp.storage.object_storage import ObjectStorage  # noqa: PLC0415

    return ObjectStorage.of_bucket(
        settings.data_path, bucket, prefix, os.environ, home=Path(os.environ.get("HOME", "/"))
    )


def bucket_and_prefix(url: str) -> tuple[str, str]:
    """Take `s3://bucket/prefix` apart. Raises SettingsError."""
    parts = ADDRESS.fullmatch(url)
    prefix = (parts["prefix"] or "").strip("/") if parts else ""
    if parts is None or any(part in ("", ".", "..") for part in prefix.split("/") if prefix):
        raise SettingsError(
            "SOUNDLOOM_STORAGE_URL has a wrong value: it must be s3://bucket or s3://bucket/prefix."
        )
    return parts["bucket"], prefix
