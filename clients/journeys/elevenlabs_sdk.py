"""ElevenLabs' own package for Python, pointed at Soundloom."""

import sys

from elevenlabs import ElevenLabs, VoiceSettings
from elevenlabs.core import ApiError
from elevenlabs.errors import UnprocessableEntityError

THEIR_VOICE = "21m00Tcm4TlvDq8ikWAM"


def main(address: str, token: str) -> None:
    client = ElevenLabs(base_url=address, api_key=token)

    effect = b"".join(
        client.text_to_sound_effects.convert(
            text="thunder far away", duration_seconds=2, loop=True, prompt_influence=0.4
        )
    )
    assert len(effect) > 10_000
    raw = b"".join(
        client.text_to_sound_effects.convert(
            text="thunder far away", duration_seconds=2, output_format="pcm_16000"
        )
    )
    assert abs(len(raw) / 2 / 16_000 - 2) < 0.1, len(raw)

    song = b"".join(client.music.compose(prompt="slow piano", music_length_ms=5_000))
    assert len(song) > 20_000
    streamed = b"".join(client.music.stream(prompt="slow piano", music_length_ms=5_000, seed=7))
    assert len(streamed) > 20_000

    voices = client.voices.get_all().voices
    assert voices
    assert client.voices.get(voice_id=voices[0].voice_id).name == voices[0].name
    assert client.voices.search(search="english").voices
    for voice in (THEIR_VOICE, voices[0].voice_id):
        spoken = b"".join(
            client.text_to_speech.convert(
                voice_id=voice, text="Good morning.", voice_settings=VoiceSettings(speed=1.1)
            )
        )
        assert len(spoken) > 5_000
    assert b"".join(client.text_to_speech.stream(voice_id=THEIR_VOICE, text="Good morning."))

    try:
        b"".join(client.text_to_sound_effects.convert(text="x", duration_seconds=31))
    except UnprocessableEntityError as error:
        assert error.body["detail"][0]["loc"] == ["body", "duration_seconds"], error.body
    else:
        raise AssertionError("31 seconds were accepted")
    try:
        b"".join(ElevenLabs(base_url=address, api_key="wrong").music.compose(prompt="x"))
    except ApiError as error:
        assert (error.status_code, error.body["detail"]["status"]) == (401, "invalid_api_key")
    else:
        raise AssertionError("a wrong key was accepted")


if __name__ == "__main__":
    main(*sys.argv[1:])
