"""`gantry ee list` and `gantry ee default`."""

from __future__ import annotations

import click

from gantry.cli.ee.group import ee, find
from gantry.cli.setup import with_database


@ee.command(name="list")
def list_environments() -> None:
    """List the execution environments: name, image, owner, what runs."""
    with_database()
    from rich.console import Console
    from rich.table import Table

    from gantry.resources.models import ExecutionEnvironment, Installation

    chosen = Installation.objects.values_list("default_environment", flat=True).first()
    table = Table(box=None, pad_edge=False)
    for column in ("ID", "NAME", "ORGANIZATION", "IMAGE", "PULL", "RUNS"):
        table.add_column(column, overflow="fold")
    rows = ExecutionEnvironment.objects.select_related("organization").order_by("name")
    for row in rows:
        runs = f"pinned {row.pinned_digest[:19]}" if row.pinned_digest else row.last_digest[:19]
        name = f"{row.name} (global default)" if row.pk == chosen else row.name
        owner = str(row.organization) if row.organization else "(all)"
        table.add_row(str(row.pk), name, owner, row.image, row.pull, runs)
    Console().print(table)


@ee.command(name="default")
@click.argument("name", default="")
def ee_default(name: str) -> None:
    """Make NAME the global default environment. Without NAME there is none.

    It is what a job runs in when its template, project and organizations choose nothing.
    """
    with_database()
    from gantry.resources.models import Installation

    chosen = find(name) if name else None
    Installation.objects.update(default_environment=chosen)
    click.echo(f"Global default: {chosen or 'none'}")
