"""Provisioning callbacks: who asks, with which key, from where, and which job it gets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.conftest import Api
from tests.api.world import project_with

KEY = {"host_config_key": "the key of this template"}


@pytest.fixture
def template(api: Api, inventory: dict[str, Any]) -> str:
    """Its URL; the inventory has one host, which is known by its address."""
    for name, address in (("web1", "127.0.0.1"), ("web2", "192.0.2.7")):
        host = {"name": name, "variables": json.dumps({"ansible_host": address})}
        api.post("/api/v2/hosts/", {**host, "inventory": inventory["id"]})
    body = {"name": "t", "inventory": inventory["id"], "project": project_with("site.yml"),
            "playbook": "site.yml", **KEY}  # fmt: skip
    made: str = api.post("/api/v2/job_templates/", body)["url"]
    return made


def refused(anonymous: Api, template: str, **more: Any) -> str:
    answer = anonymous.post(f"{template}callback/", {**KEY, **more}, 400)
    assert list(answer) == ["msg"]
    return str(answer["msg"])


def test_a_host_with_the_key_gets_a_job_for_itself_and_one_only(
    api: Api, anonymous: Api, template: str
) -> None:
    answer = anonymous.call("post", f"{template}callback/", KEY)

    assert (answer.status_code, answer.content) == (201, b"")
    job = api.get(answer["Location"])
    assert (job["launch_type"], job["limit"], job["status"]) == ("callback", "web1", "pending")
    assert job["launched_by"] == {}
    assert refused(anonymous, template) == "Host callback job already pending."


def test_curl_sends_the_key_as_a_form(api: Api, anonymous: Api, template: str) -> None:
    form = {"content_type": "application/x-www-form-urlencoded"}

    answer = anonymous.client.post(
        f"{template}callback/", "host_config_key=the+key+of+this+template", **form
    )

    assert answer.status_code == 201


def test_without_the_right_key_nothing_is_told(
    api: Api, anonymous: Api, plain: Api, template: str
) -> None:
    for given in ({}, {"host_config_key": "guess"}, {"host_config_key": ["x"]},
                  {"host_config_key": ""}):  # fmt: skip
        anonymous.post(f"{template}callback/", given, 403)
        plain.post(f"{template}callback/", given, 403)
    api.patch(template, {"host_config_key": ""})
    anonymous.post(f"{template}callback/", {"host_config_key": ""}, 403)
    anonymous.get(f"{template}callback/", 401)
    plain.get(f"{template}callback/", 403)


def test_people_see_which_host_they_would_be(api: Api, template: str) -> None:
    assert api.get(f"{template}callback/") == {**KEY, "matching_hosts": ["web1"]}
    assert api.get(template)["related"]["callback"] == f"{template}callback/"


def test_a_stranger_an_ambiguous_host_and_a_template_that_asks_are_refused(
    api: Api, anonymous: Api, template: str
) -> None:
    from gantry.resources.models import Host

    Host.objects.filter(name="web2").update(variables="ansible_host: 127.0.0.1")
    assert refused(anonymous, template) == "Multiple hosts matched the request!"
    Host.objects.update(variables="ansible_host: 192.0.2.7")
    assert refused(anonymous, template) == "No matching host could be found!"
    Host.objects.filter(name="web1").update(variables="ansible_host: 127.0.0.1")
    api.patch(template, {"ask_limit_on_launch": True})
    needed = "Cannot start automatically, user input required!"
    assert refused(anonymous, template) == needed
    api.patch(template, {"ask_variables_on_launch": True, "ask_limit_on_launch": False})
    assert refused(anonymous, template) == needed
    sent = {**KEY, "extra_vars": {"color": "blue", "ansible_user": "eve"}}
    job = api.get(anonymous.call("post", f"{template}callback/", sent)["Location"])
    assert json.loads(job["extra_vars"]) == {"color": "blue"}
