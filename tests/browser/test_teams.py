"""Two people share a team: one invites the other by a link, and sees what that one makes."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.steps import check_with_axe, log_in
from tests.support.running import PASSWORD, StartStack


def test_a_colleague_joins_by_a_link_and_shares_what_they_make(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    site = f"http://localhost:{start_stack().port}"
    owner, colleague = open_page(site), open_page(site)
    log_in(owner)
    owner.get_by_role("button", name="Account menu").click()
    owner.get_by_role("link", name="Teams").click()
    owner.get_by_label("Name", exact=True).fill("Night shift")
    owner.get_by_role("button", name="Make a team").click()
    expect(owner.get_by_role("heading", level=1)).to_have_text("Night shift")
    owner.get_by_label("E-mail", exact=True).fill("colleague@example.com")
    owner.get_by_role("button", name="Add", exact=True).click()
    link = owner.locator(".invitations code").inner_text()
    check_with_axe(owner)

    colleague.goto(link)
    colleague.get_by_label("Password", exact=True).fill(PASSWORD)
    colleague.get_by_label("Name").fill("Colleague")
    colleague.get_by_role("button", name="Create account").click()
    colleague.goto("/heartbeats/add")
    expect(colleague.get_by_text("It will belong to the team “Night shift”.")).to_be_visible()
    colleague.get_by_label("Name", exact=True).fill("Nightly backup")
    colleague.get_by_role("button", name="Create heartbeat").click()
    expect(colleague.get_by_role("heading", level=1)).to_have_text("Nightly backup")

    owner.goto("/heartbeats")
    expect(owner.get_by_role("row", name="Nightly backup")).to_contain_text("Night shift")
    owner.goto("/teams")
    owner.get_by_role("link", name="Night shift").click()
    check_with_axe(owner)
    owner.get_by_role("button", name="Actions for colleague@example.com").click()
    owner.get_by_role("button", name="Role: Viewer").click()
    expect(owner.get_by_text("Colleague: Viewer.")).to_be_visible()

    colleague.reload()
    expect(colleague.get_by_role("link", name="Edit", exact=True)).to_have_count(0)
