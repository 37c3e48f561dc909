"""Step 4a, project: the tree a job runs from, a snapshot in the database addressed by commit.

A sync is a job of its own kind (its pod runs pods/agent/sync); what it sends back is kept here.
"""

from __future__ import annotations

import hashlib
import io
import json
import posixpath
import tarfile
from collections.abc import Iterator
from functools import partial

from django.db import connection, transaction

from gantry.base.bridge import waiting_for_database
from gantry.base.errors import JobFailure
from gantry.resources.credentials import Credential
from gantry.resources.jobs import Job, ProjectUpdate
from gantry.resources.projects import Artifact, Project, ProjectSnapshot

TREE = "tree.tar.gz"
RESULT = "result.json"
MOST_LINKS = 40  # as the kernel


def choose_snapshot(project: Project | None, branch: str) -> ProjectSnapshot | None:
    """The newest snapshot of a branch ("": the project's own); None for a job without project."""
    if project is None:
        return None
    snapshot = project.newest(branch)
    if snapshot is None:
        branch = branch or project.scm_branch
        unverified = project.snapshots.filter(scm_branch=branch, scm_url=project.scm_url).exists()
        never = "has not been verified" if unverified else "has never been synced"
        raise JobFailure(
            f"Project {project.name} {never}" + (f" at branch {branch}." if branch else "."),
            cure="Sync the project and look at its output; then launch again.",
            code="project_missing",
        )
    return snapshot


def check_playbook(job: Job, snapshot: ProjectSnapshot) -> None:
    """Refuse what is not in the tree, or points out of it, before a pod is started for it."""
    playbook = job.playbook
    if playbook.startswith(("/", "-")) or ".." in playbook.split("/"):
        raise JobFailure(
            f"Playbook path {playbook} leaves the project.",
            cure="Choose a playbook inside the project's repository.",
            code="playbook_outside_project",
        )
    where = "" if playbook in snapshot.playbooks else _find(snapshot, playbook)
    if where == "outside":
        raise JobFailure(
            f"Playbook {playbook} is a symbolic link that leaves the project.",
            cure="Put the playbook itself into the repository.",
            code="playbook_outside_project",
        )
    if where == "missing":
        names = ", ".join(snapshot.playbooks[:8]) or "none"
        raise JobFailure(
            f"Playbook {playbook} is not in project {job.project} at commit "
            f"{snapshot.revision[:12]}.",
            cure=f"Playbooks found there: {names}. Sync the project if it was added lately.",
            code="playbook_missing",
        )


def _find(snapshot: ProjectSnapshot, playbook: str) -> str:
    """`missing`, `outside`, or `here` for a file that does not look like a playbook, which AWX runs
    too. Reads the whole tree, so it is asked only about what is not among the playbooks."""
    with tarfile.open(fileobj=io.BytesIO(b"".join(tree(snapshot))), mode="r:*") as packed:
        entries = {member.name: member for member in packed}
    path, links = f"project/{playbook}", 0
    while (link := _first_link(entries, path)) is not None and links < MOST_LINKS:
        links += 1
        target = entries[link].linkname
        rest = path[len(link) :]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(link), target) + rest)
        if not path.startswith("project/"):
            return "outside"
    found = entries.get(path)
    return "here" if found is not None and found.isreg() else "missing"


def _first_link(entries: dict[str, tarfile.TarInfo], path: str) -> str | None:
    parts = path.split("/")
    prefixes = ("/".join(parts[: n + 1]) for n in range(len(parts)))
    return next((p for p in prefixes if p in entries and entries[p].issym()), None)


def tree(snapshot: ProjectSnapshot) -> Iterator[bytes]:
    """The compressed tree, in pieces as they were stored. Each is a query of its own, which may
    come from another thread and after PostgreSQL was away."""
    pieces = Artifact.objects.filter(job=snapshot.update, name=TREE).order_by("number")
    for number in waiting_for_database(lambda: list(pieces.values_list("number", flat=True))):
        yield waiting_for_database(partial(_piece, snapshot, number))


def has_tree(snapshot: ProjectSnapshot) -> bool:
    """It goes with the sync that made it."""
    kept = Artifact.objects.filter(job=snapshot.update_id, name=TREE)
    return snapshot.update_id is not None and kept.exists()


def _piece(snapshot: ProjectSnapshot, number: int) -> bytes:
    return bytes(Artifact.objects.get(job=snapshot.update, name=TREE, number=number).data)


def keep_snapshot(update: ProjectUpdate) -> ProjectSnapshot:
    """After a sync that succeeded: make its artifacts the project's snapshot. Idempotent."""
    existing = ProjectSnapshot.objects.filter(update=update).first()
    if existing is not None:
        return existing
    pieces = Artifact.objects.filter(job=update).order_by("name", "number")
    result = json.loads(b"".join(bytes(p.data) for p in pieces.filter(name=RESULT)) or b"null")
    if result is None:
        raise JobFailure(
            "The sync ended well but sent no tree back.",
            cure="Launch the sync again; report this if it happens twice.",
            code="sync_incomplete",
        )
    digest, size = hashlib.sha256(), 0
    for piece in pieces.filter(name=TREE).iterator(chunk_size=4):
        digest.update(piece.data)
        size += len(piece.data)
    with transaction.atomic():
        snapshot = ProjectSnapshot.objects.create(
            project=update.project, update=update, scm_url=update.scm_url,
            scm_branch=update.scm_branch, revision=result["revision"], sha256=digest.hexdigest(),
            size=size, unpacked_size=result["unpacked_size"], playbooks=result["playbooks"],
            inventory_files=result["inventories"],
            verified_by=Credential.objects.filter(pk=result.get("verified_by")).first(),
        )  # fmt: skip
        ProjectUpdate.objects.filter(pk=update.pk).update(scm_revision=result["revision"])
        if update.scm_branch == update.project.scm_branch:
            Project.objects.filter(pk=update.project_id).update(
                snapshot=snapshot, scm_revision=result["revision"]
            )
    _forget_old(update.project_id)
    return snapshot


def _forget_old(project: int) -> None:
    """Trees that no job ran from and that a newer one of the same branch replaces."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH unused AS (
                SELECT s.id, s.update_id FROM resources_projectsnapshot s
                 WHERE s.project_id = %s
                   AND NOT EXISTS (SELECT 1 FROM resources_job j WHERE j.project_snapshot_id = s.id)
                   AND NOT EXISTS (SELECT 1 FROM resources_inventoryupdate i
                                     JOIN resources_unifiedjob u ON u.id = i.unifiedjob_ptr_id
                                    WHERE i.project_snapshot_id = s.id AND u.finished IS NULL)
                   AND EXISTS (SELECT 1 FROM resources_projectsnapshot n
                                WHERE n.project_id = s.project_id AND n.id > s.id
                                  AND n.scm_branch = s.scm_branch AND n.scm_url = s.scm_url)
                   AND s.id IS DISTINCT FROM (SELECT snapshot_id FROM resources_project
                                               WHERE unifiedjobtemplate_ptr_id = s.project_id)
            ), forgotten AS (
                UPDATE resources_inventoryupdate i SET project_snapshot_id = NULL
                  FROM unused u WHERE i.project_snapshot_id = u.id
            ), gone AS (
                DELETE FROM resources_projectsnapshot s USING unused u WHERE s.id = u.id
            )
            DELETE FROM resources_artifact a USING unused u WHERE a.job_id = u.update_id
            """,
            [project],
        )
