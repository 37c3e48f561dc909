"""The API in a browser: Django REST framework's pages, under our policy, from our server."""

from __future__ import annotations

import json

import httpx
from playwright.sync_api import Page, expect

from tests.web.conftest import Server


def test_a_list_is_read_and_added_to_by_hand(page: Page, server: Server) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/api/v2/organizations/")
    expect(page.get_by_role("heading", name="Organization List")).to_be_visible()
    expect(page.locator(".response-info")).to_contain_text('"name": "Default"')
    # Styled, by files of this server alone.
    navbar = page.locator(".navbar").first
    assert navbar.evaluate("e => getComputedStyle(e).backgroundColor") != "rgba(0, 0, 0, 0)"
    assert page.evaluate("typeof jQuery") == "function"
    assert all(url.startswith(server.url) for url in asked)

    page.get_by_role("textbox", name="Content").last.fill(json.dumps({"name": "By hand"}))
    page.get_by_role("button", name="POST").click()
    expect(page.locator(".response-info")).to_contain_text("HTTP 201 Created")
    page.get_by_role("button", name="OPTIONS").click()
    expect(page.locator(".response-info")).to_contain_text('"max_page_size": 200')


def test_it_leads_on_and_back_and_out(page: Page) -> None:
    page.goto("/api/v2/")
    page.get_by_role("link", name="/api/v2/organizations/", exact=True).click()
    page.get_by_role("link", name="/api/v2/organizations/1/", exact=True).first.click()
    expect(page.get_by_role("heading", name="Organization Detail")).to_be_visible()
    expect(page.get_by_role("navigation", name="navbar")).to_contain_text("admin")
    page.get_by_role("link", name="Gantry").click()
    page.wait_for_url("**/")


def test_a_change_and_a_removal_by_hand(page: Page, db: str) -> None:
    from gantry.resources.models import Organization

    row = Organization.objects.create(name="Old")
    page.goto(f"/api/v2/organizations/{row.pk}/")
    page.get_by_role("textbox", name="Content").last.fill(json.dumps({"name": "New"}))
    page.get_by_role("button", name="PATCH").click()
    expect(page.locator(".response-info")).to_contain_text('"name": "New"')
    page.goto(f"/api/v2/organizations/{row.pk}/")
    page.get_by_role("button", name="DELETE").first.click()
    page.locator("#deleteModal form button").click()  # its markup hides it from roles
    expect(page.locator(".response-info")).to_contain_text("HTTP 204")
    assert not Organization.objects.filter(pk=row.pk).exists()


def test_who_has_not_logged_in_is_shown_the_way(db: str, server: Server) -> None:
    answer = httpx.get(f"{server.url}/api/v2/organizations/", headers={"Accept": "text/html"})
    assert answer.status_code == 401
    assert 'href="/login/?next=/api/v2/organizations/"' in answer.text
