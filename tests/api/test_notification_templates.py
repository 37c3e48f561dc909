"""Notification templates: what each kind takes and refuses, who may, whom a thing tells."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Api, make_user

TEMPLATES = "/api/v2/notification_templates/"
HOOK = {
    "name": "hook", "organization": 1, "notification_type": "webhook",
    "notification_configuration": {
        "url": "https://hook.example.org/", "headers": {"X-Key": "k"}, "username": "me",
        "password": "s3cr3t-value",
    },
}  # fmt: skip


@pytest.fixture
def hook(api: Api) -> dict[str, Any]:
    made: dict[str, Any] = api.post(TEMPLATES, HOOK)
    return made


@pytest.fixture
def notifier(db: str) -> Api:
    """Administers the notifications of organization Default, and nothing else."""
    from gantry.resources.models import Organization
    from gantry.resources.roles import role_on

    default = Organization.objects.get(name="Default")
    role_on(default, "notification_admin_role").members.add(make_user("notifier"))
    return Api("notifier", "pw")


def test_defaults_are_filled_in_and_a_secret_is_sealed(api: Api, hook: dict[str, Any]) -> None:
    from gantry.base.crypto import is_sealed
    from gantry.resources.models import NotificationTemplate

    shown = hook["notification_configuration"]
    assert shown == HOOK["notification_configuration"] | {  # type: ignore[operator]
        "http_method": "POST", "disable_ssl_verification": False, "password": "$encrypted$",
    }  # fmt: skip
    row = NotificationTemplate.objects.get(pk=hook["id"])
    assert is_sealed(row.notification_configuration["password"])
    assert row.open_configuration()["password"] == "s3cr3t-value"
    # Sent back as it is shown, it stays.
    api.put(hook["url"], hook)
    row.refresh_from_db()
    assert row.open_configuration()["password"] == "s3cr3t-value"


def test_an_import_without_its_secret_is_taken(api: Api) -> None:
    body = HOOK | {"notification_configuration": {
        "url": "https://hook.example.org/", "headers": {}, "password": "$encrypted$"}}  # fmt: skip
    made = api.post(TEMPLATES, body)
    assert made["notification_configuration"]["password"] == "$encrypted$"


@pytest.mark.parametrize(
    ("kind", "given", "words"),
    [
        ("webhook", {}, "Missing required fields for Notification Configuration: ['url', "
         "'headers']."),
        ("webhook", {"url": "u", "headers": {}, "http_method": "GET"},
         "HTTP method must be either 'POST' or 'PUT'."),
        ("webhook", {"url": 1, "headers": {}},
         "Configuration field 'url' incorrect type, expected string."),
        ("webhook", {"url": "u", "headers": {"a": 1}},
         "Configuration field 'headers' incorrect type, expected object."),
        ("slack", {"token": "t", "channels": []}, "No values specified for field 'channels'"),
        ("slack", {"token": "t", "channels": [1]},
         "Configuration field 'channels' incorrect type, expected list."),
        ("irc", {"server": "s", "port": True, "nickname": "n", "password": "", "use_ssl": False,
                 "targets": ["#a"]}, "Configuration field 'port' incorrect type, expected int."),
    ],
)  # fmt: skip
def test_what_a_kind_needs(api: Api, kind: str, given: Any, words: str) -> None:
    body = HOOK | {"notification_type": kind, "notification_configuration": given}
    assert api.post(TEMPLATES, body, 400) == {"__all__": [words]}


def test_another_kind_needs_its_own_configuration(api: Api, hook: dict[str, Any]) -> None:
    refused = api.patch(hook["url"], {"notification_type": "slack"}, 400)
    words = "Missing required fields for Notification Configuration: ['token', 'channels']."
    assert refused == {"__all__": [words]}


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ({"begun": {}}, "Event 'begun' invalid, must be one of 'started', 'success', 'error', or "
         "'workflow_approval'"),
        ({"started": {"title": "a"}},
         "Message type 'title' invalid, must be either 'message' or 'body'"),
        ({"started": {"message": "a\nb"}},
         "Messages cannot contain newlines (found newline in started event)"),
        ({"started": {"message": "{{ job.nothing }}"}}, "Field 'nothing' unavailable"),
        ({"started": {"message": "{{ job.id"}},
         "Unable to render message '{{ job.id': unexpected end of template, expected 'end of print "
         "statement'."),
        ({"workflow_approval": {"asked": {}}},
         "Workflow Approval event 'asked' invalid, must be one of 'running', 'approved', "
         "'timed_out', or 'denied'"),
        ({"error": {"body": "{{ job.__class__.__mro__ }}"}}, None),
        ({"error": {"body": "{% for a in job %}{% for b in job %}.{% endfor %}{% endfor %}"}},
         None),
        ({"error": {"body": "{% set a = job_metadata %}"}}, None),
        ({"error": {"body": "{{ 'a' * 1000000000 }}"}}, None),
        ({"error": {"body": "{{ range(1000000) }}"}}, None),
        ({"error": {"body": "{{ job_metadata.format_map(job) }}"}}, None),
    ],
)  # fmt: skip
def test_messages_are_tried_when_saved(api: Api, messages: Any, words: str | None) -> None:
    refused = api.post(TEMPLATES, {**HOOK, "messages": messages}, 400)["messages"]
    assert len(refused) == 1
    assert words is None or refused == [words]


def test_a_message_that_is_not_named_stays(api: Api, hook: dict[str, Any]) -> None:
    api.patch(hook["url"], {"messages": {"error": {"message": "{{ job.name }} broke"}}})
    told = {"started": {"body": "{% for k, v in job.artifacts.items() %}{{ k }}{% endfor %}"}}
    shown = api.patch(hook["url"], {"messages": told})["messages"]
    assert shown == {
        **told, "success": None, "error": {"message": "{{ job.name }} broke"},
        "workflow_approval": None,
    }  # fmt: skip


def test_a_test_is_written_down_and_keeps_the_template(api: Api, hook: dict[str, Any]) -> None:
    made = api.post(f"{hook['url']}test/", {}, 202)
    assert made["notification"] == made["id"]
    assert (made["status"], made["recipients"]) == ("pending", "https://hook.example.org/")
    url = made["body"]["body"].removeprefix(f"Test Notification {hook['id']} ")
    assert url.startswith("http")
    assert "subject" not in made
    refused = api.delete(hook["url"], 405)
    assert refused == {"error": "Delete not allowed while there are pending notifications"}
    assert api.get(f"{hook['url']}notifications/")["results"][0]["id"] == made["id"]
    recent = api.get(hook["url"])["summary_fields"]["recent_notifications"]
    assert [(r["id"], r["status"]) for r in recent] == [(made["id"], "pending")]


def test_a_copy_has_the_secret(api: Api, hook: dict[str, Any]) -> None:
    from gantry.resources.models import NotificationTemplate

    assert api.get(f"{hook['url']}copy/") == {"can_copy": True}
    made = api.post(f"{hook['url']}copy/", {"name": "again"})
    row = NotificationTemplate.objects.get(pk=made["id"])
    assert row.open_configuration()["password"] == "s3cr3t-value"


def test_who_administers_notifications_does(
    notifier: Api, member: Api, other_admin: Api, hook: dict[str, Any]
) -> None:
    made = notifier.post(TEMPLATES, {**HOOK, "name": "theirs"})
    notifier.patch(made["url"], {"description": "d"})
    notifier.post("/api/v2/organizations/1/notification_templates_error/", {"id": made["id"]}, 403)
    for nobody in (member, other_admin):
        assert nobody.get(TEMPLATES)["count"] == 0
        nobody.get(hook["url"], 403)
        nobody.post(f"{hook['url']}test/", {}, 403)
        nobody.post(TEMPLATES, {**HOOK, "name": "no"}, 403)
    notifier.delete(made["url"])


def test_lists_of_whom_to_tell(api: Api, hook: dict[str, Any]) -> None:
    from tests.api.world import project_with

    project = f"/api/v2/projects/{project_with('a.yml')}/"
    for path in (project, "/api/v2/organizations/1/", "/api/v2/system_job_templates/1/"):
        url = api.get(path)["related"]["notification_templates_error"]
        api.post(url, {"id": hook["id"]}, 204)
        assert [t["id"] for t in api.get(url)["results"]] == [hook["id"]]
        api.post(url, {"id": hook["id"], "disassociate": True}, 204)
        assert api.get(url)["count"] == 0
    own = api.get("/api/v2/organizations/1/")["related"]
    api.post(own["notification_templates_approvals"], {"id": hook["id"]}, 204)
    made = api.post(own["notification_templates"], {**HOOK, "name": "of its own"})
    assert made["organization"] == 1


def test_a_role_on_one_template(api: Api, plain: Api, hook: dict[str, Any]) -> None:
    from gantry.resources.models import User

    api.post(f"{hook['url']}test/", {}, 202)
    api.post(TEMPLATES, {**HOOK, "name": "not theirs"})
    found = api.get("/api/v2/role_definitions/?name=NotificationTemplate Admin")["results"][0]
    plain.get(hook["url"], 403)
    given = {
        "role_definition": found["id"], "user": User.objects.get(username="plain").pk,
        "object_id": hook["id"],
    }  # fmt: skip
    api.post("/api/v2/role_user_assignments/", given)
    plain.patch(hook["url"], {"description": "d"})
    assert plain.get(TEMPLATES)["count"] == 1
    assert plain.get("/api/v2/notifications/")["count"] == 1
    plain.post(TEMPLATES, {**HOOK, "name": "another"}, 403)
