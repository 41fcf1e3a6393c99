"""Lists the published voices of the package `hibari-tts` that it does not carry, for pulling."""

from pathlib import Path
from typing import Any, Final

from webapp.engines.speech.english_readers import assets_folder
from webapp.engines.speech.hibari_voices import LICENSE, PREFIX, PULLED, described_voices
from webapp.weights.known_voices import KnownFile, KnownVoice

REPOSITORY: Final = "maureesewilliams/hibari"


def fetchable_voices(folder: Path) -> dict[str, KnownVoice]:
    """Return the voices by id that the package can speak with once they are pulled to a folder."""
    try:
        assets = assets_folder()
        described = {name: entry for name, entry in described_voices(assets).items() if not entry["bundled"]}
    except (ImportError, OSError, ValueError, LookupError):
        return {}
    return {
        f"{PREFIX}{name}": KnownVoice(
            f"{PREFIX}{name}", folder / PULLED, (_file(entry, folder / PULLED),), _card(entry)
        )
        for name, entry in described.items()
    }


def _file(entry: dict[str, Any], folder: Path) -> KnownFile:
    file: str = entry["file"]
    # A digest names the content, whichever revision has it.
    return KnownFile(REPOSITORY, f"voices/{file}", "", entry["bytes"], entry["sha256"], folder / file)


def _card(entry: dict[str, Any]) -> str:
    return (
        f"* Language: {entry['language']} ({entry['accent']}), {entry['gender']}\n"
        f"* Size: {entry['bytes'] / 1_000_000:.1f} MB\n"
        f"* License: {LICENSE}; commercial use is allowed\n"
        f"* Distilled from the voice {entry['kokoro']} of Kokoro-82M ({LICENSE})"
    )
