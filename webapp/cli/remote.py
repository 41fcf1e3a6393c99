"""`soundloom generate --server URL`: has a server make the sounds, and writes them here."""

import http.client
import json
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import urljoin, urlsplit

from webapp import __version__
from webapp.errors import InvalidRequest, ProductError, Unavailable

TIMEOUT_S: Final = 60
LOOK_S: Final = 1.0
_PIECE_BYTES: Final = 1 << 16
_WAITING: Final = ("queued", "processing")


class RemoteServer:
    """A Soundloom server, reached by its API with the token of an account."""

    def __init__(self, url: str, token: str, *, sleep: Callable[[float], object] = time.sleep) -> None:
        """Raises InvalidRequest for an address that is none, and for an empty token."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidRequest("--server must be an address such as http://localhost:5309")
        if not token:
            raise InvalidRequest("A server needs a token: give it on standard input with --token-stdin")
        self._base = url.rstrip("/") + "/"
        self._token = token
        self._sleep = sleep

    def submit(self, body: Mapping[str, object]) -> list[str]:
        """Submit a request and return the ids of its jobs. Raises ProductError with the server's words."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": uuid.uuid4().hex}
        with self._open("generate", json.dumps(body).encode(), headers) as answer:
            accepted: dict[str, Any] = json.load(answer)
        return [job["job_id"] for job in accepted.get("jobs", [accepted])]

    def finished(self, job_id: str) -> dict[str, Any]:
        """Wait for a job and return it. Raises ProductError if it makes no sound."""
        while True:
            with self._open(f"job/{job_id}") as answer:
                job: dict[str, Any] = json.load(answer)
            if job["status"] == "completed" and job.get("formats"):
                return job
            if job["status"] not in _WAITING:
                raise ProductError(job.get("error") or f"The job was {job['status']}")
            self._sleep(LOOK_S)

    def save(self, job: Mapping[str, Any], audio_format: str, path: Path) -> None:
        """Write a job's sound to a file, aside first. Raises ProductError and OSError."""
        address = urljoin(self._base, job["formats"][audio_format])
        aside = path.with_name(f".{path.name}.part")
        try:
            with self._open(address) as answer, aside.open("wb") as file:
                for piece in _pieces(answer):
                    file.write(piece)
            aside.replace(path)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise

    def _open(
        self, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> http.client.HTTPResponse:
        request = urllib.request.Request(  # noqa: S310 - the scheme was checked
            urljoin(self._base, path),
            data=body,
            headers={
                "Authorization": f"Bearer {self._token}",
                "User-Agent": f"soundloom/{__version__}",
                **(headers or {}),
            },
        )
        try:
            response: http.client.HTTPResponse = urllib.request.urlopen(  # noqa: S310 - as above
                request, timeout=TIMEOUT_S
            )
        except urllib.error.HTTPError as error:
            with error:
                raise ProductError(_words_of(error, error.code)) from None
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(f"{self._base} does not answer") from error
        return response


def _words_of(answer: IO[bytes], status: int) -> str:
    """Return why a server refused, in its own words where it says so."""
    try:
        return str(json.load(answer)["error"])
    except (ValueError, KeyError, TypeError):
        return f"The server answered {status}"


def _pieces(answer: IO[bytes]) -> Iterator[bytes]:
    while piece := answer.read(_PIECE_BYTES):
        yield piece
