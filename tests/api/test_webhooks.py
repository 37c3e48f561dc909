"""Webhooks at AWX's URLs: who is let in, what is started, what is kept of each delivery."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.api.conftest import Api
from tests.api.workflows import template as make_template
from tests.api.workflows import workflow
from tests.api.world import type_id
from tests.triggers.webhook_senders import delivery, recorded, signed

PUSHES = {
    "github": "github_push", "gitlab": "gitlab_push", "gitea": "gitea_push",
    "bitbucket_dc": "bitbucket_dc_refs_changed",
}  # fmt: skip
FORBIDDEN = {"detail": "You do not have permission to perform this action."}
AGAIN = "Webhook previously received, aborting."


class Hook:
    """A template with a service, and the service."""

    def __init__(self, api: Api, url: str, service: str) -> None:
        self.api, self.url, self.service = api, url, service
        api.patch(url, {"webhook_service": service})
        self.key = api.get(f"{url}webhook_key/")["webhook_key"]

    def send(self, payload: Any = None, key: str = "", event: str = "", guid: str = "",
             **headers: str) -> Any:  # fmt: skip
        payload = recorded(PUSHES[self.service]) if payload is None else payload
        body, own = delivery(self.service, key or self.key, payload, event, guid)
        own |= {name.replace("_", "-"): value for name, value in headers.items()}
        kind = own.pop("Content-Type")
        receiver = self.api.get(self.url)["related"]["webhook_receiver"]
        client = Api(None).client
        return client.post(receiver, body, content_type=kind, headers=own)

    def deliveries(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.api.get(f"{self.url}webhook_deliveries/")["results"]
        return found

    def newest(self) -> tuple[str, str]:
        return self.deliveries()[0]["outcome"], self.deliveries()[0]["reason"]


@pytest.fixture
def hook(api: Api) -> Hook:
    return Hook(api, f"/api/v2/job_templates/{make_template().pk}/", "github")


@pytest.mark.parametrize("service", PUSHES)
def test_a_push_starts_a_job_with_the_payload(api: Api, service: str) -> None:
    hook = Hook(api, f"/api/v2/job_templates/{make_template().pk}/", service)
    answer = hook.send(guid="72d3162e-cc78")
    assert (answer.status_code, answer.json()) == (202, {"message": "Job queued."})
    [seen] = hook.deliveries()
    job = api.get(seen["related"]["job"])
    assert (job["launch_type"], job["webhook_service"], job["status"]) == (
        "webhook", service, "pending",
    )  # fmt: skip
    given = json.loads(job["extra_vars"])
    names = ("event_type", "event_guid", "event_ref", "status_api", "payload")
    assert set(given) == {f"{p}_webhook_{name}" for p in ("awx", "tower") for name in names}
    assert given["awx_webhook_payload"] == recorded(PUSHES[service])
    assert given["awx_webhook_event_guid"] == job["webhook_guid"] == seen["guid"]
    if service != "gitlab":  # which names no delivery: its body does
        assert job["webhook_guid"] == "72d3162e-cc78"
    assert seen["ref"] == given["tower_webhook_event_ref"]
    assert seen["branch"].startswith("refs/heads/")
    # The same again starts nothing, and says so as AWX does.
    answer = hook.send(guid="72d3162e-cc78")
    assert (answer.status_code, answer.json()) == (202, {"message": AGAIN})
    assert hook.newest() == ("repeated", "A job was launched for it before.")
    assert api.get(f"{hook.url}jobs/")["count"] == 1


def test_a_workflow_starts_too_and_a_survey_with_defaults_is_answered(api: Api) -> None:
    made = workflow(api, extra_vars="own: 1")
    spec = {"variable": "size", "type": "text", "question_name": "?", "required": True}
    survey = {"name": "s", "description": "", "spec": [{**spec, "default": "small"}]}
    api.post(f"{made['url']}survey_spec/", survey, 200)
    api.patch(made["url"], {"survey_enabled": True})
    hook = Hook(api, made["url"], "gitea")
    assert hook.send().status_code == 202
    [seen] = hook.deliveries()
    run = api.get(seen["related"]["job"])
    assert (run["type"], run["launch_type"]) == ("workflow_job", "webhook")
    given = json.loads(run["extra_vars"])
    assert (given["own"], given["size"], given["awx_webhook_event_type"]) == (1, "small", "push")
    survey["spec"] = [spec]
    api.post(f"{made['url']}survey_spec/", survey, 200)
    answer = hook.send()
    assert answer.status_code == 400
    assert hook.newest() == ("refused", "variables_needed_to_start: 'size' value missing")


def test_who_has_not_the_key_learns_nothing(api: Api, hook: Hook) -> None:
    receivers = [f"{hook.url}{name}/" for name in ("gitlab", "bitbucket_dc", "gitea")]
    receivers.append("/api/v2/job_templates/99999/github/")
    for url in receivers:
        answer = Api(None).call("post", url, {})
        assert (answer.status_code, answer.json()) == (403, FORBIDDEN)
    answer = hook.send(key="wrong")
    assert (answer.status_code, answer.json()) == (403, FORBIDDEN)
    assert hook.newest() == ("refused", "Its signature or token is not this template's.")
    for _ in range(5):  # at once: no more are written down than one a second
        assert hook.send(key="wrong").status_code == 403
    assert len(hook.deliveries()) == 1
    assert api.get(hook.deliveries()[0]["url"])["payload"] is None
    api.patch(hook.url, {"webhook_service": ""})
    assert api.get(f"{hook.url}webhook_key/") == {"webhook_key": ""}
    assert Api(None).call("post", f"{hook.url}github/", {}).status_code == 403


def test_a_key_is_made_shown_rotated_and_sealed(api: Api, hook: Hook, auditor: Api) -> None:
    from gantry.resources.models import JobTemplate

    assert len(hook.key) == 50
    new = api.post(f"{hook.url}webhook_key/")["webhook_key"]
    assert new != hook.key
    assert hook.send().status_code == 403
    assert hook.send(key=new).status_code == 202
    auditor.get(f"{hook.url}webhook_key/", 403)
    assert new not in JobTemplate.objects.get().webhook_key
    api.patch(hook.url, {"description": "edited"})
    assert api.get(f"{hook.url}webhook_key/")["webhook_key"] == new
    api.patch(hook.url, {"webhook_service": "gitlab"})
    assert api.get(f"{hook.url}webhook_key/")["webhook_key"] not in (new, "")
    assert api.get(hook.url)["related"]["webhook_receiver"] == f"{hook.url}gitlab/"
    changes = api.get(f"{hook.url}activity_stream/?order_by=id")["results"]
    assert ["hidden", "hidden"] in [entry["changes"].get("webhook_key") for entry in changes]
    assert new not in json.dumps(changes)


def test_bad_deliveries_are_refused_with_a_reason(hook: Hook) -> None:
    for body, reason in (
        (b"", "Its body is no JSON text."),
        (b"{", "Its body is no JSON text."),
        (b"[1]", "Its body is no JSON object."),
        (b'{"a": NaN}', "Variables not compatible with JSON standard (error: Out of range float "
         "values are not JSON compliant)"),
        (b'{"a": "\\ud800"}', "Its body is no JSON text."),
        (b'{"a": ' + b"[" * 100_000, "Its body is no JSON text."),
        (b'{"a": ' + b"[" * 500 + b"]" * 500 + b"}",
         "Variables are too large or nested too deeply."),
        (b'{"a": ' + b"9" * 5000 + b"}", "Its body is no JSON text."),
    ):  # fmt: skip
        answer = hook.send(body)
        assert (answer.status_code, answer.json()) == (400, {"detail": reason})
        assert hook.newest() == ("refused", reason)
    assert hook.send(X_GitHub_Delivery="").json()["detail"].startswith("It has no delivery id")
    assert hook.send(X_GitHub_Delivery="x" * 129).status_code == 400
    assert hook.send(X_GitHub_Event="").json() == {"detail": "It has no header X-GitHub-Event."}
    assert hook.send({"a": "\0 {{ 1/0 }}"}, event="a-new-one").status_code == 202


def test_a_large_one_is_refused_before_it_is_read(
    hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.core.handlers.wsgi import WSGIRequest

    def unread(*args: Any) -> bytes:
        raise AssertionError("it was read")

    with monkeypatch.context() as patched:
        patched.setattr(WSGIRequest, "read", unread)
        assert hook.send(b'{"a": "' + b"x" * (20 << 20) + b'"}').status_code == 413
    assert hook.deliveries() == []


def test_a_form_with_the_payload_in_it_is_read(hook: Hook) -> None:
    body = f"payload={quote(json.dumps(recorded('github_push')))}".encode()
    answer = hook.send(body, Content_Type="application/x-www-form-urlencoded")
    assert answer.status_code == 202


def test_pings_and_unknown_events(api: Api, hook: Hook) -> None:
    answer = hook.send(recorded("github_ping"), event="ping")
    assert (answer.status_code, answer.json()) == (200, {"message": "Webhook ignored"})
    assert hook.newest() == ("ignored", "ping asks for nothing.")
    bucket = Hook(api, hook.url, "bitbucket_dc")
    assert bucket.send({"test": True}, key="x", event="diagnostics:ping").status_code == 200
    assert bucket.send(event="pr:merged").json() == {"message": "Webhook ignored"}
    assert bucket.send(event="pr:merged", key="x").status_code == 403
    assert api.get(f"{hook.url}jobs/")["count"] == 0


def test_the_filter_lets_events_and_branches_through(api: Api, hook: Hook) -> None:
    def sends(events: list[str], branches: list[str], name: str, event: str) -> str:
        wanted = {"webhook_events": events, "webhook_branches": branches}
        shown = api.patch(hook.url, {"gantry": wanted})["gantry"]
        assert {name: shown[name] for name in wanted} == wanted
        assert hook.send(recorded(name), event=event).status_code in (200, 202)
        return hook.newest()[0]

    push, asked = ("github_push", "push"), ("github_pull_request", "pull_request")
    assert sends(["push"], ["main"], *push) == "filtered"
    assert hook.newest()[1] == "The template takes the branches main alone."
    assert sends(["push"], ["main", "mas*"], *push) == "launched"
    assert sends(["pull_request:closed"], [], *asked) == "filtered"
    assert hook.newest()[1] == "The template takes the events pull_request:closed alone."
    assert sends(["pull_request:opened"], ["master"], *asked) == "launched"
    assert sends([], ["refs/tags/*"], "github_push_deleted", "push") == "launched"
    assert sends([], ["master"], "github_push", "issues") == "filtered"
    api.put(hook.url, api.get(hook.url) | {"gantry": {"webhook_branches": []}})
    assert api.get(hook.url)["gantry"]["webhook_branches"] == ["master"]  # a PUT is an AWX client's
    copied = api.post(f"{hook.url}copy/", {"name": "copy"})
    assert copied["gantry"]["webhook_branches"] == ["master"]
    assert api.get(f"{copied['url']}webhook_key/")["webhook_key"] not in ("", hook.key)
    for wrong in ("main", [1], [""], ["x" * 201], ["x"] * 51, {"a": 1}, ["a\0"]):
        api.patch(hook.url, {"gantry": {"webhook_events": wrong}}, 400)


def test_a_credential_must_be_the_services_token(api: Api, hook: Hook, org_admin: Api) -> None:
    def credential(kind: str, inputs: dict[str, str]) -> int:
        body = {"name": kind, "organization": 1, "credential_type": type_id(kind), "inputs": inputs}
        made: int = api.post("/api/v2/credentials/", body)["id"]
        return made

    machine, hub, tea = credential("ssh", {}), *(
        credential(f"{name}_token", {"token": "t0k3n"}) for name in ("github", "gitea")
    )  # fmt: skip

    def patched(status: int, **body: Any) -> Any:
        return api.patch(hook.url, body, status)

    field = "webhook_credential"
    assert patched(400, webhook_credential=machine) == {field: ["Must be a Personal Access Token."]}
    other = {field: ["Must match the selected webhook service."]}
    assert patched(400, webhook_credential=tea) == other
    shown = patched(200, webhook_credential=hub)
    assert shown["summary_fields"][field]["credential_type_id"] == type_id("github_token")
    assert shown["related"][field] == f"/api/v2/credentials/{hub}/"
    assert patched(400, webhook_service="") == other
    assert patched(200, webhook_service="gitea", webhook_credential=tea)[field] == tea
    assert patched(400, webhook_service="svn")["webhook_service"] == [
        '"svn" is not a valid choice.'
    ]
    # Whoever may not use it cannot have it sent to a server of their own.
    from gantry.resources.models import Credential

    Credential.objects.filter(pk=hub).update(organization=None)
    org_admin.patch(hook.url, {"webhook_service": "github", field: hub}, 403)


def test_tests_and_redeliveries(api: Api, hook: Hook, plain: Api) -> None:
    answer = api.post(f"{hook.url}webhook_test/", {}, 202)
    assert (answer["outcome"], answer["test"], answer["event"]) == ("launched", True, "push")
    assert answer["branch"] == "refs/heads/main"
    given = json.loads(api.get(answer["related"]["job"])["extra_vars"])
    assert given["awx_webhook_status_api"] is None  # there is no such commit
    api.patch(hook.url, {"gantry": {"webhook_events": ["release"]}})
    assert api.post(f"{hook.url}webhook_test/", {}, 202)["outcome"] == "filtered"
    own = {"event": "release", "payload": {"release": {"tag_name": "v1"}}}
    made = api.post(f"{hook.url}webhook_test/", own, 202)
    assert (made["outcome"], made["ref"], made["branch"]) == ("launched", "v1", "refs/tags/v1")
    again = api.post(made["related"]["redeliver"], {}, 202)
    assert (again["outcome"], again["redelivery_of"]) == ("launched", made["id"])
    assert again["guid"] != made["guid"]
    detail = api.get(again["url"])
    assert detail["payload"] == own["payload"]
    assert "payload" not in hook.deliveries()[0]
    plain.post(f"{hook.url}webhook_test/", {}, 403)
    plain.post(made["related"]["redeliver"], {}, 403)
    plain.get(made["url"], 403)
    api.post(f"{hook.url}webhook_test/", {"payload": [1]}, 400)
    hook.send(key="wrong")
    api.post(hook.deliveries()[0]["related"]["redeliver"], {}, 400)
    api.patch(hook.url, {"webhook_service": ""})
    assert api.post(f"{hook.url}webhook_test/", {}, 400) == {
        "webhook_service": ["The template has no webhook service."]
    }


def test_no_more_deliveries_are_kept_than_told(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    import dataclasses

    from gantry.base import config
    from gantry.triggers import webhooks

    few = dataclasses.replace(config.settings(), webhook_deliveries=3)
    monkeypatch.setattr(webhooks, "settings", lambda: few)
    guids = [f"guid-{number}" for number in range(5)]
    for guid in guids:
        hook.send(guid=guid)
    assert [seen["guid"] for seen in hook.deliveries()] == guids[:1:-1]
    # Its delivery is forgotten, its job is not.
    assert hook.send(guid="guid-0").json() == {"message": AGAIN}


def test_a_secret_is_in_no_record(hook: Hook) -> None:
    body = json.dumps(recorded("github_push")).encode()
    hook.send(body)
    for seen in hook.deliveries():
        shown = json.dumps(hook.api.get(seen["url"]))
        assert hook.key not in shown
        assert signed(hook.key, body) not in shown


def test_old_deliveries_go_with_old_jobs(hook: Hook) -> None:
    from gantry.record.retention import Orders, cleanup_jobs

    hook.send(key="wrong")
    would = "webhook deliveries: 1 would be deleted, 0 would be skipped."
    assert would in list(cleanup_jobs(Orders(days=0, dry_run=True)))
    assert "webhook deliveries: 1 deleted, 0 skipped." in list(cleanup_jobs(Orders(days=0)))
    assert hook.deliveries() == []
