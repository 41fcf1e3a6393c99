"""Invitations on pages: made by admins, and opened by whoever has the link, without script."""

import dataclasses
import re
from collections.abc import AsyncIterator
from typing import Any, cast

import httpx
import msgspec
import pytest
from litestar import Litestar

from tests.pages.conftest import BROWSER
from webapp.http.requests.session_cookie import PLAIN_COOKIE
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services
from webapp.web.app import create_app

pytestmark = pytest.mark.both_databases

LINK = re.compile(r'<code id="invitation-link" class="secret">([^<]+)</code>')


@pytest.fixture
async def guest(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    """A browser in which nobody has signed in."""
    transport = httpx.ASGITransport(cast("Any", app))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=BROWSER) as client:
        yield client


async def invite(root_browser: httpx.AsyncClient, username: str = "", tier: str = "premium") -> str:
    answer = await root_browser.post("/admin/invitations", data={"username": username, "tier": tier})
    assert answer.status_code == 200, answer.text
    link = LINK.search(answer.text)
    assert link is not None
    return link[1]


async def record_of(services: Services) -> list[tuple[str, str, str, str]]:
    entries = await services.admin.audit.entries()
    return [(entry.author, entry.action, entry.subject, entry.detail) for entry in entries]


async def test_a_guest_chooses_a_name_and_is_signed_in(
    root_browser: httpx.AsyncClient, guest: httpx.AsyncClient, services: Services
) -> None:
    link = await invite(root_browser)
    assert link.startswith("http://localhost/invitation?token=")
    listed = (await root_browser.get("/admin")).text
    assert "Any username" in listed
    assert link.partition("=")[2] not in listed
    page = (await guest.get(link)).text
    assert "Accept your invitation" in page
    assert "readonly" not in page
    token = {"token": link.partition("=")[2]}
    refused = await guest.post("/invitation", data={**token, "username": "Eve", "password": "short"})
    assert refused.status_code == 400
    assert 'value="Eve"' in refused.text
    taken = await guest.post("/invitation", data={**token, "username": "ROOT", "password": "correct horse"})
    assert (taken.status_code, "That username is taken" in taken.text) == (409, True)
    made = await guest.post("/invitation", data={**token, "username": "Eve", "password": "correct horse"})
    assert (made.status_code, made.headers["location"]) == (303, "/")
    assert PLAIN_COOKIE in guest.cookies
    assert ">Eve</a>" in (await guest.get("/")).text
    assert (await services.accounts.registry.find("eve")).tier == "premium"
    assert "Any username" not in (await root_browser.get("/admin")).text
    assert await record_of(services) == [
        ("Eve", "accept invitation", "Eve", "invited by root"),
        ("root", "invite by link", "", "premium"),
    ]
    record = (await root_browser.get("/admin/record?kind=accounts")).text
    assert "made an invitation link" in record
    assert "accepted an invitation and created the account" in record
    guest.cookies.clear()
    for again in (
        await guest.get(link),
        await guest.post("/invitation", data={**token, "username": "Max", "password": "correct horse"}),
    ):
        assert again.status_code == 403
        assert "This invitation is not valid" in again.text


async def test_a_name_that_is_given_stays(
    root_browser: httpx.AsyncClient, guest: httpx.AsyncClient, services: Services
) -> None:
    link = await invite(root_browser, " Eve ", "free")
    page = (await guest.get(link)).text
    assert re.search(r'name="username"[^>]* value="Eve"[^>]* readonly', page)
    sent = {"token": link.partition("=")[2], "username": "Mallory", "password": "correct horse"}
    refused = await guest.post("/invitation", data={**sent, "password": "short"})
    assert 'value="Eve"' in refused.text
    assert "Mallory" not in refused.text
    assert (await guest.post("/invitation", data=sent)).status_code == 303
    assert [account.username for account in await services.accounts.registry.list()] == ["Eve", "root"]


async def test_an_invitation_is_withdrawn(
    root_browser: httpx.AsyncClient, guest: httpx.AsyncClient, services: Services
) -> None:
    link = await invite(root_browser, "Eve", "free")
    action = re.search(r'action="(/admin/invitations/\d+/withdraw)"', (await root_browser.get("/admin")).text)
    assert action is not None
    done = await root_browser.post(action[1])
    assert (done.status_code, done.headers["location"]) == (303, "/admin#invitations")
    assert (await guest.get(link)).status_code == 403
    assert (await root_browser.post(action[1])).status_code == 404
    assert [entry[1] for entry in await record_of(services)] == ["withdraw invitation", "invite"]


@pytest.mark.parametrize(
    ("form", "sent", "status", "text", "field"),
    [
        ("invitation", {"username": "x", "tier": "free"}, 400, "Username must be 3 to 32", "username"),
        ("invitation", {"username": "root", "tier": "free"}, 409, "That username is taken", "username"),
        ("invitation", {"username": "", "tier": "king"}, 400, "Tier must be one of", "tier"),
        ("account", {"username": "x", "tier": "free"}, 400, "Username must be 3 to 32", "username"),
        ("account", {"username": "Eve", "tier": "king"}, 400, "Tier must be one of", "tier"),
    ],
)
async def test_what_is_wrong_is_said_beside_its_field(
    root_browser: httpx.AsyncClient, form: str, sent: dict[str, str], status: int, text: str, field: str
) -> None:
    refused = await root_browser.post(f"/admin/{form}s", data=sent)
    assert refused.status_code == status
    error = re.search(rf'id="{form}-{field}-error"[^>]*>([^<]+)<', refused.text)
    assert error is not None
    assert text in error[1]
    assert refused.text.count("aria-invalid") == 1


async def test_nobody_else_invites(ann_browser: httpx.AsyncClient, services: Services, ann: Identity) -> None:
    assert (await ann_browser.post("/admin/invitations", data={"tier": "free"})).status_code == 403
    _, made = await services.accounts.invitations.issue("", "free", author="root")
    assert (await ann_browser.post(f"/admin/invitations/{made.invitation_id}/withdraw")).status_code == 403
    assert len(await services.accounts.invitations.open()) == 1


async def test_it_works_where_registration_is_closed_and_names_the_public_address(
    services: Services, root: Identity
) -> None:
    settings = msgspec.structs.replace(
        services.settings, registration="closed", public_url="http://sound.example/below"
    )
    app = create_app(dataclasses.replace(services, settings=settings))
    transport = httpx.ASGITransport(cast("Any", app))
    own_page = {"origin": "http://sound.example"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://sound.example", headers=BROWSER
    ) as browser:
        secret = await services.accounts.sessions.create(root.account_id)
        made = await browser.post(
            "/below/admin/invitations",
            data={"tier": "free"},
            headers={**own_page, "cookie": f"{PLAIN_COOKIE}={secret}"},
        )
        link = LINK.search(made.text)
        assert link is not None, made.text
        assert link[1].startswith("http://sound.example/below/invitation?token=")
        assert "Registration is closed" in (await browser.get("/below/register")).text
        let_in = await browser.post(
            "/below/invitation",
            data={"token": link[1].partition("=")[2], "username": "Eve", "password": "correct horse"},
            headers=own_page,
        )
    assert let_in.status_code == 303
    assert "set-cookie" in let_in.headers


async def test_whoever_is_signed_in_is_told_what_it_does(
    root_browser: httpx.AsyncClient, services: Services
) -> None:
    page = (await root_browser.get(await invite(root_browser))).text
    assert "You are signed in as root." in page
