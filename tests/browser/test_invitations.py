"""An invitation from the admin's page to the guest's first page, on a phone, without a wrong turn."""

from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.axe import expect_for_everybody, expect_to_fit, needs_axe
from tests.browser.pages import PASSWORD, Credentials, OpenContext
from tools.throwaway_server import ThrowawayServer, throwaway_server

PHONE = ViewportSize(width=360, height=740)


def invite(server: ThrowawayServer, open_context: OpenContext) -> tuple[Page, str]:
    """Set the server up, and invite somebody; return the admin's page and the link."""
    admin = open_context(base_url=server.address).new_page()
    admin.goto(server.setup_link)
    Credentials(admin).submit("root", "Create account")
    expect(admin.get_by_role("button", name="Generate")).to_be_visible()
    admin.goto("/admin")
    form = admin.get_by_role("region", name="Invite someone")
    form.get_by_label("Tier").select_option("premium")
    form.get_by_role("button", name="Create invitation").click()
    expect(admin.get_by_role("heading", name="Invitation created")).to_be_visible()
    return admin, admin.locator("#invitation-link").inner_text()


@needs_axe
def test_a_guest_creates_an_account_and_is_signed_in(open_context: OpenContext) -> None:
    with throwaway_server(workers="0") as fresh:
        admin, link = invite(fresh, open_context)
        expect_for_everybody(admin, "an invitation with its link")
        guest = open_context(base_url=fresh.address, viewport=PHONE).new_page()
        expect_to_fit(guest, link)
        guest.set_viewport_size(PHONE)
        expect_for_everybody(guest, "an invitation, opened")
        Credentials(guest).submit("eve", "Create account", PASSWORD)
        expect(guest.get_by_role("button", name="Generate")).to_be_visible()
        expect(guest.get_by_role("link", name="eve", exact=True)).to_be_visible()
        admin.get_by_role("link", name="Back to accounts").click()
        expect(admin.get_by_role("link", name="eve", exact=True)).to_be_visible()
        expect(admin.get_by_text("Open invitations")).to_have_count(0)
        for page in (admin, guest):
            page.goto("about:blank")
