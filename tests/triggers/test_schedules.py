"""Schedules run: on time, once, through the launch function, whoever was down meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gantry.triggers.schedules import Watcher, fire
from tests.control.test_claim import at_once
from tests.journeys.world import World
from tests.triggers.conftest import MORNING, Make


def turn() -> float:
    """Of a controller that has just come."""
    return Watcher().turn()


def jobs() -> list[Any]:
    from gantry.resources.models import Job

    return list(Job.objects.order_by("pk"))


def at(schedule: Any) -> Any:
    schedule.refresh_from_db()
    return schedule.next_run


def test_what_is_due_is_launched_and_moves_on(schedule: Make, clock: Any) -> None:
    row = schedule()
    assert at(row) == MORNING + timedelta(minutes=30)
    turn()
    assert jobs() == []

    clock.move_to(MORNING + timedelta(minutes=30))
    turn()
    turn()

    (job,) = jobs()
    assert (job.launch_type, job.schedule_id, job.status) == ("scheduled", row.pk, "pending")
    assert (job.created_by, job.name) == (None, "Nightly")
    assert at(row) == MORNING + timedelta(minutes=90)
    assert (row.missed, row.problem) == ("", "")


def test_the_loop_wakes_when_the_next_one_is_due(schedule: Make, clock: Any) -> None:
    assert turn() == 0.5
    schedule()
    assert turn() == 0.5
    clock.move_to(MORNING + timedelta(minutes=29, seconds=59.9))
    assert turn() == pytest.approx(0.1)


def test_two_controllers_start_a_run_once(schedule: Make, clock: Any) -> None:
    rows = [schedule(f"schedule {n}") for n in range(12)]
    clock.move_to(MORNING + timedelta(minutes=30))

    at_once(4, turn)

    assert sorted(job.schedule_id for job in jobs()) == [row.pk for row in rows]


def test_a_job_and_the_next_run_are_one_transaction(
    schedule: Make, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = schedule()
    clock.move_to(MORNING + timedelta(minutes=30))

    def killed(template: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gantry.triggers.schedules.tell_template", killed)
    with pytest.raises(KeyboardInterrupt):
        turn()
    assert (jobs(), at(row)) == ([], MORNING + timedelta(minutes=30))

    monkeypatch.undo()
    turn()
    assert len(jobs()) == 1


def test_a_disabled_schedule_runs_nothing(schedule: Make, clock: Any) -> None:
    row = schedule(enabled=False)
    assert at(row) is None
    clock.move_to(MORNING + timedelta(days=1))
    turn()
    assert jobs() == []


def test_a_deleted_template_takes_its_live_schedule_along(schedule: Make, clock: Any) -> None:
    from gantry.resources.models import Schedule

    row = schedule()
    row.unified_job_template.delete()
    clock.move_to(MORNING + timedelta(minutes=30))

    turn()

    assert jobs() == []
    assert not Schedule.objects.filter(pk=row.pk).exists()


def test_a_schedule_that_has_ended_runs_no_more(schedule: Make, clock: Any) -> None:
    row = schedule(rrule="DTSTART:20261124T080000Z RRULE:FREQ=HOURLY;INTERVAL=1;COUNT=2")
    assert row.dtend == MORNING + timedelta(hours=1)
    clock.move_to(MORNING + timedelta(hours=1))
    turn()
    clock.move_to(MORNING + timedelta(hours=5))
    turn()
    assert (len(jobs()), at(row)) == (1, None)


def test_runs_that_were_missed_are_told_and_made_up_for_once(schedule: Make, clock: Any) -> None:
    row = schedule()
    clock.move_to(MORNING + timedelta(hours=3))

    turn()

    assert len(jobs()) == 1
    assert at(row) == MORNING + timedelta(hours=3, minutes=30)
    assert row.missed == (
        "3 runs were missed between 2026-11-24 08:30:00 and 2026-11-24 11:00:00 UTC, when no "
        "controller ran; one job was started for all."
    )
    clock.move_to(MORNING + timedelta(hours=3, minutes=30))
    turn()
    assert (at(row), row.missed) == (MORNING + timedelta(hours=4, minutes=30), "")


def test_runs_that_were_missed_are_left_out_where_a_schedule_says_so(
    schedule: Make, clock: Any
) -> None:
    row = schedule(missed_runs="skip")
    clock.move_to(MORNING + timedelta(minutes=45))

    turn()

    assert (jobs(), at(row)) == ([], MORNING + timedelta(minutes=90))
    assert row.missed.startswith("One run was missed between 2026-11-24 08:30:00 and")
    assert row.missed.endswith("none was started.")


def test_what_waits_in_a_long_row_is_late_but_not_missed(
    schedule: Make, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gantry.triggers.schedules.AT_ONCE", 1)
    rows = [schedule(f"schedule {n}", missed_runs="skip") for n in range(3)]
    watcher = Watcher()
    watcher.turn()
    for seconds in (0, 20, 40):
        clock.move_to(MORNING + timedelta(minutes=30, seconds=seconds))
        watcher.turn()
    assert [job.schedule_id for job in jobs()] == [row.pk for row in rows]

    # The same controller, but its machine slept.
    clock.move_to(MORNING + timedelta(minutes=95))
    watcher.turn()
    assert len(jobs()) == 3
    assert at(rows[0]) > MORNING + timedelta(minutes=95)
    assert rows[0].missed.startswith("One run was missed")


def test_a_minute_of_many_years_is_not_counted_one_by_one(schedule: Make, clock: Any) -> None:
    row = schedule(rule="FREQ=MINUTELY;INTERVAL=1")
    clock.move_to(MORNING + timedelta(days=3650))
    turn()
    assert at(row) == MORNING + timedelta(days=3650, minutes=1)
    assert row.missed.startswith("At least 1000 runs were missed")


def test_a_day_whose_clocks_change_runs_its_schedules_as_people_read_the_clock(
    schedule: Make, clock: Any
) -> None:
    clock.move_to(datetime(2027, 3, 27, 12, tzinfo=UTC))
    daily = schedule("daily", "FREQ=DAILY;INTERVAL=1;BYHOUR=9;BYMINUTE=0")
    hidden = schedule("hidden", "FREQ=DAILY;INTERVAL=1;BYHOUR=2;BYMINUTE=30")
    assert at(daily) == datetime(2027, 3, 28, 7, tzinfo=UTC)
    assert at(hidden) == datetime(2027, 3, 29, 0, 30, tzinfo=UTC)  # the 28th has no 2:30

    clock.move_to(datetime(2027, 10, 30, 12, tzinfo=UTC))
    for row in (daily, hidden):
        row.save()
    assert at(hidden) == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)  # the first of the two
    clock.move_to(at(hidden))
    turn()
    assert [job.schedule_id for job in jobs()] == [hidden.pk]
    assert at(hidden) == datetime(2027, 11, 1, 1, 30, tzinfo=UTC)
    assert at(daily) == datetime(2027, 10, 31, 8, tzinfo=UTC)


def test_the_prompts_of_a_schedule_are_those_of_its_jobs(
    schedule: Make, world: World, clock: Any
) -> None:
    from gantry.resources.models import Label

    template = world.template(
        name="Asking", extra_vars="a: 1\nb: 2", ask_variables_on_launch=True,
        ask_limit_on_launch=True, ask_credential_on_launch=True, ask_labels_on_launch=True,
        ask_verbosity_on_launch=True,
    )  # fmt: skip
    machine = world.credential("ssh", {"username": "x"}, "machine")
    template.credentials.set([machine, world.credential("vault", {"vault_password": "v"}, "vault")])
    row = schedule(
        unified_job_template=template.unifiedjobtemplate_ptr, extra_data={"b": 3, "c": 4},
        char_prompts={"limit": "alpha", "verbosity": 2},
    )  # fmt: skip
    row.credentials.add(world.credential("ssh", {"username": "y"}, "another"))
    row.labels.add(Label.objects.create(name="by night", organization=world.organization))
    clock.move_to(MORNING + timedelta(minutes=30))

    turn()

    (job,) = jobs()
    assert (job.limit, job.verbosity) == ("alpha", 2)
    assert job.extra_vars == '{"a": 1, "b": 3, "c": 4}'
    assert {c.name for c in job.credentials.all()} == {"another", "vault"}
    assert [label.name for label in job.labels.all()] == ["by night"]


def test_the_playbook_is_told_its_schedule(schedule: Make, clock: Any) -> None:
    from gantry.path.arguments import meta_variables

    row = schedule()
    clock.move_to(MORNING + timedelta(minutes=30))
    turn()

    facts = meta_variables(jobs()[0])
    assert (facts["awx_schedule_id"], facts["tower_schedule_name"]) == (row.pk, "hourly")
    assert facts["awx_job_launch_type"] == "scheduled"


def _needs_an_answer(template: Any) -> None:
    template.survey_enabled = True
    template.survey_spec = {"name": "", "description": "", "spec": [
        {"variable": "who", "type": "text", "question_name": "?", "required": True}]}  # fmt: skip
    template.save()


def _has_no_inventory(template: Any) -> None:
    inventory = type(template.inventory).objects.create(
        name="going", organization=template.organization
    )
    template.inventory = inventory
    template.save()
    inventory.delete()
    template.refresh_from_db()


def _asks_a_password(template: Any) -> None:
    from gantry.resources.models import Credential, CredentialType

    kind = CredentialType.objects.get(namespace="ssh")
    template.credentials.add(
        Credential.objects.create(name="asks", credential_type=kind, inputs={"password": "ASK"})
    )


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (_needs_an_answer, "variables_needed_to_start: 'who' value missing"),
        (
            _has_no_inventory,
            "resources_needed_to_start: Job Template inventory is missing or undefined.",
        ),
        (_asks_a_password, "passwords_needed_to_start: ssh_password"),
    ],
)
def test_what_cannot_start_says_so_and_waits_for_its_next_time(
    schedule: Make, world: World, clock: Any, broken: Any, words: str
) -> None:
    template = world.template(name="Broken")
    row = schedule(unified_job_template=template.unifiedjobtemplate_ptr)
    other = schedule("other")
    broken(template)
    clock.move_to(MORNING + timedelta(minutes=30))

    turn()

    assert [job.schedule_id for job in jobs()] == [other.pk]
    assert (at(row), row.problem) == (MORNING + timedelta(minutes=90), words)
    template.survey_enabled = False
    template.save()


def test_a_problem_goes_when_the_next_run_starts(schedule: Make, world: World, clock: Any) -> None:
    template = world.template(name="Broken")
    row = schedule(unified_job_template=template.unifiedjobtemplate_ptr)
    _needs_an_answer(template)
    clock.move_to(MORNING + timedelta(minutes=30))
    turn()
    template.survey_enabled = False
    template.save()
    clock.move_to(MORNING + timedelta(minutes=90))
    turn()
    row.refresh_from_db()
    assert (len(jobs()), row.problem) == (1, "")


def test_a_bug_of_one_template_stops_no_other(
    schedule: Make, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gantry.triggers import start

    broken, fine = schedule("broken"), schedule("fine")
    launch = start.STARTERS["job_template"]

    def fails(template: Any, prompts: Any, launch_type: str, handed: Any) -> Any:
        if not jobs() and "failed" not in seen:
            seen.append("failed")
            raise ZeroDivisionError("oh")
        return launch(template, prompts, launch_type, handed)

    seen: list[str] = []
    monkeypatch.setitem(start.STARTERS, "job_template", fails)
    clock.move_to(MORNING + timedelta(minutes=30))
    turn()

    assert [job.schedule_id for job in jobs()] == [fine.pk]
    assert at(broken) == MORNING + timedelta(minutes=90)
    assert broken.problem == "Gantry itself failed: ZeroDivisionError: oh"


def test_projects_are_synced_and_a_sync_that_waits_serves(
    schedule: Make, world: World, clock: Any
) -> None:
    from gantry.path.updates import update_project
    from gantry.resources.models import ProjectUpdate

    project = world.project({"site.yml": ""}, "Repository")
    row = schedule(unified_job_template=project.unifiedjobtemplate_ptr)
    clock.move_to(MORNING + timedelta(minutes=30))
    turn()
    (update,) = ProjectUpdate.objects.filter(project=project, status="pending")
    assert (update.schedule_id, update.launch_type) == (row.pk, "scheduled")
    clock.move_to(MORNING + timedelta(minutes=90))
    turn()
    assert update_project(project, user=None) == update


def test_system_jobs_get_their_variables(schedule: Make, clock: Any) -> None:
    from gantry.resources.models import SystemJob, SystemJobTemplate

    template = SystemJobTemplate.objects.get(job_type="cleanup_jobs")
    schedule(unified_job_template=template.unifiedjobtemplate_ptr, extra_data={"days": "120"})
    clock.move_to(MORNING + timedelta(minutes=30))
    turn()
    job = SystemJob.objects.get()
    assert (job.job_type, job.extra_vars) == ("cleanup_jobs", '{"days": "120"}')


def test_a_template_says_when_it_runs_next(schedule: Make, clock: Any) -> None:
    late = schedule("late", "FREQ=DAILY;INTERVAL=1;BYHOUR=20;BYMINUTE=0")
    soon = schedule()
    template = soon.unified_job_template

    def following() -> tuple[Any, Any]:
        template.refresh_from_db()
        return template.next_schedule_id, template.next_job_run

    assert following() == (soon.pk, soon.next_run)
    clock.move_to(MORNING + timedelta(minutes=30))
    turn()
    assert following() == (soon.pk, MORNING + timedelta(minutes=90))
    soon.delete()
    assert following() == (late.pk, late.next_run)
    late.enabled = False
    late.save()
    assert following() == (None, None)


def test_finding_what_is_due_costs_one_query_on_an_index(schedule: Make, clock: Any) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    for number in range(30):
        schedule(f"schedule {number}")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE resources_schedule")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert fire(MORNING, MORNING) == 0
    selects = [q["sql"] for q in queries if q["sql"].startswith("SELECT")]
    assert len(selects) == 1
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        cursor.execute(f"EXPLAIN {selects[0]}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
        cursor.execute("SET enable_seqscan = on")
    assert "schedule_due" in plan
