"""The pages for admins: who may come in, what they change, and that it is on record."""

import re

import httpx
import pytest

from tests.pages.steps import WORKER, finish_one
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services

# Hardly a test of a service runs what admins do.
pytestmark = pytest.mark.both_databases

PAGES = (
    "/admin",
    "/admin/accounts/ann",
    "/admin/models",
    "/admin/sounds",
    "/admin/record",
    "/admin/settings",
    "/admin/checklist",
    "/admin/voices",
)


async def told(services: Services) -> list[tuple[str, str, str]]:
    lines = await services.admin.audit.entries()
    return [(line.author, line.action, line.subject) for line in lines]


async def test_nobody_else_comes_in(ann_browser: httpx.AsyncClient, services: Services) -> None:
    for path in PAGES:
        answer = await ann_browser.get(path)
        assert answer.status_code == 403, path
        assert "/admin" not in answer.text
    for path in (
        "accounts",
        "invitations",
        "accounts/ann/tier",
        "accounts/ann/rights",
        "accounts/ann/password",
        "accounts/ann/aura",
    ):
        assert (await ann_browser.post(f"/admin/{path}", data={"tier": "creator"})).status_code == 403
    assert (await ann_browser.post("/admin/weights/x", data={"action": "remove"})).status_code == 403
    assert (await ann_browser.get("/events?view=admin")).status_code == 403
    ann_browser.cookies.clear()
    for path in PAGES:
        assert (await ann_browser.get(path)).headers["location"].startswith("/login"), path
    assert await told(services) == []


async def test_another_site_cannot_make_an_admin_do_it(
    root_browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    answer = await root_browser.post(
        "/admin/accounts/ann/tier", data={"tier": "free"}, headers={"sec-fetch-site": "cross-site"}
    )
    assert answer.status_code == 403
    assert (await services.accounts.registry.get(ann.account_id)).tier == "creator"


async def test_every_page_is_there(root_browser: httpx.AsyncClient, ann: Identity) -> None:
    for path in PAGES:
        answer = await root_browser.get(path)
        assert answer.status_code == 200, path
        assert ">Admin</h1>" in answer.text
    assert (await root_browser.get("/admin/accounts/nobody")).status_code == 404


async def test_accounts_are_found_by_name_and_kind(
    root_browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    bob = await services.accounts.registry.register("bob_b", "correct horse", address="test")
    await services.accounts.registry.disable(bob.account_id)

    async def found(query: str) -> list[str]:
        page = (await root_browser.get(f"/admin?{query}")).text
        return re.findall(r'href="/admin/accounts/([^"]+)"', page)

    assert await found("") == ["ann", "bob_b", "root"]
    assert await found("q=AN") == ["ann"]
    assert await found("q=_") == ["bob_b"]
    assert await found("tier=admin") == ["root"]
    assert await found("tier=disabled") == ["bob_b"]
    assert await found("tier=creator") == ["ann"]
    assert await found("q=nobody&page=7") == []


async def test_tier_and_rights(root_browser: httpx.AsyncClient, services: Services, ann: Identity) -> None:
    page = "/admin/accounts/ann"
    answer = await root_browser.post(f"{page}/tier", data={"tier": "premium"})
    assert answer.headers["location"] == f"{page}?done=tier"
    asked = await root_browser.post(f"{page}/rights", data={"change": "admin"})
    assert "Make ann an admin?" in asked.text
    assert not (await services.accounts.registry.get(ann.account_id)).is_admin
    for change in ("admin", "disable", "enable", "no-admin"):
        answer = await root_browser.post(f"{page}/rights", data={"change": change, "confirmed": "yes"})
        assert answer.status_code == 303, answer.text
    account = await services.accounts.registry.get(ann.account_id)
    assert (account.tier, account.is_admin, account.is_disabled) == ("premium", False, False)
    assert [action for _, action, _ in await told(services)] == [
        "make no admin", "enable", "disable", "make admin", "set tier",
    ]  # fmt: skip
    assert (await root_browser.post(f"{page}/tier", data={"tier": "king"})).status_code == 400
    assert (await root_browser.post(f"{page}/rights", data={"change": "king"})).status_code == 400


async def test_no_admin_locks_themselves_out(
    root_browser: httpx.AsyncClient, services: Services, root: Identity
) -> None:
    page = f"/admin/accounts/{root.username}"
    for change in ("disable", "no-admin"):
        answer = await root_browser.post(f"{page}/rights", data={"change": change, "confirmed": "yes"})
        assert answer.status_code == 400
    answer = await root_browser.post(f"{page}/password", data={"confirmed": "yes"})
    assert answer.status_code == 400
    assert (await services.accounts.registry.get(root.account_id)).is_admin


async def test_a_password_is_reset_and_told_once(
    root_browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    page = "/admin/accounts/ann"
    assert "Give ann a new password?" in (await root_browser.post(f"{page}/password")).text
    shown = (await root_browser.post(f"{page}/password", data={"confirmed": "yes"})).text
    password = re.search(r'<code class="secret">([^<]+)</code>', shown)
    assert password is not None
    assert (await services.accounts.registry.authenticate("ann", password[1], address="x")).username == "ann"
    assert password[1] not in (await root_browser.get(page)).text
    assert password[1] not in str(await services.admin.audit.entries())


async def test_aura_is_granted_with_a_reason(
    root_browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    page = "/admin/accounts/ann"
    answer = await root_browser.post(f"{page}/aura", data={"amount": "25", "reason": "won a bet"})
    assert answer.status_code == 303
    for amount, reason, words in (
        ("5", "", "A reason is required"), ("x", "y", "whole number"), ("-99", "y", "Insufficient Aura"),
    ):  # fmt: skip
        answer = await root_browser.post(f"{page}/aura", data={"amount": amount, "reason": reason})
        assert answer.status_code == 400
        assert words in answer.text
    assert await services.accounts.aura.balance(ann.account_id) == 25
    (line,) = await services.accounts.aura.ledger(ann.account_id)
    assert (line.author, line.reason) == ("root", "won a bet")
    assert await told(services) == [("root", "grant Aura", "ann")]


async def test_a_sound_is_hidden_and_shown_again(
    root_browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    job_id = await finish_one(services, ann, "rude words")
    sound = (await services.queue.jobs.get(ann, job_id)).sound
    assert sound is not None
    page = f"/admin/sounds/{sound.generation_id}"
    fragment = {"hx-request": "true"}
    answer = await root_browser.post(page, data={"action": "hide", "note": "rude"}, headers=fragment)
    assert "Hidden from everyone" in answer.text
    assert "Show again" in answer.text
    shown = (await root_browser.get("/admin/sounds?state=hidden")).text
    assert "rude words" in shown
    assert 'value="rude"' in shown
    assert (await root_browser.post(page, data={"action": "show"})).status_code == 303
    assert "rude words" not in (await root_browser.get("/admin/sounds?state=hidden")).text
    assert (await root_browser.post(page, data={"action": "burn"})).status_code == 400
    assert (await root_browser.post(page, data={"action": "note"})).status_code == 400
    assert [action for _, action, _ in await told(services)] == ["show sound", "hide sound"]


async def test_weights_need_a_worker_and_their_licence_accepted(
    root_browser: httpx.AsyncClient, services: Services
) -> None:
    page = (await root_browser.get("/admin/models")).text
    assert "nothing can be downloaded or removed" in page
    name = (await services.models.downloads.catalogue())[0].name
    address = f"/admin/weights/{name}"
    assert (await root_browser.post(address, data={"action": "download"})).status_code == 400
    accepted = {"action": "download", "accepted": "yes"}
    assert (await root_browser.post(address, data=accepted)).status_code == 503
    assert f"Remove {name}?" in (await root_browser.post(address, data={"action": "remove"})).text
    assert (await root_browser.post(address, data={"action": "eat"})).status_code == 400
    assert await told(services) == []


async def test_workers_and_models_are_steered(root_browser: httpx.AsyncClient, services: Services) -> None:
    await services.workers.registry.register(WORKER, host="secret-host", pid=4711, device="cpu")
    await services.workers.registry.record_report(WORKER, "idle", {"models": {}})
    page = (await root_browser.get("/admin/models")).text
    assert "secret-host, process 4711" in page
    await root_browser.post(f"/queue/workers/{WORKER}/drain", data={"draining": "yes"})
    assert "Draining" in (await root_browser.get("/queue")).text
    assert (await root_browser.post("/queue/models/music", data={"action": "pin"})).status_code == 303
    assert [wish.is_pinned for wish in await services.workers.control.wishes()] == [True]
    assert (await root_browser.post("/queue/models/music", data={"action": "eat"})).status_code == 400
    assert await told(services) == [("root", "model pin", "music"), ("root", "drain", WORKER)]


async def test_an_account_is_created_with_a_password_that_is_shown_once(
    root_browser: httpx.AsyncClient, services: Services
) -> None:
    answer = await root_browser.post("/admin/accounts", data={"username": "Eve", "tier": "premium"})
    shown = re.search(r'<code class="secret">([^<]+)</code>', answer.text)
    assert shown is not None
    eve = await services.accounts.registry.authenticate("eve", shown[1], address="test")
    assert (eve.username, eve.tier) == ("Eve", "premium")
    assert ("root", "create account", "Eve") in await told(services)
    assert shown[1] not in (await root_browser.get("/admin/accounts/Eve")).text
    for fields, status, text in (
        ({"username": "eve", "tier": "free"}, 409, "That username is taken"),
        ({"username": "x", "tier": "free"}, 400, "Username must be 3 to 32"),
    ):
        refused = await root_browser.post("/admin/accounts", data=fields)
        assert (refused.status_code, text in refused.text) == (status, True)


async def test_an_account_is_deleted_after_a_question_and_never_ones_own(
    root_browser: httpx.AsyncClient, services: Services, ann: Identity, root: Identity
) -> None:
    await finish_one(services, ann)
    asked = await root_browser.post("/admin/accounts/ann/delete", data={})
    assert "Delete ann?" in asked.text
    assert (await services.accounts.registry.find("ann")).username == "ann"
    done = await root_browser.post("/admin/accounts/ann/delete", data={"confirmed": "yes"})
    assert (done.status_code, done.headers["location"]) == (303, "/admin?deleted=ann")
    assert [account.username for account in await services.accounts.registry.list()] == ["root"]
    assert ("root", "delete account", "ann") in await told(services)
    own = await root_browser.post(f"/admin/accounts/{root.username}/delete", data={"confirmed": "yes"})
    assert own.status_code == 400
    assert [account.username for account in await services.accounts.registry.list()] == ["root"]
