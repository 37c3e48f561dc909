"""Execution environments for the pages' tests: rows as pins, checks and inspections leave them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from gantry.path.project import TREE
from gantry.resources.builds import EnvironmentBuild
from gantry.resources.environments import EnvironmentDigest, ExecutionEnvironment
from gantry.resources.images import ImageContents
from gantry.resources.inventories import InventorySnapshot
from gantry.resources.jobs import Job, ProjectUpdate
from gantry.resources.projects import Artifact, Project, ProjectSnapshot
from tests.web import story

OLD = "sha256:" + b"0ld".hex().ljust(64, "1")
NEW = "sha256:" + b"new".hex().ljust(64, "2")


def environment(name: str = "Web EE", **more: Any) -> ExecutionEnvironment:
    values = {"image": "registry.example.com/platform/web-ee:3", **more}
    return ExecutionEnvironment.objects.create(name=name, **values)


def drifted(name: str = "Web EE", **more: Any) -> ExecutionEnvironment:
    """Its tag meant OLD when a job ran last, and means NEW since an hour ago."""
    now = timezone.now()
    row = environment(
        name, last_digest=OLD, last_used=now - timedelta(hours=3), registry_digest=NEW,
        registry_checked=now, drifted_since=now - timedelta(hours=1), **more,
    )  # fmt: skip
    seen(row, OLD, "ran", days=9, ran=True)
    seen(row, NEW, "registry", days=0)
    return row


def seen(
    row: ExecutionEnvironment, digest: str, origin: str, *, days: int = 0, ran: bool = False
) -> EnvironmentDigest:
    when = timezone.now() - timedelta(days=days)
    made = EnvironmentDigest.objects.create(
        environment=row, digest=digest, origin=origin, reference=row.image, platform="linux/amd64",
        first_run=when if ran else None, last_run=when if ran else None,
    )  # fmt: skip
    EnvironmentDigest.objects.filter(pk=made.pk).update(first_seen=when)
    return made


def packages(count: int = 40, **versions: str) -> list[dict[str, str]]:
    """Collections, Python and Debian packages. `versions` adds Python packages by name."""
    collections = {"amazon.aws": "9.1.0", "ansible.posix": "1.6.2", "community.general": "10.2.0"}
    python = {"ansible-core": "2.19.4", "ansible-runner": "2.4.1", "boto3": "1.36.2", **versions}
    debs = {f"lib{n:04d}": f"{n}.1-2" for n in range(count)}
    return [
        {"kind": kind, "name": name, "version": version}
        for kind, group in (("collection", collections), ("deb", debs), ("python", python))
        for name, version in sorted(group.items())
    ]


def inspected(digest: str, **more: Any) -> ImageContents:
    values: dict[str, Any] = {
        "platform": "linux/amd64", "reference": "registry.example.com/platform/web-ee:3",
        "state": "inspected", "inspected": timezone.now(), "seconds": 2.4,
        "ansible_core": "2.19.4", "ansible_runner": "2.4.1", "python": "3.11.2",
        "distribution": "Debian GNU/Linux 12 (bookworm)", "user": "1000", "size": 412_000_000,
        "entrypoint": ["/opt/builder/bin/entrypoint", "dumb-init"], "command": ["bash"],
        "packages": packages(),
    }  # fmt: skip
    return ImageContents.objects.create(digest=digest, **(values | more))


def ran(row: ExecutionEnvironment, digest: str, **more: Any) -> Job:
    return story.job(
        "done", "successful", execution_environment=row, ee_name=row.name, ee_image=row.image,
        ee_digest=digest, ee_platform="linux/amd64", **more,
    )  # fmt: skip


def kept(job: Job) -> Job:
    """The job with what an exact repetition needs: its project's tree and its inventory."""
    assert job.project is not None
    job.project_snapshot = tree_of(job.project, b"tree")
    job.inventory_snapshot = InventorySnapshot.objects.create(
        inventory=job.inventory, sha256="7" * 64, data=b"hosts", host_count=3
    )
    job.save()
    return job


def tree_of(project: Project, packed: bytes) -> ProjectSnapshot:
    """What a sync leaves: the project's tree, tar.gz."""
    update = ProjectUpdate.objects.create(
        kind="project_update", name=project.name, project=project, status="successful",
        organization=project.organization, stage="done",
    )  # fmt: skip
    Artifact.objects.create(job=update, name=TREE, number=0, data=packed)
    return ProjectSnapshot.objects.create(
        project=project, scm_url=project.scm_url, scm_branch=project.scm_branch,
        revision=story.COMMIT, sha256="5" * 64, size=len(packed), update=update,
    )  # fmt: skip


def build(row: ExecutionEnvironment, status: str = "running", **more: Any) -> EnvironmentBuild:
    now = timezone.now()
    over = status not in ("new", "pending", "waiting", "running")
    values: dict[str, Any] = {
        "kind": "environment_build", "name": f"Build {row.name}", "environment": row,
        "organization": row.organization, "image": row.image, "status": status,
        "stage": "done" if over else "running", "lease_epoch": 1, "started": now,
        "stage_times": {"queued": now.isoformat(), "running": now.isoformat()},
        "definition": "version: 3\n", "finished": now if over else None,
        "failed": status == "failed",
    }  # fmt: skip
    return EnvironmentBuild.objects.create(**(values | more))
