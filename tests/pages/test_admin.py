"""The pages for admins: who may come in, what they change, and that it is on record."""

import re
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tests.factories import choice
from tests.pages.steps import WORKER, finish_one
from webapp.http.session_cookie import PLAIN_COOKIE
from webapp.pages.admin.checklist import checklist
from webapp.pages.admin.server import setting_lines
from webapp.pages.frame.record_words import KINDS, SENTENCES
from webapp.policy.job_actions import ADMIN_ACTIONS
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services
from webapp.services.speech import VoiceView
from webapp.services.workers.status import EngineReport
from webapp.settings import Settings

SERVICES = Path(__file__).parents[2] / "webapp/services"
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


@pytest.fixture
async def root(services: Services) -> Identity:
    identity = await services.accounts.registry.register("root", "correct horse", address="test")
    await services.accounts.registry.set_admin(identity.account_id, is_admin=True)
    return (await services.accounts.registry.get(identity.account_id)).identity


@pytest.fixture
async def root_browser(browser: httpx.AsyncClient, services: Services, root: Identity) -> httpx.AsyncClient:
    browser.cookies.set(PLAIN_COOKIE, await services.accounts.sessions.create(root.account_id))
    return browser


async def told(services: Services) -> list[tuple[str, str, str]]:
    lines = await services.admin.audit.entries()
    return [(line.author, line.action, line.subject) for line in lines]


async def test_nobody_else_comes_in(ann_browser: httpx.AsyncClient, services: Services) -> None:
    for path in PAGES:
        answer = await ann_browser.get(path)
        assert answer.status_code == 403, path
        assert "/admin" not in answer.text
    for path in ("accounts/ann/tier", "accounts/ann/rights", "accounts/ann/password", "accounts/ann/aura"):
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
    assert "Hidden from everybody" in answer.text
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


async def test_the_record_is_shown_and_paged(root_browser: httpx.AsyncClient, services: Services) -> None:
    await services.admin.audit.record("root", "cancel", [f"{n:012x}" for n in range(150)])
    page = (await root_browser.get("/admin/record")).text
    assert f"{149:012x}" in page
    older = re.search(r'href="(/admin/record\?before=\d+)"', page)
    assert older is not None
    page = (await root_browser.get(older[1])).text
    assert f"{0:012x}" in page
    assert "Earlier" not in page


def test_no_secret_is_among_the_settings() -> None:
    settings = Settings(
        secret_key="hush" * 10, database_url="postgresql://me:hush@db:5432/x?password=hush", host="::1"
    )
    lines = {line.variable: line for line in setting_lines(settings)}
    assert "hush" not in str(lines)
    assert lines["SOUNDLOOM_SECRET_KEY"].value is None
    assert lines["SOUNDLOOM_DATABASE_URL"].value == "postgresql://db:5432/x"
    assert (lines["SOUNDLOOM_HOST"].value, lines["SOUNDLOOM_HOST"].is_default) == ("::1", False)
    assert lines["SOUNDLOOM_PORT"].is_default


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
    root_browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    await finish_one(services, ann)
    asked = await root_browser.post("/admin/accounts/ann/delete", data={})
    assert "Delete ann?" in asked.text
    assert (await services.accounts.registry.find("ann")).username == "ann"
    done = await root_browser.post("/admin/accounts/ann/delete", data={"confirmed": "yes"})
    assert (done.status_code, done.headers["location"]) == (303, "/admin")
    assert [account.username for account in await services.accounts.registry.list()] == ["root"]
    assert ("root", "delete account", "ann") in await told(services)
    own = await root_browser.post("/admin/accounts/root/delete", data={"confirmed": "yes"})
    assert own.status_code == 400
    assert [account.username for account in await services.accounts.registry.list()] == ["root"]


async def test_the_record_is_in_words_and_can_be_narrowed(
    root_browser: httpx.AsyncClient, services: Services, root: Identity, ann: Identity
) -> None:
    submitted = await services.queue.submissions.submit(ann, choice("lo-fi <beat>"))
    await services.admin.queue.act(root, "move", submitted.job_id)
    await services.admin.accounts.set_tier(root, "ann", "premium")
    page = (await root_browser.get("/admin/record")).text
    moved = re.search(r"<strong>root</strong> moved <bdi[^>]*>([^<]+)</bdi> to the front(.*?)</li>", page)
    assert moved is not None
    assert moved[1] == "“lo-fi &lt;beat&gt;”"
    assert ">ann</a>" in moved[2]
    assert re.search(r"<time[^>]*>\d+ \w+ \d{4}, \d\d:\d\d:\d\d UTC</time>", moved[2])
    assert "changed the tier of" in page
    jobs = (await root_browser.get("/admin/record?kind=jobs&author=root")).text
    assert "to the front" in jobs
    assert "changed the tier of" not in jobs
    assert "No matching entries." in (await root_browser.get("/admin/record?author=nobody")).text


def test_every_action_has_its_words() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in SERVICES.rglob("*.py"))
    recorded = set(re.findall(r'_?record\(\s*identity(?:\.username)?, "([^"]+)"', source)) | set(
        ADMIN_ACTIONS
    )
    assert len(recorded) > 8
    assert recorded <= set(SENTENCES)
    assert {action for actions in KINDS.values() for action in actions} == set(SENTENCES)


async def test_the_checklist_tells_what_is_left_to_do(services: Services) -> None:
    report = await services.workers.status.report()
    sketch = EngineReport("sketch", "sketch", "", "", 180.0)
    local = checklist(Settings(), report, ())
    assert {point.title: point.is_done for point in local} == {
        "Address": False, "TLS": True, "Models": False, "Voices": False, "Registration": True, "Tiers": True,
    }  # fmt: skip
    assert "No worker is running" in local[2].text
    open_to_all = checklist(Settings(host="0.0.0.0"), replace(report, engines={"music": sketch}), ())  # noqa: S104
    assert [point.title for point in open_to_all if not point.is_done] == [
        "Address", "TLS", "Models", "Voices", "Registration",
    ]  # fmt: skip
    neural = VoiceView("en_US-ann-low", "Ann", "en-US", "low", 16_000, "", "CC0", "piper")
    done = checklist(
        Settings(public_url="https://sound.example", registration="closed"),
        replace(report, engines={"music": sketch, "audio": replace(sketch, engine="audiocraft")}),
        (neural,),
    )
    assert all(point.is_done for point in done)


async def test_voices_are_listed_neural_ones_first(
    root_browser: httpx.AsyncClient, services: Services
) -> None:
    voices = [
        VoiceView("espeak-de", "German, male", "de", "basic", 22_050, "", "GPL-3.0-or-later", "espeak-ng"),
        VoiceView("zh_CN-li-low", "Li", "zh-CN", "low", 16_000, "", "CC0", "piper"),
    ]
    await services.workers.registry.register("6" * 12, host="here", pid=1, device="cpu", kind="speech")
    await services.models.voices.write("6" * 12, voices)
    page = (await root_browser.get("/admin/voices")).text
    assert re.search(r">Li</a>.*Chinese \(Mandarin\).*Piper.*German, male</a>", page, re.DOTALL)


async def test_workers_are_told_apart_by_kind_and_only_what_loads_can_be_loaded(
    root_browser: httpx.AsyncClient, services: Services
) -> None:
    entry = {
        "state": "ready", "engine": "e", "label": "e", "checkpoint": "", "license": "", "max_duration_s": 180,
    }  # fmt: skip
    models = {"music": entry | {"needs_load": False}, "audio": entry | {"needs_load": True}}
    await services.workers.registry.register("a" * 12, host="h", pid=1, device="cpu")
    await services.workers.registry.record_report("a" * 12, "idle", {"models": models})
    await services.workers.registry.register("b" * 12, host="h", pid=2, device="cpu", kind="speech")
    page = (await root_browser.get("/admin/models")).text
    assert "<strong>Worker 1</strong>" in page
    assert "<strong>Speech worker 2</strong>" in page
    assert 'action="/queue/models/audio"' in page
    assert 'action="/queue/models/music"' not in page
