"""The preview of a webhook follows what is filled in, and Enter still saves."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.test_story import set_up
from tests.support.running import StartStack


def test_the_preview_follows_the_form(start_stack: StartStack, open_page: OpenPage) -> None:
    stack = start_stack(set_up=False)
    page = open_page(f"http://127.0.0.1:{stack.port}")
    set_up(page)
    page.goto("/channels/add/webhook")
    preview, template = page.locator("#preview"), page.get_by_label("Template")
    expect(preview).to_contain_text('"event": "down"')
    expect(template).to_be_hidden()
    expect(page.get_by_role("button", name="Update the preview")).to_be_hidden()

    page.get_by_label("Name").fill("Operators")
    page.get_by_label("Body").select_option("PulseMon")
    expect(preview).to_contain_text('"interval_seconds": 86400')

    page.get_by_label("Body").select_option("Custom")
    template.fill("{{ nam }}")
    expect(preview.get_by_role("alert")).to_have_text("Line 1: There is no fact “nam”.")
    template.fill("{{ name }}: {{ status }}")
    expect(preview).to_contain_text("Nightly backup: up")
    assert page.get_by_label("Name").input_value() == "Operators"

    page.get_by_label("URL").fill("https://example.com/hook")
    page.get_by_label("URL").press("Enter")
    expect(page.get_by_role("heading", name="Operators")).to_be_visible()


def test_without_javascript_a_button_renews_it(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = start_stack(set_up=False)
    page = open_page(f"http://127.0.0.1:{stack.port}", java_script_enabled=False)
    set_up(page)
    page.goto("/channels/add/webhook")
    page.get_by_label("URL").fill("https://example.com/hook")
    page.get_by_label("Body").select_option("Discord")
    page.get_by_role("button", name="Update the preview").click()
    expect(page.locator("#preview")).to_contain_text("allowed_mentions")
    expect(page.get_by_label("Body")).to_have_value("discord")
    page.get_by_role("button", name="Add channel").click()
    expect(page.get_by_role("heading", name="Webhook", level=1)).to_be_visible()
