"""Schedules in the API: what is taken and refused in AWX's words, who may, and their lists."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Api, make_user
from tests.api.world import build

RULE = "DTSTART;TZID=America/New_York:20300101T093000 RRULE:FREQ=DAILY;INTERVAL=1"
URL = "/api/v2/schedules/"


@pytest.fixture
def ids(db: str) -> dict[str, int]:
    from gantry.resources.models import JobTemplate

    ids = build()
    # Only what a test lets it ask for.
    JobTemplate.objects.update(survey_enabled=False)
    return ids


def template(ids: dict[str, int], **fields: Any) -> Any:
    from gantry.resources.models import JobTemplate

    row = JobTemplate.objects.get(pk=ids["job_templates"])
    for name, value in fields.items():
        setattr(row, name, value)
    row.save()
    return row


def body(ids: dict[str, int], **more: Any) -> dict[str, Any]:
    return {
        "name": "nightly", "unified_job_template": ids["job_templates"], "rrule": RULE, **more,
    }  # fmt: skip


def test_a_schedule_is_made_shown_changed_and_deleted(api: Api, ids: dict[str, int]) -> None:
    made = api.post(URL, body(ids, rrule=f"{RULE};UNTIL=20300201T093000"))

    assert made["type"] == "schedule"
    assert made["rrule"] == f"{RULE};UNTIL=20300201T143000Z"
    assert made["timezone"] == "America/New_York"
    assert made["until"] == "2030-02-01T09:30:00"
    assert made["dtstart"] == made["next_run"] == "2030-01-01T14:30:00Z"
    assert made["dtend"] == "2030-02-01T14:30:00Z"
    assert made["extra_data"] == {}
    assert made["limit"] is None
    assert made["related"]["unified_jobs"] == f"{URL}{made['id']}/jobs/"
    assert made["related"]["project"] == f"/api/v2/projects/{ids['projects']}/"
    assert made["related"]["inventory"] == f"/api/v2/inventories/{ids['inventories']}/"
    assert made["summary_fields"]["unified_job_template"]["unified_job_type"] == "job"
    assert made["summary_fields"]["inventory"]["total_hosts"] == 1

    one = f"{URL}{made['id']}/"
    assert api.patch(one, {"enabled": False})["next_run"] is None
    assert api.patch(one, {"enabled": True, "rrule": RULE})["dtend"] is None
    api.delete(one)
    api.get(one, 404)


def test_what_is_wrong_is_told_in_awxs_words(api: Api, ids: dict[str, int]) -> None:
    assert api.post(URL, body(ids, rrule="nonsense"), 400)["rrule"][0].startswith("Valid DTSTART")
    assert api.post(URL, {"name": "x", "rrule": RULE}, 400) == {
        "unified_job_template": ["This field is required."]
    }
    api.post(URL, body(ids))
    assert api.post(URL, body(ids), 400) == {
        "__all__": ["Schedule with this Unified job template and Name already exists."]
    }
    from gantry.resources.models import Organization, Project

    manual = Project.objects.create(
        kind="project", name="manual", organization=Organization.objects.get(name="Default")
    )
    assert api.post(URL, body(ids, unified_job_template=manual.pk), 400) == {
        "unified_job_template": ["Manual Project cannot have a schedule set."]
    }
    assert api.post(URL, body(ids, unified_job_template=9999), 400) == {
        "unified_job_template": ['Invalid pk "9999" - object does not exist.']
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"rrule": 7}, {"rrule": None}, {"rrule": []}, {"name": None}, {"name": "x" * 513},
        {"enabled": "perhaps"}, {"extra_data": "- a"}, {"extra_data": [1]}, {"extra_data": 3},
        {"verbosity": 9}, {"forks": -1}, {"forks": 2**40}, {"job_type": "walk"},
        {"inventory": "x"}, {"inventory": 9999}, {"unified_job_template": True},
        {"gantry": {"missed_runs": "maybe"}}, {"limit": {"a": 1}}, {"timeout": "soon"},
        {"rrule": RULE + "\x00"}, {"extra_data": {"a": "\ud800"}},
    ],
    ids=str,
)  # fmt: skip
def test_wrong_values_are_refused(api: Api, ids: dict[str, int], wrong: dict[str, Any]) -> None:
    api.post(URL, body(ids, **wrong), 400)


def test_prompts_are_saved_only_where_the_template_asks(api: Api, ids: dict[str, int]) -> None:
    refused = api.post(
        URL, body(ids, limit="web*", job_tags="a", verbosity=3, extra_data={"x": 1, "y": 2}), 400
    )
    assert refused == {
        "limit": ["Field is not configured to prompt on launch."],
        "job_tags": ["Field is not configured to prompt on launch."],
        "verbosity": ["Field is not configured to prompt on launch."],
        "extra_data": [
            "Variables x, y are not allowed on launch. Check the Prompt on Launch setting on the "
            "Job Template to include Extra Variables."
        ],
    }
    template(ids, ask_limit_on_launch=True, ask_variables_on_launch=True,
             ask_verbosity_on_launch=True, ask_inventory_on_launch=True,
             ask_scm_branch_on_launch=True)  # fmt: skip
    assert api.post(URL, body(ids, scm_branch="other"), 400) == {
        "scm_branch": ["Project does not allow override of branch."]
    }
    made = api.post(
        URL,
        body(ids, limit="web*", verbosity=0, extra_data="x: 1", inventory=ids["inventories"],
             description="d"),
    )  # fmt: skip
    shown = {k: made[k] for k in ("limit", "verbosity", "extra_data", "inventory", "job_tags")}
    assert shown == {
        "limit": "web*", "verbosity": 0, "extra_data": {"x": 1}, "inventory": ids["inventories"],
        "job_tags": None,
    }  # fmt: skip
    again = api.patch(f"{URL}{made['id']}/", {"limit": None})
    assert (again["limit"], again["extra_data"]) == (None, {"x": 1})


def test_a_template_that_cannot_start_alone_is_refused_a_schedule(
    api: Api, ids: dict[str, int]
) -> None:
    row = template(ids, inventory=None)
    assert api.post(URL, body(ids), 400) == {
        "resources_needed_to_start": ["Job Template inventory is missing or undefined."]
    }
    row.credentials.get().set_inputs({"password": "ASK"})
    credential = row.credentials.get()
    credential.set_inputs({"password": "ASK"})
    credential.save()
    assert api.post(URL, body(ids), 400)["passwords_needed_to_start"] == [
        "Saved launch configurations cannot provide passwords needed to start."
    ]


def test_a_schedule_that_is_wrong_now_may_still_be_stopped(api: Api, ids: dict[str, int]) -> None:
    made = api.post(URL, body(ids))
    template(ids, inventory=None)
    one = f"{URL}{made['id']}/"
    assert api.patch(one, {"enabled": False})["enabled"] is False
    api.patch(one, {"extra_data": {"a": 1}}, 400)


def test_answers_of_a_survey_are_checked_and_passwords_kept_sealed(
    api: Api, ids: dict[str, int]
) -> None:
    from gantry.resources.models import ActivityStream, Schedule

    spec = {"name": "s", "description": "", "spec": [
        {"variable": "n", "type": "integer", "question_name": "?", "required": True, "min": 1},
        {"variable": "pw", "type": "password", "question_name": "?", "required": False},
    ]}  # fmt: skip
    template(ids, survey_enabled=True, survey_spec=spec)
    assert api.post(URL, body(ids), 400) == {"variables_needed_to_start": ["'n' value missing"]}
    assert api.post(URL, body(ids, extra_data={"n": 0}), 400) == {
        "variables_needed_to_start": ["'n' value 0 is too small (must be at least 1)."]
    }
    assert api.post(URL, body(ids, extra_data={"n": 1, "pw": "$encrypted$"}), 400) == {
        "extra_data": ["Provided variable pw has no database value to replace with."]
    }

    made = api.post(URL, body(ids, extra_data={"n": 1, "pw": "hush hush"}))
    assert made["extra_data"] == {"n": 1, "pw": "$encrypted$"}
    row = Schedule.objects.get(pk=made["id"])
    assert "hush" not in str(row.extra_data)
    assert row.open_data() == {"n": 1, "pw": "hush hush"}

    one = f"{URL}{made['id']}/"
    api.patch(one, {"extra_data": {"n": 2, "pw": "$encrypted$"}})
    row.refresh_from_db()
    assert row.open_data() == {"n": 2, "pw": "hush hush"}
    api.patch(one, {"extra_data": {"n": 2, "pw": "other"}})
    row.refresh_from_db()
    assert row.open_data() == {"n": 2, "pw": "other"}
    assert not [a for a in ActivityStream.objects.all() if "hush" in str(a.changes)]


def test_what_a_template_of_another_kind_takes(api: Api, ids: dict[str, int]) -> None:
    project = {"unified_job_template": ids["projects"], "name": "p"}
    assert api.post(URL, body(ids, **project, limit="x", extra_data={"a": 1}), 400) == {
        "limit": ["Field is not allowed on launch."],
        "extra_data": ["Field is not allowed on launch."],
    }
    api.post(URL, body(ids, **project))

    system = {"unified_job_template": ids["system_job_templates"], "name": "s"}
    for days in (-1, "x", 1.5, True, None, "1" * 400):
        assert api.post(URL, body(ids, **system, extra_data={"days": days}), 400) == {
            "extra_data": ["days must be a positive integer."]
        }
    assert api.post(URL, body(ids, **system, extra_data={"hours": 3}), 400) == {
        "extra_data": ["Variables hours are not allowed for system jobs."]
    }
    made = api.post(URL, body(ids, **system, extra_data={"days": "30"}))
    assert made["summary_fields"]["unified_job_template"]["job_type"] == "cleanup_jobs"


def test_missed_runs_are_gantrys_own_word(api: Api, ids: dict[str, int]) -> None:
    made = api.post(URL, body(ids, gantry={"missed_runs": "skip"}))
    assert made["gantry"] == {"missed_runs": "skip", "missed": "", "problem": ""}
    one = f"{URL}{made['id']}/"
    assert api.patch(one, {"description": "x"})["gantry"]["missed_runs"] == "skip"
    again = api.patch(one, {"gantry": {"missed_runs": "run_once"}})
    assert again["gantry"]["missed_runs"] == "run_once"


def test_credentials_and_labels_below_a_schedule(api: Api, ids: dict[str, int]) -> None:
    from gantry.resources.models import Credential, Label

    made = api.post(URL, body(ids))
    below = f"{URL}{made['id']}/credentials/"
    other = Credential.objects.create(
        name="other", credential_type=Credential.objects.get(pk=ids["credentials"]).credential_type
    )
    assert api.post(below, {"id": other.pk}, 400) == {
        "msg": "Related template is not configured to accept credentials on launch."
    }
    template(ids, ask_credential_on_launch=True)
    assert api.post(below, {"id": ids["credentials"]}, 400) == {
        "msg": "Related template already uses machine credential."
    }
    api.post(below, {"id": other.pk}, 204)
    third = Credential.objects.create(name="third", credential_type=other.credential_type)
    assert api.post(below, {"id": third.pk}, 400) == {
        "msg": "This launch configuration already provides a Machine credential."
    }
    third.set_inputs({"password": "ASK"})
    third.save()
    assert "requires user input" in api.post(below, {"id": third.pk}, 400)["msg"]
    assert [c["name"] for c in api.get(below)["results"]] == ["other"]
    api.post(below, {"id": other.pk, "disassociate": True}, 204)
    assert api.post(f"{URL}{_of_project(ids)}/credentials/", {"id": other.pk}, 400) == {
        "msg": "Related template cannot accept credentials on launch."
    }

    labels = f"{URL}{made['id']}/labels/"
    api.post(labels, {"name": "night", "organization": 1})
    assert [label["name"] for label in api.get(labels)["results"]] == ["night"]
    api.delete(f"{URL}{made['id']}/")
    assert not Label.objects.filter(name="night").exists()


def _of_project(ids: dict[str, int]) -> int:
    from gantry.resources.models import Schedule, UnifiedJobTemplate

    project = UnifiedJobTemplate.objects.get(pk=ids["projects"])
    return Schedule.objects.create(name="sync", unified_job_template=project, rrule=RULE).pk


def test_the_schedules_of_a_template(api: Api, ids: dict[str, int]) -> None:
    below = f"/api/v2/job_templates/{ids['job_templates']}/"
    made = api.post(f"{below}schedules/", {"name": "daily", "rrule": RULE})
    assert made["unified_job_template"] == ids["job_templates"]
    names = [row["name"] for row in api.get(f"{below}schedules/")["results"]]
    assert names == ["daily", "schedule"]  # by when they run, the last one first
    shown = api.get(below)
    assert shown["next_job_run"] == "2030-01-01T00:00:00Z"
    assert shown["related"]["next_schedule"] == f"{URL}{ids['schedules']}/"
    for plural in ("projects", "system_job_templates"):
        api.post(f"/api/v2/{plural}/{ids[plural]}/schedules/", {"name": "x", "rrule": RULE})
    listed = api.get(f"{URL}?unified_job_template__name=template&order_by=name")
    assert [row["name"] for row in listed["results"]] == ["daily", "schedule"]


def test_the_jobs_of_a_schedule(api: Api, ids: dict[str, int]) -> None:
    from gantry.resources.models import UnifiedJob

    UnifiedJob.objects.filter(pk=ids["jobs"]).update(
        schedule=ids["schedules"], launch_type="scheduled"
    )
    rows = api.get(f"{URL}{ids['schedules']}/jobs/")["results"]
    assert [row["type"] for row in rows] == ["job", "system_job"]
    job = api.get(f"/api/v2/jobs/{ids['jobs']}/")
    assert job["launched_by"] == {
        "id": ids["schedules"], "name": "schedule", "type": "schedule",
        "url": f"{URL}{ids['schedules']}/",
    }  # fmt: skip
    assert job["related"]["schedule"] == f"{URL}{ids['schedules']}/"
    assert job["summary_fields"]["schedule"]["next_run"] == "2030-01-01T00:00:00Z"


def test_a_preview_of_ten_runs(api: Api, plain: Api, db: str) -> None:
    for asker in (api, plain):
        found = asker.post(f"{URL}preview/", {"rrule": RULE}, 200)
        assert len(found["local"]) == len(found["utc"]) == 10
        assert found["local"][0] == "2030-01-01T09:30:00-05:00"
        assert found["utc"][0] == "2030-01-01T14:30:00Z"
    assert api.post(f"{URL}preview/", {"rrule": "nonsense"}, 400)["rrule"]
    assert api.post(f"{URL}preview/", {}, 400) == {"rrule": ["This field is required."]}
    never = "DTSTART:19700101T000000Z RRULE:FREQ=MINUTELY;INTERVAL=1;BYMONTH=2;BYMONTHDAY=30"
    assert api.post(f"{URL}preview/", {"rrule": never}, 200) == {"local": [], "utc": []}


def test_the_names_of_time_zones(plain: Api) -> None:
    found = plain.get(f"{URL}zoneinfo/")
    assert {"UTC", "Europe/Berlin"} <= set(found["zones"])
    assert found["links"]["US/Eastern"] == "America/New_York"


def test_who_may_see_make_and_change_schedules(
    api: Api, org_admin: Api, plain: Api, other_admin: Api, ids: dict[str, int]
) -> None:
    from gantry.resources.models import JobTemplate, User
    from gantry.resources.roles import role_on

    row = JobTemplate.objects.get(pk=ids["job_templates"])
    for name, role in (
        ("reader", "read_role"),
        ("runner", "execute_role"),
        ("chief", "admin_role"),
    ):
        role_on(row, role).members.add(make_user(name))
    reader, runner, chief = (Api(name, "pw") for name in ("reader", "runner", "chief"))
    one = f"{URL}{ids['schedules']}/"
    for asker in (plain, other_admin):
        asker.get(one, 403)
        assert asker.get(URL)["count"] == 0
        asker.post(URL, body(ids), 403)
    reader.get(one)
    reader.post(URL, body(ids), 403)
    reader.patch(one, {"enabled": False}, 403)

    own = runner.post(URL, body(ids, name="own"))
    assert own["summary_fields"]["user_capabilities"] == {"edit": True, "delete": True}
    assert runner.get(one)["summary_fields"]["user_capabilities"] == {
        "edit": False, "delete": False,
    }  # fmt: skip
    runner.patch(f"{URL}{own['id']}/", {"description": "mine"})
    runner.patch(one, {"description": "not mine"}, 403)
    for asker in (chief, org_admin):
        asker.patch(one, {"description": "by right"})
    # A template that they do not administer is none that they may give it.
    chief.patch(f"{URL}{own['id']}/", {"unified_job_template": ids["projects"]}, 403)
    role_on(row, "execute_role").members.remove(User.objects.get(username="runner"))
    runner.patch(f"{URL}{own['id']}/", {"description": "no more"}, 403)
    chief.delete(f"{URL}{own['id']}/")


def test_what_a_schedule_brings_along_must_be_its_persons_to_use(
    ids: dict[str, int], db: str
) -> None:
    from gantry.resources.models import Credential, Inventory, JobTemplate, Organization
    from gantry.resources.roles import role_on

    row = template(ids, ask_inventory_on_launch=True, ask_credential_on_launch=True)
    role_on(JobTemplate.objects.get(pk=row.pk), "execute_role").members.add(make_user("runner"))
    runner = Api("runner", "pw")
    other = Inventory.objects.create(
        name="other", organization=Organization.objects.get(name="Default")
    )
    runner.post(URL, body(ids, inventory=other.pk), 403)
    made = runner.post(URL, body(ids))
    kind = Credential.objects.get(pk=ids["credentials"]).credential_type
    secret = Credential.objects.create(name="secret", credential_type=kind)
    runner.post(f"{URL}{made['id']}/credentials/", {"id": secret.pk}, 403)


def test_a_job_becomes_a_schedule(api: Api, plain: Api, ids: dict[str, int]) -> None:
    from gantry.path.launch import launch_job
    from gantry.resources.models import Label, User

    asked = {"variable": "pw", "type": "password", "question_name": "?", "required": True}
    spec = {"name": "s", "description": "", "spec": [asked]}
    row = template(ids, ask_limit_on_launch=True, ask_labels_on_launch=True, survey_enabled=True,
                   survey_spec=spec)  # fmt: skip
    label = Label.objects.create(name="extra", organization=row.organization)
    prompts = {"limit": "web*", "extra_vars": {"pw": "hush"}, "labels": [label.pk]}
    user = User.objects.get(username="admin")
    job = launch_job(row, user=user, prompts=prompts).job
    url = f"/api/v2/jobs/{job.pk}/create_schedule/"

    seen = api.get(url)
    assert seen["can_schedule"] is True
    assert seen["prompts"]["limit"] == "web*"
    assert seen["prompts"]["extra_vars"] == {"pw": "$encrypted$"}
    plain.post(url, {}, 403)
    made = api.post(url)
    assert made["name"] == f"Auto-generated schedule from job {job.pk}"
    assert (made["enabled"], made["limit"]) == (False, "web*")
    assert made["extra_data"] == {"pw": "$encrypted$"}
    assert [r["name"] for r in api.get(f"{URL}{made['id']}/labels/")["results"]] == ["extra"]
    assert api.post(url)["name"].endswith(" - number 1")

    from gantry.resources.models import Schedule

    assert Schedule.objects.get(pk=made["id"]).open_data() == {"pw": "hush"}
    row.inventory.delete()
    assert api.get(url)["can_schedule"] is False
    assert api.post(url, status=400) == {
        "error": "Cannot create schedule because a related resource is missing."
    }


def test_a_page_of_schedules_costs_a_fixed_number_of_queries(api: Api, ids: dict[str, int]) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from gantry.resources.models import Schedule, UnifiedJobTemplate

    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            api.get(URL)
        return len(found)

    queries()
    before = queries()
    rows = UnifiedJobTemplate.objects.all()
    for number in range(12):
        Schedule.objects.create(
            name=f"more {number}", rrule=RULE, unified_job_template=rows[number % 4]
        )
    assert queries() == before
