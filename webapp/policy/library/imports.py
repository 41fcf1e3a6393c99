"""Validates the manifest of an export from elsewhere. Nothing in it is trusted."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from webapp.errors import InvalidRequest
from webapp.foreign_text import json_of
from webapp.policy.generation import clean_prompt
from webapp.policy.library.exports import MANIFEST_FORMAT, MANIFEST_VERSION
from webapp.policy.library.fields import LibraryModel, SoundChange, parse_change

MAX_MANIFEST_BYTES: Final = 64 * 1024 * 1024
MAX_FILE_BYTES: Final = 512 * 1024 * 1024
LONGEST_S: Final = 900.0
# In all channels together: the longest sound at 48 kHz in mono. Sounds that were made here have fewer.
MAX_SAMPLES: Final = 43_200_000
# Ten times the limit of one export.
MAX_SOUNDS: Final = 50_000
# What decoding hostile JSON may raise.
UNREADABLE: Final = (msgspec.MsgspecError, ValueError, RecursionError, ArithmeticError)
# Lossless formats first.
IMPORTED_FORMATS: Final = ("wav", "flac", "ogg", "mp3")

# `\Z`, because `$` would accept a trailing line break.
ID: Final = r"\A[0-9a-f]{20}\Z"
DIGEST: Final = r"\A[0-9a-f]{64}\Z"
MOMENT: Final = r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z\Z"

# PostgreSQL rejects null characters.
NO_NULL: Final = r"\A[^\0]*\Z"
ShortText = Annotated[str, Meta(max_length=200, pattern=NO_NULL)]
Digest = Annotated[str, Meta(pattern=DIGEST)]


class FileEntry(msgspec.Struct, frozen=True):
    """A file of a sound, by its name in the archive."""

    name: Annotated[str, Meta(max_length=400)]
    size: Annotated[int, Meta(ge=1, le=MAX_FILE_BYTES)]
    sha256: Digest

    @property
    def suffix(self) -> str:
        """Return the name's extension, in lower case."""
        return self.name.rpartition(".")[2].lower()


class SoundEntry(msgspec.Struct, frozen=True):
    """A sound's entry in a manifest."""

    id: Annotated[str, Meta(pattern=ID)]
    prompt: str
    model: LibraryModel
    created_at: Annotated[str, Meta(pattern=MOMENT)]
    files: Annotated[list[FileEntry], Meta(max_length=100)]
    title: str = ""
    tags: list[str] = []
    loopable: bool = False
    is_public: bool = False
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    engine: Annotated[str, Meta(max_length=32, pattern=NO_NULL)] = ""
    engine_label: Annotated[str, Meta(max_length=100, pattern=NO_NULL)] = ""
    checkpoint: ShortText = ""
    license: Annotated[str, Meta(max_length=100, pattern=NO_NULL)] = ""
    loudness_lufs: Annotated[float, Meta(ge=-200, le=100)] | None = None
    true_peak_dbtp: Annotated[float, Meta(ge=-200, le=100)] | None = None
    quality_score: Annotated[int, Meta(ge=0, le=100)] = 0
    quality_reasons: Annotated[list[ShortText], Meta(max_length=20)] = []

    @property
    def sound_files(self) -> list[FileEntry]:
        """Return one file of each format, lossless ones first. Raises InvalidRequest if there is none."""
        by_format = {entry.suffix: entry for entry in reversed(self.files)}
        found = [by_format[known] for known in IMPORTED_FORMATS if known in by_format]
        if not found:
            raise InvalidRequest(f"{self.id} has no file of a sound")
        return found


class _Manifest(msgspec.Struct, frozen=True):
    format: str
    version: int
    sounds: list[msgspec.Raw]


def read_manifest(content: bytes) -> list[msgspec.Raw]:
    """Return the undecoded entries of a manifest. Raises InvalidRequest."""
    try:
        manifest = msgspec.json.decode(json_of(content), type=_Manifest)
    except UNREADABLE as error:
        raise InvalidRequest("The manifest cannot be read") from error
    if (manifest.format, manifest.version) != (MANIFEST_FORMAT, MANIFEST_VERSION):
        raise InvalidRequest("The manifest is not that of an export of Soundloom")
    if not manifest.sounds:
        raise InvalidRequest("The manifest tells of no sounds")
    if len(manifest.sounds) > MAX_SOUNDS:
        raise InvalidRequest(f"The manifest tells of more than {MAX_SOUNDS} sounds")
    return manifest.sounds


def read_entry(raw: msgspec.Raw) -> tuple[SoundEntry, SoundChange]:
    """Decode an entry; also return its title, tags and visibility, validated like an owner's change.

    Raises InvalidRequest, also for texts that could not be entered here.
    """
    try:
        entry = msgspec.json.decode(raw, type=SoundEntry)
    except UNREADABLE as error:
        raise InvalidRequest(f"A sound of the manifest cannot be used: {error}") from error
    change = parse_change({"title": entry.title, "tags": entry.tags, "is_public": entry.is_public})
    return msgspec.structs.replace(entry, prompt=clean_prompt(entry.prompt)), change
