"""`gantry instance ...`: the controllers' seats on the command line."""

from __future__ import annotations

from tests.cli.test_commands import gantry
from tests.control.test_places import seated


def test_an_instance_is_switched_off_and_on_and_forgotten_when_its_controller_is_gone(
    db: str,
) -> None:
    from gantry.resources.models import Instance

    holder = seated(forks=8)
    shown = gantry("instance", "list").stdout
    assert holder.node in shown
    assert "0 of 8" in shown

    assert "What it runs goes on" in gantry("instance", "disable", holder.node).stdout
    assert Instance.objects.values_list("enabled", "capacity").get() == (False, 0)
    gantry("instance", "enable", holder.node)
    assert Instance.objects.values_list("enabled", "capacity").get() == (True, 8)

    refused = gantry("instance", "remove", holder.node)
    assert (refused.returncode, "is running" in refused.stderr) == (1, True)
    holder.release()
    gantry("instance", "remove", holder.node)
    assert not Instance.objects.exists()
    assert "No instance is named" in gantry("instance", "disable", holder.node).stderr
