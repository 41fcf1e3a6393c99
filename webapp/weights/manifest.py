"""The record of an installation: its files, source and licence, in a small file beside the weights."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

MANIFEST_FILE = "soundloom.json"


@dataclass(frozen=True, slots=True)
class InstalledFile:
    """A file as it was when it was installed.

    `checked` is what it was verified against: the source's `sha256` or `git_sha1`, or only its `size`.
    """

    size_bytes: int
    sha256: str
    checked: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """A folder's record. Times are in milliseconds UTC; `accepted_by` may be empty."""

    repository: str = ""
    source: str = ""
    revision: str = ""
    licence: str = ""
    accepted_by: str = ""
    accepted_ms: int = 0
    files: dict[str, InstalledFile] = field(default_factory=dict)


def read_manifest(folder: Path) -> Manifest:
    """Return the record of a folder; an empty one if it is missing or unreadable."""
    try:
        stored: dict[str, Any] = json.loads((folder / MANIFEST_FILE).read_text(encoding="utf-8"))
        files = {name: InstalledFile(**entry) for name, entry in stored.pop("files", {}).items()}
        return Manifest(**stored, files=files)
    except (OSError, ValueError, TypeError, AttributeError):
        return Manifest()


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replace the record of a folder atomically. Raises OSError."""
    aside = folder / f"{MANIFEST_FILE}.part"
    with aside.open("w", encoding="utf-8") as file:
        json.dump(asdict(manifest), file, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    aside.replace(folder / MANIFEST_FILE)
