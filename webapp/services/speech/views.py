"""The views of speech: plain values, ready to be rendered."""

import msgspec


class VoiceView(msgspec.Struct, frozen=True):
    """A voice that can be spoken with now. `language` is a BCP 47 tag; `license` is the voice's own."""

    id: str
    name: str
    language: str
    quality: str
    sample_rate: int
    description: str
    license: str
    engine: str


class SpokenSound(msgspec.Struct, frozen=True):
    """A text that was spoken; its sound is in its owner's library."""

    generation_id: str
    voice: str
    duration_s: float

    def url(self, extension: str = "wav") -> str:
        """Where the sound is served in one of its formats."""
        return f"/audio/{self.generation_id}.{extension}"
