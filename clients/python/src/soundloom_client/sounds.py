"""Sounds and speech, with files of either transport."""

from collections.abc import Callable, Mapping
from typing import Any

from soundloom_client.errors import UnexpectedAnswer
from soundloom_client.models import FileT, Job, Sound, Speech


def sound_of(job: Job, file: Callable[[str], FileT]) -> Sound[FileT]:
    """Return the sound of a job that has one."""
    files = {name: file(url) for name, url in job.formats.items()}
    return Sound(job, files, file(job.spectrogram_url or ""))


def speech_of(raw: Mapping[str, Any], file: Callable[[str], FileT]) -> Speech[FileT]:
    """Read a spoken text. Raises UnexpectedAnswer."""
    try:
        return Speech(raw["generation_id"], raw["duration"], raw["voice"], file(raw["audio_url"]))
    except KeyError as error:
        raise UnexpectedAnswer(f"The server's answer has no {error}") from error
