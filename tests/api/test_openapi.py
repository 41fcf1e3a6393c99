"""The description of the API: valid, complete, and true in its examples."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.api.client import User
from tests.factories import FACTS
from webapp.api.shared.examples import CONTINUED_ID
from webapp.services.library.adding import NewSound, add_sound
from webapp.web.operation_ids import NAMES

PROBLEM = "application/problem+json"
# Answered with a token and without.
TOKEN_IS_OPTIONAL = (
    "GET /api/library/{sound_id}", "POST /api/track/{sound_id}/play", "POST /api/track/{sound_id}/download",
    "GET /api/playlists/{playlist_id}",
)  # fmt: skip
METHODS = ("get", "head", "post", "put", "patch", "delete")
# Endpoint by endpoint: what each may answer, besides 500.
STATUSES = {
    "POST /generate": "201 400 401 404 408 413 415 422 429 503 507",
    "GET /job/{job_id}": "200 401 403 404 429",
    "GET /job/{job_id}/events": "200 204 401 403 404 429",
    "GET /job/{job_id}/stream": "200 400 401 403 404 429",
    "GET /queue-status": "200 400",
    "GET /api/queue": "200 400",
    "GET /api/queue/events": "200 429",
    "GET /api/queue/skip-pricing": "200 400",
    "POST /api/queue/{job_id}/cancel": "200 400 401 403 404 429",
    "POST /api/queue/{job_id}/stop": "200 400 401 403 404 429",
    "POST /api/queue/{job_id}/skip": "200 400 401 403 404 422 429",
    "GET /api/jobs": "200 400 401 429",
    "POST /api/jobs/{job_id}/retry": "201 400 401 403 404 422 429 503 507",
    "GET /audio/{filename}": "200 206 304 307 404 412 416 429",
    "HEAD /audio/{filename}": "200 206 304 307 404 412 416 429",
    "GET /spectrogram/{filename}": "200 206 304 404 412 416 429",
    "HEAD /spectrogram/{filename}": "200 206 304 404 412 416 429",
    "GET /api/models": "200 400",
    "GET /status": "200 400",
    "GET /api/library": "200 400 429",
    "GET /api/library/counts": "200 400",
    "GET /api/library/export": "200 400 401 404 429",
    "GET /api/library/{sound_id}": "200 401 404 429",
    "PATCH /api/library/{sound_id}": "200 400 401 403 404 408 413 415 429",
    "DELETE /api/library/{sound_id}": "204 401 403 404 429",
    "POST /api/library/{sound_id}/vote": "200 400 401 404 408 413 415 429",
    "GET /api/my-generations": "200 400 401 429",
    "GET /api/favorites": "200 400 401 429",
    "POST /api/favorites/{sound_id}": "200 401 404 429",
    "DELETE /api/favorites/{sound_id}": "200 401 404 429",
    "POST /api/track/{sound_id}/play": "200 401 404 429",
    "POST /api/track/{sound_id}/download": "200 401 404 429",
    "GET /api/playlists": "200 400 401 429",
    "POST /api/playlists": "201 400 401 408 409 413 415 429",
    "GET /api/playlists/{playlist_id}": "200 401 404 429",
    "PUT /api/playlists/{playlist_id}": "200 400 401 404 408 413 415 429",
    "DELETE /api/playlists/{playlist_id}": "204 401 404 429",
    "POST /api/playlists/{playlist_id}/tracks": "200 400 401 404 408 409 413 415 429",
    "DELETE /api/playlists/{playlist_id}/tracks": "200 400 401 404 429",
    "PUT /api/playlists/{playlist_id}/reorder": "200 400 401 404 408 413 415 429",
    "DELETE /api/playlists/{playlist_id}/tracks/{sound_id}": "200 401 404 429",
    "GET /api/radio/shuffle": "200 400 429",
    "GET /api/manifest": "200 400",
    "GET /api/moderation/sounds": "200 400 401 403 429",
    "POST /api/moderation/sounds/{sound_id}/hide": "200 400 401 403 404 408 413 415 429",
    "POST /api/moderation/sounds/{sound_id}/restore": "200 400 401 403 404 408 413 415 429",
    "PUT /api/moderation/sounds/{sound_id}/note": "200 400 401 403 404 408 413 415 429",
    "GET /api/voices": "200 400",
    "POST /api/tts/generate": "201 400 401 408 413 415 422 429 503 507",
    "POST /api/tts/stream": "200 400 401 408 409 413 415 429 503 507",
    "POST /api/tts/requests": "202 400 401 408 413 415 422 429 503 507",
    "GET /api/tts/requests/{request_id}": "200 401 404 429",
    "DELETE /api/tts/requests/{request_id}": "200 401 404 409 429",
    "GET /captions/{filename}": "200 404 429",
    "GET /api/tts/sample/{voice}": "200 206 304 404 412 416 503",
    "HEAD /api/tts/sample/{voice}": "200 206 304 404 412 416 503",
    "POST /api/uploads": "201 400 401 408 413 415 429 503 507",
    "DELETE /api/uploads/{upload_id}": "204 401 404 429",
    "GET /api/me": "200 401 429",
    "POST /api/auth/register": "201 400 403 408 409 413 415 429",
    "POST /api/auth/token": "201 400 401 408 409 413 415 429",
    "GET /api/auth/tokens": "200 400 401 429",
    "DELETE /api/auth/tokens/{token_id}": "204 401 404 429",
    "POST /v1/audio/speech": "200 400 401 408 413 415 429 503 507",
    "GET /v1/models": "200 400",
    "GET /v1/models/{model}": "200 404",
    "POST /v1/sound-generation": "200 401 408 409 413 415 422 429 503 507",
    "POST /v1/music": "200 401 408 409 413 415 422 429 503 507",
    "POST /v1/music/stream": "200 401 408 409 413 415 422 429 503 507",
    "GET /v1/voices": "200 400",
    "GET /v1/voices/{voice_id}": "200 404",
    "GET /v2/voices": "200 400",
    "POST /v1/text-to-speech/{voice_id}": "200 401 404 408 409 413 415 422 429 503 507",
    "POST /v1/text-to-speech/{voice_id}/stream": "200 401 404 408 409 413 415 422 429 503 507",
}
# Their errors have shapes of their own, and ElevenLabs' clients send a key of theirs.
OTHER_VENDORS = ("/v1/", "/v2/")


# Every answer of these tells what is left.
LIMITED = {
    "POST /generate", "GET /job/{job_id}/events", "GET /job/{job_id}/stream",
    "GET /api/queue/events", "POST /api/queue/{job_id}/cancel",
    "POST /api/queue/{job_id}/stop",
    "POST /api/queue/{job_id}/skip", "POST /api/jobs/{job_id}/retry", "GET /audio/{filename}",
    "GET /spectrogram/{filename}", "POST /api/auth/register", "POST /api/auth/token",
    "POST /api/library/{sound_id}/vote", "POST /api/favorites/{sound_id}", "DELETE /api/favorites/{sound_id}",
    "POST /api/tts/generate", "POST /v1/audio/speech", "POST /v1/sound-generation", "POST /v1/music",
    "POST /api/uploads", "POST /api/tts/stream", "POST /api/tts/requests", "GET /captions/{filename}",
}  # fmt: skip


@pytest.fixture
def database_url(tmp_path: Path, migrated_sqlite_file: Path) -> str:
    """One database is enough: none is described."""
    shutil.copy(migrated_sqlite_file, tmp_path / "soundloom.sqlite")
    return ""


@pytest.fixture
async def document(anybody: httpx.AsyncClient) -> dict[str, Any]:
    answer = await anybody.get("/schema/openapi.json")
    assert answer.status_code == 200
    document: dict[str, Any] = answer.json()
    return document


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield f"{method.upper()} {path}", item[method]


def test_it_is_valid(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(document).validate()


def test_every_endpoint_and_every_status_is_there(document: dict[str, Any]) -> None:
    described = {
        name: " ".join(sorted(set(said["responses"]) - {"500"})) for name, said in _operations(document)
    }
    assert described == STATUSES


def test_every_operation_says_what_it_is_and_how_it_fails(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, operation in _operations(document)]
    assert len(set(ids)) == len(ids)
    for name, operation in _operations(document):
        assert operation["summary"], name
        assert operation["description"], name
        assert operation["tags"], name
        for status, answer in operation["responses"].items():
            assert answer["description"], (name, status)
            if int(status) >= 400:
                # A host that the server does not answer to is refused before there is a handler.
                is_ours = not name.partition(" ")[2].startswith(OTHER_VENDORS)
                shape = PROBLEM if is_ours or (status == "400" and "GET" in name) else "application/json"
                assert set(answer["content"]) == {shape}, (name, status)


def test_names_are_short_and_every_security_is_said(document: dict[str, Any]) -> None:
    operations = dict(_operations(document))
    for name, operation in operations.items():
        assert len(operation["operationId"]) <= 24, name
        assert operation["operationId"][0].islower(), name
        # Absent, it would be that of the whole.
        assert "security" in operation, name
    known = {tag["name"] for tag in document["tags"]}
    assert {tag for operation in operations.values() for tag in operation["tags"]} == known
    assert NAMES.keys() <= operations.keys()


def test_moments_and_files_have_their_formats(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    moments = {"created", "created_at", "updated_at", "started", "completed", "ended", "expires", "last_used"}
    found = 0
    for schema in schemas.values():
        for name, described in schema.get("properties", {}).items():
            if name in moments and described.get("type") != "integer":
                forms = described.get("oneOf", [described])
                assert any(form.get("format") == "date-time" for form in forms), (schema["title"], name)
                found += 1
    assert found > 20
    answer = document["paths"]["/audio/{filename}"]["get"]["responses"]["200"]
    for media_type in ("audio/wav", "audio/flac", "audio/ogg", "audio/mpeg"):
        assert answer["content"][media_type]["schema"] == {"type": "string", "format": "binary"}


def test_no_choice_has_one_form_only(document: dict[str, Any]) -> None:
    def choices(part: object) -> Iterator[list[Any]]:
        if isinstance(part, dict):
            yield from (part[name] for name in ("oneOf", "anyOf") if isinstance(part.get(name), list))
        for one in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
            yield from choices(one)

    assert all(len(choice) > 1 for choice in choices(document))


def test_headers_are_described_where_they_are_sent(document: dict[str, Any]) -> None:
    for name, operation in _operations(document):
        responses = operation["responses"]
        for status, answer in responses.items():
            headers = set(answer.get("headers", {}))
            if name in LIMITED or status in {"401", "429"}:
                assert {"RateLimit", "RateLimit-Policy"} <= headers, (name, status)
            if status in {"429", "503"}:
                assert "Retry-After" in headers, (name, status)
            if status == "401":
                assert "WWW-Authenticate" in headers, name
    for name in ("POST /generate", "POST /api/jobs/{job_id}/retry"):
        assert "Location" in dict(_operations(document))[name]["responses"]["201"]["headers"]


def test_request_headers_are_described(document: dict[str, Any]) -> None:
    taken = {
        name: {entry["name"] for entry in operation.get("parameters", []) if entry["in"] == "header"}
        for name, operation in _operations(document)
    }
    assert {name: headers for name, headers in taken.items() if headers} == {
        "POST /generate": {"Idempotency-Key", "Prefer"},
        "GET /job/{job_id}/events": {"Last-Event-ID"},
        "POST /api/jobs/{job_id}/retry": {"Idempotency-Key"},
        "POST /api/queue/{job_id}/skip": {"Idempotency-Key"},
        "POST /api/tts/generate": {"Idempotency-Key"},
        "POST /api/tts/requests": {"Idempotency-Key"},
    }


def test_what_asks_for_a_token_says_so(document: dict[str, Any]) -> None:
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    for name, operation in _operations(document):
        asks = "401" in operation["responses"] and name.partition(" ")[2] != "/api/auth/token"
        if name in TOKEN_IS_OPTIONAL:
            assert operation["security"] == [{}, {"bearer": []}], name
        elif operation["tags"] == ["ElevenLabs"]:
            expected: list[dict[str, list[str]]] = [{"xi-api-key": []}, {"bearer": []}] if asks else []
            assert operation["security"] == expected, name
        elif name in {"GET /job/{job_id}/events", "GET /job/{job_id}/stream"}:
            assert operation["security"] == [{"bearer": []}, {"session": []}]
        else:
            assert (operation.get("security") == [{"bearer": []}]) == asks, name


async def test_examples_are_accepted(document: dict[str, Any], ann: User) -> None:
    owner = ann.identity.account_id
    continued = NewSound(CONTINUED_ID, owner, f"{CONTINUED_ID}-1", "music", "rain", is_loopable=False)
    await add_sound(continued, FACTS, now_ms=1)
    operation = document["paths"]["/generate"]["post"]
    examples = operation["requestBody"]["content"]["application/json"]["examples"]
    assert len(examples) >= 3
    headers = {
        entry["name"]: next(iter(entry["examples"].values()))["value"]
        for entry in operation["parameters"]
        if entry["name"] != "Idempotency-Key"
    }
    for example in examples.values():
        answer = await ann.http.post("/generate", json=example["value"], headers=headers)
        assert answer.status_code == 201, example
        assert answer.headers["preference-applied"] == headers["Prefer"]


def test_no_handler_of_the_api_is_hidden(app: Litestar) -> None:
    hidden = {
        route.path
        for route in app.routes
        for handler in getattr(route, "route_handlers", ())
        if isinstance(handler, HTTPRouteHandler)
        and handler.http_methods != {"OPTIONS"}
        and not handler.resolve_include_in_schema()
        and not handler.opt.get("page", False)
    }
    static = "/static/{version:str}/{name:path}"
    operators = {"/healthz", "/readyz", "/metrics"}
    assert {path for path in hidden if not path.startswith("/schema")} == {*operators, static}
