"""Registration, tokens and the own account over the JSON API."""

import asyncio
import dataclasses
import itertools
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from tests.shared_app import shared_app
from webapp.clock import ManualClock
from webapp.services.accounts.accounts import Accounts
from webapp.services.accounts.passwords import Argon2Hash, PasswordHasher
from webapp.services.container import Services
from webapp.settings import Settings
from webapp.tables import Job

PASSWORD = "correct horse"
ADA = {"username": "Ada", "password": PASSWORD}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=str(tmp_path), disk_reserve_mb=0, trusted_proxies="127.0.0.1")


@pytest.fixture
async def api(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the whole application, with a password hash that is quick."""
    hasher = PasswordHasher(Argon2Hash(memory_kib=64, passes=1))
    accounts = Accounts(
        services.database, services.clock, services.settings, services.shared.rate_limits, hasher
    )
    app = shared_app(
        dataclasses.replace(services, accounts=dataclasses.replace(services.accounts, registry=accounts))
    )
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(cast("Any", app)), base_url="http://localhost"
    ) as client:
        yield client


async def _token(api: httpx.AsyncClient, **more: str) -> str:
    await api.post("/api/auth/register", json=ADA)
    answer = await api.post("/api/auth/token", json={**ADA, **more})
    assert answer.status_code == 201
    token: str = answer.json()["token"]
    return token


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def _assert_problem(answer: httpx.Response, status: int, text: str, field: str | None = None) -> None:
    assert (answer.status_code, answer.json()["error"]) == (status, text)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json().get("field") == field


async def test_from_registration_to_the_own_account(api: httpx.AsyncClient) -> None:
    registered = await api.post("/api/auth/register", json=ADA)
    assert (registered.status_code, registered.json()) == (201, {"username": "Ada", "tier": "free"})
    created = await api.post("/api/auth/token", json={**ADA, "label": "laptop"})
    assert created.status_code == 201
    assert created.json() == {
        "token": created.json()["token"], "label": "laptop", "created": "2023-11-14T22:13:20Z",
        "created_at": "2023-11-14T22:13:20Z",
    }  # fmt: skip
    me = await api.get("/api/me", headers=_bearer(created.json()["token"]))
    assert (me.status_code, me.json()) == (
        200,
        {
            "username": "Ada",
            "tier": "free",
            "is_admin": False,
            "aura_balance": 0,
            "limits": {
                "hourly": 3,
                "at_once": 2,
                "max_duration": 30.0,
                "speech_hourly": 10,
                "storage_bytes": 5_000_000_000,
            },
            "usage": {
                "hourly": 0,
                "hourly_left": 3,
                "at_once": 0,
                "at_once_left": 2,
                "speech_hourly": 0,
                "speech_hourly_left": 10,
                "storage_bytes": 0,
            },
        },
    )


async def test_usage_counts_the_hour_and_what_is_active(
    api: httpx.AsyncClient, services: Services, clock: ManualClock
) -> None:
    token = await _token(api)
    account = await services.accounts.registry.find("ada")
    now_ms = clock.now_ms()
    ages_and_states = [(3600, "queued"), (3599, "completed"), (60, "cancelled"), (1, "queued")]
    for number, (age_s, state) in enumerate(ages_and_states):
        await Job.insert(
            Job(
                job_id=f"{number:012x}",
                sequence=number,
                account=account.account_id,
                generation_id=f"{number:020x}",
                status=state,
                created_ms=now_ms - age_s * 1000,
                prompt="rain",
                model="audio",
                duration_s=8.0,
                seed=1,
                tier="free",
                priority=4,
            )
        )
    usage = (await api.get("/api/me", headers=_bearer(token))).json()["usage"]
    assert usage == {
        "hourly": 3, "hourly_left": 0, "at_once": 2, "at_once_left": 0, "speech_hourly": 0,
        "speech_hourly_left": 10, "storage_bytes": 0,
    }  # fmt: skip
    assert (await services.accounts.usage.of(account.account_id, "free")).hour_resets_s == 1
    assert (await services.accounts.usage.of(account.account_id, "creator")).hour_resets_s == 1
    clock.advance_s(1)
    assert (await services.accounts.usage.of(account.account_id, "free")).hour_resets_s == 3539


async def test_an_admin_has_the_limits_of_admins(api: httpx.AsyncClient, services: Services) -> None:
    token = await _token(api)
    account = await services.accounts.registry.find("ada")
    await services.accounts.registry.set_admin(account.account_id, is_admin=True)
    me = (await api.get("/api/me", headers=_bearer(token))).json()
    assert (me["tier"], me["is_admin"], me["limits"]["hourly"]) == ("free", True, 60)


class TestAuthorization:
    async def test_only_a_bearer_token_counts(self, api: httpx.AsyncClient, services: Services) -> None:
        token = await _token(api)
        session = await services.accounts.sessions.create(
            (await services.accounts.registry.find("ada")).account_id
        )
        attempts: list[dict[str, str]] = [
            {},
            {"authorization": ""},
            {"authorization": token},
            {"authorization": "Bearer"},
            {"authorization": f"Bearer {token}x"},
            {"authorization": f"Bearer {session}"},
            {"authorization": f"Basic {token}"},
            {"authorization": "Bearer " + "x" * 10_000},
            {"cookie": f"session={session}; __Host-session={session}; token={token}"},
        ]
        for headers, path in itertools.product(attempts, ("/api/me", "/api/auth/tokens")):
            answer = await api.get(path, headers=headers)
            _assert_problem(answer, 401, "Authentication required")
            assert answer.headers["www-authenticate"].startswith("Bearer")
        assert (await api.get("/api/me", headers={"authorization": f"bearer  {token}"})).status_code == 200

    async def test_a_token_in_the_address_does_not_count(self, api: httpx.AsyncClient) -> None:
        token = await _token(api)
        _assert_problem(await api.get(f"/api/me?token={token}"), 401, "Authentication required")


class TestTokens:
    async def test_they_are_listed_without_their_secret_and_revoked(
        self, api: httpx.AsyncClient, clock: ManualClock
    ) -> None:
        first = await _token(api)
        second = await _token(api, label="laptop")
        answer = await api.get("/api/auth/tokens", headers=_bearer(second))
        listed = answer.json()["tokens"]
        assert [(token["label"], token["last_used"]) for token in listed] == [
            ("laptop", "2023-11-14T22:13:20Z"),
            (None, None),
        ]
        assert listed[0]["expires"] == "2024-11-13T22:13:20Z"
        assert first not in answer.text
        assert second not in answer.text
        revoked = await api.delete(f"/api/auth/tokens/{listed[1]['id']}", headers=_bearer(second))
        assert (revoked.status_code, revoked.content) == (204, b"")
        _assert_problem(await api.get("/api/me", headers=_bearer(first)), 401, "Authentication required")
        again = await api.delete(f"/api/auth/tokens/{listed[1]['id']}", headers=_bearer(second))
        _assert_problem(again, 404, "Token not found")
        assert (
            await api.delete(f"/api/auth/tokens/{listed[0]['id']}", headers=_bearer(second))
        ).status_code == 204
        _assert_problem(await api.get("/api/me", headers=_bearer(second)), 401, "Authentication required")

    async def test_those_of_others_do_not_exist(self, api: httpx.AsyncClient) -> None:
        token = await _token(api)
        bob = {"username": "bob", "password": PASSWORD}
        await api.post("/api/auth/register", json=bob)
        other = (await api.post("/api/auth/token", json=bob)).json()["token"]
        token_id = (await api.get("/api/auth/tokens", headers=_bearer(token))).json()["tokens"][0]["id"]
        answer = await api.delete(f"/api/auth/tokens/{token_id}", headers=_bearer(other))
        _assert_problem(answer, 404, "Token not found")
        assert (await api.get("/api/me", headers=_bearer(token))).status_code == 200

    async def test_unknown_ones_are_not_found(self, api: httpx.AsyncClient) -> None:
        headers = _bearer(await _token(api))
        for token_id in ("0", "-1", "99999999999999999999", "x"):
            answer = await api.delete(f"/api/auth/tokens/{token_id}", headers=headers)
            assert answer.status_code == 404, token_id


async def test_what_is_wrong_with_a_registration(api: httpx.AsyncClient) -> None:
    cases: list[tuple[dict[str, Any], str, str]] = [
        ({}, "Username is required", "username"),
        ({"username": None, "password": PASSWORD}, "Username is required", "username"),
        ({"username": "ada"}, "Password is required", "password"),
        ({"username": "ada", "password": "short"}, "Password must be at least 10 characters", "password"),
        ({"username": ["ada"], "password": PASSWORD}, "Username must be text", "username"),
    ]
    for body, text, field in cases:
        _assert_problem(await api.post("/api/auth/register", json=body), 400, text, field)


async def test_bodies_are_read_strictly(api: httpx.AsyncClient) -> None:
    cases = [
        (b"", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"username": "a", "username": "b"}', "application/json", 400),
        (b"username=ada&password=correct+horse", "application/x-www-form-urlencoded", 415),
        (b"{" + b" " * 70_000, "application/json", 413),
    ]
    for (content, content_type, status), path in itertools.product(cases, ("register", "token")):
        headers = {"content-type": content_type}
        answer = await api.post(f"/api/auth/{path}", content=content, headers=headers)
        _assert_problem(answer, status, answer.json()["error"])
        assert "ratelimit" in answer.headers


async def test_a_taken_name_is_a_conflict(api: httpx.AsyncClient) -> None:
    await api.post("/api/auth/register", json=ADA)
    answer = await api.post("/api/auth/register", json={**ADA, "username": "ADA"})
    _assert_problem(answer, 409, "That username is taken")


async def test_unknown_fields_are_ignored(api: httpx.AsyncClient, services: Services) -> None:
    body = {**ADA, "tier": "creator", "is_admin": True, "aura_balance": 100}
    assert (await api.post("/api/auth/register", json=body)).status_code == 201
    account = await services.accounts.registry.find("ada")
    assert (account.tier, account.is_admin, account.aura_balance) == ("free", False, 0)


async def test_a_wrong_label_is_refused_before_the_password_is_tried(api: httpx.AsyncClient) -> None:
    answer = await api.post("/api/auth/token", json={**ADA, "label": 5})
    _assert_problem(answer, 400, "Label must be text", "label")
    assert answer.headers["ratelimit"] == ('"sign-ins-of-account";r=10;t=0, "sign-ins-from-address";r=30;t=0')


class TestLimits:
    async def test_wrong_passwords_are_counted(self, api: httpx.AsyncClient, clock: ManualClock) -> None:
        await api.post("/api/auth/register", json=ADA)
        wrong = {**ADA, "password": "wrong horse"}
        unknown = {"username": "nobody", "password": PASSWORD}
        for left in range(9, -1, -1):
            answers = [await api.post("/api/auth/token", json=body) for body in (wrong, unknown)]
            for answer in answers:
                _assert_problem(answer, 401, "Wrong username or password")
                assert answer.headers["ratelimit-policy"] == (
                    '"sign-ins-of-account";q=10;w=900, "sign-ins-from-address";q=30;w=900'
                )
                assert answer.headers["ratelimit"].startswith(f'"sign-ins-of-account";r={left};t=900, ')
        clock.advance_s(60)
        for body in (ADA, unknown):
            refused = await api.post("/api/auth/token", json=body)
            _assert_problem(refused, 429, "Too many failed sign-ins; try again later")
            assert refused.headers["retry-after"] == "840"
            assert refused.headers["ratelimit"] == '"sign-ins-of-account";r=0;t=840'

    async def test_registrations_are_counted_by_client_address(self, api: httpx.AsyncClient) -> None:
        async def register(number: int, address: str) -> httpx.Response:
            body = {"username": f"user{number}", "password": PASSWORD}
            return await api.post("/api/auth/register", json=body, headers={"x-forwarded-for": address})

        answers = await asyncio.gather(*(register(number, "203.0.113.5") for number in range(15)))
        assert Counter(answer.status_code for answer in answers) == {201: 10, 429: 5}
        refused = next(answer for answer in answers if answer.status_code == 429)
        _assert_problem(refused, 429, "Too many accounts were created from your address; try again later")
        assert refused.headers["retry-after"] == "3600"
        assert refused.headers["ratelimit-policy"] == '"registrations";q=10;w=3600'
        elsewhere = await register(99, "203.0.113.6")
        assert (elsewhere.status_code, elsewhere.headers["ratelimit"]) == (201, '"registrations";r=9;t=3600')


async def test_the_description_tells_bodies_and_answers(api: httpx.AsyncClient) -> None:
    description = (await api.get("/schema/openapi.json")).json()
    token = description["paths"]["/api/auth/token"]["post"]
    named = token["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    body = description["components"]["schemas"][named]
    assert set(body["properties"]) == {"username", "password", "label"}
    assert body["required"] == ["username", "password"]
    assert body["properties"]["username"]["maxLength"] == 32
    assert set(token["responses"]) == {"201", "400", "401", "408", "409", "413", "415", "429", "500"}
    assert "application/problem+json" in token["responses"]["401"]["content"]
    assert description["paths"]["/api/me"]["get"]["security"] == [{"bearer": []}]
    assert description["paths"]["/api/auth/tokens/{token_id}"]["delete"]["security"] == [{"bearer": []}]


@pytest.mark.both_databases
async def test_secrets_and_names_that_were_tried_are_in_no_log(
    api: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    token = await _token(api)
    await api.get("/api/me", headers=_bearer(token))
    await api.post("/api/auth/token", json={"username": "tried-name", "password": "wrong horse"})
    json_type = {"content-type": "application/json"}
    await api.post("/api/auth/register", content=b'{"password": "correct horse', headers=json_type)
    assert "/api/auth/token" in caplog.text
    for secret in (token, PASSWORD, "wrong horse", "tried-name"):
        assert secret not in caplog.text
