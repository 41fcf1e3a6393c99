"""Stores the options of a text: as JSON, and not at all where they are the usual ones."""

import msgspec

from webapp.policy.speech import USUAL_OPTIONS, SpeechOptions


def stored_options(options: SpeechOptions) -> str:
    """Write options as a row stores them."""
    return "" if options == USUAL_OPTIONS else msgspec.json.encode(options).decode()


def options_of(stored: str) -> SpeechOptions:
    """Read the options of a row."""
    return msgspec.json.decode(stored, type=SpeechOptions) if stored else USUAL_OPTIONS
