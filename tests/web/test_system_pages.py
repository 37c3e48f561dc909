"""Activity, instances and their groups, settings, and the dashboard's pictures."""

from __future__ import annotations

import dataclasses
import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from gantry.base.config import Settings
from gantry.base.setting_groups import GROUPS, OTHER
from gantry.base.setting_groups import shown as shown_settings
from gantry.resources.activity import ActivityStream
from gantry.resources.instances import Instance, InstanceGroup
from gantry.resources.jobs import Installation, UnifiedJob
from gantry.resources.organizations import Organization, User
from gantry.resources.schedules import Schedule
from gantry.resources.templates import UnifiedJobTemplate
from tests.web import story
from tests.web.conftest import logged_in


@pytest.fixture
def seat(db):
    return Instance.objects.create(
        hostname="node1.example.com", cpu=4, memory=8 << 30, capacity=16, cpu_capacity=16,
        mem_capacity=60, most_jobs=20, last_seen=timezone.now(), holder=uuid.uuid4(),
    )  # fmt: skip


def test_a_change_is_told_with_before_and_after_and_found_by_filters(admin):
    values = {"name": "Platform", "description": "first", "max_hosts": 0, "ca_bundle": ""}
    admin.post("/organizations/add/", values)
    row = Organization.objects.get(name="Platform")
    admin.post(f"/organizations/{row.pk}/edit/", {**values, "description": "<b>second</b>"})

    listed = admin.get(f"/activity/?about=organization:{row.pk}&operation=update").content.decode()
    assert "Platform" in listed
    entry = ActivityStream.objects.filter(object1="organization", operation="update").get()
    shown = admin.get(f"/activity/{entry.pk}/").content.decode()
    assert "<del><pre>first</pre></del>" in shown
    assert "<ins><pre>&lt;b&gt;second&lt;/b&gt;</pre></ins>" in shown
    assert "No change matches" in admin.get("/activity/?user=nobody").content.decode()
    assert admin.get("/activity/?day=2026-99-99&actor=x&about=:&before=y").status_code == 200


def test_what_is_gone_is_named_and_others_changes_are_not_seen(admin):
    gone = Organization.objects.create(name="Fleeting")
    admin.post("/bulk/organizations/", {"id": gone.pk, "do": "delete", "sure": "yes"})
    story.member("mia")

    assert "Fleeting" in admin.get("/activity/?operation=delete").content.decode()
    mine = logged_in("mia").get("/activity/").content.decode()
    assert "Fleeting" not in mine


def test_activity_is_paged_by_the_last_id(admin):
    for n in range(55):
        Organization.objects.create(name=f"Organization {n}")

    first = admin.get("/activity/?kind=organization").content.decode()
    assert first.count('class="end"') == 50
    before = ActivityStream.objects.filter(object1="organization").order_by("-pk")[49].pk
    assert f"before={before}" in first
    rest = admin.get(f"/activity/?kind=organization&before={before}").content.decode()
    assert "Organization 54" not in rest


def test_an_instance_is_drained_and_taken_up_again(admin, seat):
    assert "Ready" in admin.get("/instances/").content.decode()

    admin.post(f"/instances/{seat.pk}/switch/", {"enabled": "no"})
    seat.refresh_from_db()
    assert (seat.enabled, seat.capacity) == (False, 0)
    assert "Draining" in admin.get(f"/instances/{seat.pk}/").content.decode()
    admin.post(f"/instances/{seat.pk}/switch/", {"enabled": "yes"})
    admin.post(f"/instances/{seat.pk}/", {"capacity_adjustment": "0.50", "managed_by_policy": "on"})
    seat.refresh_from_db()
    assert (seat.enabled, seat.capacity) == (True, 38)

    refused = admin.post(f"/instances/{seat.pk}/", {"capacity_adjustment": "7"})
    assert refused.status_code == 422


def test_an_instance_that_is_lost_says_so(admin, seat):
    Instance.objects.update(last_seen=timezone.now() - timedelta(hours=1))

    assert "has not been heard of" in admin.get(f"/instances/{seat.pk}/").content.decode()


def test_an_instance_group_is_made_filled_and_given_limits(admin, seat):
    values = {
        "name": "edge", "max_concurrent_jobs": 3, "max_forks": 0,
        "policy_instance_percentage": 0, "policy_instance_minimum": 0,
    }  # fmt: skip
    admin.post("/instance-groups/add/", values)
    group = InstanceGroup.objects.get(name="edge")
    admin.post(f"/instance-groups/{group.pk}/member/", {"instance": seat.pk})
    assert list(group.instances.all()) == [seat]
    admin.post(f"/instance-groups/{group.pk}/member/", {"instance": seat.pk, "out": "yes"})
    assert not group.instances.exists()

    default = InstanceGroup.objects.get(name="default")
    refused = admin.post(f"/instance-groups/{default.pk}/edit/", {**values, "name": "other"})
    assert refused.status_code == 422
    assert "may not be changed" in refused.content.decode()


def test_only_administrators_switch_instances(db, seat):
    story.member("mia")
    User.objects.filter(username="mia").update(is_system_auditor=True)
    client = logged_in("mia")

    assert "Drain" not in client.get(f"/instances/{seat.pk}/").content.decode()
    assert client.post(f"/instances/{seat.pk}/switch/", {"enabled": "no"}).status_code == 403


def test_every_setting_is_shown_once(db):
    names = [row.name for group in (*GROUPS, OTHER) for row in shown_settings(group)]

    assert sorted(names) == sorted(f.name for f in dataclasses.fields(Settings))


def test_settings_tell_their_meaning_and_origin_and_no_secret(admin):
    shown = admin.get("/settings/login/").content.decode()
    assert "GANTRY_ADMIN_PASSWORD" in shown
    assert "correct horse" not in shown
    assert "set, and not shown" in shown
    assert "environment</span>" in shown
    found = admin.get("/settings/?q=tag has moved").content.decode()
    assert "GANTRY_DRIFT_CHECK" in found
    assert admin.get("/settings/nothing/").status_code == 404


def test_the_one_setting_that_can_be_changed_is_changed(admin):
    from gantry.resources.environments import ExecutionEnvironment

    row = ExecutionEnvironment.objects.latest("pk")
    admin.post("/settings/images/", {"default": row.pk})
    assert Installation.objects.get().default_environment == row
    refused = admin.post("/settings/images/", {"default": 10**9})
    assert refused.status_code == 422
    assert 'id="id_default-error"' in refused.content.decode()


def test_settings_are_for_administrators_and_auditors(db):
    story.member("mia")
    client = logged_in("mia")

    assert client.get("/settings/").status_code == 403
    assert 'href="/settings/"' not in client.get("/").content.decode()


def test_the_dashboard_draws_runs_failures_and_what_comes(admin, seat):
    template = story.template("Backup")
    jobs = [story.job("done", s, unified_job_template=template, job_template=template)
            for s in ("successful", "failed", "failed")]  # fmt: skip
    UnifiedJobTemplate.objects.filter(pk=template.pk).update(
        last_job_failed=True, last_job=jobs[-1].pk, last_job_run=timezone.now(), status="failed"
    )
    UnifiedJob.objects.filter(pk=jobs[0].pk).update(finished=timezone.now() - timedelta(days=3))
    Schedule.objects.create(
        name="Nightly", unified_job_template=template,
        rrule="DTSTART:20300101T000000Z RRULE:FREQ=DAILY;INTERVAL=1",
        next_run=timezone.now() + timedelta(hours=2),
    )  # fmt: skip

    shown = admin.get("/").content.decode()

    assert "3 ended, 2 failed" in shown
    assert shown.count('<rect class="danger"') == 1
    assert shown.count('<rect class="success"') == 1
    for words in ("Failed the last time", "Backup", "Coming up", "Nightly", "Capacity",
                  "node1.example.com"):  # fmt: skip
        assert words in shown
    day = (timezone.now() - timedelta(days=3)).strftime("%Y-%m-%d")
    listed = admin.get(f"/jobs/?day={day}").content.decode()
    assert f"/jobs/{jobs[0].pk}/" in listed
    assert f"/jobs/{jobs[1].pk}/" not in listed
