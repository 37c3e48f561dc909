"""Receivers on the pages: a form for each kind, own words, a test, and who is told of what."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Page, expect

from gantry.resources.models import Notification, NotificationTemplate, User
from gantry.resources.notification_kinds import KINDS
from tests.control.test_workflows import workflow
from tests.web import story
from tests.web.conftest import logged_in

VALUES = {"string": "some text", "password": "swordfish", "int": "25", "list": "one\ntwo",
          "object": '{"X-Team": "ops"}', "bool": "on"}  # fmt: skip


def values(kind: str, **more: Any) -> dict[str, Any]:
    fields = {f"config:{n}": VALUES[t["type"]] for n, t in KINDS[kind].fields.items()}
    fields |= {"config:http_method": "PUT"} if kind == "webhook" else {}
    return {"name": kind, "organization": story.organization().pk, **fields, **more}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_kind_has_its_form_and_its_secrets_stay_inside(admin: Client, kind: str) -> None:
    admin.post(f"/notifications/add/{kind}/", values(kind))

    row = NotificationTemplate.objects.get(name=kind)
    opened = row.open_configuration()
    for name, told in KINDS[kind].fields.items():
        wanted = {"string": "some text", "password": "swordfish", "int": 25, "list": ["one", "two"],
                  "object": {"X-Team": "ops"}, "bool": True}[told["type"]]  # fmt: skip
        assert opened[name] == ("PUT" if name == "http_method" else wanted), name
    for address in (f"/notifications/{row.pk}/", f"/notifications/{row.pk}/edit/"):
        assert "swordfish" not in admin.get(address).content.decode()
    kept = {n: "$encrypted$" if v == "swordfish" else v for n, v in values(kind).items()}
    admin.post(f"/notifications/{row.pk}/edit/", {**kept, "name": "renamed"})
    row.refresh_from_db()
    assert (row.name, row.open_configuration()) == ("renamed", opened)


def test_its_own_words_are_kept_taken_back_and_checked(admin: Client) -> None:
    said = {"said:error:message": "Broken: {{ job.name }}", "said:denied:message": "No."}
    wrong = admin.post("/notifications/add/slack/", values("slack", **{"said:error:message": "{{"}))
    assert (wrong.status_code, "{{" in wrong.content.decode()) == (422, True)
    admin.post("/notifications/add/slack/", values("slack", **said))
    row = NotificationTemplate.objects.get()
    assert row.messages["error"]["message"] == "Broken: {{ job.name }}"
    assert row.messages["workflow_approval"]["denied"]["message"] == "No."
    assert "Broken: " in admin.get(f"/notifications/{row.pk}/edit/").content.decode()
    admin.post(f"/notifications/{row.pk}/edit/", values("slack"))
    row.refresh_from_db()
    assert not row.messages["error"]["message"]


def test_errors_stand_beside_the_fields_and_what_was_typed_stays(admin: Client) -> None:
    wrong = admin.post("/notifications/add/email/", values("email", **{"config:port": "many"}))
    assert wrong.status_code == 422
    assert 'value="email"' in wrong.content.decode()
    wrong = admin.post("/notifications/add/webhook/", values("webhook", **{"config:headers": "[1"}))
    assert wrong.status_code == 422
    assert admin.get("/notifications/add/pigeon/").status_code == 404


def test_a_test_is_sent_and_its_fate_is_in_the_history(admin: Client) -> None:
    admin.post("/notifications/add/slack/", values("slack"))
    row = NotificationTemplate.objects.get()
    admin.post(f"/notifications/{row.pk}/test/")
    sent = Notification.objects.get()
    assert sent.notification_template == row
    shown = admin.get(f"/notifications/{row.pk}/").content.decode()
    assert 'data-reload="3"' in shown
    Notification.objects.update(status="failed", error="channel_not_found")
    shown = admin.get(f"/notifications/{row.pk}/").content.decode()
    assert "channel_not_found" in shown
    assert "data-reload" not in shown


def test_it_is_switched_on_for_what_it_shall_tell_of(admin: Client) -> None:
    admin.post("/notifications/add/slack/", values("slack"))
    row = NotificationTemplate.objects.get()
    template, flow = story.template(), workflow("Release")
    for place, occasion in (
        (f"/templates/{template.pk}", "error"), (f"/projects/{template.project_id}", "success"),
        (f"/organizations/{story.organization().pk}", "started"),
        (f"/workflows/{flow.pk}", "approvals"),
    ):  # fmt: skip
        address = f"{place}/notifications/"
        assert 'aria-checked="true"' not in admin.get(address).content.decode()
        admin.post(address, {"tell": f"{occasion}:{row.pk}"})
        assert admin.get(address).content.decode().count('aria-checked="true"') == 1
    shown = admin.get(f"/notifications/{row.pk}/").content.decode()
    for words in ("Configure web servers", "Platform playbooks", "Default", "on approvals"):
        assert words in shown
    admin.post(f"/templates/{template.pk}/notifications/", {"tell": f"error:{row.pk}"})
    assert not template.notification_templates_error.exists()


def test_without_rights_the_buttons_are_absent_and_the_requests_refused(admin: Client) -> None:
    admin.post("/notifications/add/slack/", values("slack"))
    row, template = NotificationTemplate.objects.get(), story.template()
    User.objects.create_user("stranger", password="x")
    auditor = story.member("auditor")
    User.objects.filter(pk=auditor.pk).update(is_system_auditor=True)
    strange, reads = logged_in("stranger"), logged_in("auditor")

    assert strange.get(f"/notifications/{row.pk}/").status_code == 404
    shown = reads.get(f"/notifications/{row.pk}/").content.decode()
    assert "Send a test</button>" not in shown
    assert "/edit/" not in shown
    assert "switch" not in reads.get(f"/templates/{template.pk}/notifications/").content.decode()
    for address in (f"{row.pk}/test", f"{row.pk}/edit", "add/slack"):
        assert reads.post(f"/notifications/{address}/").status_code == 403
    reads.post(f"/templates/{template.pk}/notifications/", {"tell": f"error:{row.pk}"})
    assert not template.notification_templates_error.exists()


def test_in_a_browser_a_receiver_is_made_and_switched_on(page: Page, admin: Any) -> None:
    template = story.template()
    page.goto("/notifications/")
    page.get_by_role("link", name="New receiver").first.click()
    page.get_by_role("link", name="Slack").click()
    page.get_by_label("Name").fill("On call")
    page.get_by_label("Organization").select_option("Default")
    page.get_by_label("Token").fill("xoxb")
    page.get_by_label("Destination Channels").fill("#ops")
    page.get_by_text("Its own words").click()
    page.get_by_role("group", name="A job ends otherwise").get_by_label("Message").fill("Help!")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="On call")).to_be_visible()
    page.goto(f"/templates/{template.pk}/notifications/")
    page.get_by_role("switch", name="On call is told of failure").click()
    expect(page.get_by_role("switch", name="On call is told of failure")).to_be_checked()
