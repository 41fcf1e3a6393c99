"""Measures the first view of a page: bytes over the wire, time to the first paint, layout shift."""

from dataclasses import dataclass
from typing import Any, Final

from playwright.sync_api import BrowserContext

# Sounds are fetched when somebody listens; what a page needs to be seen and used is the rest.
MEDIA: Final = "Media"
SETTLED_MS: Final = 500
PUBLIC_PAGES: Final = ("/", "/login", "/register", "/queue", "/library", "/speech", "/docs")
SIGNED_IN_PAGES: Final = (
    "/",
    "/queue",
    "/library",
    "/library?view=mine",
    "/playlists",
    "/speech",
    "/account",
    "/docs",
)
READ_FIGURES: Final = """
() => new Promise((resolve) => {
  let shift = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) shift += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
  const [paint] = performance.getEntriesByName("first-contentful-paint");
  setTimeout(() => resolve([paint?.startTime ?? null, shift]), 50);
})
"""


@dataclass(frozen=True, slots=True)
class PageFigures:
    """`transferred_bytes` as sent, headers and compression included; `first_paint_ms` after navigation began.

    `layout_shift` is the cumulative score of Web Vitals: impact times distance, summed.
    """

    path: str
    requests: int
    transferred_bytes: int
    first_paint_ms: float
    layout_shift: float


def first_view(context: BrowserContext, path: str) -> PageFigures:
    """Load a page in a window of its own with nothing cached."""
    page = context.new_page()
    wire = context.new_cdp_session(page)
    kinds: dict[str, str] = {}
    sizes: dict[str, int] = {}

    def note_kind(event: dict[str, Any]) -> None:
        kinds[event["requestId"]] = event["type"]

    def note_size(event: dict[str, Any]) -> None:
        sizes[event["requestId"]] = event["encodedDataLength"]

    wire.on("Network.responseReceived", note_kind)
    wire.on("Network.loadingFinished", note_size)
    wire.send("Network.enable")
    wire.send("Network.setCacheDisabled", {"cacheDisabled": True})
    page.goto(path, wait_until="load")
    page.wait_for_timeout(SETTLED_MS)
    first_paint_ms, layout_shift = page.evaluate(READ_FIGURES)
    page.close()
    counted = [size for request, size in sizes.items() if kinds.get(request) != MEDIA]
    return PageFigures(path, len(counted), round(sum(counted)), first_paint_ms, layout_shift)
