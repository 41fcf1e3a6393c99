"""Soundloom's own client for Python, from its wheel."""

import asyncio
import sys
from pathlib import Path

from soundloom_client import AsyncSoundloom, AuthenticationRequired, InvalidRequest, JobCancelled, Soundloom


def main(address: str, token: str) -> None:
    with Soundloom(address, token) as client:
        _waiting(client)
        _refused(client, address)
    asyncio.run(_awaiting(address, token))


def _waiting(client: Soundloom) -> None:
    sound = client.run("calm rain", duration=2, seed=7, timeout_s=120)
    assert (sound.job.status, sound.job.seed, len(sound.generation_id)) == ("completed", 7, 20)
    beginnings = {"wav": b"RIFF", "flac": b"fLaC", "ogg": b"OggS"}
    for audio_format, beginning in beginnings.items():
        path = sound.file(audio_format).save(Path(f"own.{audio_format}"))
        assert path.read_bytes().startswith(beginning), audio_format
    assert sound.spectrogram.read().startswith(b"\x89PNG")
    continued = client.run("birds", duration=4, continue_from={"generation_id": sound.generation_id})
    assert continued.job.details["continues"]["generation_id"] == sound.generation_id

    job = client.submit("wind", duration=2, idempotency_key="journey of our own client")
    assert client.submit("wind", duration=2, idempotency_key="journey of our own client").id == job.id
    states = list(job.events())
    assert states[-1].status == "completed", states
    assert [state.progress_pct for state in states] == sorted(state.progress_pct for state in states)
    heard = b"".join(client.submit("slow piano", duration=10).stream())
    assert len(heard) > 50_000
    takes = client.submit_takes(2, "wind", duration=1)
    assert len({take.result().job.seed for take in takes}) == 2

    spoken = client.speak("Good morning.", voice=client.voices()[0].id)
    assert spoken.file.read().startswith(b"RIFF")
    assert len(b"".join(client.speak_stream("Once upon a time. And so on."))) > 5_000


def _refused(client: Soundloom, address: str) -> None:
    long = client.submit("a very long storm", duration=30)
    long.cancel()
    try:
        long.result()
    except JobCancelled as error:
        assert error.code == "job_cancelled"
    else:
        raise AssertionError("a cancelled job had a sound")
    try:
        client.submit("rain", duration=1_000)
    except InvalidRequest as error:
        assert (error.code, error.status) == ("duration_over_limit", 400)
    else:
        raise AssertionError("a sound beyond the limit was accepted")
    with Soundloom(address, "wrong") as nobody:
        try:
            nobody.submit("rain")
        except AuthenticationRequired as error:
            assert error.code == "authentication_required"
        else:
            raise AssertionError("a wrong token was accepted")


async def _awaiting(address: str, token: str) -> None:
    async with AsyncSoundloom(address, token) as client:
        first, second = await asyncio.gather(client.run("rain", duration=2), client.run("wind", duration=2))
        assert first.generation_id != second.generation_id
        assert (await first.file("flac").read()).startswith(b"fLaC")
        job = await client.submit("birds", duration=2)
        assert len(b"".join([piece async for piece in job.stream("wav")])) > 100_000
        states = [state.status async for state in job.events()]
        assert states[-1] == "completed", states


if __name__ == "__main__":
    main(*sys.argv[1:])
