"""The rows that a job needs, made short. A project here is a snapshot given as a dict of files."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from dataclasses import dataclass
from typing import Any

PING = "- hosts: all\n  gather_facts: false\n  tasks:\n    - ping:\n"
LOCAL = {
    "ansible_connection": "local",
    "ansible_python_interpreter": "{{ ansible_playbook_python }}",
}


def pack(files: dict[str, str]) -> bytes:
    """A project's tree as a sync sends it back."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tree:
        for name, text in files.items():
            member = tarfile.TarInfo(f"project/{name}")
            # A script is one: an inventory that prints its hosts, say.
            member.size, member.mode = len(text.encode()), 0o755 if text[:2] == "#!" else 0o644
            tree.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


@dataclass
class World:
    """One organization with an EE, an inventory of local hosts, and an administrator."""

    organization: Any
    environment: Any
    inventory: Any
    admin: Any

    @classmethod
    def make(cls, image: str, hosts: tuple[str, ...] = ("alpha", "beta")) -> World:
        from gantry.resources.models import (
            Credential,
            ExecutionEnvironment,
            Host,
            Inventory,
            Organization,
            User,
        )

        environment = ExecutionEnvironment.objects.create(name="Test EE", image=image)
        organization = Organization.objects.create(name="Acme", default_environment=environment)
        organization.galaxy_credentials.set(Credential.objects.filter(managed=True))
        ExecutionEnvironment.objects.filter(managed=True).update(image=image)
        inventory = Inventory.objects.create(name="Local", organization=organization)
        for name in hosts:
            Host.objects.create(name=name, inventory=inventory, variables=json.dumps(LOCAL))
        return cls(organization, environment, inventory, User.objects.get(username="admin"))

    def project(self, files: dict[str, str], name: str = "Project") -> Any:
        """A project already synced, with these files at a commit named by their content."""
        from gantry.resources.models import Artifact, Project, ProjectSnapshot, ProjectUpdate

        project = Project.objects.create(
            kind="project", name=name, organization=self.organization, scm_type="git",
            scm_url="https://git.example.org/demo.git",
        )  # fmt: skip
        update = ProjectUpdate.objects.create(
            kind="project_update", name=name, project=project, status="successful", stage="done"
        )
        data = pack(files)
        Artifact.objects.create(job=update, name="tree.tar.gz", number=0, data=data)
        digest = hashlib.sha256(data).hexdigest()
        snapshot = ProjectSnapshot.objects.create(
            project=project, update=update, scm_url=project.scm_url, revision=digest[:40],
            sha256=digest, size=len(data), unpacked_size=sum(map(len, files.values())),
            playbooks=[f for f in files if f.endswith(".yml")],
        )  # fmt: skip
        project.snapshot, project.scm_revision = snapshot, snapshot.revision
        project.save()
        return project

    def template(self, playbook: str | dict[str, str] = PING, **fields: Any) -> Any:
        """A template of a one-playbook project, or of the files given."""
        from gantry.resources.models import JobTemplate

        files = playbook if isinstance(playbook, dict) else {"site.yml": playbook}
        name = fields.pop("name", f"Template {JobTemplate.objects.count() + 1}")
        project = fields.pop("project", None) or self.project(files, f"Project of {name}")
        values = {"playbook": "site.yml", "inventory": self.inventory, "project": project}
        return JobTemplate.objects.create(
            kind="job_template", name=name, organization=self.organization, **(values | fields)
        )

    def credential(self, namespace: str, inputs: dict[str, Any], name: str = "") -> Any:
        from gantry.resources.models import Credential, CredentialType

        credential = Credential.objects.create(
            name=name or namespace, organization=self.organization,
            credential_type=CredentialType.objects.get(namespace=namespace),
        )  # fmt: skip
        credential.set_inputs(inputs)
        credential.save()
        return credential

    def launch(self, template: Any, **prompts: Any) -> Any:
        from gantry.path.launch import launch_job

        return launch_job(template, user=self.admin, prompts=prompts).job


def stdout(job: Any) -> str:
    from gantry.resources.models import JobEvent

    events = JobEvent.objects.filter(job_id=job.pk).order_by("id")
    return "\n".join(e.stdout for e in events if e.stdout)
