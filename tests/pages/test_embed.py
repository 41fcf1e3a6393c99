"""Published sounds on other sites: frames, oEmbed, feeds, and scripts of other origins."""

import xml.etree.ElementTree as ET
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.library.conftest import MakeSound
from webapp.policy.library.fields import PlaylistChange
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services
from webapp.settings import Settings

OTHER = "https://blog.example"
PAGE = "http://localhost/sounds/"


@pytest.fixture
def is_open() -> bool:
    """Whether the operator lets other sites in."""
    return True


@pytest.fixture
def settings(tmp_path: Path, *, is_open: bool) -> Settings:
    origins = OTHER if is_open else ""
    return Settings(data_dir=str(tmp_path), disk_reserve_mb=0, embedding=is_open, cors_origins=origins)


def parsed(document: bytes) -> ET.Element:
    """Read an XML document of ours."""
    return ET.fromstring(document)  # noqa: S314


def directives(answer: httpx.Response) -> dict[str, str]:
    policy = answer.headers["content-security-policy"]
    return dict(part.strip().partition(" ")[::2] for part in policy.split(";"))


async def test_other_sites_frame_the_player_and_nothing_else(
    browser: httpx.AsyncClient,
    ann: Identity,
    make_sound: MakeSound,
) -> None:
    sound_id = await make_sound(ann, "calm <rain>")
    embed = await browser.get(f"/embed/{sound_id}")
    assert embed.status_code == 200
    assert directives(embed)["frame-ancestors"] == "*"
    assert "script-src" not in directives(embed)
    assert "calm &lt;rain&gt;" in embed.text
    assert f'src="/audio/{sound_id}.mp3"' in embed.text
    assert "<script" not in embed.text
    page = await browser.get(f"/sounds/{sound_id}")
    assert directives(page)["frame-ancestors"] == "'none'"
    for path in (f"/audio/{sound_id}.mp3", f"/spectrogram/{sound_id}.png"):
        assert (await browser.get(path)).headers["cross-origin-resource-policy"] == "cross-origin"
    assert (await browser.get("/library")).headers["cross-origin-resource-policy"] == "same-origin"


async def test_the_page_of_a_sound_says_how_to_embed_it(
    browser: httpx.AsyncClient,
    ann: Identity,
    make_sound: MakeSound,
) -> None:
    sound_id = await make_sound(ann, "calm rain")
    page = (await browser.get(f"/sounds/{sound_id}")).text
    assert '<meta name="twitter:card" content="player">' in page
    assert f'content="http://localhost/embed/{sound_id}"' in page
    told = (await browser.get("/oembed", params={"url": f"{PAGE}{sound_id}"})).raise_for_status().json()
    assert (told["type"], told["version"], told["title"]) == ("rich", "1.0", "calm rain")
    assert f'src="http://localhost/embed/{sound_id}"' in told["html"]
    as_xml = await browser.get("/oembed", params={"url": f"{PAGE}{sound_id}", "format": "xml"})
    assert {one.tag: one.text for one in parsed(as_xml.content)}["html"] == told["html"]


@pytest.mark.parametrize(
    "url",
    ["", "x", "http://other.example/sounds/{id}", "http://localhost/library", "http://localhost/sounds/x"],
)
async def test_oembed_knows_only_pages_of_sounds(
    browser: httpx.AsyncClient,
    ann: Identity,
    make_sound: MakeSound,
    url: str,
) -> None:
    sound_id = await make_sound(ann)
    answer = await browser.get("/oembed", params={"url": url.replace("{id}", sound_id)})
    assert answer.status_code == 404


async def test_what_is_not_published_is_nowhere(
    ann_browser: httpx.AsyncClient,
    ann: Identity,
    make_sound: MakeSound,
) -> None:
    sound_id = await make_sound(ann, "a secret", is_public=False)
    assert (await ann_browser.get(f"/embed/{sound_id}")).status_code == 404
    assert (await ann_browser.get("/oembed", params={"url": f"{PAGE}{sound_id}"})).status_code == 404
    for path in ("/feed.xml", "/feed.json", "/feed.json?owner=ann"):
        assert "secret" not in (await ann_browser.get(path)).text


async def test_feeds_have_the_newest_first(
    browser: httpx.AsyncClient,
    services: Services,
    ann: Identity,
    make_sound: MakeSound,
) -> None:
    old = await make_sound(ann, "rain & thunder", tags=("weather",))
    services.clock.advance_s(60)  # type: ignore[attr-defined]  # a clock of tests
    new = await make_sound(ann, "birds\x0b sing", model="audio")
    feed = await browser.get("/feed.xml")
    assert feed.headers["content-type"].startswith("application/rss+xml")
    items = parsed(feed.content).findall("channel/item")
    assert [item.findtext("guid") for item in items] == [f"{PAGE}{new}", f"{PAGE}{old}"]
    first, second = items
    assert second.findtext("title") == "rain & thunder"
    assert [one.text for one in second.findall("category")] == ["weather"]
    enclosure = first.find("enclosure")
    assert enclosure is not None
    assert enclosure.attrib == {
        "url": f"http://localhost/audio/{new}.mp3", "length": "0", "type": "audio/mpeg",
    }  # fmt: skip
    moments = [parsedate_to_datetime(item.findtext("pubDate") or "") for item in items]
    assert (moments[0] - moments[1]).total_seconds() == 60
    told: dict[str, Any] = (await browser.get("/feed.json?model=audio")).json()
    assert told["version"] == "https://jsonfeed.org/version/1.1"
    assert told["feed_url"] == "http://localhost/feed.json?model=audio"
    assert [item["id"] for item in told["items"]] == [f"{PAGE}{new}"]
    assert told["items"][0]["attachments"][0]["duration_in_seconds"] == 8
    library = (await browser.get("/library?q=rain&model=music")).text
    assert 'href="/feed.xml?q=rain&amp;model=music"' in library


async def test_a_shared_playlist_has_a_feed(
    browser: httpx.AsyncClient,
    services: Services,
    ann: Identity,
    make_sound: MakeSound,
) -> None:
    sound_id = await make_sound(ann, "rain")
    hidden = await make_sound(ann, "a secret", is_public=False)
    shared = await services.library.playlists.create(ann, PlaylistChange("Night", is_shared=True))
    for one in (sound_id, hidden):
        await services.library.playlists.add_track(ann, shared.playlist_id, one)
    told = (await browser.get(f"/playlists/{shared.playlist_id}/feed.json")).json()
    assert (told["title"], [item["id"] for item in told["items"]]) == ("Night", [f"{PAGE}{sound_id}"])
    private = await services.library.playlists.create(ann, PlaylistChange("Mine", is_shared=False))
    assert (await browser.get(f"/playlists/{private.playlist_id}/feed.xml")).status_code == 404


async def test_scripts_of_named_origins_may_use_the_api(browser: httpx.AsyncClient) -> None:
    asked = {"origin": OTHER, "access-control-request-method": "POST"}
    allowed = await browser.options("/generate", headers=asked)
    assert allowed.headers["access-control-allow-origin"] == OTHER
    assert "authorization" in allowed.headers["access-control-allow-headers"].lower()
    answer = await browser.get("/status", headers={"origin": OTHER})
    assert answer.headers["access-control-allow-origin"] == OTHER
    assert "access-control-allow-credentials" not in answer.headers
    foreign = await browser.get("/status", headers={"origin": "https://evil.example"})
    assert "access-control-allow-origin" not in foreign.headers


@pytest.mark.parametrize("is_open", [False])
async def test_by_default_other_sites_get_nothing(
    browser: httpx.AsyncClient,
    ann: Identity,
    make_sound: MakeSound,
) -> None:
    sound_id = await make_sound(ann)
    for path in (f"/embed/{sound_id}", f"/oembed?url={PAGE}{sound_id}"):
        answer = await browser.get(path)
        assert answer.status_code == 404
        assert "SOUNDLOOM_EMBEDDING" in answer.text
    assert (await browser.get(f"/audio/{sound_id}.mp3")).headers[
        "cross-origin-resource-policy"
    ] == "same-origin"
    page = (await browser.get(f"/sounds/{sound_id}")).text
    assert "/embed/" not in page
    assert (
        "access-control-allow-origin" not in (await browser.get("/status", headers={"origin": OTHER})).headers
    )
