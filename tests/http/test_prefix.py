"""Paths under which the server is, and proxies that nobody named."""

import dataclasses
from typing import Any, cast

import httpx
import msgspec
import pytest
from litestar import Litestar

from tests.factories import MakeAccount
from tests.shared_app import shared_app
from webapp.errors import SettingsError
from webapp.http.requests.public_url import PublicUrl, public_url
from webapp.http.requests.session_cookie import PLAIN_COOKIE, cookie_name, cookie_path
from webapp.services.container import Services
from webapp.settings import Settings


def client(services: Services, **settings: Any) -> httpx.AsyncClient:
    app = app_with(services, **settings)
    return httpx.AsyncClient(transport=httpx.ASGITransport(cast("Any", app)), base_url="http://localhost")


def app_with(services: Services, **settings: Any) -> Litestar:
    changed = msgspec.structs.replace(services.settings, **settings)
    return shared_app(dataclasses.replace(services, settings=changed))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", PublicUrl()),
        ("https://sounds.example", PublicUrl("https://sounds.example", "sounds.example", "")),
        ("https://x.example/", PublicUrl("https://x.example", "x.example", "")),
        ("http://X.example:8080/a/b-1/", PublicUrl("http://x.example:8080", "x.example", "/a/b-1")),
    ],
)
def test_an_address_is_taken_apart(text: str, parts: PublicUrl) -> None:
    assert public_url(Settings(public_url=text)) == parts


@pytest.mark.parametrize(
    "text",
    [
        "x.example/sound", "ftp://x.example", "https://", "https://[", "https://x.example/?q=1",
        "https://x.example/#a", "https://u:s3cret@x.example/", "https://x.example/a//b", "https://x.example/../a",
        "https://x.example/a b", "https://x.example/%41", "https://x.example:99999/",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^SOUNDLOOM_PUBLIC_URL has a wrong value: [^\n]*$") as refused:
        public_url(Settings(public_url=text))
    assert "s3cret" not in str(refused.value)


def test_the_cookie_is_for_the_path_alone() -> None:
    below = Settings(public_url="https://x.example/sound")
    assert (cookie_name(below), cookie_path(below)) == ("__Secure-soundloom_session", "/sound")
    assert cookie_name(Settings(public_url="https://x.example")).startswith("__Host-")
    assert cookie_path(Settings()) == "/"


@pytest.mark.both_databases
@pytest.mark.parametrize("prefix", ["/sound", "/a/b", "/audio", "/sounds", "/static"])
async def test_kept_or_stripped_the_same_is_served(services: Services, prefix: str) -> None:
    async with client(services, public_url=f"http://localhost{prefix}/") as http:
        for path, served in {
            "/": "text/html; charset=utf-8",
            "/queue": "text/html; charset=utf-8",
            "/queue-status": "application/json",
            "/sounds/x": "application/problem+json",
            "/audio/x.wav": "application/problem+json",
        }.items():
            for asked in (path, prefix + path):
                answer = await http.get(asked)
                assert answer.headers["content-type"] == served, asked
        for asked in ("/audio/x.wav", f"{prefix}/audio/x.wav"):
            assert (await http.get(asked)).json()["error"] == "Audio not found"
        assert (await http.get(prefix)).status_code == 200
        assert (await http.get(f"{prefix}er/queue-status")).status_code == 404
        page = (await http.get(f"{prefix}/queue")).text
        assert f'data-root="{prefix}"' in page


@pytest.mark.parametrize("prefix", ["/queue", "/api", "/library", "/docs"])
async def test_a_path_with_two_meanings_is_refused(services: Services, prefix: str) -> None:
    with pytest.raises(SettingsError, match=f"cannot have the path {prefix}:"):
        app_with(services, public_url=f"http://localhost{prefix}")


async def test_without_a_path_addresses_are_as_ever(services: Services) -> None:
    async with client(services) as http:
        assert 'href="/library"' in (await http.get("/")).text
        assert "data-root" not in (await http.get("/")).text


class TestUnknownProxies:
    async def test_it_is_logged_once_and_shown_to_admins(
        self, services: Services, make_account: MakeAccount, caplog: pytest.LogCaptureFixture
    ) -> None:
        root = await make_account("root", is_admin=True)
        cookie = {"cookie": f"{PLAIN_COOKIE}={await services.accounts.sessions.create(root.account_id)}"}
        async with client(services) as http:
            assert "through a proxy" not in (await http.get("/admin", headers=cookie)).text
            for header in ("x-forwarded-for", "forwarded", "x-real-ip"):
                await http.get("/healthz", headers={header: "203.0.113.9"})
            for page in ("/admin", "/admin/settings"):
                shown = (await http.get(page, headers=cookie)).text
                assert "SOUNDLOOM_TRUSTED_PROXIES=127.0.0.1" in shown
        said = [record for record in caplog.records if "SOUNDLOOM_TRUSTED_PROXIES" in record.getMessage()]
        assert len(said) == 1

    async def test_one_that_changes_the_host_shows(
        self, services: Services, caplog: pytest.LogCaptureFixture
    ) -> None:
        ours = {"sec-fetch-site": "same-origin"}
        async with client(services) as http:
            for origin in ("http://localhost", "http://LOCALHOST", "null"):
                await http.post("/logout", headers={**ours, "origin": origin})
            await http.post("/logout", headers={"sec-fetch-site": "cross-site", "origin": "http://a.example"})
            assert "SOUNDLOOM_TRUSTED_PROXIES" not in caplog.text
            await http.post("/logout", headers={**ours, "origin": "https://sound.test"})
        assert "SOUNDLOOM_TRUSTED_PROXIES" in caplog.text

    async def test_a_named_one_is_no_news(self, services: Services, caplog: pytest.LogCaptureFixture) -> None:
        async with client(services, trusted_proxies="127.0.0.0/8") as http:
            await http.get("/healthz", headers={"x-forwarded-for": "203.0.113.9"})
        assert "SOUNDLOOM_TRUSTED_PROXIES" not in caplog.text


async def test_an_unknown_host_is_told_to_people_on_a_page(services: Services) -> None:
    async with client(services) as http:
        named = {"host": "elsewhere.example"}
        page = await http.get("/", headers={**named, "accept": "text/html"})
        assert (page.status_code, page.headers["content-type"]) == (400, "text/html; charset=utf-8")
        assert "add elsewhere.example to SOUNDLOOM_ALLOWED_HOSTS" in page.text
        assert "default-src 'self'" in page.headers["content-security-policy"]
        problem = (await http.get("/", headers=named)).json()
        assert problem["error"] == "This server does not answer to that host name"
        assert "SOUNDLOOM_PUBLIC_URL" in problem["detail"]


async def test_a_foreign_form_is_told_what_to_set(services: Services) -> None:
    headers = {"origin": "http://sound.test", "accept": "text/html"}
    async with client(services) as http:
        for more in ({}, {"hx-request": "true"}):
            refused = await http.post("/register", data={}, headers={**headers, **more})
            assert refused.status_code == 403
            assert "SOUNDLOOM_PUBLIC_URL" in refused.text
