"""`gantry instance ...`: the controllers' seats, and whether they take jobs."""

from __future__ import annotations

import click

from gantry.cli.setup import with_database


@click.group()
def instance() -> None:
    """Instances: which controllers there are, and whether they take jobs."""


@instance.command(name="list")
def list_instances() -> None:
    """List the instances: state, what fits on them, what runs there, their groups."""
    with_database()
    from rich.console import Console
    from rich.table import Table

    from gantry.base.config import settings
    from gantry.resources.capacity import read_loads
    from gantry.resources.models import Instance

    loads = read_loads(settings().lease).instances
    table = Table(box=None, pad_edge=False)
    for column in ("ID", "NAME", "STATE", "ENABLED", "JOBS", "FORKS", "GROUPS"):
        table.add_column(column, overflow="fold")
    for row in Instance.objects.prefetch_related("rampart_groups"):
        load = loads[row.pk]
        groups = ", ".join(group.name for group in row.rampart_groups.all())
        table.add_row(
            str(row.pk), row.hostname, row.node_state, "yes" if row.enabled else "no",
            f"{load.jobs} of {row.most_jobs}", f"{load.consumed} of {row.capacity}", groups,
        )  # fmt: skip
    Console().print(table)


@instance.command()
@click.argument("name")
def enable(name: str) -> None:
    """Let the controller of instance NAME take jobs again."""
    _switch(name, on=True)
    click.echo(f"{name} takes jobs.")


@instance.command()
@click.argument("name")
def disable(name: str) -> None:
    """Keep the controller of instance NAME from taking more jobs; what it runs goes on."""
    _switch(name, on=False)
    click.echo(f"{name} takes no more jobs. What it runs goes on.")


@instance.command()
@click.argument("name")
def remove(name: str) -> None:
    """Forget instance NAME, whose controller has ended for good."""
    with_database()
    from gantry.resources.seats import forget_instance

    forget_instance(name)
    click.echo(f"{name} is no instance any more.")


def _switch(name: str, *, on: bool) -> None:
    with_database()
    from gantry.resources.seats import switch_instance

    switch_instance(name, on=on)
