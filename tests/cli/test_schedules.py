"""`gantry schedule ...`: what starts by itself, on the command line."""

from __future__ import annotations

from click.testing import CliRunner

from gantry.cli.main import main


def gantry(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(main, ["schedule", *arguments])
    assert done.exit_code == code, done.output
    return done.output


def test_schedules_are_listed_previewed_switched_off_and_on(db: str) -> None:
    from gantry.resources.models import Schedule

    row = Schedule.objects.get(name="Cleanup Job Schedule")
    Schedule.objects.filter(pk=row.pk).update(problem="it broke")
    listed = gantry("list")
    assert "Cleanup Job Details" in listed
    assert "it broke" in listed

    assert gantry("disable", str(row.pk)) == "Cleanup Job Schedule runs no more.\n"
    row.refresh_from_db()
    assert (row.enabled, row.next_run) == (False, None)
    assert "runs next at" in gantry("enable", "Cleanup Job Schedule")

    runs = gantry("preview", "Cleanup Job Schedule").splitlines()
    assert len(runs) == 10
    assert all(run.startswith("Sun ") for run in runs)
    rule = "DTSTART;TZID=Europe/Berlin:20300701T090000 RRULE:FREQ=DAILY;INTERVAL=1;COUNT=1"
    assert gantry("preview", rule) == "Mon 2030-07-01 09:00:00 CEST\n"
    assert "INTERVAL required" in gantry("preview", "RRULE:FREQ=DAILY", code=1)
    assert "No schedule is named x" in gantry("enable", "x", code=1)
