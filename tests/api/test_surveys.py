"""Surveys: what may be asked, what is a right answer, and that only the job sees passwords."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gantry.path.arguments import extra_vars_file
from gantry.resources.models import Job, JobTemplate
from tests.api.conftest import Api
from tests.api.world import project_with

SECRET = "s3cr3t-answer"


def question(variable: str, kind: str = "text", **more: Any) -> dict[str, Any]:
    asked = {"question_name": f"{variable}?", "variable": variable, "type": kind, "required": False}
    return asked | more


def survey(*spec: Any, **more: Any) -> dict[str, Any]:
    return {"name": "s", "description": "about", "spec": list(spec)} | more


@pytest.fixture
def template(api: Api, inventory: dict[str, Any]) -> str:
    body = {"name": "t", "project": project_with("site.yml"), "inventory": inventory["id"],
            "playbook": "site.yml", "survey_enabled": True, "extra_vars": "own: 1"}  # fmt: skip
    url: str = api.post("/api/v2/job_templates/", body)["url"]
    return url


def ask(api: Api, template: str, *spec: Any) -> None:
    api.post(f"{template}survey_spec/", survey(*spec), status=200)


def launched(api: Api, template: str, **answers: Any) -> dict[str, Any]:
    """The variables of the job as everybody sees them."""
    job = api.post(f"{template}launch/", {"extra_vars": answers})
    return dict(json.loads(job["extra_vars"]))


def test_a_survey_is_shown_as_it_was_given_and_deleted(api: Api, template: str) -> None:
    assert api.get(f"{template}survey_spec/") == {}
    given = survey(question("a", default="x"), question("b", "integer", min=1, max=9, default=3))

    api.post(f"{template}survey_spec/", given, status=200)

    assert api.get(f"{template}survey_spec/") == given
    shown = api.get(template)
    assert shown["summary_fields"]["survey"] == {"title": "s", "description": "about"}
    assert shown["related"]["survey_spec"] == f"{template}survey_spec/"
    api.delete(f"{template}survey_spec/", status=200)
    assert api.get(f"{template}survey_spec/") == {}
    assert "survey" not in api.get(template)["summary_fields"]


WRONG = [
    ({}, "Field 'spec' is missing from survey spec."),
    ({"name": 1, "description": "", "spec": [1]},
     "Expected string for field 'name', received int type."),
    ({"name": "", "description": "", "spec": {}},
     "Expected list of items for field 'spec', received dict type."),
    (survey(), "'spec' doesn't contain any items."),
    (survey(3), "Survey question 0 is not a json object."),
    (survey({"type": "text"}), "'question_name' missing from survey question 0"),
    (survey(question("a", required=1)),
     "'required' in survey question 0 expected to be boolean."),
    (survey(question("a"), question("a")), "'variable' 'a' duplicated in survey question 1."),
    (survey(question("a", "date")),
     "'date' in survey question 0 is not one of 'text, textarea, password, multiplechoice, "
     "multiselect, integer, float' allowed question types."),
    (survey(question("a", "integer", default="x")),
     "Default value x in survey question 0 expected to be integer."),
    (survey(question("a", default=3)),
     "Default value 3 in survey question 0 expected to be string."),
    (survey(question("a", min="1")),
     "The min limit in survey question 0 expected to be integer."),
    (survey(question("a", "multiselect")),
     "Survey question 0 of type multiselect must specify choices."),
    (survey(question("a", "multiplechoice", choices="x\ny", default="x\ny")),
     "Multiple Choice (Single Select) can only have one default value."),
    (survey(question("a", "multiselect", choices=["x"], default="z")),
     "Default choice must be answered from the choices listed."),
    (survey(question("a", default="$encrypted$")),
     "$encrypted$ is a reserved keyword for password question defaults, survey question 0 is type "
     "text."),
    (survey(question("a", "password", default="$encrypted$")),
     "$encrypted$ is a reserved keyword, may not be used for new default in position 0."),
]  # fmt: skip


@pytest.mark.parametrize(("given", "told"), WRONG)
def test_what_may_not_be_asked(api: Api, template: str, given: dict[str, Any], told: str) -> None:
    assert api.post(f"{template}survey_spec/", given, status=400) == {"error": told}
    assert api.get(f"{template}survey_spec/") == {}


QUESTIONS = [
    question("word", required=True, min=2, max=4), question("n", "integer", min=1, max=9),
    question("f", "float", min=1, max=2), question("one", "multiplechoice", choices="x\n\ny"),
    question("some", "multiselect", choices=["x", "y"]), question("p", "password", min=3),
]  # fmt: skip


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ({}, "'word' value missing"),
        ({"word": 1}, "Value 1 for 'word' expected to be a string."),
        ({"word": "a"}, "'word' value a is too small (length is 1 must be at least 2)."),
        ({"n": 99}, "'n' value 99 is too large (must be no more than 9)."),
        ({"n": 0}, "'n' value 0 is too small (must be at least 1)."),
        ({"n": "1"}, "Value 1 for 'n' expected to be an integer."),
        ({"n": True}, "Value True for 'n' expected to be an integer."),
        ({"f": "x"}, "Value x for 'f' expected to be a numeric type."),
        ({"f": 2.5}, "'f' value 2.5 is too large (must be no more than 2)."),
        ({"one": "z"}, "Value z for 'one' expected to be one of ['x', 'y']."),
        ({"some": "x"}, "'some' value is expected to be a list."),
        ({"some": ["x", "z"]}, "Value z for 'some' expected to be one of ['x', 'y']."),
        # AWX shows the password here.
        ({"p": "ab"}, "'p' value $encrypted$ is too small (length is 2 must be at least 3)."),
    ],
)
def test_wrong_answers(api: Api, template: str, answers: dict[str, Any], told: str) -> None:
    ask(api, template, *QUESTIONS)
    given = {"word": "good", **answers} if answers else {}

    refused = api.post(f"{template}launch/", {"extra_vars": given}, status=400)

    assert refused == {"variables_needed_to_start": [told]}
    assert not Job.objects.exists()


def test_right_answers_go_over_defaults_and_these_over_the_templates_own(
    api: Api, template: str
) -> None:
    ask(
        api, template, question("own", "integer", default=2), question("a", default="x"),
        question("b", default="x"), question("short", default="", min=1), *QUESTIONS[1:5],
    )  # fmt: skip

    got = launched(api, template, a="y", n=3, f=1, one="y", some=["x", "y"])

    assert got == {"own": 2, "a": "y", "b": "x", "n": 3, "f": 1, "one": "y", "some": ["x", "y"]}


def test_what_the_survey_does_not_ask_for_is_ignored(api: Api, template: str) -> None:
    ask(api, template, question("a"))

    job = api.post(f"{template}launch/", {"extra_vars": {"a": "x", "z": 1, "own": 1}})

    assert job["ignored_fields"] == {"extra_vars": {"z": 1}}
    assert json.loads(job["extra_vars"]) == {"own": 1, "a": "x"}


def test_a_survey_that_is_switched_off_asks_nothing(api: Api, template: str) -> None:
    ask(api, template, question("a", required=True))
    api.patch(template, {"survey_enabled": False})

    assert api.get(f"{template}launch/")["variables_needed_to_start"] == []
    api.post(f"{template}launch/")


def test_a_launch_tells_what_it_needs(api: Api, template: str) -> None:
    assert api.get(f"{template}launch/")["survey_enabled"] is False
    ask(api, template, question("a", required=True), question("b"))

    preview = api.get(f"{template}launch/")

    assert preview["survey_enabled"] is True
    assert preview["variables_needed_to_start"] == ["a"]
    assert preview["can_start_without_user_input"] is False


def test_a_password_is_seen_by_the_job_only(api: Api, template: str) -> None:
    ask(api, template, question("p", "password"))

    assert launched(api, template, p=SECRET) == {"own": 1, "p": "$encrypted$"}

    job = Job.objects.get()
    assert SECRET not in job.extra_vars
    assert SECRET in extra_vars_file(job, {}, "never")
    assert SECRET not in json.dumps(api.get(f"/api/v2/jobs/{job.pk}/"))


def test_a_relaunched_job_has_the_same_password(api: Api, template: str) -> None:
    ask(api, template, question("p", "password"))
    launched(api, template, p=SECRET)
    first = Job.objects.get()

    again = api.post(f"/api/v2/jobs/{first.pk}/relaunch/")

    assert json.loads(again["extra_vars"])["p"] == "$encrypted$"
    assert SECRET in extra_vars_file(Job.objects.get(pk=again["id"]), {}, "never")


def test_a_passwords_default_is_kept_sealed_and_goes_back_and_forth(
    api: Api, template: str
) -> None:
    ask(api, template, question("p", "password", default=SECRET))
    shown = api.get(f"{template}survey_spec/")
    assert shown["spec"][0]["default"] == "$encrypted$"

    api.post(f"{template}survey_spec/", shown, status=200)

    assert SECRET not in json.dumps(JobTemplate.objects.get().survey_spec)
    for answers in ({}, {"p": "$encrypted$"}):
        assert launched(api, template, **answers)["p"] == "$encrypted$"
        assert SECRET in extra_vars_file(Job.objects.latest("pk"), {}, "never")


def test_a_required_password_without_default_must_be_given(api: Api, template: str) -> None:
    ask(api, template, question("p", "password", required=True))

    refused = api.post(f"{template}launch/", {"extra_vars": {"p": "$encrypted$"}}, status=400)

    assert refused == {"variables_needed_to_start": ["'p' value missing"]}


@pytest.mark.parametrize("path", ["job_templates/?survey_spec__contains=x",
                                  "jobs/?survey_passwords__contains=x"])  # fmt: skip
def test_nobody_searches_in_them(api: Api, template: str, path: str) -> None:
    assert api.call("get", f"/api/v2/{path}").status_code == 403


def test_only_who_may_change_the_template_sets_its_survey(
    api: Api, template: str, auditor: Api, other_admin: Api, org_admin: Api
) -> None:
    given = survey(question("a"))

    assert auditor.call("post", f"{template}survey_spec/", given).status_code == 403
    assert auditor.call("delete", f"{template}survey_spec/").status_code == 403
    assert other_admin.call("get", f"{template}survey_spec/").status_code == 403
    org_admin.post(f"{template}survey_spec/", given, status=200)
    assert auditor.get(f"{template}survey_spec/") == given
