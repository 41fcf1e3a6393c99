"""Parts of the front end by themselves: plain values in, plain values out."""

from typing import Any

import pytest
from playwright.sync_api import Page

TRACKS = [{"id": name, "title": name} for name in "abc"]


@pytest.fixture
def module_url(page: Page) -> str:
    """What the addresses of modules begin with."""
    page.goto("/login")
    source = page.locator("script[type='module']").get_attribute("src")
    assert source is not None
    return source.removesuffix("app.js")


def run(page: Page, url: str, body: str, argument: object = None) -> Any:  # noqa: ANN401 - whatever it gives
    return page.evaluate(
        f"async ([url, argument]) => {{ const module = await import(url); {body} }}", [url, argument]
    )


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00"), (5.9, "0:05"), (65, "1:05"), (3723, "1:02:03"), (-1, "0:00")]
)
def test_lengths(page: Page, module_url: str, seconds: float, shown: str) -> None:
    clock = module_url + "player/clock.js"
    assert run(page, clock, "return module.clockTime(argument);", seconds) == shown
    assert run(page, clock, "return module.clockTime(NaN);") == "0:00"


def test_the_play_queue_walks_its_list_and_stops_at_its_ends(page: Page, module_url: str) -> None:
    walked = run(
        page,
        module_url + "player/play-queue.js",
        """
        const queue = new module.PlayQueue();
        const seen = [queue.current, queue.set(argument, "b").id];
        seen.push(queue.next().id, queue.hasNext, queue.next().id);
        seen.push(queue.previous().id, queue.previous().id, queue.hasPrevious, queue.previous().id);
        seen.push(queue.set(argument, "x"), queue.current.id);
        queue.clear();
        return [...seen, queue.current];
        """,
        TRACKS,
    )
    assert walked == [None, "b", "c", False, "c", "b", "a", False, "a", None, "a", None]


def test_tracks_are_read_from_a_list_each_once(page: Page, module_url: str) -> None:
    ids = run(
        page,
        module_url + "player/tracks.js",
        """
        document.body.innerHTML = '<ul data-tracks>' + ["a", "b", "a"].map((id) =>
            `<li data-sound="${id}" data-title="T" data-length="2.5"><svg class="wave" viewBox="0 0 9 9">`
            + '<path d="M0 0"/></svg></li>').join("") + "</ul>";
        return module.tracksAround(document.querySelector("li"));
        """,
    )
    assert [track["id"] for track in ids] == ["a", "b"]
    assert ids[0]["lengthS"] == 2.5
    assert (ids[0]["outline"], ids[0]["outlineBox"]) == ("M0 0", "0 0 9 9")
