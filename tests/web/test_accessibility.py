"""axe-core finds nothing on any page: light in whole, dark in what colours can do wrong."""

from __future__ import annotations

from tests.web import addresses
from tests.web.axe import complaints


def test_every_page_of_the_map_is_walked(db):
    assert addresses.names_of_pages() - addresses.pages().keys() == set()


def test_axe_finds_nothing_on_any_page(page):
    page.emulate_media(reduced_motion="reduce")  # a colour on its way is no colour
    found = []
    for where in addresses.pages().values():
        for address in where:
            page.goto(address)
            found += [f"{address}: {said}" for said in complaints(page)]
            page.evaluate("document.documentElement.dataset.theme = 'dark'")
            found += [f"{address} dark: {s}" for s in complaints(page, ["color-contrast"])]

    assert found == [], "\n".join(found)


def test_axe_finds_nothing_on_the_login_page(page):
    page.context.clear_cookies()
    page.goto("/login/")

    assert complaints(page) == []
