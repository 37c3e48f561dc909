"""/api/v2/ad_hoc_commands/: what AWX takes, refuses and shows; who may; below what they stand."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Api, make_user
from tests.api.world import build, type_id

URL = "/api/v2/ad_hoc_commands/"
PING = {"module_name": "ping"}


@pytest.fixture
def machine(api: Api) -> int:
    body = {"name": "m", "organization": 1, "credential_type": type_id("ssh"),
            "inputs": {"username": "root", "password": "ASK"}}  # fmt: skip
    return int(api.post("/api/v2/credentials/", body)["id"])


def test_one_is_made_and_waits_for_a_controller(api: Api, inventory: dict[str, Any]) -> None:
    body = {"inventory": inventory["id"], "module_name": "shell", "module_args": "uptime",
            "become_enabled": True, "extra_vars": "a: 1"}  # fmt: skip

    made = api.post(URL, body)

    assert made["type"] == "ad_hoc_command"
    assert (made["status"], made["launch_type"]) == ("pending", "manual")
    assert made["name"] == "shell"  # as AWX: the module alone, though the row has more
    assert "description" not in made
    assert "unified_job_template" not in made
    assert made["related"]["inventory"] == f"/api/v2/inventories/{inventory['id']}/"
    assert made["summary_fields"]["inventory"]["name"] == "i"
    assert made["summary_fields"]["user_capabilities"] == {"delete": True, "start": True}
    shown = api.get(f"{URL}{made['id']}/")
    assert shown["module_args"] == "uptime"
    assert shown["host_status_counts"] == {}
    [listed] = api.get("/api/v2/unified_jobs/?type=ad_hoc_command")["results"]
    assert listed["url"] == made["url"]
    assert api.get("/api/v2/unified_jobs/?name=shell: uptime")["count"] == 1


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ({"module_name": "copy"}, {"module_name": ['"copy" is not a valid choice.']}),
        ({"module_name": ""}, {"module_name": ['"" is not a valid choice.']}),
        ({}, {"module_args": ["No argument passed to command module."]}),
        ({"module_name": "shell"}, {"module_args": ["No argument passed to shell module."]}),
        ({"inventory": None, **PING}, {"inventory": ["No valid inventory."]}),
        ({"inventory": 99, **PING},
         {"inventory": ['Invalid pk "99" - object does not exist.']}),
        ({"extra_vars": "ansible_user: x\nansible_host: y", **PING},
         {"extra_vars": ["ansible_user, ansible_host are prohibited from use in ad hoc "
                         "commands."]}),
        ({"job_type": "scan", **PING}, {"job_type": ['"scan" is not a valid choice.']}),
        ({"verbosity": 9, **PING}, {"verbosity": ['"9" is not a valid choice.']}),
        ({"forks": -1, **PING},
         {"forks": ["Ensure this value is greater than or equal to 0."]}),
        ({"limit": [1], **PING}, {"limit": ["Not a valid string."]}),
        ({"execution_environment": 99, **PING},
         {"execution_environment": ['Invalid pk "99" - object does not exist.']}),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_by_field(
    api: Api, inventory: dict[str, Any], given: dict[str, Any], refused: dict[str, Any]
) -> None:
    assert api.post(URL, {"inventory": inventory["id"], **given}, 400) == refused
    assert api.get(URL)["count"] == 0


def test_variables_that_are_no_variables_are_refused(api: Api, inventory: dict[str, Any]) -> None:
    body = {"inventory": inventory["id"], "extra_vars": "[1", **PING}

    assert list(api.post(URL, body, 400)) == ["extra_vars"]


def test_a_credential_must_be_a_machines_and_its_passwords_are_asked_for(
    api: Api, inventory: dict[str, Any], machine: int
) -> None:
    body = {"name": "v", "organization": 1, "credential_type": type_id("vault"), "inputs": {}}
    vault = api.post("/api/v2/credentials/", body)["id"]
    asked = {"inventory": inventory["id"], "credential": machine, **PING}

    assert api.post(URL, {**asked, "credential": vault}, 400) == {
        "credential": ["You must provide a machine / SSH credential."]
    }
    assert api.post(URL, asked, 400) == {"passwords_needed_to_start": ["ssh_password"]}
    made = api.post(URL, {**asked, "ssh_password": "s3cret"})
    assert made["related"]["credential"] == f"/api/v2/credentials/{machine}/"
    assert "s3cret" not in str(api.get(made["url"]))
    relaunch = f"{made['url']}relaunch/"
    assert api.get(relaunch) == {"passwords_needed_to_start": ["ssh_password"]}
    assert api.post(relaunch, {}, 400) == {"passwords_needed_to_start": ["ssh_password"]}
    again = api.post(relaunch, {"credential_passwords": {"ssh_password": "s3cret"}})
    assert (again["ad_hoc_command"], again["launch_type"]) == (again["id"], "relaunch")


def test_a_relaunch_asks_whether_the_module_is_still_allowed(
    api: Api, inventory: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from gantry.base.config import settings

    made = api.post(URL, {"inventory": inventory["id"], **PING})
    monkeypatch.setenv("GANTRY_AD_HOC_COMMANDS", "setup,command")
    settings.cache_clear()
    try:
        refused = api.post(f"{made['url']}relaunch/", {}, 400)
        choices = api.options(URL)["actions"]["POST"]["module_name"]["choices"]
        shown = api.get("/api/v2/settings/jobs/")["AD_HOC_COMMANDS"]
        api.get(made["url"])  # what ran is shown all the same
    finally:
        monkeypatch.undo()
        settings.cache_clear()

    assert refused == {"module_name": ["Unsupported module for ad hoc commands."]}
    assert choices == [["setup", "setup"], ["command", "command"]]
    assert shown == ["setup", "command"]


def test_below_a_host_and_a_group_the_parent_is_the_limit(
    api: Api, inventory: dict[str, Any]
) -> None:
    host = api.post("/api/v2/hosts/", {"name": "h", "inventory": inventory["id"]})
    group = api.post("/api/v2/groups/", {"name": "g", "inventory": inventory["id"]})
    given = {"limit": "elsewhere", "inventory": 99, **PING}

    on_host = api.post(host["related"]["ad_hoc_commands"], given)
    on_group = api.post(group["related"]["ad_hoc_commands"], given)
    on_all = api.post(inventory["related"]["ad_hoc_commands"], {**PING, "limit": "a:b"})

    for made, limit in ((on_host, "h"), (on_group, "g"), (on_all, "a:b")):
        assert (made["limit"], made["inventory"]) == (limit, inventory["id"])
    assert api.get(inventory["related"]["ad_hoc_commands"])["count"] == 3


def test_hosts_and_groups_list_the_commands_that_ran_on_them(api: Api) -> None:
    ids = build()
    host, group = f"/api/v2/hosts/{ids['hosts']}/", f"/api/v2/groups/{ids['groups']}/"

    for parent in (host, group):
        [row] = api.get(f"{parent}ad_hoc_commands/")["results"]
        assert row["id"] == ids["ad_hoc_commands"]
    [event] = api.get(f"{host}ad_hoc_command_events/")["results"]
    assert event["id"] == ids["ad_hoc_command_events"]
    # Busy hosts and inventories stay.
    from gantry.resources.models import AdHocCommand

    AdHocCommand.objects.update(status="running")
    refused = api.delete(host, 409)
    assert refused["active_jobs"] == [{"id": ids["ad_hoc_commands"], "type": "ad_hoc_command"}]
    api.delete(f"{URL}{ids['ad_hoc_commands']}/", 403)


def test_an_event_has_awxs_shape(api: Api) -> None:
    ids = build()
    command, event = ids["ad_hoc_commands"], ids["ad_hoc_command_events"]

    [listed] = api.get(f"{URL}{command}/events/")["results"]
    one = api.get(f"/api/v2/ad_hoc_command_events/{event}/")

    assert listed == one
    assert list(one) == [
        "id", "type", "url", "related", "summary_fields", "created", "modified", "ad_hoc_command",
        "event", "counter", "event_display", "event_data", "failed", "changed", "uuid", "host",
        "host_name", "stdout", "start_line", "end_line", "verbosity",
    ]  # fmt: skip
    assert (one["type"], one["event_display"]) == ("ad_hoc_command_event", "Host OK")
    assert one["related"] == {
        "ad_hoc_command": f"{URL}{command}/", "host": f"/api/v2/hosts/{ids['hosts']}/"
    }  # fmt: skip
    assert one["summary_fields"]["ad_hoc_command"] == {
        "id": command, "name": "ping", "description": "", "status": "successful", "limit": "",
    }  # fmt: skip
    api.get(f"/api/v2/ad_hoc_command_events/{ids['job_events']}/", 404)
    text = api.call("get", f"{URL}{command}/stdout/?format=txt")
    assert b"".join(text.streaming_content) == b"pong\n"


def test_it_takes_the_ad_hoc_role_on_the_inventory_and_the_use_of_the_credential(
    api: Api, inventory: dict[str, Any], machine: int
) -> None:
    from gantry.resources.models import Credential, Inventory, Organization
    from gantry.resources.roles import role_on

    user = make_user("mary")
    Organization.objects.get(name="Default").users.add(user)
    mary = Api("mary", "pw")
    row = Inventory.objects.get(pk=inventory["id"])
    body = {"inventory": row.pk, **PING}

    mary.post(URL, body, 403)
    role_on(row, "use_role").members.add(user)
    mary.post(URL, body, 403)
    role_on(row, "adhoc_role").members.add(user)
    made = mary.post(URL, body)
    assert mary.get(inventory["url"])["summary_fields"]["user_capabilities"]["adhoc"] is True
    with_credential = {**body, "credential": machine, "ssh_password": "x"}
    mary.post(URL, with_credential, 403)
    role_on(Credential.objects.get(pk=machine), "use_role").members.add(user)
    theirs = mary.post(URL, with_credential)
    mary.delete(made["url"], 403)
    assert mary.get(URL)["count"] == 2
    assert mary.get("/api/v2/unified_jobs/")["count"] == 2

    # The role is lost: not seen any more, and stopped all the same by whoever made it.
    role_on(row, "adhoc_role").members.remove(user)
    mary.post(f"{theirs['url']}relaunch/", {"ssh_password": "x"}, 403)
    role_on(row, "use_role").members.remove(user)
    assert mary.get(URL)["count"] == 0
    mary.get(made["url"], 403)
    mary.post(f"{made['url']}cancel/", {}, 202)


def test_an_environment_of_strangers_is_not_to_be_run_in(
    api: Api, inventory: dict[str, Any], org_admin: Api
) -> None:
    other = api.post("/api/v2/organizations/", {"name": "Theirs"})["id"]
    body = {"name": "theirs", "image": "a/b", "organization": other}
    theirs = api.post("/api/v2/execution_environments/", body)["id"]

    refused = org_admin.post(
        URL, {"inventory": inventory["id"], "execution_environment": theirs, **PING}, 400
    )

    assert refused == {"execution_environment": [f'Invalid pk "{theirs}" - object does not exist.']}
