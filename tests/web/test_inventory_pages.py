"""Inventories on the pages: made, filled, searched by facts, updated; groups as a tree."""

from __future__ import annotations

from typing import Any

from django.test import Client
from playwright.sync_api import Page, expect

from gantry.resources.models import (
    Group,
    Host,
    HostFacts,
    Inventory,
    InventorySource,
    InventoryUpdate,
    User,
)
from tests.web import story
from tests.web.conftest import logged_in


def inventory() -> Inventory:
    return story.template().inventory  # type: ignore[return-value]


def test_each_kind_is_made_and_its_errors_stand_beside_the_fields(admin: Client) -> None:
    made, ours = inventory(), story.organization().pk

    admin.post("/inventories/add/", {"name": "Plain", "organization": ours, "variables": "a: 1"})
    wrong = admin.post("/inventories/add/", {"name": "Plain", "organization": ours})
    assert (wrong.status_code, "already exists" in wrong.content.decode()) == (422, True)
    smart = {"name": "Webs", "organization": ours, "host_filter": "name__startswith=web"}
    wrong = admin.post("/inventories/add/?kind=smart", {**smart, "host_filter": "nonsense=("})
    assert (wrong.status_code, 'value="Webs"' in wrong.content.decode()) == (422, True)
    admin.post("/inventories/add/?kind=smart", smart)
    admin.post("/inventories/add/?kind=constructed", {
        "name": "Sorted", "organization": ours, "input_inventories": [made.pk], "verbosity": 1,
        "source_vars": "plugin: constructed", "limit": "web*",
    })  # fmt: skip

    found = {row.name: row for row in Inventory.objects.all()}
    assert [found[n].kind for n in ("Plain", "Webs", "Sorted")] == ["", "smart", "constructed"]
    assert list(found["Sorted"].input_inventories.all()) == [made]
    assert found["Sorted"].inventory_sources.get().limit == "web*"
    assert "web3.example.com" in admin.get(f"/inventories/{found['Webs'].pk}/").content.decode()
    shown = admin.get(f"/inventories/{found['Sorted'].pk}/edit/").content.decode()
    assert 'value="web*"' in shown


def test_hosts_are_added_changed_switched_and_deleted(admin: Client) -> None:
    row = inventory()
    address = f"/inventories/{row.pk}/hosts/add/"

    for values, words in (
        ({"name": "web1.example.com"}, "already exists"),
        ({"name": "new1", "variables": "a: [b"}, "Cannot parse"),
        ({"name": "new1:99999"}, "Invalid port"),
    ):
        wrong = admin.post(address, values)
        assert (wrong.status_code, words in wrong.content.decode()) == (422, True), values
    admin.post(address, {"name": "new1", "enabled": "on", "variables": "ansible_host: 10.0.0.9"})
    host = Host.objects.get(name="new1")
    admin.post(f"/hosts/{host.pk}/edit/", {"name": "new2", "enabled": "on", "variables": ""})
    admin.post(f"/hosts/{host.pk}/switch/")
    host.refresh_from_db()
    assert (host.name, host.variables, host.enabled) == ("new2", "", False)
    admin.post(f"/hosts/{host.pk}/delete/")
    assert not Host.objects.filter(pk=host.pk).exists()


def test_groups_are_a_tree_without_circles(admin: Client) -> None:
    row = inventory()
    admin.post(f"/inventories/{row.pk}/groups/add/", {"name": "east"})
    east = Group.objects.get(name="east")
    admin.post(f"/inventories/{row.pk}/groups/add/?parent={east.pk}", {"name": "web"})
    web, host = Group.objects.get(name="web"), row.hosts.first()
    admin.post(f"/groups/{web.pk}/place/", {"host": host.pk})

    assert list(east.children.all()) == [web]
    assert list(web.hosts.all()) == [host]
    shown = admin.get(f"/inventories/{row.pk}/groups/").content.decode()
    assert shown.index("depth-0") < shown.index("depth-1")
    circle = admin.post(f"/groups/{web.pk}/place/", {"child": east.pk}, follow=True)
    assert "Cyclical" in circle.content.decode()
    assert "1 host, those of groups" in admin.get(f"/groups/{east.pk}/").content.decode()
    admin.post(f"/groups/{web.pk}/place/", {"host": host.pk, "out": "yes"})
    assert not web.hosts.exists()
    admin.post(f"/groups/{east.pk}/delete/")
    assert not Group.objects.exists()


def test_hosts_are_found_by_name_and_by_facts(admin: Client) -> None:
    row = inventory()
    host = row.hosts.get(name="web2.example.com")
    HostFacts.objects.create(host=host, facts={"ansible_lsb": {"id": "Debian"}, "cores": 4})

    def found(words: str) -> list[str]:
        shown = admin.get(f"/inventories/{row.pk}/", {"q": words}).content.decode()
        return [n for n in ("web1.example", "web2.example", "web3.example") if n in shown]

    assert found("web3") == ["web3.example"]
    assert found("ansible_facts__ansible_lsb__id=Debian") == ["web2.example"]
    assert found("ansible_facts__cores=4 or name__startswith=web1") == [
        "web1.example",
        "web2.example",
    ]
    assert found("ansible_facts__cores=5") == []
    broken = admin.get(f"/inventories/{row.pk}/", {"q": "nonsense=1"})
    assert (broken.status_code, 'role="alert"' in broken.content.decode()) == (200, True)
    facts = admin.get(f"/hosts/{host.pk}/", {"q": "debian"}).content.decode()
    assert "ansible_lsb__id" in facts
    assert "<code>cores</code>" not in facts


def test_a_source_is_made_and_updated(admin: Client) -> None:
    row = inventory()
    project = story.template("Another").project
    values = {"name": "From Git", "source": "scm", "source_project": project.pk, "timeout": 0,
              "source_path": "hosts.yml", "update_cache_timeout": 0, "verbosity": 1,
              "update_on_launch": "on"}  # fmt: skip
    address = f"/inventories/{row.pk}/sources/add/"

    wrong = admin.post(address, {**values, "source_project": ""})
    assert (wrong.status_code, "Project required" in wrong.content.decode()) == (422, True)
    wrong = admin.post(address, {**values, "source": "gce"})
    assert "Credential is required for a cloud source" in wrong.content.decode()
    admin.post(address, values)
    source = InventorySource.objects.get()
    assert (source.source_path, source.update_on_launch) == ("hosts.yml", True)
    answer = admin.post(f"/sources/{source.pk}/update/")
    assert answer["Location"] == f"/jobs/{InventoryUpdate.objects.get().pk}/"
    assert "Watch the update" in admin.get(f"/sources/{source.pk}/").content.decode()


def test_without_rights_the_buttons_are_absent_and_the_requests_refused(db: str) -> None:
    row = inventory()
    host, group = row.hosts.first(), Group.objects.create(name="web", inventory=row)
    source = InventorySource.objects.create(
        kind="inventory_source", name="Git", source="ec2", inventory=row
    )
    User.objects.create_user("stranger", password="x")
    auditor = story.member("auditor")
    User.objects.filter(pk=auditor.pk).update(is_system_auditor=True)
    strange, reads = logged_in("stranger"), logged_in("auditor")

    at = f"/inventories/{row.pk}"
    for address in (
        f"/hosts/{host.pk}/", f"/groups/{group.pk}/", f"/sources/{source.pk}/", f"{at}/groups/",
        f"{at}/sources/",
    ):  # fmt: skip
        assert strange.get(address).status_code == 404
        shown = reads.get(address).content.decode()
        for word in ("Delete", "New ", "Edit", "Switch off", "Put in", "Update all"):
            assert word not in shown, (address, word)
    for address in (
        f"hosts/{host.pk}/edit", f"hosts/{host.pk}/delete", f"hosts/{host.pk}/switch",
        f"groups/{group.pk}/delete", f"groups/{group.pk}/place", f"sources/{source.pk}/update",
        f"sources/{source.pk}/delete", f"inventories/{row.pk}/hosts/add",
        f"inventories/{row.pk}/update", "inventories/add",
    ):  # fmt: skip
        assert reads.post(f"/{address}/").status_code == 403, address
    assert Host.objects.filter(pk=host.pk).exists()


def test_in_a_browser_an_inventory_is_made_and_filled(page: Page, admin: Any) -> None:
    page.goto("/inventories/")
    page.get_by_role("link", name="New inventory").click()
    page.get_by_label("Name").fill("Fleet")
    page.get_by_label("Organization").select_option("Default")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="New host").first.click()
    page.get_by_label("Name").fill("web1")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="web1")).to_be_visible()
    page.get_by_role("button", name="Delete …").click()
    page.get_by_role("dialog").get_by_role("button", name="Keep it").click()
    page.go_back()
    page.goto("/inventories/")
    page.locator("summary", has_text="New inventory").click()
    page.get_by_role("link", name="Smart inventory").click()
    expect(page.get_by_label("Host filter")).to_be_visible()
    page.goto(f"/inventories/{Inventory.objects.get(name='Fleet').pk}/sources/add/")
    expect(page.get_by_label("Project")).to_be_visible()
    page.get_by_label("Kind").select_option("ec2")
    expect(page.get_by_label("Project")).to_be_hidden()
