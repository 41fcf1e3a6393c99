"""Speech: what is asked of it, and what speech workers do about it."""

from webapp.services.speech.leases import SpeechClaim, SpeechLeases
from webapp.services.speech.speech import AcceptedSpeech, Speech
from webapp.services.speech.views import SpokenSound, VoiceView

__all__ = [
    "AcceptedSpeech",
    "Speech",
    "SpeechClaim",
    "SpeechLeases",
    "SpokenSound",
    "VoiceView",
]
