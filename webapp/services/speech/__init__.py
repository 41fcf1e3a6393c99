"""Speech: what is asked of it, and what speech workers do about it."""

from webapp.services.speech.leases import Backing, SpeechClaim, SpeechLeases, SpeechNews
from webapp.services.speech.speech import AcceptedSpeech, Speech
from webapp.services.speech.views import SpeechProgress, SpokenSound, VoiceView

__all__ = [
    "AcceptedSpeech",
    "Backing",
    "Speech",
    "SpeechClaim",
    "SpeechLeases",
    "SpeechNews",
    "SpeechProgress",
    "SpokenSound",
    "VoiceView",
]
