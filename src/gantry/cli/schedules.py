"""`gantry schedule ...`: what starts by itself, and when."""

from __future__ import annotations

from typing import Any

import click

from gantry.cli.setup import with_database

PREVIEWED = 10


@click.group()
def schedule() -> None:
    """Schedules: what starts by itself, when it runs next, and what went wrong."""


@schedule.command(name="list")
def list_schedules() -> None:
    """List the schedules, the next to run first: template, next run, and a problem if there is."""
    with_database()
    from django.db.models import F
    from rich.console import Console
    from rich.table import Table

    from gantry.resources.models import Schedule

    table = Table(box=None, pad_edge=False)
    for column in ("ID", "NAME", "STARTS", "NEXT RUN (UTC)", "PROBLEM"):
        table.add_column(column, overflow="fold")
    rows = Schedule.objects.select_related("unified_job_template")
    for row in rows.order_by(F("next_run").asc(nulls_last=True), "id"):
        following = f"{row.next_run:%Y-%m-%d %H:%M:%S}" if row.next_run else "-"
        if not row.enabled:
            following = "disabled"
        said = row.problem or row.missed
        table.add_row(str(row.pk), row.name, row.unified_job_template.name, following, said)
    Console().print(table)


@schedule.command()
@click.argument("rule")
def preview(rule: str) -> None:
    """Print the next ten runs of RULE: a schedule's name or id, or a rule such as
    "DTSTART;TZID=Europe/Berlin:20300101T033000 RRULE:FREQ=DAILY;INTERVAL=1"."""
    with_database()
    from itertools import islice

    from django.utils import timezone

    from gantry.base.errors import InvalidInput
    from gantry.resources.recurrence import Recurrence, refusals

    text = rule if "RRULE" in rule.upper() else _find(rule).rrule
    wrong = refusals(text)
    if wrong:
        raise InvalidInput(
            " ".join(wrong), cure="`gantry schedule preview --help` shows one that is right."
        )
    now = timezone.now()
    runs = list(islice((f for f in Recurrence(text).since(now) if f > now), PREVIEWED))
    for run in runs:
        click.echo(f"{run:%a %Y-%m-%d %H:%M:%S %Z}")
    if not runs:
        click.echo("It does not run any more.")


@schedule.command()
@click.argument("name")
def enable(name: str) -> None:
    """Let schedule NAME (a name or an id) run again."""
    row = _switch(name, on=True)
    if row.next_run is None:
        click.echo(f"{row.name} has ended.")
    else:
        click.echo(f"{row.name} runs next at {row.next_run:%Y-%m-%d %H:%M:%S} UTC.")


@schedule.command()
@click.argument("name")
def disable(name: str) -> None:
    """Keep schedule NAME (a name or an id) from running."""
    click.echo(f"{_switch(name, on=False).name} runs no more.")


def _switch(name: str, *, on: bool) -> Any:
    with_database()
    row = _find(name)
    row.enabled = on
    row.save()
    return row


def _find(name: str) -> Any:
    from gantry.base.errors import InvalidInput
    from gantry.resources.models import Schedule

    wanted: dict[str, Any] = {"pk": int(name)} if name.isdigit() else {"name": name}
    found = list(Schedule.objects.filter(**wanted)[:2])
    if len(found) != 1:
        raise InvalidInput(
            f"{'No' if not found else 'More than one'} schedule is named {name}.",
            cure="`gantry schedule list` shows their ids.",
        )
    return found[0]
