"""Lists the published voices of the package `hibari-tts` that it does not carry, for pulling."""

from pathlib import Path
from typing import Any, Final

from webapp.engines.speech.hibari_voices import LICENSE, PREFIX, PULLED, assets_folder, described_voices
from webapp.weights.known_voices import KnownVoice

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
            name=f"{PREFIX}{name}",
            repository=REPOSITORY,
            file=f"voices/{entry['file']}",
            size_bytes=entry["bytes"],
            sha256=entry["sha256"],
            card=_card(entry),
            folder=folder / PULLED,
        )
        for name, entry in described.items()
    }


def _card(entry: dict[str, Any]) -> str:
    return (
        f"* Language: {entry['language']} ({entry['accent']}), {entry['gender']}\n"
        f"* Size: {entry['bytes'] / 1_000_000:.1f} MB\n"
        f"* License: {LICENSE}; commercial use is allowed\n"
        f"* Distilled from the voice {entry['kokoro']} of Kokoro-82M ({LICENSE})"
    )
