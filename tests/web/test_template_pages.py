"""A template's own pages: its survey's editor, its webhook, and the launch that only tells."""

from __future__ import annotations

from typing import Any

from django.test import Client
from playwright.sync_api import Page, expect

from gantry.resources.models import (
    Credential,
    CredentialType,
    Job,
    ProjectUpdate,
    User,
    WebhookDelivery,
)
from tests.api.workflows import template as launchable
from tests.control.test_workflows import workflow
from tests.web import story
from tests.web.conftest import logged_in

QUESTIONS = [
    ("text", {"default": "blue", "min": "2", "max": "9"}),
    ("textarea", {"default": "a\r\nb"}),
    ("password", {"default": "swordfish"}),
    ("multiplechoice", {"choices": "red\r\nblue", "default": "red"}),
    ("multiselect", {"choices": "red\r\nblue", "default": "red\r\nblue"}),
    ("integer", {"default": "3", "max": "5"}),
    ("float", {"default": "2.5"}),
]


def survey(**first: Any) -> dict[str, Any]:
    typed: dict[str, Any] = {}
    for n, (kind, more) in enumerate(QUESTIONS):
        values = {"question_name": f"Which {kind}?", "variable": f"v_{kind}", "type": kind,
                  "required": "on", **more, **(first if n == 0 else {})}  # fmt: skip
        typed |= {f"q{n}-{name}": value for name, value in values.items()}
    return typed


def test_a_survey_of_all_kinds_is_saved_and_asked(admin: Client) -> None:
    template = launchable("Deploy")
    address = f"/templates/{template.pk}/survey/"

    admin.post(address, survey())

    template.refresh_from_db()
    kept = {q["type"]: q for q in template.survey_spec["spec"]}
    assert template.survey_enabled
    assert (kept["text"]["min"], kept["integer"]["default"], kept["float"]["default"]) == (
        2,
        3,
        2.5,
    )
    assert kept["multiselect"]["default"] == "red\nblue"
    assert kept["password"]["default"] != "swordfish"
    assert "swordfish" not in admin.get(address).content.decode()
    admin.post(address, survey() | {"q2-default": "$encrypted$"})
    launched = admin.post(f"/templates/{template.pk}/launch/").content.decode()
    for kind, _ in QUESTIONS:
        assert f"Which {kind}?" in launched
    admin.post(address, {"do": "switch"})
    template.refresh_from_db()
    assert not template.survey_enabled


def test_questions_are_added_moved_and_removed_before_they_are_saved(admin: Client) -> None:
    template = story.template()
    address = f"/templates/{template.pk}/survey/"

    shown = admin.post(address, survey() | {"do": "down:0"}).content.decode()
    assert shown.index("v_textarea") < shown.index("v_text&quot;" if "v_text&quot;" in shown else
                                                   'value="v_text"')  # fmt: skip
    shown = admin.post(address, survey() | {"do": "remove:0"}).content.decode()
    assert 'value="v_text"' not in shown
    shown = admin.post(address, survey() | {"do": "add"}).content.decode()
    assert f'name="q{len(QUESTIONS)}-variable"' in shown
    template.refresh_from_db()
    assert template.survey_spec == {}


def test_what_is_wrong_with_a_survey_is_told_and_what_was_typed_stays(admin: Client) -> None:
    template = story.template()
    address = f"/templates/{template.pk}/survey/"
    for first, words in (
        ({"variable": ""}, "This field is required"),
        ({"variable": "v_float"}, "duplicated"),
        ({"type": "integer", "default": "many"}, "no number of that kind"),
        ({"type": "multiplechoice"}, "Among what may one choose?"),
    ):
        answer = admin.post(address, survey(**first))
        assert answer.status_code == 422, first
        assert words in answer.content.decode(), first
        assert 'value="v_password"' in answer.content.decode()


def test_a_dry_run_tells_the_very_command_and_starts_nothing(admin: Client) -> None:
    machine = Credential.objects.create(
        name="Deploy", credential_type=CredentialType.objects.get(name="Machine")
    )
    machine.set_inputs({"username": "deploy", "password": "swordfish"})
    machine.save()
    template = story.template(
        ask_limit_on_launch=True, extra_vars="port: 8443", become_enabled=True
    )
    template.credentials.add(machine)
    address = f"/templates/{template.pk}/launch/"

    shown = admin.post(address, {"dry": "yes"}).content.decode()
    assert "ansible-playbook -u deploy --become -i /runner/inventory/hosts" in shown
    shown = admin.post(address, {"launch": "yes", "dry": "yes", "limit": "web1*"}).content.decode()
    assert "-l &#x27;web1*&#x27;" in shown
    assert "8443" in shown
    assert "swordfish" not in shown
    assert not Job.objects.exists()
    assert not ProjectUpdate.objects.exists()
    template.refresh_from_db()
    assert template.current_job is None
    admin.post(address, {"launch": "yes", "limit": "web1*"})
    assert Job.objects.get().limit == "web1*"


def test_a_dry_run_says_why_a_launch_would_be_refused(admin: Client) -> None:
    template = story.template()
    type(template).objects.update(inventory=None)

    shown = admin.post(f"/templates/{template.pk}/launch/", {"dry": "yes"}).content.decode()

    assert "inventory is missing" in shown


def test_a_webhook_is_set_up_tested_and_its_deliveries_are_told(admin: Client) -> None:
    for base, row in (("templates", launchable("Deploy")), ("workflows", workflow("Release"))):
        address = f"/{base}/{row.pk}/webhook/"
        assert "It takes no webhook" in admin.get(address).content.decode()
        admin.post(address, {"webhook_service": "github", "events": "push", "branches": "main"})
        row.refresh_from_db()
        assert (row.webhook_service, row.webhook_events) == ("github", ["push"])
        key = row.open_webhook_key()
        shown = admin.get(address).content.decode()
        assert key in shown
        assert f"/{row.pk}/github/" in shown
        admin.post(address, {"do": "test"})
        delivery = WebhookDelivery.objects.filter(unified_job_template=row.pk).get()
        assert delivery.get_outcome_display() in admin.get(address).content.decode()
        admin.post(address, {"do": f"again:{delivery.pk}"})
        assert WebhookDelivery.objects.filter(unified_job_template=row.pk).count() == 2
        admin.post(address, {"do": "key"})
        row.refresh_from_db()
        assert row.open_webhook_key() != key
        wrong = admin.post(address, {"webhook_service": "github", "branches": "x" * 300})
        assert wrong.status_code == 422


def test_without_rights_the_buttons_are_absent_and_the_requests_refused(admin: Client) -> None:
    template = launchable("Deploy")
    admin.post(f"/templates/{template.pk}/webhook/", {"webhook_service": "github"})
    template.refresh_from_db()
    User.objects.create_user("stranger", password="x")
    auditor = story.member("auditor")
    User.objects.filter(pk=auditor.pk).update(is_system_auditor=True)
    strange, reads = logged_in("stranger"), logged_in("auditor")

    for part in ("survey", "webhook", "notifications"):
        assert strange.get(f"/templates/{template.pk}/{part}/").status_code == 404
    shown = reads.get(f"/templates/{template.pk}/webhook/").content.decode()
    assert template.open_webhook_key() not in shown
    assert "Send a test" not in shown
    assert "Save the survey" not in reads.get(f"/templates/{template.pk}/survey/").content.decode()
    assert reads.post(f"/templates/{template.pk}/survey/", survey()).status_code == 403
    assert reads.post(f"/templates/{template.pk}/launch/", {"dry": "yes"}).status_code == 403
    for what in ({"webhook_service": ""}, {"do": "key"}, {"do": "test"}):
        assert reads.post(f"/templates/{template.pk}/webhook/", what).status_code == 403


def test_in_a_browser_a_survey_is_written_and_tried_without_launching(
    page: Page, admin: Any
) -> None:
    template = launchable("Deploy")
    page.goto(f"/templates/{template.pk}/survey/")
    page.get_by_role("button", name="Add a question").click()
    page.get_by_role("textbox", name="Question").fill("Which colour?")
    page.get_by_label("Variable").fill("colour")
    expect(page.get_by_label("Choices")).to_be_hidden()
    page.get_by_role("combobox", name="Answer").select_option("multiplechoice")
    page.get_by_label("Choices").fill("red\nblue")
    page.get_by_role("button", name="Save the survey").click()
    expect(page.get_by_text("The survey is saved.")).to_be_visible()
    page.goto(f"/templates/{template.pk}/launch/")
    page.get_by_label("Which colour?").select_option("blue")
    page.get_by_role("button", name="Dry run").click()
    expect(page.locator("#dry-command")).to_contain_text("ansible-playbook")
    expect(page.get_by_label("Which colour?")).to_have_value("blue")
    assert not Job.objects.exists()
