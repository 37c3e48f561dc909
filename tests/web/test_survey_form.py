"""The launch form asks a survey's questions, and the answers are the job's variables."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

from gantry.resources.jobs import Job
from gantry.resources.labels import Label
from gantry.resources.surveys import open_answers, set_survey
from tests.web import story


def question(variable: str, kind: str = "text", **more: Any) -> dict[str, Any]:
    return {
        "question_name": f"Which {variable}?", "variable": variable, "type": kind,
        "required": False, **more,
    }  # fmt: skip


def asking(*spec: dict[str, Any], **more: Any) -> Any:
    template = story.template(survey_enabled=True, **more)
    refused = set_survey(template, {"name": "", "description": "", "spec": list(spec)})
    assert refused == ""
    template.save()
    return template


def launch(admin: Client, template: Any, **typed: Any) -> Any:
    named = {f"survey:{name}": value for name, value in typed.items()}
    return admin.post(f"/templates/{template.pk}/launch/", {"launch": "yes", **named})


def variables() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Job.objects.latest("pk").extra_vars)
    return found


def test_every_kind_of_question_becomes_a_variable_of_its_type(admin: Client) -> None:
    template = asking(
        question("release", required=True), question("notes", "textarea"),
        question("count", "integer", min=1, max=9), question("share", "float"),
        question("region", "multiplechoice", choices="north\nsouth"),
        question("roles", "multiselect", choices=["web", "db", "cache"]),
    )  # fmt: skip
    launch(
        admin, template, release="24.6", notes="one\r\ntwo", count="3", share="0.5",
        region="south", roles=["web", "cache"],
    )  # fmt: skip
    assert variables() == {
        "release": "24.6", "notes": "one\ntwo", "count": 3, "share": 0.5, "region": "south",
        "roles": ["web", "cache"],
    }  # fmt: skip


def test_defaults_are_filled_in_and_a_question_left_open_is_no_variable(admin: Client) -> None:
    template = asking(
        question("release", default="24.6", question_description="The tag of the image"),
        question("count", "integer"), question("region", "multiplechoice", choices="north\nsouth"),
    )  # fmt: skip
    form = admin.post(f"/templates/{template.pk}/launch/").content.decode()
    assert "Which release?" in form
    assert "The tag of the image" in form
    assert 'value="24.6"' in form

    launch(admin, template, release="24.6", count="", region="")
    assert variables() == {"release": "24.6"}


def test_a_wrong_answer_stands_beside_its_question_in_the_apis_words(admin: Client) -> None:
    template = asking(
        question("count", "integer", min=1, max=9), question("release", required=True, min=3)
    )
    answer = launch(admin, template, count="12", release="24")
    shown = answer.content.decode()
    assert answer.status_code == 422
    assert "&#x27;count&#x27; value 12 is too large (must be no more than 9)." in shown
    assert "&#x27;release&#x27; value 24 is too small (length is 2 must be at least 3)." in shown
    assert 'value="12"' in shown
    assert not Job.objects.exists()


def test_a_password_is_never_in_the_page_and_left_empty_its_default_counts(admin: Client) -> None:
    template = asking(
        question("token", "password", default="from the survey", required=True),
        question("pin", "password", required=True),
    )
    assert "from the survey" not in admin.post(f"/templates/{template.pk}/launch/").content.decode()
    assert launch(admin, template, token="", pin="").status_code == 422

    launch(admin, template, token="", pin="4711")
    job = Job.objects.latest("pk")
    assert open_answers(job) == {"token": "from the survey", "pin": "4711"}
    assert "4711" not in job.extra_vars


def test_answers_go_over_what_was_typed_as_variables(admin: Client) -> None:
    template = asking(question("release"), ask_variables_on_launch=True)
    named = {"launch": "yes", "extra_vars": "port: 8443\nrelease: old", "survey:release": "new"}
    admin.post(f"/templates/{template.pk}/launch/", named)
    assert variables() == {"port": 8443, "release": "new"}


def test_labels_are_asked_for_and_come_to_the_templates(admin: Client) -> None:
    template = asking(question("release"), ask_labels_on_launch=True)
    ours, other = (
        Label.objects.create(name=n, organization=story.organization()) for n in ("night", "day")
    )
    template.labels.add(ours)
    admin.post(f"/templates/{template.pk}/launch/", {"launch": "yes", "labels": [other.pk]})
    assert set(Job.objects.latest("pk").labels.all()) == {ours, other}


def test_a_person_fills_it_in_in_the_browser(page: Any) -> None:
    template = asking(
        question("release", required=True),
        question("region", "multiplechoice", choices="north\nsouth", required=True),
        question("roles", "multiselect", choices="web\ndb"),
    )
    page.goto(f"/templates/{template.pk}/")
    page.get_by_role("button", name="Launch").first.click()
    page.get_by_label("Which release?").fill("24.6")
    page.get_by_label("Which region?").select_option("south")
    page.get_by_role("group", name="Which roles?").get_by_label("db").check()
    page.get_by_role("button", name="Launch").click()
    page.wait_for_url("**/jobs/*/")
    assert variables() == {"release": "24.6", "region": "south", "roles": ["db"]}
