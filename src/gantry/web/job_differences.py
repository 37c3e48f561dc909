"""What differs between two runs, and between a run and its plain relaunch now, as lines to read."""

from __future__ import annotations

from dataclasses import dataclass

from gantry.resources.environments import EnvironmentDigest
from gantry.resources.jobs import Job


@dataclass(frozen=True)
class Difference:
    """A fact of both runs, as the page lists it."""

    name: str
    left: str
    right: str

    @property
    def differs(self) -> bool:
        return self.left != self.right


def relaunch_differs(job: Job) -> list[Difference]:
    """Digest and commit that a plain relaunch would take now, where the job had others. Of a tag
    that is not pinned it is the digest seen last: the registry may know a newer one."""
    found = []
    environment = job.execution_environment
    if environment is not None and job.ee_digest:
        digest = environment.wanted_digest
        if not digest:
            seen = EnvironmentDigest.objects.filter(environment=environment)
            digest = seen.order_by("-last_seen").values_list("digest", flat=True).first() or ""
        found.append(Difference("Digest", job.ee_digest, digest))
    if job.project is not None and job.scm_revision and not job.scm_branch:
        found.append(Difference("Commit", job.scm_revision, job.project.scm_revision))
    return [one for one in found if one.right and one.differs]
