"""A published sound on a page of another origin: in a frame, in an element of its own, and by a script."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from playwright.sync_api import Page, expect

from tests.browser.pages import wait_for
from tests.browser.sounds import musician
from tools.throwaway_server import ThrowawayServer

PAGE = """<!doctype html><html lang="en"><head><title>A blog</title>
<link rel="icon" href="data:,"></head><body>
<h1>A blog</h1>
<iframe src="{server}/embed/{sound}" width="480" height="180" title="Soundloom"></iframe>
<audio id="own" src="{server}/audio/{sound}.mp3" preload="metadata"></audio>
<img id="picture" src="{server}/spectrogram/{sound}.png" alt="Spectrogram">
</body></html>"""
RADIO = """async (server) => {
  const answer = await fetch(`${server}/api/radio/shuffle?count=1`);
  return (await answer.json()).tracks.length;
}"""


@contextmanager
def other_site(html: str) -> Iterator[str]:
    """A page on another origin; gives its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = html.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    site = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=site.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{site.server_port}/"
    finally:
        site.shutdown()
        thread.join()
        site.server_close()


def test_another_origin_shows_and_plays_a_sound(page: Page, server: ThrowawayServer) -> None:
    with musician(server.address, "embedded") as artist:
        sound_id = artist.make("rain on a tin roof")
    with other_site(PAGE.replace("{server}", server.address).replace("{sound}", sound_id)) as address:
        page.goto(address)
        frame = page.frame_locator("iframe")
        expect(frame.get_by_role("link", name="rain on a tin roof")).to_be_visible()
        player = frame.locator("audio")
        player.evaluate("audio => audio.play()")
        wait_for(page, lambda: player.evaluate("audio => audio.currentTime > 0.2"))
        # The whole of it is in sight.
        assert player.evaluate("() => document.documentElement.scrollHeight <= innerHeight")
        wait_for(page, lambda: page.locator("#own").evaluate("audio => audio.duration > 1"))
        wait_for(page, lambda: page.locator("#picture").evaluate("image => image.naturalWidth > 0"))
        assert page.evaluate(RADIO, server.address) == 1
