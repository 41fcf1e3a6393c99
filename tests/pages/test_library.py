"""The library's lists: what is in them, for whom, and what their addresses say."""

import re

import httpx
import pytest

from tests.pages.steps import finish_one, make_sound
from webapp.clock import ManualClock
from webapp.events import Event
from webapp.pages.library.address import PER_PAGE, LibraryAddress, read_address
from webapp.pages.library.feed import LibraryFeed
from webapp.policy.library.fields import PlaylistChange, SoundChange
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services


def shown(page: str) -> list[str]:
    return re.findall(r'<li id="sound-([0-9a-f]{20})"', page)


async def test_everybody_sees_what_is_published_and_nothing_else(
    browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    public = await make_sound(services, ann, "rain on a roof")
    await make_sound(services, ann, "a secret", is_public=False)
    page = await browser.get("/library")
    assert shown(page.text) == [public]
    assert "a secret" not in page.text
    assert "1 sound" in page.text
    assert "/login?next=" in page.text


@pytest.mark.parametrize("path", ["/library?view=mine", "/library?view=favorites", "/playlists"])
async def test_ones_own_lists_need_somebody(browser: httpx.AsyncClient, path: str) -> None:
    answer = await browser.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login?next=")


async def test_views(ann_browser: httpx.AsyncClient, services: Services, ann: Identity) -> None:
    bob = await services.accounts.registry.register("bob", "correct horse", address="test")
    mine = await make_sound(services, ann, "mine", is_public=False)
    his = await make_sound(services, bob, "his")
    await services.library.favorites.add(ann, his)
    assert shown((await ann_browser.get("/library")).text) == [his]
    own = (await ann_browser.get("/library?view=mine")).text
    assert shown(own) == [mine]
    assert "Private" in own
    kept = (await ann_browser.get("/library?view=favorites")).text
    assert shown(kept) == [his]
    assert f'name="favorite" value="no" hx-post="/sounds/{his}/favorite"' in kept


async def test_search_filters_and_order(
    browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    long = await make_sound(services, ann, "slow piano")
    await services.library.publishing.change(ann, long, SoundChange(title="Evening"))
    other = await make_sound(services, ann, "fast drums", quality_score=99)
    assert shown((await browser.get("/library?q=pian")).text) == [long]
    assert shown((await browser.get("/library?q=evening")).text) == [long]
    assert shown((await browser.get("/library?sort=quality")).text)[0] == other
    assert shown((await browser.get("/library?model=audio")).text) == []
    assert shown((await browser.get("/library?length=short")).text) == [other, long]
    assert shown((await browser.get("/library?length=long")).text) == []
    assert shown((await browser.get("/library?owner=nobody")).text) == []


@pytest.mark.parametrize(
    "query", ["sort=%00&page=-1&model=x&view=y&layout=z&length=q", "page=99999999999", "q=%22%27*%20OR%201=1"]
)
async def test_no_address_is_wrong(browser: httpx.AsyncClient, query: str) -> None:
    assert (await browser.get(f"/library?{query}")).status_code == 200


async def test_pages_are_walked_by_links(
    browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    made = [await make_sound(services, ann, f"sound {number}") for number in range(PER_PAGE + 1)]
    first = (await browser.get("/library")).text
    assert shown(first) == made[:0:-1]
    assert 'href="/library?page=2"' in first
    second = (await browser.get("/library?page=2")).text
    assert shown(second) == made[:1]
    assert "Page 2 of 2" in second
    assert "This page does not exist" in (await browser.get("/library?page=3")).text


async def test_the_search_form_gets_an_address_without_empty_fields(browser: httpx.AsyncClient) -> None:
    answer = await browser.get(
        "/library?q=sea&model=&length=&sort=",
        headers={"hx-request": "true", "hx-source": "form#library-search"},
    )
    assert answer.headers["hx-push-url"] == "/library?q=sea"
    again = await browser.get("/library?q=sea", headers={"hx-request": "true", "hx-source": "div#results"})
    assert "hx-push-url" not in again.headers


def test_an_address_is_read_as_it_is_written() -> None:
    address = LibraryAddress(view="mine", q="sea & wind", model="audio", sort="votes", layout="rows", page=3)
    query = dict(httpx.URL(address.url(page=3)).params)
    assert read_address(query) == address
    assert LibraryAddress().url() == "/library"
    assert address.url(q="") == "/library?view=mine&model=audio&sort=votes&layout=rows"


async def test_nothing_to_show_says_what_to_do(ann_browser: httpx.AsyncClient) -> None:
    for path, said in (
        ("/library", "Nobody has published a sound yet."),
        ("/library?view=mine", "You have not made any sounds yet."),
        ("/library?view=favorites", "No favourites yet."),
        ("/library?q=nothing", "Nothing matches."),
        ("/playlists", "No playlists yet."),
    ):
        assert said in (await ann_browser.get(path)).text


async def test_several_at_once(ann_browser: httpx.AsyncClient, services: Services, ann: Identity) -> None:
    made = [await make_sound(services, ann, f"sound {number}", is_public=False) for number in range(3)]

    async def act(action: str, **more: str) -> httpx.Response:
        return await ann_browser.post(
            "/library/selection",
            data={"id": [*made[:2], "f" * 20], "action": action, **more},
            headers={"hx-request": "true"},
        )

    assert "2 sounds published" in (await act("publish")).text
    assert set(shown((await ann_browser.get("/library")).text)) == set(made[:2])
    assert "2 sounds unpublished" in (await act("take-back")).text
    assert "2 sounds added to your favourites" in (await act("keep")).text
    asked = await act("delete")
    assert "Delete 3 sounds?" in asked.text
    assert asked.text.count(f'name="id" value="{made[0]}"') == 1
    deleted = await act("delete", confirmed="yes")
    assert "2 sounds deleted" in deleted.text
    assert deleted.headers["hx-trigger"] == "library-changed"
    assert shown((await ann_browser.get("/library?view=mine")).text) == made[2:]
    assert (await act("explode")).status_code == 400
    nothing = await ann_browser.post("/library/selection", data={"action": "keep"})
    assert "Choose at least one sound" in nothing.text


async def test_pages_are_told_of_changes_and_of_own_new_sounds(
    services: Services, clock: ManualClock, ann: Identity
) -> None:
    bob = await services.accounts.registry.register("bob", "correct horse", address="test")
    clock.advance_s(60)
    feed = LibraryFeed(services.bus, services.library, ann, clock.now_ms())
    await feed.fragments()
    assert feed.take_signals() == ()
    await make_sound(services, bob, "his", is_public=False)
    await feed.fragments()
    assert feed.take_signals() == ()
    mine = await make_sound(services, ann, "mine", is_public=False)
    await feed.fragments()
    assert feed.take_signals() == ("library-changed",)
    stranger = LibraryFeed(services.bus, services.library, None, clock.now_ms())
    with services.bus.subscribe() as hints:
        await services.library.publishing.change(ann, mine, SoundChange(is_public=True))
        assert any(stranger.note(hint) for hint in await hints.wait(1))
    assert stranger.take_signals() == ("library-changed",)
    assert not stranger.note(Event("job", "a" * 12))


async def first_told(services: Services, viewer: Identity | None, shown_ms: int) -> tuple[str, ...]:
    """What a page is told when its stream opens, which was made at this time."""
    feed = LibraryFeed(services.bus, services.library, viewer, shown_ms)
    await feed.fragments()
    return feed.take_signals()


async def test_a_page_is_told_what_changed_between_its_making_and_its_following(
    services: Services, clock: ManualClock, ann: Identity
) -> None:
    bob = await services.accounts.registry.register("bob", "correct horse", address="test")
    sound = await make_sound(services, ann, "rain", is_public=False)
    clock.advance_s(60)
    shown_ms = clock.now_ms()
    assert await first_told(services, None, shown_ms) == ()
    clock.advance_s(1)
    await services.library.publishing.change(ann, sound, SoundChange(is_public=True))
    assert await first_told(services, None, shown_ms) == ("library-changed",)
    clock.advance_s(60)
    shown_ms = clock.now_ms()
    assert await first_told(services, ann, shown_ms) == ()
    await services.library.votes.vote(ann, sound, 1)
    assert await first_told(services, ann, shown_ms) == ("library-changed",)
    assert await first_told(services, bob, shown_ms) == ()
    clock.advance_s(60)
    shown_ms = clock.now_ms()
    await finish_one(services, ann, "wind")
    assert await first_told(services, ann, shown_ms) == ("library-changed",)
    assert await first_told(services, bob, shown_ms) == ()


async def test_what_one_keeps_is_told_to_ones_own_pages(
    services: Services, clock: ManualClock, ann: Identity
) -> None:
    bob = await services.accounts.registry.register("bob", "correct horse", address="test")
    sound = await make_sound(services, ann, "rain")
    library, playlists = services.library, services.library.playlists
    playlist = (await playlists.create(ann, PlaylistChange(name="Rain"))).playlist_id
    for action in (
        lambda: library.favorites.add(ann, sound),
        lambda: library.favorites.remove(ann, sound),
        lambda: library.votes.vote(ann, sound, 1),
        lambda: playlists.add_track(ann, playlist, sound),
        lambda: playlists.reorder(ann, playlist, [sound]),
        lambda: playlists.remove_track(ann, playlist, sound),
        lambda: playlists.change(ann, playlist, PlaylistChange(name="Storm")),
        lambda: playlists.delete(ann, playlist),
    ):
        own, others = (
            LibraryFeed(services.bus, services.library, viewer, clock.now_ms()) for viewer in (ann, bob)
        )
        with services.bus.subscribe() as hints:
            await action()
            heard = await hints.wait(1)
        assert [any(feed.note(hint) for hint in heard) for feed in (own, others)] == [True, False]
