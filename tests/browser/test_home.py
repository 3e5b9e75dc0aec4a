"""The home page in a browser: it comes along by itself, and the navigation works on a phone."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.test_story import add_heartbeat, curl, ping_url, set_up
from tests.support.running import StartStack

PHONE = {"width": 360, "height": 740}


def test_it_tells_what_goes_wrong_and_that_all_is_well_without_a_reload(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = start_stack(set_up=False)
    page = open_page(f"http://127.0.0.1:{stack.port}")
    set_up(page)
    expect(page.get_by_role("heading", name="Welcome")).to_be_visible()
    add_heartbeat(page, "Nightly backup", "1d", "1h")
    url = ping_url(page)
    page.goto("/")
    page.evaluate("window.notReloaded = true")
    standing = page.get_by_role("region").filter(has=page.locator("#standing"))

    assert curl(f"{url}/3") == 200
    expect(standing.get_by_role("heading", level=2)).to_have_text("1 down", timeout=12_000)
    expect(standing).to_contain_text("The job ended with exit status 3.")
    expect(page).to_have_title("(1) Home – SentinelWeb")
    assert "favicon-down" in (page.locator("#favicon").get_attribute("href") or "")

    assert curl(url) == 200
    expect(page.locator("#standing")).to_have_text("Everything works", timeout=12_000)
    assert "favicon-down" not in (page.locator("#favicon").get_attribute("href") or "")
    assert page.evaluate("window.notReloaded") is True


def test_on_a_phone_each_section_is_within_reach_of_thumb_and_keyboard(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = start_stack(set_up=False)
    page = open_page(f"http://127.0.0.1:{stack.port}", viewport=PHONE, java_script_enabled=False)
    set_up(page)
    bar = page.get_by_role("navigation", name="Main")
    links = bar.get_by_role("link")
    box = bar.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] == PHONE["height"]
    sections = ["Home", "Services", "Heartbeats", "Processes", "Hosts", "System", "Channels"]
    expect(links).to_have_text(sections)
    for number, name in enumerate(sections):
        link = links.nth(number)
        expect(link).to_have_accessible_name(name)
        expect(link).to_be_in_viewport(ratio=1)
        link.focus()
        page.keyboard.press("Enter")
        expect(link).to_have_attribute("aria-current", "page")
