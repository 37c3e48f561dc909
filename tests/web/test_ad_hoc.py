"""Ad hoc commands on the pages: in the list of jobs, on their own page, and again by a button."""

from __future__ import annotations

import pytest
from django.test import Client


@pytest.fixture
def client(db: str) -> Client:
    from gantry.resources.models import User

    client = Client()
    client.force_login(User.objects.get(username="admin"))
    return client


def test_a_command_is_listed_shown_with_its_module_and_run_again(client: Client) -> None:
    from gantry.path.ad_hoc import run_ad_hoc
    from gantry.resources.models import AdHocCommand, Inventory, Organization

    organization = Organization.objects.get(name="Default")
    inventory = Inventory.objects.create(name="The rack", organization=organization)
    command = run_ad_hoc(
        {"inventory": inventory, "module_name": "shell", "module_args": "uptime -p", "limit": "a*"},
        user=None,
    )

    listed = client.get("/jobs/?kind=ad_hoc_command").content.decode()
    assert "shell: uptime -p" in listed
    assert "ad hoc" in listed
    shown = client.get(f"/jobs/{command.pk}/").content.decode()
    for part in ("Ad hoc command", "<code>shell</code>", "uptime -p", "The rack", "<code>a*"):
        assert part in shown, part
    AdHocCommand.objects.update(status="failed")
    assert "Relaunch exactly" not in client.get(f"/jobs/{command.pk}/").content.decode()
    again = client.post(f"/jobs/{command.pk}/relaunch/")
    made = AdHocCommand.objects.latest("pk")
    assert (again["Location"], made.launch_type) == (f"/jobs/{made.pk}/", "relaunch")
    assert (made.module_args, made.limit) == ("uptime -p", "a*")
