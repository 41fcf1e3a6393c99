"""What every answer tells browsers, and what the description of the API may use besides."""

import re
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from litestar import Litestar

from tests.shared_app import shared_app
from webapp.services.container import Services
from webapp.settings import Settings

DESCRIPTION = "/schema/openapi.json"
PATHS = ["/", "/nothing", "/healthz", DESCRIPTION, "/docs", "/api/me", "/static/x/icon.svg", "/events"]


@pytest.fixture
def database_url(migrated_sqlite_file: Path, tmp_path: Path) -> str:
    """These tests are about headers: one database will do."""
    (tmp_path / "soundloom.sqlite").write_bytes(migrated_sqlite_file.read_bytes())
    return ""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=str(tmp_path), disk_reserve_mb=0)


@pytest.fixture
def app(services: Services) -> Litestar:
    return shared_app(services)


@pytest.fixture
def client(app: Litestar) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(cast("Any", app))
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


def policy_of(answer: httpx.Response) -> dict[str, str]:
    directives = (part.partition(" ") for part in answer.headers["content-security-policy"].split("; "))
    return {name: value for name, _, value in directives}


@pytest.mark.parametrize("path", PATHS)
async def test_every_answer_carries_them(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    policy = policy_of(answer)
    assert policy["default-src"] == policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["object-src"] == policy["base-uri"] == "'none'"
    assert not re.search("unsafe|http:|https:|data:|\\*", answer.headers["content-security-policy"])
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert "microphone=(self)" in answer.headers["permissions-policy"]
    assert "strict-transport-security" not in answer.headers
    assert re.fullmatch("[0-9a-f]{16}", answer.headers["x-request-id"])


async def test_the_description_is_openapi_3_1_and_holds_no_pages(client: httpx.AsyncClient) -> None:
    description = (await client.get("/schema/openapi.json")).json()
    assert description["openapi"].startswith("3.1")
    assert "/generate" in description["paths"]
    assert not {"/", "/login", "/account", "/events", "/healthz"} & set(description["paths"])


@pytest.mark.parametrize("path", PATHS)
async def test_another_host_name_gets_nothing(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path, headers={"host": "evil.example"})
    assert answer.status_code == 400
    assert answer.json()["error"] == "This server does not answer to that host name"
    assert "content-security-policy" in answer.headers


async def test_health_and_readiness(client: httpx.AsyncClient, services: Services) -> None:
    assert (await client.get("/healthz")).text == "ok\n"
    assert (await client.get("/readyz")).status_code == 200
    async with services.database.transaction():
        await services.database.fetch("DELETE FROM migration")
    assert (await client.get("/readyz")).status_code == 503
    async with services.database.transaction():
        await services.database.fetch("DROP TABLE migration")
    assert (await client.get("/readyz")).status_code == 503
    assert (await client.get("/healthz")).status_code == 200
