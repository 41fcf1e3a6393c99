"""`soundloom generate --server URL`: has a server make the sounds, by way of the client for Python."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from soundloom_client import Options, Retries, Soundloom, SoundloomError, Unreachable
from webapp.errors import InvalidRequest, ProductError, Unavailable


class RemoteServer:
    """A Soundloom server, reached by its API with the token of an account."""

    def __init__(self, url: str, token: str) -> None:
        """Raises InvalidRequest for an address that is none, and for an empty token."""
        if not token:
            raise InvalidRequest("A server needs a token: give it on standard input with --token-stdin")
        self._url = url
        self._token = token
        with self._asked():
            pass

    def submit(self, body: Mapping[str, object]) -> list[str]:
        """Submit a request and return the ids of its jobs. Raises ProductError with the server's words."""
        fields = dict(body)
        prompt, takes = cast("str | None", fields.pop("prompt", None)), fields.pop("takes", None)
        options = cast("Options", fields)
        # Whoever has just typed an address wants to know soon that nobody is there.
        with self._asked(Retries(times=1)) as client:
            if takes is None:
                return [client.submit(prompt, **options).id]
            return [job.id for job in client.submit_takes(cast("int", takes), prompt, **options)]

    def finished(self, job_id: str) -> Mapping[str, Any]:
        """Wait for a job and return it. Raises ProductError if it makes no sound."""
        # The job goes on while its server is started anew.
        with self._asked(Retries(times=8)) as client:
            return client.job(job_id).result().job.details

    def save(self, job: Mapping[str, Any], audio_format: str, path: Path) -> None:
        """Write a job's sound to a file, aside first. Raises ProductError and OSError."""
        with self._asked() as client:
            client.file(job["formats"][audio_format]).save(path)

    @contextmanager
    def _asked(self, retries: Retries | None = None) -> Iterator[Soundloom]:
        """Open connections and close them; tell what the client says in the product's own errors."""
        try:
            client = Soundloom(self._url, self._token, retries=retries)
        except ValueError as error:
            raise InvalidRequest("--server must be an address such as http://localhost:5309") from error
        try:
            with client:
                yield client
        except Unreachable as error:
            raise Unavailable(error.message) from error
        except SoundloomError as error:
            raise ProductError(error.message) from error
