"""`gantry job relaunch`: a job again, with everything as it is now or exactly as it was."""

from __future__ import annotations

import sys

import click

from gantry.cli.setup import with_database


@click.command(name="relaunch")
@click.argument("job_id", type=int)
@click.option("--exactly", is_flag=True, help="The same digest, commit, inventory and variables.")
@click.option("--failed", is_flag=True, help="Only on the hosts that failed or were unreachable.")
@click.option("--follow", is_flag=True, help="Show the output as it comes; exit 1 if it fails.")
@click.option("--user", default="", help="Launch as this user; default: the first administrator.")
def relaunch(job_id: int, exactly: bool, failed: bool, follow: bool, user: str) -> None:
    """Launch job JOB_ID again with the same prompts.

    Plainly, as AWX does: project, inventory and image as they are now. With --exactly the image's
    digest, the project's commit, the inventory and all variables are those of JOB_ID, whatever
    became of them since; no project is synced. Credentials are always opened as they are now.

    \b
    Example
      gantry job relaunch 42 --exactly --follow
    """
    with_database()
    from gantry.base.errors import InvalidInput
    from gantry.cli import jobs
    from gantry.path.launch import relaunch_job
    from gantry.resources.models import Job

    job = Job.objects.filter(pk=jobs.find(job_id).pk).first()
    if job is None:
        raise InvalidInput(f"Job {job_id} runs no playbook: only such jobs are relaunched.")
    again = relaunch_job(
        job, user=jobs.person(user), hosts="failed" if failed else "all", exactly=exactly
    )
    click.echo(f"Job {again.pk}: {jobs.page(again)}")
    if follow:
        sys.exit(jobs.follow(again))
