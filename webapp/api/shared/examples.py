"""Examples in the description of the API; a test sends them to the real application."""

from typing import Any, Final

CONTINUED_ID: Final = "0123456789abcdef0123"
GENERATE_BODIES: Final[dict[str, dict[str, Any]]] = {
    "shortest": {"prompt": "calm rain on a tin roof"},
    "song": {
        "prompt": "calm ambient music with soft piano and rain sounds",
        "duration": 30,
        "model": "music",
        "loopable": True,
    },
    "effect": {
        "prompt": "a heavy door falls shut in a stone hall",
        "duration": 2.5,
        "model": "audio",
        "seed": 7,
        "temperature": 0.9,
        "top_k": 250,
        "top_p": 0,
        "guidance": 3,
    },
    "takes": {"prompt": "a short jingle on a music box", "duration": 5, "takes": 4},
    "continuation": {
        "prompt": "the rain stops and birds sing",
        "continue_from": {"generation_id": CONTINUED_ID, "from_s": 6},
        "duration": 15,
    },
}

SPEECH_BODIES: Final[dict[str, dict[str, Any]]] = {
    "shortest": {"text": "The rain in Spain stays mainly in the plain."},
    "slowly": {"text": "Dr. Jones paid 3.50 at 10:30.", "voice": "espeak-en-us", "speed": 0.8},
    "dialogue": {
        "markup": "ssml",
        "text": 'Who? <break time="600ms"/><voice name="espeak-en-us">It is <emphasis>me</emphasis>.</voice>',
    },
}

SPEECH_STREAM_BODIES: Final[dict[str, dict[str, Any]]] = {
    "shortest": {"text": "The rain in Spain stays mainly in the plain."},
    "samples": {"text": "Every word. As it is spoken.", "format": "wav"},
}
