"""Register, sign in, set-up and sign out, as a browser without script sees them."""

import dataclasses
from typing import Any, cast

import httpx
import msgspec
import pytest

from tests.shared_app import shared_app
from webapp.clock import ManualClock
from webapp.http.requests.session_cookie import PLAIN_COOKIE, SECURE_COOKIE
from webapp.pages.accounts.authentication import safe_next
from webapp.services.accounts.identity import Identity
from webapp.services.accounts.sessions import RECORD_USE_EVERY_MS
from webapp.services.container import Services

NEW = {"username": "Ada", "password": "correct horse"}
ANN = {"username": "ann", "password": "correct horse"}


async def test_to_register_is_to_be_signed_in(browser: httpx.AsyncClient) -> None:
    assert "Create account" in (await browser.get("/register")).text
    answer = await browser.post("/register", data=NEW)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith(PLAIN_COOKIE)
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/" in cookie
    assert "secure" not in cookie
    start = await browser.get("/")
    assert ">Ada</a>" in start.text
    assert "Generate</button>" in start.text


async def test_over_tls_the_cookie_is_bound_to_host_and_tls(services: Services) -> None:
    settings = with_settings(services, public_url="https://sound.example")
    transport = httpx.ASGITransport(cast("Any", shared_app(settings)))
    async with httpx.AsyncClient(transport=transport, base_url="https://sound.example") as browser:
        answer = await browser.post("/register", data=NEW, headers={"origin": "https://sound.example"})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(SECURE_COOKIE + "=")
    assert "secure" in cookie.lower()
    assert "domain" not in cookie.lower()
    assert "max-age=31536000" in answer.headers["strict-transport-security"]


def with_settings(services: Services, **settings: Any) -> Services:
    return dataclasses.replace(services, settings=msgspec.structs.replace(services.settings, **settings))


@pytest.mark.parametrize(
    ("sent", "status", "text"),
    [
        ({"username": "x", "password": "correct horse"}, 400, "Username must be 3 to 32"),
        ({"username": "Ada", "password": "short"}, 400, "Password must be at least 10 characters"),
        ({"username": "Ada"}, 400, "Password is required"),
        ({"username": "ANN", "password": "correct horse"}, 409, "That username is taken"),
    ],
)
async def test_what_is_wrong_is_said_beside_the_field(
    browser: httpx.AsyncClient, ann: Identity, sent: dict[str, str], status: int, text: str
) -> None:
    answer = await browser.post("/register", data=sent)
    assert answer.status_code == status
    assert text in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert "set-cookie" not in answer.headers
    assert f'value="{sent["username"]}"' in answer.text
    assert "short" not in answer.text


async def test_creating_an_account_leads_back_as_well(browser: httpx.AsyncClient) -> None:
    page = (await browser.get("/register?next=/sounds/1")).text
    assert 'name="next" value="/sounds/1"' in page
    assert 'href="/login?next=/sounds/1"' in page
    fields = {"username": "newcomer", "password": "correct horse"}
    made = await browser.post("/register", data={**fields, "next": "/sounds/1"})
    assert (made.status_code, made.headers["location"]) == (303, "/sounds/1")
    assert (await browser.get("/register?next=//evil")).headers["location"] == "/"


async def test_sign_in_and_out(browser: httpx.AsyncClient, services: Services, ann: Identity) -> None:
    answer = await browser.post("/login", data=ANN)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    secret = browser.cookies[PLAIN_COOKIE]
    assert await services.accounts.sessions.resolve(secret)
    out = await browser.post("/logout", data={})
    assert (out.status_code, out.headers["location"]) == (303, "/")
    assert "max-age=0" in out.headers["set-cookie"].lower()
    assert await services.accounts.sessions.resolve(secret) is None


async def test_a_wrong_password_and_a_wrong_name_get_the_same_page(
    browser: httpx.AsyncClient, ann: Identity
) -> None:
    wrong_password = await browser.post("/login", data={**ANN, "password": "incorrect horse"})
    wrong_name = await browser.post("/login", data={**ANN, "username": "bob"})
    assert wrong_password.status_code == wrong_name.status_code == 401
    assert "Wrong username or password" in wrong_password.text
    assert wrong_password.text.replace('value="ann"', 'value="bob"') == wrong_name.text
    assert "www-authenticate" not in wrong_password.headers
    assert "incorrect horse" not in wrong_password.text


async def test_a_session_planted_before_is_worth_nothing_after(
    browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    eve = await services.accounts.registry.register("eve", "correct horse", address="test")
    planted = await services.accounts.sessions.create(eve.account_id)
    browser.cookies.set(PLAIN_COOKIE, planted, domain="localhost.local")
    await browser.post("/login", data=ANN, headers={"cookie": f"{PLAIN_COOKIE}={planted}"})
    assert await services.accounts.sessions.resolve(planted) is None


async def test_signing_in_leads_back_to_where_one_was(browser: httpx.AsyncClient, ann: Identity) -> None:
    asked = await browser.get("/account")
    assert (asked.status_code, asked.headers["location"]) == (303, "/login?next=/account")
    page = await browser.get(asked.headers["location"])
    assert 'name="next" value="/account"' in page.text
    answer = await browser.post("/login", data={**ANN, "next": "/account"})
    assert answer.headers["location"] == "/account"


async def test_an_expired_session_says_so_and_leads_back(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    stale = ann_browser.cookies[PLAIN_COOKIE]
    await services.accounts.sessions.end(stale)
    here, where = "http://localhost/playlists?sort=new", "/login?next=/playlists%3Fsort%3Dnew"
    for asked in (
        await ann_browser.get("/playlists?sort=new"),
        await ann_browser.post("/playlists", data={"name": "Night"}, headers={"referer": here}),
        await ann_browser.post(
            "/playlists", data={"name": "x"}, headers={"hx-request": "true", "hx-current-url": here}
        ),
    ):
        assert where == (asked.headers.get("location") or asked.headers["hx-redirect"])
    page = (await ann_browser.get(where)).text
    assert "Your session has ended." in page
    # Only the script that keeps it knows whether something was typed.
    assert "<span data-typed-kept hidden>" in page
    assert 'name="next" value="/playlists?sort=new"' in page
    ann_browser.cookies.clear()
    fresh = (await ann_browser.get(where)).text
    assert "Your session has ended." not in fresh
    assert "Sign in, or create an account, to continue." in fresh
    assert 'href="/register?next=/playlists%3Fsort%3Dnew"' in fresh


@pytest.mark.parametrize(
    "referer", ["https://evil.example/x//y", "//evil.example", "http://[", "/" * 3_000, ""]
)
async def test_a_way_back_stays_on_this_server(browser: httpx.AsyncClient, referer: str) -> None:
    asked = await browser.post("/speech", data={"text": "x"}, headers={"referer": referer})
    where = asked.headers["location"]
    assert where in ("/login", "/login?next=/x//y")


async def test_a_way_back_may_hold_any_letters(ann_browser: httpx.AsyncClient) -> None:
    answer = await ann_browser.get("/login?next=/library?q=بيانو%26sort=new")
    assert answer.headers["location"] == "/library?q=%D8%A8%D9%8A%D8%A7%D9%86%D9%88&sort=new"


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "///evil.example", "/\\evil.example", "https://evil.example", "javascript:x", "", "a"],
)
async def test_but_never_to_another_server(browser: httpx.AsyncClient, ann: Identity, target: str) -> None:
    assert safe_next(target) == "/"
    answer = await browser.post("/login", data={**ANN, "next": target})
    assert answer.headers["location"] == "/"


async def test_the_set_up_link_makes_the_admin_once(browser: httpx.AsyncClient, services: Services) -> None:
    token = await services.accounts.setup_links.renew()
    assert token is not None
    page = await browser.get(f"/setup?token={token}")
    assert page.status_code == 200
    assert "Create account" in page.text
    refused = await browser.post("/setup", data={"token": token, "username": "root", "password": "short"})
    assert refused.status_code == 400
    assert f'value="{token}"' in refused.text
    made = await browser.post("/setup", data={"token": token, **NEW})
    assert (made.status_code, made.headers["location"]) == (303, "/?done=set-up")
    session = await services.accounts.sessions.resolve(browser.cookies[PLAIN_COOKIE])
    assert session is not None
    assert session.identity.is_admin
    assert (await browser.get(f"/setup?token={token}")).status_code == 403
    assert (await browser.post("/setup", data={"token": token, **NEW})).status_code == 403


@pytest.mark.parametrize("target", ["//[", "http://[", "//[::1", "https://a]b/", "/" + "\u0f73" * 3_000])
async def test_what_is_no_address_leads_to_the_start(
    browser: httpx.AsyncClient, services: Services, ann: Identity, target: str
) -> None:
    page = await browser.get("/login", params={"next": target})
    # A form may carry more than an address.
    assert page.status_code == (200 if len(target) < 1_000 else 414)
    credentials = {"username": "ann", "password": "correct horse", "next": target}
    answer = await browser.post("/login", data=credentials)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


@pytest.mark.both_databases
async def test_before_set_up_the_start_page_says_how(browser: httpx.AsyncClient, services: Services) -> None:
    token = await services.accounts.setup_links.renew()
    assert token is not None
    page = (await browser.get("/")).text
    assert "This server has no admin yet" in page
    assert "/setup?token=" in page
    assert token not in page
    await services.accounts.setup_links.claim(token, "root", "correct horse")
    assert "no admin yet" not in (await browser.get("/")).text


async def test_without_its_token_the_set_up_page_is_closed(
    browser: httpx.AsyncClient, services: Services
) -> None:
    await services.accounts.setup_links.renew()
    for path in ("/setup", "/setup?token=", "/setup?token=guess"):
        assert (await browser.get(path)).status_code == 403


async def test_another_site_cannot_sign_anybody_in_or_out(ann_browser: httpx.AsyncClient) -> None:
    foreign = {"sec-fetch-site": "cross-site"}
    for path, fields in (("/login", ANN), ("/register", NEW), ("/logout", {}), ("/", {"prompt": "rain"})):
        answer = await ann_browser.post(path, data=fields, headers=foreign)
        assert answer.status_code == 403, path
        assert "set-cookie" not in answer.headers
    assert "Sign out" in (await ann_browser.get("/")).text


async def test_closed_registration_says_so(services: Services) -> None:
    closed = shared_app(with_settings(services, registration="closed"))
    transport = httpx.ASGITransport(cast("Any", closed))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as browser:
        assert "Registration is closed" in (await browser.get("/register")).text
        assert 'href="/register"' not in (await browser.get("/")).text


async def test_a_session_in_use_is_kept_fresh(
    ann_browser: httpx.AsyncClient, services: Services, clock: ManualClock
) -> None:
    assert "set-cookie" not in (await ann_browser.get("/")).headers
    clock.advance_s(RECORD_USE_EVERY_MS / 1000 + 1)
    renewed = await ann_browser.get("/")
    assert renewed.headers["set-cookie"].startswith(PLAIN_COOKIE)
    assert "HttpOnly" in renewed.headers["set-cookie"]
    clock.advance_s(RECORD_USE_EVERY_MS / 1000 + 1)
    out = await ann_browser.post("/logout", data={})
    assert [
        value for name, value in out.headers.multi_items() if name == "set-cookie" and "Max-Age=0" in value
    ]
    assert len(out.headers.get_list("set-cookie")) == 1


async def test_a_cookie_opens_no_api_and_a_token_no_page(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    assert (await ann_browser.get("/api/me")).status_code == 401
    ann_browser.cookies.clear()
    token, _ = await services.accounts.tokens.create(ann.account_id)
    answer = await ann_browser.get("/account", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 303
