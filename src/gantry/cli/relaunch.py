"""`gantry job relaunch`: a job again, with everything as it is now or exactly as it was."""

from __future__ import annotations

import sys

import click

from gantry.cli.setup import with_database


@click.command(name="relaunch")
@click.argument("job_id", type=int)
@click.option("--exactly", is_flag=True, help="The same digest, commit, inventory and variables.")
@click.option(
    "--failed", is_flag=True,
    help="Only on the hosts that failed or were unreachable; a workflow's failed nodes.",
)  # fmt: skip
@click.option(
    "--environment", type=click.Choice(["same", "current", "digest"]), default="same",
    help="The same execution environment, the one that a new launch would choose, or the very "
    "image that JOB_ID ran.",
)  # fmt: skip
@click.option("--follow", is_flag=True, help="Show the output as it comes; exit 1 if it fails.")
@click.option("--user", default="", help="Launch as this user; default: the first administrator.")
def relaunch(
    job_id: int, exactly: bool, failed: bool, environment: str, follow: bool, user: str
) -> None:
    """Launch job JOB_ID again with the same prompts.

    Plainly, as AWX does: project, inventory and image as they are now. With --exactly the image's
    digest, the project's commit, the inventory and all variables are those of JOB_ID, whatever
    became of them since; no project is synced. Credentials are always opened as they are now.
    Of a workflow, --failed runs no node again that succeeded, and hands on what these left.

    \b
    Example
      gantry job relaunch 42 --exactly --follow
    """
    with_database()
    from gantry.base.errors import InvalidInput
    from gantry.cli import jobs
    from gantry.path.launch import relaunch_job
    from gantry.path.workflow_again import relaunch_workflow
    from gantry.resources.models import Job, UnifiedJob, WorkflowJob

    row, who = jobs.find(job_id), jobs.person(user)
    again: UnifiedJob
    if row.kind == "workflow_job":
        if exactly or environment != "same":
            raise InvalidInput("A workflow is relaunched plainly, or with --failed.")
        again = relaunch_workflow(WorkflowJob.objects.get(pk=row.pk), user=who, from_failed=failed)
    elif row.kind == "job":
        hosts = "failed" if failed else "all"
        again = relaunch_job(
            Job.objects.get(pk=row.pk), user=who, hosts=hosts, exactly=exactly,
            environment=environment,
        )  # fmt: skip
    else:
        raise InvalidInput(
            f"Job {job_id} runs no playbook and no workflow: only such jobs are relaunched."
        )
    click.echo(f"Job {again.pk}: {jobs.page(again)}")
    if follow:
        sys.exit(jobs.follow(again))
