"""`gantry import-awx`: an installation of AWX, Tower or another Gantry, copied through its API.

`source` asks the old installation, `target` this one (through the same API, so that every check
holds), `nouns` says what is copied and in which order, `copying` does it, `report` tells.
"""

from __future__ import annotations

from pathlib import Path

import click

from gantry.cli.setup import with_database


@click.command(name="import-awx")
@click.argument("url")
@click.option(
    "--token",
    envvar="CONTROLLER_OAUTH_TOKEN",
    required=True,
    help="A personal access token of the old installation's administrator.",
)
@click.option(
    "--ca",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A CA bundle that signed the old installation's certificate.",
)
@click.option("--insecure", is_flag=True, help="Do not check its certificate.")
@click.option("--dry-run", is_flag=True, help="Copy all, tell what came of it, and undo it.")
@click.option("--as", "user_name", default="", help="Act as this administrator of Gantry.")
def import_awx(
    url: str, token: str, ca: Path | None, insecure: bool, dry_run: bool, user_name: str
) -> None:
    """Copy an installation of AWX (or Tower, or Gantry) at URL into this one.

    \b
    Comes along: organizations, people, teams, who may do what, credential types, credentials
    without their secrets and what looks them up elsewhere, execution environments, instance groups,
    projects, inventories with hosts and groups, inventory sources, templates with surveys,
    workflows, notification templates, labels, schedules.
    Does not: secret values (the API never shows them), passwords of people, tokens and
    applications, keys of webhooks, the history of jobs.
    The report at the end names each.

    Run it again at any time: what is here already is brought up to date, nothing is made twice,
    and secrets that you have entered here are kept. Nothing is changed at URL.
    """  # fmt: skip
    with_database()
    from gantry.cli.import_awx.copying import copy_installation
    from gantry.cli.import_awx.report import Report
    from gantry.cli.import_awx.source import Source
    from gantry.cli.import_awx.target import Target, acting_as, undone

    report = Report(click.echo)
    with (
        Source(url, token, ca=ca, verify=not insecure) as source,
        acting_as(user_name) as client,
        undone(dry_run),
    ):
        copy_installation(source, Target(client), report)
    report.show(dry_run)
