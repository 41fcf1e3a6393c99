"""The first view of every page is light and stands still; how fast it is, `make bench-pages` measures."""

import pytest

from tests.browser.pages import Credentials, OpenContext, StartPage
from tests.browser.sounds import musician
from tools.page_figures import PUBLIC_PAGES, SIGNED_IN_PAGES, first_view
from tools.throwaway_server import ThrowawayServer

MAX_BYTES = 150_000
# The whole description of the API is one page, and a sound's page has its picture.
MAX_BYTES_WITH_MORE = 180_000
WITH_MORE = ("/docs", "/sounds/")
MAX_SHIFT = 0.05
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}


def test_for_strangers(open_context: OpenContext, server: ThrowawayServer) -> None:
    with musician(server.address, "first-view") as heard:
        sound_id = heard.make("rain on a tin roof", duration=2)
    context = open_context(viewport=PHONE)
    for path in (*PUBLIC_PAGES, f"/sounds/{sound_id}"):
        figures = first_view(context, path)
        most = MAX_BYTES_WITH_MORE if path.startswith(WITH_MORE) else MAX_BYTES
        assert 5_000 < figures.transferred_bytes <= most, path
        assert figures.layout_shift < MAX_SHIFT, path


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=("desktop", "phone"))
def test_for_those_who_are_signed_in(open_context: OpenContext, viewport: dict[str, int]) -> None:
    context = open_context(viewport=viewport)
    page = context.new_page()
    Credentials(page).register(f"first-look-{viewport['width']}")
    StartPage(page).ask("rain on a tin roof", duration=2).expect_finished()
    for path in SIGNED_IN_PAGES:
        figures = first_view(context, path)
        most = MAX_BYTES_WITH_MORE if path.startswith(WITH_MORE) else MAX_BYTES
        assert 5_000 < figures.transferred_bytes <= most, path
        assert figures.layout_shift < MAX_SHIFT, path
