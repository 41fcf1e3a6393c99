"""The account page."""

import io
import json
import re
import zipfile

import httpx
import pytest
import soundfile

from tests.pages.steps import finish_one, make_sound
from webapp.http.requests.session_cookie import PLAIN_COOKIE
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services

PASSWORD = "correct horse"


async def test_usage_stands_against_limits(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    await finish_one(services, ann)
    page = (await ann_browser.get("/account")).text
    assert "1 of 60" in page
    assert "0 of 20" in page
    assert "1 KB of 5 GB" in page
    assert "Creator tier" in page


async def test_a_token_is_shown_once_and_works_until_it_is_revoked(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    made = await ann_browser.post("/account/tokens", data={"label": "my <laptop>"})
    found = re.search(r'<code id="new-token" class="secret">([^<]+)</code>', made.text)
    assert found is not None
    assert await services.accounts.tokens.identity_for(found[1]) == ann
    assert made.headers["cache-control"] == "no-store"
    page = (await ann_browser.get("/account")).text
    assert found[1] not in page
    assert "my &lt;laptop&gt;" in page
    (token,) = await services.accounts.tokens.list(ann.account_id)
    answer = await ann_browser.post(f"/account/tokens/{token.token_id}/revoke", data={})
    assert answer.status_code == 303
    assert "Token revoked" in (await ann_browser.get(answer.headers["location"])).text
    assert await services.accounts.tokens.identity_for(found[1]) is None


@pytest.mark.both_databases
async def test_a_label_that_cannot_be_one_is_refused(ann_browser: httpx.AsyncClient) -> None:
    answer = await ann_browser.post("/account/tokens", data={"label": "x" * 101})
    assert answer.status_code == 400
    assert "Label must be at most 100 characters" in answer.text


async def test_a_new_password_ends_the_other_sessions(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    other = await services.accounts.sessions.create(ann.account_id)
    wrong = await ann_browser.post(
        "/account/password", data={"current_password": "no", "new_password": "another horse"}
    )
    assert wrong.status_code == 400
    assert "Current password is wrong" in wrong.text
    answer = await ann_browser.post(
        "/account/password", data={"current_password": PASSWORD, "new_password": "another horse"}
    )
    assert answer.status_code == 303
    assert await services.accounts.sessions.resolve(other) is None
    assert (await ann_browser.get("/account")).status_code == 200
    proven = await services.accounts.registry.authenticate("ann", "another horse", address="test")
    assert proven.account_id == ann.account_id


async def test_sessions_are_ended_one_by_one_or_all_others(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    others = [await services.accounts.sessions.create(ann.account_id) for _ in range(3)]
    one = await services.accounts.sessions.resolve(others[0])
    assert one is not None
    await ann_browser.post(f"/account/sessions/{one.session_id}/revoke", data={})
    assert await services.accounts.sessions.resolve(others[0]) is None
    await ann_browser.post("/account/sessions/revoke-others", data={})
    assert len(await services.accounts.sessions.list(ann.account_id)) == 1
    assert (await ann_browser.get("/account")).status_code == 200


async def test_another_accounts_tokens_and_sessions_are_out_of_reach(
    ann_browser: httpx.AsyncClient, services: Services
) -> None:
    bob = await services.accounts.registry.register("bob", PASSWORD, address="test")
    secret, token = await services.accounts.tokens.create(bob.account_id)
    session = await services.accounts.sessions.resolve(
        await services.accounts.sessions.create(bob.account_id)
    )
    assert session is not None
    for path in (f"tokens/{token.token_id}", f"sessions/{session.session_id}"):
        assert (await ann_browser.post(f"/account/{path}/revoke", data={})).status_code == 404
    assert await services.accounts.tokens.identity_for(secret) == bob


@pytest.mark.both_databases
async def test_everything_is_exported_as_one_archive_with_the_sounds(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    bob = await services.accounts.registry.register("bob", PASSWORD, address="test")
    kept = [await _with_file(services, ann, is_public=public) for public in (True, False)]
    others = await _with_file(services, bob, is_public=True)
    answer = await ann_browser.get("/account/export")
    assert answer.headers["content-type"] == "application/zip"
    assert 'filename="ann soundloom.zip"' in answer.headers["content-disposition"]
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    account = json.loads(archive.read("account.json"))
    assert account["account"]["username"] == "ann"
    assert {job["generation_id"] for job in account["jobs"]} == set(kept)
    manifest = json.loads(archive.read("manifest.json"))
    assert {sound["id"] for sound in manifest["sounds"]} == set(kept)
    assert manifest["left_out"] == []
    assert len([name for name in archive.namelist() if name.endswith(".flac")]) == len(kept)
    assert others not in answer.text


async def test_who_has_no_sounds_gets_the_rest(ann_browser: httpx.AsyncClient) -> None:
    archive = zipfile.ZipFile(io.BytesIO((await ann_browser.get("/account/export")).content))
    assert archive.namelist() == ["account.json", "manifest.json"]


async def test_a_lost_sound_refuses_the_archive_but_not_the_data(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    lost = await make_sound(services, ann)
    answer = await ann_browser.get("/account/export")
    assert (answer.status_code, lost in answer.text) == (404, True)
    assert lost in (await ann_browser.get("/account/export.json")).text


async def _with_file(services: Services, identity: Identity, *, is_public: bool) -> str:
    sound_id = await make_sound(services, identity, is_public=is_public)
    staged = services.storage.staging_folder()
    soundfile.write(staged / "sound.flac", [0.1, -0.1] * 50, 8_000)
    await services.storage.publish(f"{sound_id}-1", staged)
    return sound_id


@pytest.mark.both_databases
async def test_the_data_alone_is_a_file(ann_browser: httpx.AsyncClient) -> None:
    answer = await ann_browser.get("/account/export.json")
    assert answer.headers["content-disposition"] == 'attachment; filename="soundloom-ann.json"'
    assert "ann" in answer.text
    assert isinstance(answer.json(), dict)


@pytest.mark.both_databases
async def test_deleting_takes_the_password_and_leaves_no_file(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    sound_id = await make_sound(services, ann)
    staged = services.storage.staging_folder()
    (staged / "sound.wav").write_bytes(b"RIFF")
    await services.storage.publish(f"{sound_id}-1", staged)
    wrong = await ann_browser.post("/account/delete", data={"current_password": "no"})
    assert wrong.status_code == 400
    assert "Current password is wrong" in wrong.text
    answer = await ann_browser.post("/account/delete", data={"current_password": PASSWORD})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert PLAIN_COOKIE in answer.headers["set-cookie"]
    assert [account.username for account in await services.accounts.registry.list()] == []
    assert await services.storage.keys() == set()


async def test_nobody_signed_in_sees_none_of_it(browser: httpx.AsyncClient) -> None:
    assert (await browser.get("/account")).status_code == 303
    for name in ("export", "export.json"):
        assert (await browser.get(f"/account/{name}")).status_code == 303
    for path in ("tokens", "password", "sessions/revoke-others", "delete"):
        assert (await browser.post(f"/account/{path}", data={})).status_code == 303


async def test_long_lists_come_in_pages(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    for number in range(25):
        await services.accounts.tokens.create(ann.account_id, f"token {number}")
        await services.accounts.sessions.create(ann.account_id, user_agent=f"browser {number}")
    page = (await ann_browser.get("/account")).text
    assert (page.count(">Revoke</button>"), page.count(">End</button>")) == (20, 20)
    assert "/account?tokens_page=2#tokens" in page
    assert "Page 1 of 26 sessions" in page
    rest = (await ann_browser.get("/account?tokens_page=2&sessions_page=2")).text
    assert (rest.count(">Revoke</button>"), rest.count("/account?sessions_page=1#sessions")) == (5, 1)
    for odd in ("0", "-1", "x", "9" * 30, "²"):
        assert (await ann_browser.get(f"/account?tokens_page={odd}")).status_code == 200


async def test_a_token_says_when_it_ends(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    await services.accounts.tokens.create(ann.account_id, "endless", lifetime_ms=None)
    assert "never expires" in (await ann_browser.get("/account")).text
    await services.accounts.tokens.create(ann.account_id, "brief", lifetime_ms=2 * 3_600_000)
    assert re.search(r"expires <time [^>]*>in 2 h</time>", (await ann_browser.get("/account")).text)


async def test_error_pages_know_who_is_signed_in(
    browser: httpx.AsyncClient, ann_browser: httpx.AsyncClient
) -> None:
    for path in ("/nowhere", "/sounds/ffffffffffffffffffff", "/admin"):
        page = (await ann_browser.get(path)).text
        assert 'href="/account"' in page, path
        assert "Sign out" in page
    browser.cookies.clear()
    stranger = await browser.get("/nowhere")
    assert stranger.status_code == 404
    assert 'href="/login"' in stranger.text
    assert "Sign out" not in stranger.text
