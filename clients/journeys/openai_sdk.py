"""OpenAI's own package for Python, pointed at Soundloom."""

import sys

import openai


def main(address: str, token: str) -> None:
    client = openai.OpenAI(base_url=f"{address}/v1", api_key=token)
    names = [model.id for model in client.models.list()]
    assert {"music", "tts"} <= set(names), names
    assert client.models.retrieve("tts").object == "model"

    spoken = client.audio.speech.create(model="tts-1", voice="alloy", input="Good morning, everybody.")
    assert spoken.response.headers["content-type"] == "audio/mpeg"
    assert len(spoken.content) > 5_000
    for response_format, beginning in (("wav", b"RIFF"), ("flac", b"fLaC"), ("opus", b"OggS")):
        answer = client.audio.speech.create(
            model="gpt-4o-mini-tts", voice="nova", input="Good morning.", response_format=response_format,
            instructions="Speak cheerfully.", speed=1.25,
        )  # fmt: skip
        assert answer.content.startswith(beginning), response_format

    with client.audio.speech.with_streaming_response.create(
        model="tts-1", voice="alloy", input="One. Two.", response_format="pcm"
    ) as streamed:
        samples = b"".join(streamed.iter_bytes())
    assert len(samples) % 2 == 0
    assert len(samples) > 24_000

    try:
        client.audio.speech.create(model="tts-1", voice="nobody", input="x")
    except openai.BadRequestError as error:
        assert error.param == "voice"
    else:
        raise AssertionError("a voice that is not there was accepted")
    try:
        openai.OpenAI(base_url=f"{address}/v1", api_key="wrong").audio.speech.create(
            model="tts-1", voice="alloy", input="x"
        )
    except openai.AuthenticationError as error:
        assert error.code == "invalid_api_key"
    else:
        raise AssertionError("a wrong key was accepted")


if __name__ == "__main__":
    main(*sys.argv[1:])
