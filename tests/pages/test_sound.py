"""A sound's page, what is done there, and playlists."""

import io
import re
import zipfile

import httpx
import pytest

from tests.pages.steps import make_sound
from tests.stored import stored_path
from webapp.pages.library.playlists import moved
from webapp.policy.library.fields import PlaylistChange
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services
from webapp.services.library.sounds import PromptReading

HTMX = {"hx-request": "true"}


@pytest.fixture
async def mine(services: Services, ann: Identity) -> str:
    """A sound of Ann's that only she sees."""
    return await make_sound(services, ann, "rain on a roof", is_public=False)


@pytest.fixture
async def his(services: Services) -> str:
    """A published sound of Bob's."""
    bob = await services.accounts.registry.register("bob", "correct horse", address="test")
    return await make_sound(services, bob, "fast drums")


@pytest.mark.both_databases
async def test_a_published_sound_can_be_passed_on(browser: httpx.AsyncClient, his: str) -> None:
    page = (await browser.get(f"/sounds/{his}")).text
    assert '<meta property="og:title" content="fast drums">' in page
    assert f'<meta property="og:audio" content="http://localhost/audio/{his}.mp3">' in page
    assert f'<meta property="og:image" content="http://localhost/spectrogram/{his}.png">' in page
    assert "noindex" not in page
    assert "sketch: rule-based, no model" in page
    assert f'<noscript><audio controls preload="none" src="/audio/{his}.wav"' in page
    assert "/?prompt=fast+drums&amp;model=music&amp;duration=8" in page
    assert "Your sound" not in page


async def test_a_private_one_is_not_there_for_others(
    browser: httpx.AsyncClient, ann_browser: httpx.AsyncClient, mine: str
) -> None:
    page = (await ann_browser.get(f"/sounds/{mine}")).text
    assert "og:title" not in page
    assert "Only you can see this page" in page
    ann_browser.cookies.clear()
    for path in (f"/sounds/{mine}", f"/sounds/{mine}/menu", f"/sounds/{mine}/download/wav"):
        assert (await browser.get(path)).status_code == 404


async def test_an_open_page_is_told_that_what_it_shows_is_gone(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity, mine: str
) -> None:
    playlist = await services.library.playlists.create(ann, PlaylistChange(name="Evenings"))
    await services.library.publishing.delete(ann, mine)
    await services.library.playlists.delete(ann, playlist.playlist_id)
    for path, view in (
        (f"/sounds/{mine}", "sound-view"),
        (f"/playlists/{playlist.playlist_id}", "playlist-view"),
    ):
        asked = await ann_browser.get(path, headers=HTMX)
        assert asked.status_code == 200
        assert f'id="{view}"' in asked.text
        assert "is no longer here" in asked.text
        followed = await ann_browser.get(path, headers={**HTMX, "hx-boosted": "true"})
        assert followed.status_code == 404


@pytest.mark.both_databases
async def test_plays_and_downloads_are_counted_as_the_api_counts_them(
    browser: httpx.AsyncClient, services: Services, his: str
) -> None:
    for _ in range(2):
        assert (await browser.post(f"/sounds/{his}/play")).status_code == 204
    answer = await browser.get(f"/sounds/{his}/download/mp3")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/audio/{his}.mp3?download")
    item = await services.library.browse.item(None, his)
    assert (item.plays, item.downloads) == (1, 1)
    assert (await browser.get(f"/sounds/{his}/download/exe")).status_code == 404
    assert (await browser.post(f"/sounds/{'0' * 20}/play")).status_code == 204


@pytest.mark.both_databases
async def test_votes_and_favourites(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity, his: str
) -> None:
    answer = await ann_browser.post(f"/sounds/{his}/vote", data={"vote": "1"}, headers=HTMX)
    assert f'hx-target="#reactions-{his}"' in answer.text
    assert "Vote for fast drums: 1" in answer.text
    assert re.search(r'name="vote" value="0"[^>]*aria-pressed="true"', answer.text)
    plain = await ann_browser.post(f"/sounds/{his}/vote", data={"vote": "0"})
    assert (plain.status_code, plain.headers["location"]) == (303, f"/sounds/{his}")
    assert (await services.library.browse.item(None, his)).upvotes == 0
    wrong = await ann_browser.post(f"/sounds/{his}/vote", data={"vote": "7"}, headers=HTMX)
    assert (wrong.status_code, wrong.headers["hx-retarget"]) == (400, "#notices")
    await ann_browser.post(f"/sounds/{his}/favorite", data={"favorite": "yes"}, headers=HTMX)
    item = await services.library.browse.item(None, his)
    assert await services.library.favorites.among(ann, [item.row_id]) == {item.row_id}
    await ann_browser.post(f"/sounds/{his}/favorite", data={"favorite": "no"})
    assert await services.library.favorites.among(ann, [item.row_id]) == set()


async def test_publish_name_and_tag(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity, mine: str
) -> None:
    base = f"/sounds/{mine}"
    published = await ann_browser.post(f"{base}/publish", data={"is_public": "yes"}, headers=HTMX)
    assert "Published" in published.text
    assert published.headers["hx-trigger"] == "library-changed"
    edited = await ann_browser.post(f"{base}/edit", data={"title": "Roof", "tags": "calm, sea,"})
    assert edited.headers["location"] == base
    item = await services.library.browse.item(None, mine)
    assert (item.title, item.tags) == ("Roof", ("calm", "sea"))
    refused = await ann_browser.post(f"{base}/edit", data={"title": "x" * 101, "tags": ""})
    assert refused.status_code == 400
    assert "Title is longer than 100 characters" in refused.text
    assert "x" * 101 in refused.text
    await ann_browser.post(f"{base}/publish", data={"is_public": "no"})
    assert not (await services.library.browse.item(ann, mine)).is_public


async def test_others_sounds_are_not_changed(ann_browser: httpx.AsyncClient, his: str) -> None:
    for action, data in (
        ("publish", {"is_public": "no"}),
        ("edit", {"title": "Mine"}),
        ("delete", {"confirmed": "yes"}),
    ):
        assert (await ann_browser.post(f"/sounds/{his}/{action}", data=data)).status_code == 403


async def test_deleting_asks_first(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity, mine: str
) -> None:
    back = {"back": "/library?view=mine"}
    asked = await ann_browser.post(f"/sounds/{mine}/delete", data=back)
    assert "Delete this sound?" in asked.text
    assert 'name="confirmed" value="yes"' in asked.text
    assert (await services.library.browse.item(ann, mine)).sound_id == mine
    answer = await ann_browser.post(f"/sounds/{mine}/delete", data={**back, "confirmed": "yes"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/library?view=mine")
    assert (await ann_browser.get(f"/sounds/{mine}")).status_code == 404


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "//["])
async def test_going_back_stays_here(ann_browser: httpx.AsyncClient, mine: str, back: str) -> None:
    answer = await ann_browser.post(f"/sounds/{mine}/publish", data={"is_public": "yes", "back": back})
    assert answer.headers["location"] == "/"


@pytest.mark.both_databases
async def test_a_playlist_from_the_first_sound_to_the_last_word(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity, mine: str, his: str
) -> None:
    made = await ann_browser.post(f"/sounds/{mine}/playlist", data={"playlist": "new", "name": "Calm"})
    assert made.headers["location"] == f"/sounds/{mine}"
    playlist_id = (await services.library.playlists.of_account(ann))[0].playlist_id
    base = f"/playlists/{playlist_id}"
    said = await ann_browser.post(f"/sounds/{his}/playlist", data={"playlist": playlist_id}, headers=HTMX)
    assert "Added to “Calm”" in said.text

    async def order() -> list[str]:
        return re.findall(r'<li id="track-([0-9a-f]{20})"', (await ann_browser.get(base)).text)

    assert await order() == [mine, his]
    await ann_browser.post(f"{base}/order", data={"sound": his, "by": "up"})
    assert await order() == [his, mine]
    await ann_browser.post(f"{base}/order", data={"ids": f"{mine} {his}"}, headers=HTMX)
    assert await order() == [mine, his]
    assert (await ann_browser.post(f"{base}/order", data={"ids": mine})).status_code == 400
    await ann_browser.post(f"{base}/share", data={"is_shared": "yes"})
    await ann_browser.post(f"{base}/edit", data={"name": "Calmer"})
    await ann_browser.post(f"{base}/remove", data={"sound": his})
    assert await order() == [mine]
    assert "Calmer" in (await ann_browser.get("/playlists")).text
    assert "Name is required" in (await ann_browser.post(f"{base}/edit", data={"name": " "})).text
    assert "Delete this playlist?" in (await ann_browser.post(f"{base}/delete", data={})).text
    gone = await ann_browser.post(f"{base}/delete", data={"confirmed": "yes", "back": "/playlists"})
    assert gone.headers["location"] == "/playlists"
    assert (await ann_browser.get(base)).status_code == 404


@pytest.mark.both_databases
async def test_the_name_of_a_new_playlist_wins_over_a_chosen_one(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity, mine: str
) -> None:
    calm = (await services.library.playlists.create(ann, PlaylistChange(name="Calm"))).playlist_id
    fields = {"playlist": calm, "name": " Camp "}
    said = await ann_browser.post(f"/sounds/{mine}/playlist", data=fields, headers=HTMX)
    assert "Added to “Camp”" in said.text


async def test_a_new_playlist_for_a_sound_that_is_not_there_is_not_made(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity, mine: str
) -> None:
    new = {"playlist": "new", "name": "Calm"}
    for unknown in ("0" * 20, "nothing"):
        assert (await ann_browser.post(f"/sounds/{unknown}/playlist", data=new)).status_code == 404
    assert await services.library.playlists.of_account(ann) == []
    await ann_browser.post(f"/sounds/{mine}/playlist", data=new)
    (made,) = await services.library.playlists.of_account(ann)
    assert (made.name, made.track_count) == ("Calm", 1)


async def test_a_shared_playlist_shows_what_may_be_heard(
    browser: httpx.AsyncClient, services: Services, ann: Identity, mine: str, his: str
) -> None:
    playlist = await services.library.playlists.create(ann, PlaylistChange(name="Calm"))
    base = f"/playlists/{playlist.playlist_id}"
    for sound_id in (mine, his):
        await services.library.playlists.add_track(ann, playlist.playlist_id, sound_id)
    assert (await browser.get(base)).status_code == 404
    await services.library.playlists.change(ann, playlist.playlist_id, PlaylistChange(is_shared=True))
    page = (await browser.get(base)).text
    assert f"track-{his}" in page
    assert mine not in page
    assert "Your playlist" not in page


async def test_sounds_are_taken_along(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity, mine: str
) -> None:
    playlist = await services.library.playlists.create(ann, PlaylistChange(name="Calm"))
    await services.library.playlists.add_track(ann, playlist.playlist_id, mine)
    staged = services.storage.staging_folder()
    (staged / "sound.flac").write_bytes(b"fLaC")
    await services.storage.publish(f"{mine}-1", staged)
    chosen = await ann_browser.post("/library/export", data={"id": [mine]})
    listed = await ann_browser.get(f"/playlists/{playlist.playlist_id}/export")
    for answer in (chosen, listed):
        assert answer.headers["content-type"] == "application/zip"
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            assert "manifest.json" in archive.namelist()
    assert 'filename="Calm soundloom.zip"' in listed.headers["content-disposition"]
    assert "content-encoding" not in chosen.headers
    assert (await ann_browser.post("/library/export", data={})).status_code == 400
    assert (await ann_browser.post("/library/export", data={"id": ["0" * 20]})).status_code == 404
    stored_path(services, f"{mine}-1", "sound.flac").unlink()
    for answer in (
        await ann_browser.post("/library/export", data={"id": [mine]}),
        await ann_browser.get(f"/playlists/{playlist.playlist_id}/export"),
    ):
        assert answer.status_code == 404
        assert f"1 sound lacks files: {mine} (sound.flac)" in answer.text


async def test_a_new_playlist(ann_browser: httpx.AsyncClient) -> None:
    made = await ann_browser.post("/playlists", data={"name": "Calm"})
    assert re.fullmatch(r"/playlists/[0-9a-f]{20}", made.headers["location"])
    assert "Nothing in it yet." in (await ann_browser.get(made.headers["location"])).text
    refused = await ann_browser.post("/playlists", data={"name": ""})
    assert (refused.status_code, "Name is required" in refused.text) == (400, True)


def test_moving_stays_within_the_list() -> None:
    assert moved(["a", "b", "c"], "b", -1) == ["b", "a", "c"]
    assert moved(["a", "b", "c"], "b", 1) == ["a", "c", "b"]
    assert moved(["a", "b"], "a", -1) == ["a", "b"]
    assert moved(["a", "b"], "b", 1) == ["a", "b"]
    assert moved(["a", "b"], "x", 1) == ["a", "b"]


async def test_the_link_of_a_private_sound_says_whom_it_opens_to(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    private = await make_sound(services, ann, "mine alone", is_public=False)
    public = await make_sound(services, ann, "for everyone")
    for path in ("", "/menu"):
        page = (await ann_browser.get(f"/sounds/{private}{path}")).text
        assert 'data-copied="Link copied. Only you can open it."' in page
        assert f'data-copied-then="Publish it" data-copied-href="/sounds/{private}#edit"' in page
        assert "data-copied-then" not in (await ann_browser.get(f"/sounds/{public}{path}")).text


async def test_a_sketch_says_what_it_understood_and_what_not(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    reading = PromptReading((("far", "distance"), ("rain", "rain")), ("blorp<b>",))
    sound_id = await make_sound(services, ann, "far rain, blorp<b>", reading=reading)
    nothing = await make_sound(services, ann, "zzz", reading=PromptReading((), ("zzz",), is_empty=True))
    silent = await make_sound(services, ann, "by another engine")
    for path in (f"/sounds/{sound_id}", "/"):
        page = (await ann_browser.get(path)).text
        assert 'class="understood" dir="auto">far</span> <span class="muted">(distance)</span>' in page, path
        assert 'class="not-understood" dir="auto">blorp&lt;b&gt;</span>' in page, path
    assert "What you hear is a stand-in." in (await ann_browser.get(f"/sounds/{nothing}")).text
    assert "Understood" not in (await ann_browser.get(f"/sounds/{silent}")).text


async def test_the_player_learns_whether_its_sound_is_there(
    browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    sound_id = await make_sound(services, ann, is_public=False)
    assert (await browser.get(f"/sounds/{sound_id}/there")).text == "yes"
    await services.library.publishing.delete(ann, sound_id)
    assert (await browser.get(f"/sounds/{sound_id}/there")).text == "no"


async def test_whether_sounds_are_there_cannot_be_guessed_for_ever(
    browser: httpx.AsyncClient, services: Services
) -> None:
    for number in range(services.settings.misses_per_address):
        assert (await browser.get(f"/sounds/{number:020x}/there")).text == "no"
    assert (await browser.get(f"/sounds/{'f' * 20}/there")).status_code == 429
