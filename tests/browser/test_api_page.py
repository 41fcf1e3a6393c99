"""The page that shows the API's description, under a policy that allows no foreign script."""

from urllib.parse import urlsplit

from playwright.sync_api import Page, expect


def test_the_description_is_shown_from_our_own_files(page: Page) -> None:
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url))
    page.goto("/schema")
    expect(page.locator(".opblock").first).to_be_visible()
    page.locator(".opblock-summary").first.click()
    expect(page.locator(".opblock-body").first).to_be_visible()
    hosts = {urlsplit(url).netloc for url in loaded if not url.startswith("data:")}
    assert hosts == {urlsplit(page.url).netloc}
