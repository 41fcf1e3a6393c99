"""The page for integrators."""

import re
from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

from tests.browser.pages import Credentials


def test_code_in_the_chosen_language_with_the_token_filled_in(page: Page) -> None:
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url))
    page.goto("/docs")
    article = page.get_by_role("article", name="Submit a job")
    expect(article.get_by_label("curl code", exact=True)).to_be_visible()
    page.get_by_label("Python", exact=True).check()
    expect(article.get_by_label("curl code", exact=True)).to_be_hidden()
    code = article.get_by_label("Python code", exact=True)
    expect(code).to_contain_text("Bearer YOUR_TOKEN")
    page.get_by_label("Token in the code").fill("sl_mine")
    expect(code).to_contain_text("Bearer sl_mine")
    assert {urlsplit(url).netloc for url in loaded} == {urlsplit(page.url).netloc}


def test_a_token_is_made_on_the_page(page: Page) -> None:
    Credentials(page).register("integrator")
    page.goto("/docs")
    page.get_by_role("button", name="Make one").click()
    expect(page.get_by_label("Token in the code")).to_have_value(re.compile("^sl_"))
