"""Requests made up from the API's description, right ones and wrong ones; every answer must fit it.

Few in the ordinary run; `make test-api-long` sends many more, and other ones each time.
"""

import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, CheckContext, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.core.transport import Response
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    positive_data_acceptance,
    status_code_conformance,
)

from tests.api.live import LIMITS_LIFTED, VOICE, LiveServer, live_server

pytestmark = [pytest.mark.share, pytest.mark.slow]

AnyCase = Case[Any]
Operation = APIOperation[Any, Any, Any, Any]

EXAMPLES: Final = int(os.environ.get("API_TEST_EXAMPLES", "3"))
IS_LONG: Final = "API_TEST_EXAMPLES" in os.environ
TIMEOUT_S: Final = 20

# Answers beyond those that the description names for an operation, and why they are right.
ALLOWED_BEYOND: Final = {
    404: "a path parameter that holds a slash, or nothing, is another address",
    405: "the same, where the other address knows other methods",
}

# Where a request that fits the description may still be refused, because of what is there.
MAY_BE_REFUSED: Final = {
    "POST /generate": "a key may have been used with another body, and no such sound be there to continue",
    "POST /api/uploads": "bytes that are made up are no sound",
    "POST /api/queue/{job_id}/cancel": "the job may have left the queue",
    "POST /api/queue/{job_id}/skip": "the job may have left the queue, or been skipped",
    "POST /api/queue/{job_id}/stop": "the job may not be running",
    "POST /api/jobs/{job_id}/retry": "the job may not have failed",
    "POST /api/tts/generate": "the voice may not be there, or the key used with another body",
    "POST /api/tts/requests": "the same",
    "POST /api/tts/stream": "the voice may not be there",
    "GET /api/library": "a cursor may be none of ours",
    "GET /api/my-generations": "the same",
    "GET /api/favorites": "the same",
    "GET /api/moderation/sounds": "the same",
    "GET /api/library/export": "there may be nothing to export, and ids and formats are checked one by one",
    "PATCH /api/library/{sound_id}": "at least one field is needed, and control characters are refused",
    "PUT /api/playlists/{playlist_id}": "the same",
    "POST /api/playlists": "control characters and names of spaces are refused",
    "PUT /api/playlists/{playlist_id}/reorder": "the ids may not be those of the playlist",
    "POST /api/moderation/sounds/{sound_id}/hide": "control characters are refused",
    "POST /api/moderation/sounds/{sound_id}/restore": "the same",
    "PUT /api/moderation/sounds/{sound_id}/note": "the same",
    "POST /api/auth/register": "NUL in a password is refused, and so are too many bytes",
    "POST /api/auth/token": "the same, and control characters in labels",
}

# All of them, in the order of asking: the first makes the jobs that some need, and what deletes comes last.
# What fits the description is accepted and what does not is refused.
OPERATIONS: Final = (
    "POST /generate", "GET /job/{job_id}", "GET /job/{job_id}/events", "GET /job/{job_id}/stream",
    "GET /queue-status", "GET /api/queue",
    "GET /api/queue/skip-pricing", "POST /api/queue/{job_id}/cancel", "POST /api/queue/{job_id}/skip",
    "POST /api/queue/{job_id}/stop",
    "GET /api/jobs", "POST /api/jobs/{job_id}/retry", "GET /audio/{filename}", "HEAD /audio/{filename}",
    "GET /spectrogram/{filename}", "HEAD /spectrogram/{filename}", "GET /status", "GET /api/models",
    "GET /api/me", "POST /api/uploads", "DELETE /api/uploads/{upload_id}",
    "POST /api/auth/register", "POST /api/auth/token", "GET /api/auth/tokens",
    "DELETE /api/auth/tokens/{token_id}", "GET /api/voices", "POST /api/tts/generate",
    "POST /api/tts/requests", "GET /api/tts/requests/{request_id}", "DELETE /api/tts/requests/{request_id}",
    "POST /api/tts/stream", "GET /captions/{filename}",
    "GET /api/tts/sample/{voice}", "HEAD /api/tts/sample/{voice}",
    "PATCH /api/library/{sound_id}", "GET /api/library", "GET /api/library/counts",
    "GET /api/library/{sound_id}", "GET /api/my-generations", "POST /api/library/{sound_id}/vote",
    "POST /api/favorites/{sound_id}", "GET /api/favorites", "POST /api/track/{sound_id}/play",
    "POST /api/track/{sound_id}/download", "POST /api/playlists", "GET /api/playlists",
    "PUT /api/playlists/{playlist_id}", "POST /api/playlists/{playlist_id}/tracks",
    "GET /api/playlists/{playlist_id}", "PUT /api/playlists/{playlist_id}/reorder", "GET /api/library/export",
    "GET /api/moderation/sounds", "POST /api/moderation/sounds/{sound_id}/hide",
    "PUT /api/moderation/sounds/{sound_id}/note", "POST /api/moderation/sounds/{sound_id}/restore",
    "GET /api/radio/shuffle", "GET /api/manifest", "DELETE /api/playlists/{playlist_id}/tracks/{sound_id}",
    "DELETE /api/playlists/{playlist_id}/tracks", "DELETE /api/playlists/{playlist_id}",
    "DELETE /api/favorites/{sound_id}", "DELETE /api/library/{sound_id}",
)  # fmt: skip
# Endless; test_waiting.py follows it.
ENDLESS: Final = "GET /api/queue/events"
# Held until a sound is made, and with errors in shapes of their own: test_dialects.py.
OTHER_VENDORS: Final = ("/v1/", "/v2/")


def status_is_known(ctx: CheckContext, response: Response, case: AnyCase) -> bool | None:
    """The status is described for the operation, or is one that may come besides."""
    if response.status_code in ALLOWED_BEYOND:
        return None
    known: bool | None = status_code_conformance(ctx, response, case)
    return known


def what_fits_is_accepted(ctx: CheckContext, response: Response, case: AnyCase) -> bool | None:
    """A request that fits the description is not refused as if it did not."""
    if case.operation.label in MAY_BE_REFUSED and response.status_code in {400, 415, 422}:
        return None
    accepted: bool | None = positive_data_acceptance(ctx, response, case)
    return accepted


def limits_are_told(_ctx: CheckContext, response: Response, case: AnyCase) -> bool | None:
    """What is left of a limit is told wherever the description says so."""
    described = case.operation.definition.raw["responses"].get(str(response.status_code), {})
    expected = {name.lower() for name in described.get("headers", {}) if name.startswith("RateLimit")}
    assert expected <= response.headers.keys(), f"{response.status_code} without {expected}"
    return None


@pytest.fixture
def server(tmp_path: Path, database_url: str) -> Iterator[LiveServer]:
    with live_server(tmp_path, database_url, **LIMITS_LIFTED) as server:
        yield server


def _operations(server: LiveServer) -> dict[str, Operation]:
    description = schemathesis.openapi.from_url(f"{server.url}/schema/openapi.json")
    made = [result.ok() for result in description.get_all_operations() if isinstance(result, Ok)]
    return {operation.label: operation for operation in made}


def test_every_answer_fits_the_description(server: LiveServer) -> None:
    operations = _operations(server)
    ours = {label for label, one in operations.items() if not one.path.startswith(OTHER_VENDORS)}
    assert {*OPERATIONS, ENDLESS} == ours
    with requests.Session() as session:
        for label in OPERATIONS:
            session.headers["Authorization"] = f"Bearer {_token(operations[label], server)}"
            for mode in _modes(operations[label]):
                try:
                    _try(operations[label], mode, server, session)
                except Unsatisfiable:
                    # Any text is a right one where a path parameter has no pattern.
                    assert mode is GenerationMode.NEGATIVE
    assert server.ended
    assert server.sounds


def _token(operation: Operation, server: LiveServer) -> str:
    return server.admin_token if "/moderation/" in operation.path else server.token


def _modes(operation: Operation) -> tuple[GenerationMode, ...]:
    """Right requests, and wrong ones where there is anything to get wrong."""
    takes = {"parameters", "requestBody"} & operation.definition.raw.keys()
    return (GenerationMode.POSITIVE, GenerationMode.NEGATIVE) if takes else (GenerationMode.POSITIVE,)


def _try(operation: Operation, mode: GenerationMode, server: LiveServer, session: requests.Session) -> None:
    chance = random.Random(None if IS_LONG else 1)
    # What is wrong is in path, query or body: a wrong header would be replaced by the session's right one.
    token = {"Authorization": f"Bearer {_token(operation, server)}"}
    headers = token if mode is GenerationMode.NEGATIVE else None

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=not IS_LONG,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode, headers=headers))
    def send(case: AnyCase) -> None:
        _point_at_something(case, mode, server, chance)
        case.call_and_validate(
            session=session,
            timeout=TIMEOUT_S,
            additional_checks=[status_is_known, limits_are_told, what_fits_is_accepted],
            excluded_checks=[status_code_conformance, positive_data_acceptance],
        )

    send()


def _point_at_something(
    case: AnyCase, mode: GenerationMode, server: LiveServer, chance: random.Random
) -> None:
    """Have most right requests name a job, sound or token that is there; made-up names hardly ever do."""
    if mode is GenerationMode.NEGATIVE:
        return
    parameters = case.path_parameters
    if "job_id" in parameters and chance.random() < 0.7:
        # The streams of a job that waits for ever have no end.
        jobs = server.ended if case.operation.path.endswith(("/events", "/stream")) else server.jobs
        parameters["job_id"] = chance.choice(jobs)
    elif "filename" in parameters and server.sounds and chance.random() < 0.7:
        is_picture = "spectrogram" in case.operation.path
        ending = "png" if is_picture else chance.choice(("wav", "flac", "ogg", "mp3"))
        parameters["filename"] = f"{chance.choice(server.sounds)}.{ending}"
    elif "voice" in parameters and chance.random() < 0.7:
        parameters["voice"] = VOICE
    elif "sound_id" in parameters and server.sounds and chance.random() < 0.7:
        parameters["sound_id"] = chance.choice(server.sounds)
    elif "playlist_id" in parameters and chance.random() < 0.7:
        parameters["playlist_id"] = server.playlist
    elif "token_id" in parameters:
        # Not the token that all of this is sent with.
        parameters["token_id"] = abs(int(parameters["token_id"])) + 2
