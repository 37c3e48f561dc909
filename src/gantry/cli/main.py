"""The `gantry` command. Django is imported only inside the commands that need it: a second each.

Each command's help says what it is for and what to do next.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from gantry import __version__
from gantry.base.errors import GantryError
from gantry.cli.ee import ee
from gantry.cli.import_awx import import_awx
from gantry.cli.instances import instance
from gantry.cli.relaunch import relaunch
from gantry.cli.schedules import schedule
from gantry.cli.setup import setup_django, with_database


class TeachingGroup(click.Group):
    """Shows Gantry's errors as a sentence and a cure, not as a traceback."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().main(*args, **kwargs)
        except GantryError as error:
            click.secho(f"gantry: {error.sentence}", fg="red", err=True)
            if error.cure:
                click.echo(f"        {error.cure}", err=True)
            sys.exit(1)


@click.group(cls=TeachingGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gantry")
def main() -> None:
    """Gantry runs Ansible: each job in one short-lived pod of its execution environment.

    \b
    First steps
      gantry doctor          is everything here that Gantry needs?
      gantry up              database, web and controller on this machine
      gantry demo            a whole example: nodes, a cloud, a job that uses both
      gantry job launch NAME --follow

    Settings are environment variables (`gantry settings` lists them) or a TOML file that
    GANTRY_CONFIG names.
    """


@main.command()
def up() -> None:
    """Run everything on this machine: database, web, controller, engine service.

    Starts the embedded PostgreSQL unless DATABASE_URL is set, brings its tables up to date, and
    keeps the web process and the controller running until Ctrl-C. Jobs that run then go on in
    their pods and are picked up at the next start.
    """
    from gantry.cli.up import Supervisor

    sys.exit(Supervisor().run())


@main.command()
def down() -> None:
    """Stop what `gantry up` started. Running jobs go on in their pods until the next start."""
    from gantry.cli.up import stop

    click.echo(stop())


@main.command()
def status() -> None:
    """Say whether `gantry up` runs here, and where. Exit code 1 if it does not."""
    from gantry.base.config import settings
    from gantry.cli.up import running_pid

    pid = running_pid(settings())
    click.echo(f"Gantry runs (pid {pid}): {settings().public_url}" if pid else "Gantry is down.")
    sys.exit(0 if pid else 1)


@main.command()
def web() -> None:
    """Run the web process alone: pages and /api/v2. Any number may run on one database."""
    import uvicorn

    from gantry.base.config import settings

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gantry.base.django")
    s = settings()
    uvicorn.run(
        "gantry.cli.asgi:application", host=s.host, port=s.port, log_level=s.log_level,
        access_log=False, server_header=False, timeout_graceful_shutdown=2,
        ws_max_size=1 << 20,  # what clients of the websocket say is short
    )  # fmt: skip


@main.command()
@click.option("--replaces", type=int, default=0, help="Pid of a controller here that has died.")
def controller(replaces: int) -> None:
    """Run a controller alone: it takes jobs and walks them. Any number may run on one database."""
    from gantry.base.config import settings

    setup_django()
    from gantry.base.collector import settle
    from gantry.control.main import serve
    from gantry.control.seat import release_dead
    from gantry.pods.docker_api import DockerEngine
    from gantry.triggers import TRIGGERS

    s = settings()
    if replaces:
        release_dead(replaces)
    settle()

    async def go() -> None:
        await serve(s, DockerEngine(s.engine), TRIGGERS)

    import uvloop

    uvloop.run(go())


@main.command()
def migrate() -> None:
    """Bring the database's tables up to date and put in what a new installation starts with."""
    setup_django()
    from django.core.management import call_command

    from gantry.base import postgres
    from gantry.base.config import settings
    from gantry.control.sweep import make_partitions
    from gantry.resources.seeds import seed

    call_command("migrate", verbosity=0)
    make_partitions(postgres.url(settings()))
    seeded = seed()
    if seeded.admin_password:
        click.echo(f"Administrator {settings().admin_user}, password {seeded.admin_password}")
        click.echo("This is shown once; change it with `gantry createsuperuser`.")


@main.command()
@click.option("--username", prompt=True)
@click.password_option()
def createsuperuser(username: str, password: str) -> None:
    """Make an administrator, or give an existing user a new password and all rights."""
    with_database()
    from gantry.resources.organizations import User

    user, _ = User.objects.get_or_create(username=username)
    user.is_superuser = user.is_staff = user.is_active = True
    user.set_password(password)
    user.save()
    click.echo(f"{username} is an administrator.")


@main.command(name="settings")
def show_settings() -> None:
    """Print every setting, its default and its meaning, as a Markdown table."""
    from gantry.base.config import table

    click.echo(table(), nl=False)


@main.command()
def doctor() -> None:
    """Check this machine and say, for each thing that is missing, the command that mends it."""
    from gantry.cli.doctor import examine

    sys.exit(examine())


@main.group()
def job() -> None:
    """Launch and follow jobs from the command line."""


@job.command(name="launch")
@click.argument("template")
@click.option("--follow", is_flag=True, help="Show the output as it comes; exit 1 if it fails.")
@click.option("--extra-vars", "-e", default="", help="YAML or JSON; the template must ask for it.")
@click.option("--limit", default="", help="Hosts to limit the job to; the template must ask.")
@click.option("--user", default="", help="Launch as this user; default: the first administrator.")
def job_launch(template: str, follow: bool, extra_vars: str, limit: str, user: str) -> None:
    """Launch the job template TEMPLATE (a name or an id)."""
    with_database()
    from gantry.cli import jobs

    prompts = {k: v for k, v in (("extra_vars", extra_vars), ("limit", limit)) if v}
    launched = jobs.launch(template, prompts, user)
    click.echo(f"Job {launched.pk}: {jobs.page(launched)}")
    if follow:
        sys.exit(jobs.follow(launched))


@job.command(name="follow")
@click.argument("job_id", type=int)
def job_follow(job_id: int) -> None:
    """Show the output of job JOB_ID from its first line, until it ends."""
    with_database()
    from gantry.cli import jobs

    sys.exit(jobs.follow(jobs.find(job_id)))


@job.command(name="show")
@click.argument("job_id", type=int)
def job_show(job_id: int) -> None:
    """Print the record of job JOB_ID: EE, digest, why, commit, hosts, timing, clean-up."""
    with_database()
    from gantry.cli import jobs

    click.echo(jobs.record(jobs.find(job_id)))


job.add_command(relaunch)
main.add_command(ee)
main.add_command(import_awx)
main.add_command(instance)
main.add_command(schedule)


@main.command()
@click.option("--stop", "stopping", is_flag=True, help="Remove the demo's nodes and cloud.")
@click.option("--state", type=click.Path(path_type=Path), default=None, help="Where its keys lie.")
def demo(stopping: bool, state: Path | None) -> None:
    """Show a whole job: two nodes over SSH, a cloud over HTTPS, a Git repository, live output.

    Needs a running Gantry (`gantry up`); `scripts/demo` does that and this.
    """
    setup_django()
    from gantry.base.config import settings
    from gantry.cli.demo.run import run, stop

    where = state or settings().data_dir / "demo"
    sys.exit(stop(where) if stopping else run(where))


if __name__ == "__main__":
    main()
