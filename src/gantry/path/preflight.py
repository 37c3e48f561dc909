"""Preflight: whether the execution environment has what the playbook needs, before it is started.

The controller compares when it knows the digest that will run (step 4, prepare); a launch compares
only where the digest is fixed and the playbook has been read before, and only to refuse. Contents
that are not known never hold up a job.
"""

from __future__ import annotations

import json
import logging
from typing import Any

from django.db import connection

from gantry.base.bridge import DATABASE_AWAY
from gantry.base.errors import InvalidInput, JobFailure
from gantry.images.preflight.compare import NOT_COVERED, Comparison, Missing, compare
from gantry.images.preflight.find import contents_at, inspected_digest, tell_who_has
from gantry.images.preflight.needs import Needs
from gantry.images.preflight.read import read_needs
from gantry.images.preflight.tree import TreeUnreadable, read_archive
from gantry.path.project import tree
from gantry.path.resolve import resolve_environment
from gantry.resources import access
from gantry.resources.environments import ExecutionEnvironment
from gantry.resources.images import ImageContents
from gantry.resources.jobs import Job
from gantry.resources.organizations import Organization, User
from gantry.resources.projects import ProjectSnapshot
from gantry.resources.templates import JobTemplate

logger = logging.getLogger(__name__)
MOST_KEPT = 256 << 10  # bytes of JSON for one playbook
CODE = "preflight"


def needs_of(snapshot: ProjectSnapshot, playbook: str) -> Needs:
    """Read once for each playbook of a snapshot, then kept on it."""
    known = kept_needs(snapshot, playbook)
    if known is not None:
        return known
    try:
        needs = read_needs(read_archive(tree(snapshot)), playbook)
    except TreeUnreadable as error:
        return Needs(playbook, unsure=[str(error)])
    _keep(snapshot, needs)
    return needs


def kept_needs(snapshot: ProjectSnapshot, playbook: str) -> Needs | None:
    kept = snapshot.needs.get(playbook)
    return Needs.from_json(kept) if kept else None


def _keep(snapshot: ProjectSnapshot, needs: Needs) -> None:
    kept = needs.json()
    snapshot.needs[needs.playbook] = kept
    text = json.dumps({needs.playbook: kept})
    if len(text) <= MOST_KEPT:
        with connection.cursor() as cursor:  # another playbook may be kept at the same time
            cursor.execute(
                "UPDATE resources_projectsnapshot SET needs = needs || %s::jsonb WHERE id = %s",
                [text, snapshot.pk],
            )


# -- a job ----------------------------------------------------------------------------------------


def check_job(job: Job, snapshot: ProjectSnapshot | None) -> None:
    """Compare, and keep the answer on the job. Raises JobFailure where the organization's policy
    is `error` and the play could not even be loaded."""
    policy = _policy(job.organization)
    if policy == "off" or snapshot is None:
        return
    try:
        known = _compare_job(job, snapshot)
    except DATABASE_AWAY:
        raise
    except Exception:  # a fault of preflight is no fault of the job
        logger.exception("job %s: preflight failed", job.pk)
        return
    missing = [each for each in known.missing if each.certain] if known else []
    environment = {"id": job.execution_environment_id, "name": job.ee_name}
    result = _result(policy, job.playbook, environment, job.ee_digest, known)
    Job.objects.filter(pk=job.pk).update(preflight=result)
    if policy == "error" and missing:
        sentence, cure = refusal(str(job.ee_name or job.ee_image), job.playbook, missing)
        raise JobFailure(sentence, cure=cure, code=CODE)


def _compare_job(job: Job, snapshot: ProjectSnapshot) -> Comparison | None:
    contents = contents_at(job.ee_digest, job.ee_platform)
    known = _comparison(needs_of(snapshot, job.playbook), contents)
    if known:
        tell_who_has(known.missing, _of_organization(job.organization))
    return known


def check_launch(job: Job) -> None:
    """Refuse at once what the controller would refuse later. Asked only where the policy is
    `error`, the EE is pinned or held, and playbook and digest were read before: then all of it
    costs four queries. Raises InvalidInput, in the same words."""
    if _policy(job.organization) != "error" or job.repeats_id or job.project is None:
        return
    try:
        resolution = resolve_environment(job)
    except JobFailure:
        return  # told by the step that it belongs to
    if not resolution.digest or job.dependencies.exists():
        return
    snapshot = job.project.newest(job.scm_branch)
    contents = contents_at(resolution.digest)
    needs = kept_needs(snapshot, job.playbook) if snapshot and contents else None
    known = _comparison(needs, contents) if needs else None
    missing = [m for m in known.missing if m.certain] if known else []
    if missing:
        tell_who_has(missing, _of_organization(job.organization))
        sentence, cure = refusal(resolution.environment.name, job.playbook, missing)
        raise InvalidInput(sentence, field="execution_environment", cure=cure)


def refusal(environment: str, playbook: str, missing: list[Missing]) -> tuple[str, str]:
    """Sentence and cure."""
    lacks = " ".join(each.sentence for each in missing[:5])
    more = f" And {len(missing) - 5} more." if len(missing) > 5 else ""
    holders = [{e["name"] for e in each.environments} for each in missing]
    have = sorted(set.intersection(*holders)) if holders else []
    first = f"{' and '.join(have[:3])} {'has' if len(have) == 1 else 'have'} it. " if have else ""
    return (
        f"Execution environment {environment} lacks what {playbook} needs: {lacks}{more}",
        f"{first}Choose an execution environment that has it, or name it in the project's "
        "requirements.yml. The organization's preflight policy `warn` would launch.",
    )


# -- a template -----------------------------------------------------------------------------------


def preflight_of(template: JobTemplate, user: User) -> dict[str, Any]:
    """What a launch of this template would find. JSON-ready: `state` is `compared`, or `unknown`
    with a `sentence` that says why; `missing` as `Missing.json`, `unsure` sentences.

    The first call for a commit reads the project's tree, later ones do not. Which EEs have what is
    missing is told of those that `user` may see.
    """
    project = template.project
    policy = _policy(project.organization if project else template.organization)
    snapshot = project.snapshot if project else None
    if project and template.scm_branch:
        snapshot = project.snapshots.filter(scm_branch=template.scm_branch).first() or snapshot
    try:
        environment = resolve_environment(template).environment
    except JobFailure as error:
        return _result(policy, template.playbook, None, "", None, str(error))
    shown = {"id": environment.pk, "name": environment.name}
    if snapshot is None:
        return _result(policy, template.playbook, shown, "", None, "The project was never synced.")
    digest = inspected_digest(environment)
    known = _comparison(needs_of(snapshot, template.playbook), contents_at(digest))
    if known:
        tell_who_has(known.missing, access.visible(user, ExecutionEnvironment.objects.all()))
    return _result(policy, template.playbook, shown, digest, known)


def _comparison(needs: Needs, contents: ImageContents | None) -> Comparison | None:
    """None where nothing can be compared: not inspected, or no ansible found in it."""
    return compare(needs, contents) if contents and contents.ansible_core else None


def _result(
    policy: str,
    playbook: str,
    environment: dict[str, Any] | None,
    digest: str,
    known: Comparison | None,
    sentence: str = "",
) -> dict[str, Any]:
    missing = known.missing if known else []
    return {
        "state": "compared" if known else "unknown",
        "sentence": sentence or ("" if known else "What is in the image is not known yet."),
        "policy": policy,
        "playbook": playbook,
        "environment": environment,
        "digest": digest,
        "missing": [each.json() for each in missing],
        "unsure": known.unsure if known else [],
        "not_covered": list(NOT_COVERED),
    }


def _policy(organization: Organization | None) -> str:
    return organization.preflight if organization else "warn"


def _of_organization(organization: Organization | None) -> Any:
    """The EEs that a job of this organization may use."""
    rows = ExecutionEnvironment.objects.filter(managed=False)
    return rows.filter(organization=None) | rows.filter(organization=organization)
