"""One of everything, in organization Default, with a secret in every place that can hold one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

SECRET = "s3cr3t-value"


def snapshot(project: Any, *playbooks: str) -> None:
    from gantry.resources.models import ProjectSnapshot

    project.snapshot = ProjectSnapshot.objects.create(
        project=project, scm_url=project.scm_url, revision="a" * 40, sha256="0" * 64, size=1,
        playbooks=list(playbooks),
    )  # fmt: skip
    project.save()


def ad_hoc_command(inventory: Any, credential: Any, host: Any) -> Any:
    from gantry.resources import models as m
    from gantry.resources.events import event_id

    command = m.AdHocCommand.objects.create(
        kind="ad_hoc_command", name="ping", module_name="ping", inventory=inventory,
        organization=inventory.organization, credential=credential, status="successful", lines=1,
        emitted_events=1, start_secrets=SECRET,
    )  # fmt: skip
    command.hosts.add(host)
    m.JobEvent.objects.create(
        id=event_id(command.pk, 1), job_id=command.pk, job_created=command.created, counter=1,
        event="runner_on_ok", uuid="a1", created=datetime.now(UTC), stdout="pong", start_line=0,
        end_line=1, event_data=json.dumps({}), host_id=host.pk, host_name="host",
    )  # fmt: skip
    return command


def input_source(target: Any) -> Any:
    """A vault with a token, where the target's key is."""
    from gantry.resources import models as m

    vault = m.Credential.objects.create(
        name="vault", organization=target.organization,
        credential_type=m.CredentialType.objects.get(namespace="hashivault_kv"),
    )  # fmt: skip
    vault.set_inputs({"url": "http://127.0.0.1:1", "token": SECRET})
    vault.save()
    return m.CredentialInputSource.objects.create(
        target_credential=target, source_credential=vault, input_field_name="ssh_key_data",
        metadata={"secret_path": "a", "secret_key": "b"},
    )  # fmt: skip


def notification(organization: Any, job: Any) -> Any:
    """A webhook that was told of a job's end."""
    from gantry.resources import models as m

    template = m.NotificationTemplate.objects.create(
        name="hook", organization=organization, notification_type="webhook"
    )
    template.set_configuration(
        {"url": "http://127.0.0.1:1", "headers": {}, "username": "me", "password": SECRET}
    )
    template.save()
    job.unified_job_template.notification_templates_error.add(template)
    return m.Notification.objects.create(
        notification_template=template, notification_type="webhook", unified_job=job,
        status="successful", occasion="error", body={"id": job.pk},
    )  # fmt: skip


def build() -> dict[str, int]:
    """Plural -> id."""
    from gantry.resources import models as m
    from gantry.resources.events import event_id
    from gantry.resources.roles import role_on
    from gantry.resources.surveys import seal_answers, set_survey
    from gantry.resources.tokens import issue

    organization = m.Organization.objects.get(name="Default")
    owner = m.User.objects.create(username="someone")
    credential = m.Credential.objects.create(
        name="machine", organization=organization,
        credential_type=m.CredentialType.objects.get(namespace="ssh"),
    )  # fmt: skip
    credential.set_inputs({"username": "root", "password": SECRET})
    credential.save()
    environment = m.ExecutionEnvironment.objects.create(
        name="theirs", image="a/b", organization=organization
    )
    m.EnvironmentDefinition.objects.create(environment=environment, text="version: 3")
    build = m.EnvironmentBuild.objects.create(
        kind="environment_build", name="theirs", environment=environment, organization=organization,
        unified_job_template=None, status="successful", image="a/b", definition="version: 3",
    )  # fmt: skip
    inventory = m.Inventory.objects.create(name="inventory", organization=organization)
    host = m.Host.objects.create(name="host", inventory=inventory)
    m.HostFacts.objects.create(host=host, facts={"a": 1})
    group = m.Group.objects.create(name="group", inventory=inventory)
    group.hosts.add(host)
    project = m.Project.objects.create(
        kind="project", name="project", organization=organization, scm_type="git",
        scm_url="https://git.example.org/a.git",
    )  # fmt: skip
    snapshot(project, "site.yml")
    template = m.JobTemplate.objects.create(
        kind="job_template", name="template", organization=organization, project=project,
        inventory=inventory, playbook="site.yml", webhook_service="github",
    )  # fmt: skip
    template.credentials.add(credential)
    template.survey_enabled = True
    set_survey(template, {"name": "survey", "description": "", "spec": [
        {"variable": "secret", "type": "password", "question_name": "?", "required": True,
         "default": SECRET}]})  # fmt: skip
    template.save()
    label = m.Label.objects.create(name="label", organization=organization)
    template.labels.add(label)
    update = m.ProjectUpdate.objects.create(
        kind="project_update", name="project", project=project, organization=organization,
        unified_job_template=project, status="successful",
    )  # fmt: skip
    job = m.Job.objects.create(
        kind="job", name="template", job_template=template, unified_job_template=template,
        organization=organization, inventory=inventory, project=project, status="successful",
        lines=2, emitted_events=2,
    )  # fmt: skip
    job.start_secrets = SECRET
    job.survey_passwords = {"secret": "$encrypted$"}
    seal_answers(job, {"secret": SECRET})
    job.save()
    job.credentials.add(credential)
    for counter, event in ((1, "playbook_on_start"), (2, "runner_on_ok")):
        m.JobEvent.objects.create(
            id=event_id(job.pk, counter), job_id=job.pk, job_created=job.created, counter=counter,
            event=event, uuid=f"u{counter}", parent_uuid="u1" if counter == 2 else "",
            created=datetime.now(UTC), stdout=f"line {counter}", start_line=counter - 1,
            end_line=counter, event_data=json.dumps({}), host_id=host.pk, host_name="host",
        )  # fmt: skip
    schedule = m.Schedule.objects.create(
        name="schedule", unified_job_template=template, inventory=inventory,
        rrule="DTSTART:20300101T000000Z RRULE:FREQ=DAILY;INTERVAL=1",
        survey_passwords={"secret": "$encrypted$"},
    )  # fmt: skip
    schedule.extra_data = {"secret": SECRET}
    schedule.seal_answers()
    schedule.save()
    schedule.credentials.add(credential)
    system = m.SystemJobTemplate.objects.get(job_type="cleanup_jobs")
    system_job = m.SystemJob.objects.create(
        kind="system_job", name="cleanup", system_job_template=system, status="successful",
        unified_job_template=system, job_type="cleanup_jobs", schedule=schedule,
    )  # fmt: skip
    application = m.OAuth2Application.objects.create(
        name="application", organization=organization, client_type="confidential",
        authorization_grant_type="password",
    )  # fmt: skip
    token, _, _ = issue(owner, "write", application=application)
    team = m.Team.objects.create(name="team", organization=organization)
    instance = m.Instance.objects.create(hostname="node", last_seen=datetime.now(UTC))
    instances = m.InstanceGroup.objects.create(name="theirs", policy_instance_list=["node"])
    instances.instances.add(instance)
    result = m.JobHostSummary.objects.create(job=job, host=host, host_name="host", ok=1)
    return {
        "webhook_deliveries": m.WebhookDelivery.objects.create(
            unified_job_template=template,
            service="github",
            event="push",
            outcome="launched",
            job=job,
            payload="{}",
            verified=True,
        ).pk,
        "notifications": (told := notification(organization, job)).pk,
        "notification_templates": told.notification_template_id,
        "organizations": organization.pk,
        "users": owner.pk,
        "teams": team.pk,
        "roles": role_on(template, "execute_role").pk,
        "execution_environments": environment.pk,
        "environment_builds": build.pk,
        "projects": project.pk,
        "project_updates": update.pk,
        "credentials": credential.pk,
        "credential_types": credential.credential_type_id,
        "applications": application.pk,
        "tokens": token.pk,
        "inventories": inventory.pk,
        **_sources(host, group, update, credential),
        "groups": group.pk,
        "hosts": host.pk,
        "labels": label.pk,
        "instances": instance.pk,
        "instance_groups": instances.pk,
        "job_templates": template.pk,
        "jobs": job.pk,
        "credential_input_sources": input_source(credential).pk,
        "ad_hoc_commands": (command := ad_hoc_command(inventory, credential, host)).pk,
        "ad_hoc_command_events": event_id(command.pk, 1),
        "job_host_summaries": result.pk,
        "host_metrics": m.HostMetric.objects.create(
            hostname="host", last_automation=datetime.now(UTC)
        ).pk,
        "schedules": schedule.pk,
        "system_job_templates": system.pk,
        "system_jobs": system_job.pk,
        **_workflow(template, inventory),
        "job_events": event_id(job.pk, 1),
        "role_definitions": m.RoleDefinition.objects.create(
            name="own", kind="inventory", permissions=["view_inventory"]
        ).pk,
        "role_user_assignments": m.RoleUserAssignment.objects.create(
            role=role_on(inventory, "read_role"), user=owner
        ).pk,
        "role_team_assignments": m.RoleTeamAssignment.objects.create(
            role=role_on(inventory, "read_role"), team=team
        ).pk,
        "activity_stream": m.ActivityStream.objects.filter(object1="credential")[0].pk,
    }


def _workflow(template: Any, inventory: Any) -> dict[str, int]:
    """A run with a job at its first node, and a question at the second."""
    from gantry.path.workflow import copy_nodes
    from gantry.resources import models as m
    from gantry.resources.surveys import seal_answers

    organization = template.organization
    workflow = m.WorkflowJobTemplate.objects.create(
        kind="workflow_job_template", name="workflow", organization=organization,
        inventory=inventory,
    )  # fmt: skip
    question = m.WorkflowApprovalTemplate.objects.create(
        kind="workflow_approval_template", name="question", workflow_job_template=workflow
    )
    first, second = (
        m.WorkflowJobTemplateNode.objects.create(
            workflow_job_template=workflow, unified_job_template=one, identifier=one.name,
            survey_passwords={"secret": "$encrypted$"},
        )
        for one in (template, question)
    )  # fmt: skip
    first.success_nodes.add(second)
    first.extra_data = {"secret": SECRET}
    first.seal_answers()
    first.save()
    run = m.WorkflowJob.objects.create(
        kind="workflow_job", name="workflow", workflow_job_template=workflow, status="successful",
        unified_job_template=workflow, organization=organization,
        survey_passwords={"secret": "$encrypted$"},
    )  # fmt: skip
    seal_answers(run, {"secret": SECRET})
    run.save()
    approval = m.WorkflowApproval.objects.create(
        kind="workflow_approval", name="question", workflow_approval_template=question,
        unified_job_template=question, status="successful", launch_type="workflow",
    )  # fmt: skip
    nodes = copy_nodes([first, second], lambda: m.WorkflowJobNode(workflow_job=run))
    m.WorkflowJobNode.objects.filter(pk=nodes[second.pk].pk).update(job=approval)
    return {
        "workflow_job_templates": workflow.pk,
        "workflow_job_template_nodes": first.pk,
        "workflow_jobs": run.pk,
        "workflow_job_nodes": nodes[second.pk].pk,
        "workflow_approval_templates": question.pk,
        "workflow_approvals": approval.pk,
    }


def _sources(host: Any, group: Any, update: Any, credential: Any) -> dict[str, int]:
    from gantry.resources import models as m
    from gantry.resources.actor import silently
    from gantry.resources.inventory_sources import make_constructed_source

    inventory, organization = host.inventory, host.inventory.organization
    constructed = m.Inventory.objects.create(
        name="constructed", kind="constructed", organization=organization
    )
    make_constructed_source(constructed)
    constructed.input_inventories.add(inventory)
    source = m.InventorySource.objects.create(
        kind="inventory_source", name="source", inventory=inventory, organization=organization,
        source="scm", source_project=update.project, source_path="hosts",
    )  # fmt: skip
    with silently():  # as an update does
        source.hosts.add(host)
        source.groups.add(group)
    brought = m.InventoryUpdate.objects.create(
        kind="inventory_update", name="inventory - source", inventory=inventory,
        inventory_source=source, unified_job_template=source, organization=organization,
        source="scm", status="successful", source_project_update=update,
    )  # fmt: skip
    for each in (source, brought):
        each.credentials.add(credential)
    return {
        "constructed_inventories": constructed.pk,
        "inventory_sources": source.pk,
        "inventory_updates": brought.pk,
    }


def type_id(namespace: str) -> int:
    from gantry.resources.models import CredentialType

    return CredentialType.objects.get(namespace=namespace).pk


def project_with(*playbooks: str, **fields: Any) -> int:
    from gantry.resources.models import Organization, Project

    given = {"organization": Organization.objects.get(name="Default"), "scm_type": "git",
             "scm_url": "https://git.example.org/a.git", "name": "project"} | fields  # fmt: skip
    project = Project.objects.create(kind="project", **given)
    snapshot(project, *playbooks)
    return project.pk
