"""Jobs: events, output, host results, deletion; and that lists do not cost more as they grow."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.api.conftest import Api
from tests.api.world import build

V2 = "/api/v2"


@pytest.fixture
def job(api: Api) -> dict[str, Any]:
    shown: dict[str, Any] = api.get(f"{V2}/jobs/{build()['jobs']}/")
    return shown


def add_event(job: int, counter: int, event: str, **fields: Any) -> None:
    from gantry.resources.events import event_id
    from gantry.resources.models import Job, JobEvent, UnifiedJob

    UnifiedJob.objects.filter(pk=job).update(emitted_events=counter)
    given = {
        "uuid": f"u{counter}", "created": datetime.now(UTC),
        "start_line": counter - 1, "end_line": counter,
    }  # fmt: skip
    JobEvent.objects.create(
        id=event_id(job, counter), job_id=job, job_created=Job.objects.get(pk=job).created,
        counter=counter, event=event, **given | fields,
    )  # fmt: skip


def test_long_output_of_an_event_is_cut_unless_asked(api: Api, job: dict[str, Any]) -> None:
    add_event(job["id"], 3, "runner_on_ok", stdout="\x1b[0;31m" + "x" * 5000)
    add_event(job["id"], 4, "playbook_on_stats", stdout="y" * 5000)
    url = job["related"]["job_events"]
    third, fourth = api.get(url)["results"][2:]
    assert third["stdout"].endswith("…\x1b[0m")
    assert len(third["stdout"]) == 1024 + 4
    assert len(fourth["stdout"]) == 5000
    assert len(api.get(f"{url}?no_truncate=1")["results"][2]["stdout"]) > 5000
    assert len(api.get(third["url"])["stdout"]) > 5000


def test_awxkits_way_of_following(api: Api, job: dict[str, Any]) -> None:
    url = f"{job['related']['job_events']}?order_by=start_line&no_truncate=True"
    assert [e["counter"] for e in api.get(url)["results"]] == [1, 2]
    assert [e["counter"] for e in api.get(f"{url}&start_line__gte=1")["results"]] == [2]
    assert set(api.get(f"{url}&limit=1")) == {"results"}
    assert api.get(job["url"])["event_processing_finished"] is True


def test_events_know_their_children_and_their_host(api: Api, job: dict[str, Any]) -> None:
    events = api.get(job["related"]["job_events"])["results"]
    first, second = events
    assert [e["id"] for e in api.get(first["related"]["children"])["results"]] == [second["id"]]
    assert second["summary_fields"]["host"]["name"] == "host"
    assert second["event_display"] == "Host OK"
    api.get(second["related"]["host"])
    api.get(f"{V2}/job_events/{first['id'] + 1000}/", 404)
    assert api.get(f"{job['related']['job_events']}?event=runner_on_ok")["count"] == 1
    assert api.get(f"{job['related']['job_events']}?host__name=host", 400)
    api.get(f"{job['related']['job_events']}?event_data__icontains=x", 403)


def test_messages_between_events_are_counted_under_the_deeper_neighbour(
    api: Api, job: dict[str, Any]
) -> None:
    pk = job["id"]
    for counter, event, parent in (
        (3, "playbook_on_play_start", "u1"), (4, "verbose", ""),
        (5, "playbook_on_task_start", "u3"), (6, "runner_on_ok", "u5"),
    ):  # fmt: skip
        add_event(pk, counter, event, parent_uuid=parent)
    answer = api.get(f"{job['related']['job_events']}children_summary/")
    assert answer["is_tree"] is True
    assert answer["meta_event_nested_uuid"] == {"4": "u3"}
    assert answer["children_summary"] == {
        "1": {"rowNumber": 0, "numChildren": 5},
        "3": {"rowNumber": 2, "numChildren": 3},
        "5": {"rowNumber": 4, "numChildren": 1},
    }
    add_event(pk, 7, "playbook_on_play_start", parent_uuid="u1")
    add_event(pk, 8, "runner_on_ok", parent_uuid="u5")
    answer = api.get(f"{job['related']['job_events']}children_summary/")
    assert answer["is_tree"] is False


def test_output_in_every_format(api: Api, job: dict[str, Any]) -> None:
    from gantry.resources.models import UnifiedJob

    add_event(job["id"], 3, "verbose", stdout="\x1b[0;31m<b>red</b>\x1b[0m")
    UnifiedJob.objects.filter(pk=job["id"]).update(lines=3)
    url = job["related"]["stdout"]

    def text(query: str) -> str:
        response = api.call("get", f"{url}?{query}")
        assert response.status_code == 200
        whole = response.getvalue() if response.streaming else response.content
        return str(whole.decode())

    assert text("format=txt") == "line 1\nline 2\n<b>red</b>\n"
    assert text("format=ansi") == "line 1\nline 2\n\x1b[0;31m<b>red</b>\x1b[0m\n"
    assert "&lt;b&gt;" in text("format=html")
    assert "<html" in text("format=html")
    assert "<html" not in text("format=html&content_only=1")
    page = api.get(f"{url}?format=json&start_line=1&end_line=2")
    assert page == {"range": {"start": 1, "end": 2, "absolute_end": 3}, "content": "line 2\n"}
    assert api.get(f"{url}?format=json&start_line=-1")["range"]["start"] == 2
    coded = api.get(f"{url}?format=json&content_encoding=base64")["content"]
    assert base64.b64decode(coded).decode().startswith("line 1\n")
    saved = api.call("get", f"{url}?format=txt_download")
    assert saved["Content-Disposition"] == f'attachment; filename="job_{job["id"]}.txt"'
    saved = api.call("get", f"{url}?format=ansi_download")
    assert saved["Content-Disposition"] == f'attachment; filename="job_{job["id"]}.ansi.txt"'
    api.get(f"{url}?format=pdf", 400)
    api.get(f"{url}?format=json&start_line=x", 400)
    api.get(f"{V2}/jobs/999999/stdout/?format=txt", 404)


def test_gantry_tells_what_awx_does_not_know(api: Api, job: dict[str, Any]) -> None:
    assert set(job["gantry"]) >= {
        "stage", "stage_times", "ee_image", "ee_digest", "ee_reason", "failure_class",
        "failure_cure", "evidence", "cleanup", "pull_progress",
    }  # fmt: skip
    assert job["host_status_counts"] == {"ok": 1}
    assert job["playbook_counts"] == {"play_count": 0, "task_count": 0}


def test_a_deleted_job_leaves_no_event(api: Api, job: dict[str, Any]) -> None:
    from gantry.resources.models import JobEvent

    assert JobEvent.objects.filter(job_id=job["id"]).exists()
    api.delete(job["url"])
    assert not JobEvent.objects.filter(job_id=job["id"]).exists()
    api.get(job["url"], 404)


def test_cancelling_what_is_over_is_405(api: Api, job: dict[str, Any]) -> None:
    assert api.get(job["related"]["cancel"]) == {"can_cancel": False}
    api.post(job["related"]["cancel"], status=405)


LISTS = (
    "organizations", "users", "execution_environments", "projects", "project_updates",
    "credentials", "credential_types", "inventories", "groups", "hosts", "job_templates", "jobs",
    "unified_jobs", "unified_job_templates",
)  # fmt: skip


def _many(count: int, prefix: str = "") -> None:
    from django.contrib.auth.hashers import make_password

    from gantry.resources import models as m

    admin = m.User.objects.get(username="admin")
    sign = {"created_by": admin, "modified_by": admin}
    kind = m.CredentialType.objects.get(namespace="ssh")
    for n in range(count):
        user = m.User.objects.create(username=f"{prefix}u{n}", password=make_password(None))
        organization = m.Organization.objects.create(name=f"{prefix}o{n}", **sign)
        organization.users.add(user)
        credential = m.Credential.objects.create(
            name=f"c{n}", organization=organization, credential_type=kind, owner=user, **sign
        )
        environment = m.ExecutionEnvironment.objects.create(
            name=f"{prefix}e{n}", image="a/b", organization=organization, **sign
        )
        inventory = m.Inventory.objects.create(name=f"i{n}", organization=organization, **sign)
        project = m.Project.objects.create(
            kind="project", name=f"p{n}", organization=organization, credential=credential,
            default_environment=environment, **sign,
        )  # fmt: skip
        template = m.JobTemplate.objects.create(
            kind="job_template", name=f"t{n}", project=project, inventory=inventory,
            organization=organization, execution_environment=environment, **sign,
        )  # fmt: skip
        template.credentials.add(credential)
        update = m.ProjectUpdate.objects.create(
            kind="project_update", project=project, organization=organization,
            unified_job_template=project, execution_environment=environment, **sign,
        )  # fmt: skip
        job = m.Job.objects.create(
            kind="job", job_template=template, unified_job_template=template, project=project,
            inventory=inventory, organization=organization, execution_environment=environment,
            project_update=update, **sign,
        )  # fmt: skip
        job.credentials.add(credential)
        m.Project.objects.filter(pk=project.pk).update(last_job=update, current_job=update)
        m.JobTemplate.objects.filter(pk=template.pk).update(last_job=job, current_job=job)
        host = m.Host.objects.create(name=f"h{n}", inventory=inventory, last_job=job, **sign)
        group = m.Group.objects.create(name=f"g{n}", inventory=inventory, **sign)
        group.hosts.add(host)
        m.JobHostSummary.objects.create(job=job, host=host, host_name=host.name, failed=True)


def test_a_list_costs_the_same_queries_whatever_its_length(api: Api) -> None:
    def cost(url: str) -> int:
        api.get(url)
        with CaptureQueriesContext(connection) as queries:
            api.get(url)
        return len(queries)

    _many(2)
    urls = [f"{V2}/{noun}/?page_size=200" for noun in LISTS]
    few = {url: cost(url) for url in urls}
    _many(12, "more ")
    many = {url: cost(url) for url in urls}
    assert many == few
    # Lists of several kinds of rows cost some queries a kind.
    assert max(many.values()) <= 30, many
