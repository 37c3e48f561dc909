"""`gantry ee pin`, `unpin`, `check`, `accept`, `history`, `policy`: which digest an EE runs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from gantry.cli.ee.group import ee, find
from gantry.cli.setup import with_database

if TYPE_CHECKING:
    from gantry.resources.environments import ExecutionEnvironment


@ee.command()
@click.argument("name")
@click.option("--digest", default="", help="sha256:...; default: what the tag means now.")
def pin(name: str, digest: str) -> None:
    """Pin NAME to a digest.

    Its jobs then run that, whatever becomes of the tag. Without --digest the registry is asked
    what the tag means now. A pinned digest runs from whatever has it: the engine under any name,
    or a registry.

    \b
    Example
      gantry ee pin "AWX EE (latest)"
    """
    with_database()
    from gantry.images import pins, tags

    row = find(name)
    if digest:
        row = pins.pin(row, digest, user=None)
    else:
        row = pins.pin_to_tag(row, tags.meaning_now(row), user=None)
    click.echo(f"{row.name} is pinned to {row.pinned_digest}")


@ee.command()
@click.argument("name")
def unpin(name: str) -> None:
    """Let NAME run what its tag means again, by its drift policy.

    \b
    Example
      gantry ee unpin "AWX EE (latest)"
    """
    with_database()
    from gantry.images import pins

    click.echo(_state(pins.unpin(find(name), user=None)))


@ee.command()
@click.argument("name", default="")
def check(name: str) -> None:
    """Ask whether the tag of NAME has moved.

    Its registry is asked; without NAME, those of every EE. Exit code 1 when one has, or could not
    be asked: for a nightly pipeline.

    \b
    Example
      gantry ee check
    """
    with_database()
    from gantry.images import tags
    from gantry.images.drift import decide
    from gantry.resources.models import ExecutionEnvironment

    wanted = [find(name)] if name else list(ExecutionEnvironment.objects.order_by("name"))
    rows = [tags.check_now(row) for row in wanted]
    for row in rows:
        click.echo(_state(row))
    sys.exit(1 if any(decide(row).moved or row.registry_error for row in rows) else 0)


@ee.command()
@click.argument("name")
@click.option("--digest", default="", help="Accept this one instead; the history lists them.")
@click.option("--forget", is_flag=True, help="Take back: the next digest that runs is accepted.")
def accept(name: str, digest: str, forget: bool) -> None:
    """Accept what the tag of NAME means now.

    For the policies `warn` and `hold`. Under `hold` the jobs go on with the digest that was
    accepted last; this lets them go on to the new one. With --digest, back to an older one.

    \b
    Example
      gantry ee accept "AWX EE (latest)"
    """
    with_database()
    from gantry.images import pins

    row = find(name)
    done = pins.unaccept(row, user=None) if forget else pins.accept(row, user=None, digest=digest)
    click.echo(_state(done))


@ee.command(name="policy")
@click.argument("name")
@click.argument("policy", type=click.Choice(["follow", "warn", "hold"]))
def drift_policy(name: str, policy: str) -> None:
    """Say what happens when the tag of NAME moves.

    \b
    follow   run what the tag means
    warn     the same, with a warning on the EE and on its jobs
    hold     keep the digest that ran until a person accepts the new one

    \b
    Example
      gantry ee policy "AWX EE (latest)" hold
    """
    with_database()
    from gantry.images import pins

    click.echo(_state(pins.set_policy(find(name), policy, user=None)))


@ee.command()
@click.argument("name")
def history(name: str) -> None:
    """List the digests that NAME had.

    From whom each is known, when it ran, how many jobs ran it, the first and the last of them.

    \b
    Example
      gantry ee history "AWX EE (latest)"
    """
    with_database()
    from django.db.models import Count, Max, Min
    from rich.console import Console
    from rich.table import Table

    from gantry.resources.models import UnifiedJob

    row = find(name)
    grouped = UnifiedJob.objects.filter(execution_environment=row).order_by().values("ee_digest")
    found = grouped.annotate(n=Count("pk"), first=Min("pk"), last=Max("pk"))
    jobs = {g["ee_digest"]: (g["n"], g["first"], g["last"]) for g in found}
    table = Table(box=None, pad_edge=False)
    for column in ("DIGEST", "KNOWN FROM", "FIRST SEEN", "LAST RUN", "JOBS"):
        table.add_column(column, overflow="fold")
    for seen in row.digests.all():
        count, first, last = jobs.get(seen.digest, (0, 0, 0))
        ran = f"{seen.last_run:%Y-%m-%d %H:%M}" if seen.last_run else "never"
        which = f"{first} to {last}" if count > 1 else str(first)
        told = f"{count} ({which})" if count else "0"
        when = f"{seen.first_seen:%Y-%m-%d %H:%M}"
        table.add_row(seen.digest, seen.known_from, when, ran, told)
    # A digest that is folded cannot be copied: where nobody looks, lines may be long.
    Console(width=None if sys.stdout.isatty() else 200).print(table)
    click.echo(_state(row))


def _state(row: ExecutionEnvironment) -> str:
    from gantry.images.drift import decide

    found = decide(row)
    return f"{row.name}: {found.state}. {found.sentence}"
