"""The world in which AWX's answers were recorded, built here; and the ids it had there."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

# In a body, which kind of object a number stands for.
FIELDS = {
    "organization": "organizations",
    "unified_job_template": "job_templates",
    "workflow_job_template": "workflow_job_templates",
    "inventory": "inventories",
    "project": "projects",
    "credential_type": "credential_types",
    "credential": "credentials",
    "credentials": "credentials",
    "execution_environment": "execution_environments",
    "default_environment": "execution_environments",
}


@dataclass
class World:
    """Recorded (plural, id) -> the id here."""

    ids: dict[tuple[str, int], int] = field(default_factory=dict)

    def path(self, recorded: str) -> str:
        def here(found: re.Match[str]) -> str:
            plural, pk = found[1], int(found[2])
            return f"/{plural}/{self.ids.get((plural, pk), pk)}/"

        return re.sub(r"/([a-z_]+)/(\d+)/", here, recorded)

    def body(self, recorded: Any, plural: str = "") -> Any:
        if isinstance(recorded, dict):
            return {
                k: self.body(v, FIELDS.get(k, "hosts" if k == "id" and plural == "hosts" else ""))
                if k in FIELDS
                else self._one(k, v)
                for k, v in recorded.items()
            }
        if isinstance(recorded, list):
            return [self.body(v, plural) for v in recorded]
        if isinstance(recorded, int) and not isinstance(recorded, bool) and plural:
            return self.ids.get((plural, recorded), recorded)
        return recorded

    def _one(self, key: str, value: Any) -> Any:
        return value


def before_posts() -> World:
    """What stood there before the recorded POSTs, and is not made by one of them."""
    from gantry.resources.models import (
        Credential,
        CredentialType,
        ExecutionEnvironment,
        User,
    )
    from gantry.resources.tokens import issue

    world = World()
    for recorded, namespace in ((1, "ssh"), (18, "registry")):
        world.ids["credential_types", recorded] = CredentialType.objects.get(namespace=namespace).pk
    world.ids["execution_environments", 2] = ExecutionEnvironment.objects.get(managed=True).pk
    admin = User.objects.get(username="admin")
    issue(admin, "write")
    registry = Credential.objects.create(
        name="Some registry",
        credential_type=CredentialType.objects.get(namespace="registry"),
        created_by=admin,
        modified_by=admin,
    )
    environment = ExecutionEnvironment.objects.create(
        name="Peer EE",
        image="registry.example.org/team/ee:1.2",
        credential=registry,
        created_by=admin,
        modified_by=admin,
    )
    world.ids["execution_environments", 3] = environment.pk
    spare = ExecutionEnvironment.objects.create(name="Spare", image="a/b")
    world.ids["execution_environments", 8] = spare.pk
    return world


def project_of(organization: int) -> int:
    """A project whose tree is known, with the playbook that the recorded templates name."""
    from gantry.resources.models import Project, ProjectSnapshot, User

    admin = User.objects.get(username="admin")
    project = Project.objects.create(
        kind="project",
        name="Peer manual project",
        organization_id=organization,
        scm_type="git",
        scm_url="https://git.example.org/x.git",
        status="successful",
        created_by=admin,
        modified_by=admin,
    )
    project.snapshot = ProjectSnapshot.objects.create(
        project=project,
        scm_url=project.scm_url,
        revision="a" * 40,
        sha256="0" * 64,
        size=1,
        playbooks=["hello.yml"],
    )
    project.save()
    return project.pk


def schedule_of(template: int) -> int:
    from gantry.resources.models import Schedule, UnifiedJobTemplate

    return Schedule.objects.create(
        name="Peer schedule", unified_job_template=UnifiedJobTemplate.objects.get(pk=template),
        rrule="DTSTART;TZID=UTC:20300101T000000 RRULE:FREQ=DAILY;INTERVAL=1", enabled=False,
    ).pk  # fmt: skip


def more_hosts(inventory: int) -> None:
    from gantry.resources.models import Host, User

    admin = User.objects.get(username="admin")
    for name in ("h2", "h3", "h4"):
        Host.objects.create(
            name=name, inventory_id=inventory, variables="ansible_connection: local",
            created_by=admin, modified_by=admin,
        )  # fmt: skip


def credential_without_owner(kind: int) -> None:
    from gantry.resources.models import Credential, User

    admin = User.objects.get(username="admin")
    Credential.objects.create(
        name="Nobody's", credential_type_id=kind, inputs={"url": "http://x"},
        created_by=admin, modified_by=admin,
    )  # fmt: skip


def finish_updates() -> None:
    from gantry.resources.models import (
        ExecutionEnvironment,
        Instance,
        InstanceGroup,
        ProjectUpdate,
    )
    from gantry.resources.policies import apply_policies

    now = datetime.now(UTC)
    ProjectUpdate.objects.update(
        status="successful", started=now, finished=now, elapsed=1, pod_name="gantry-y",
        execution_environment=ExecutionEnvironment.objects.get(managed=True),
        instance_group=InstanceGroup.objects.get(name="controlplane"), execution_node="here",
        controller_node="here",
    )  # fmt: skip
    Instance.objects.create(
        uuid="b972c33e-b9f7-4a5f-9c8b-ec6ab2d4af22", hostname="here", pid=1, version="0",
        last_seen=now, last_health_check=now, cpu=2, memory=8 << 30, cpu_capacity=8,
        mem_capacity=61, capacity=61, most_jobs=20,
    )  # fmt: skip
    InstanceGroup.objects.create(name="peer-cg", is_container_group=True, max_forks=10)
    apply_policies()


def finish(job_id: int, hosts: list[str]) -> None:
    """Let a job have run: events as ansible writes them, a result for each host."""
    from gantry.resources.events import event_id
    from gantry.resources.models import (
        ExecutionEnvironment,
        Host,
        InstanceGroup,
        Job,
        JobEvent,
        JobHostSummary,
    )

    job = Job.objects.get(pk=job_id)
    now = datetime.now(UTC)
    rows = Host.objects.filter(inventory=job.inventory, name__in=hosts)
    known = {h.name: h.pk for h in rows}
    plan: list[tuple[str, str, str, str]] = [("playbook_on_start", "p", "", "")]
    plan.append(("playbook_on_play_start", "play", "p", ""))
    plan.append(("playbook_on_task_start", "task", "play", ""))
    plan += [("runner_on_ok", f"ok-{h}", "task", h) for h in hosts]
    plan += [("verbose", "", "", "")] * 25
    plan.append(("playbook_on_stats", "stats", "p", ""))
    stats = {
        "playbook": "hello.yml", "playbook_uuid": "p", "changed": dict.fromkeys(hosts, 1),
        "dark": {}, "failures": {}, "ignored": {}, "ok": dict.fromkeys(hosts, 1),
        "processed": dict.fromkeys(hosts, 1), "rescued": {}, "skipped": {}, "artifact_data": {},
        "uuid": "stats", "guid": "g",
    }  # fmt: skip
    for counter, (event, uuid, parent, host) in enumerate(plan, 1):
        JobEvent.objects.create(
            id=event_id(job.pk, counter), job_id=job.pk, job_created=job.created, counter=counter,
            event=event, uuid=uuid or f"v{counter}", parent_uuid=parent, host_name=host,
            host_id=known.get(host), created=now, stdout=f"line {counter}",
            start_line=counter - 1, end_line=counter,
            event_data=json.dumps(stats if event == "playbook_on_stats" else {}),
        )  # fmt: skip
    for host in rows:
        JobHostSummary.objects.create(
            job=job, host=host, host_name=host.name, ok=1, changed=1, processed=1
        )
    rows.update(last_job=job)
    Job.objects.filter(pk=job.pk).update(
        status="successful", started=now - timedelta(seconds=3), finished=now, elapsed=3,
        execution_environment=ExecutionEnvironment.objects.filter(managed=False).first(),
        job_args='["ansible-playbook"]', job_cwd="/runner/project", job_env={"JOB_ID": "1"},
        instance_group=InstanceGroup.objects.get(name="default"), execution_node="here",
        controller_node="here", pod_name="gantry-x", lines=len(plan), emitted_events=len(plan),
    )  # fmt: skip
    if job.job_template is not None:
        job.job_template.last_job = job.unifiedjob_ptr
        job.job_template.last_job_run = now
        job.job_template.status = "successful"
        job.job_template.current_job = None
        job.job_template.save()
