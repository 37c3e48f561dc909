"""Where every page is, with a row behind each: what the tests walk that ask the same of all pages.

Whoever adds a page adds its address here; `test_accessibility` fails for a name that is missing.
"""

from __future__ import annotations

import uuid

from django.urls import URLPattern
from django.utils import timezone

from gantry.resources.activity import ActivityStream
from gantry.resources.credentials import Credential, CredentialType
from gantry.resources.environments import ExecutionEnvironment
from gantry.resources.instances import Instance, InstanceGroup
from gantry.resources.inventories import Group, Host, HostFacts, Inventory
from gantry.resources.inventory_sources import InventorySource
from gantry.resources.notifications import NotificationTemplate
from gantry.resources.organizations import Organization, Team, User
from gantry.resources.roles import role_on
from gantry.resources.schedules import Schedule
from gantry.resources.tokens import OAuth2Application, issue
from gantry.web.urls import urlpatterns
from tests.control.test_workflows import approval, ended, job_at, launch, node, turn, workflow
from tests.web import story

# Answers that are no page: text, JSON, streams and files.
NO_PAGES = {
    "job-panels", "job-lines", "job-text", "job-events", "job-headings", "job-find", "job-results",
    "job-event", "environment-sbom", "environment-lock",
    "build-lock", "login", "logout", "oidc-begin", "oidc-complete",
    "workflow-graph-part", "workflow-choices",
    "environment-images",  # asks an engine: test_images walks it
}  # fmt: skip


def names_of_pages() -> set[str]:
    """The names in gantry.web.urls that answer a GET with a page."""
    found = set()
    for pattern in urlpatterns:
        assert isinstance(pattern, URLPattern)
        if not getattr(pattern.callback, "changes", False):
            found.add(str(pattern.name))
    return found - NO_PAGES


def pages() -> dict[str, list[str]]:
    """name in gantry.web.urls -> addresses, the first of them the page as people mostly see it."""
    parts = (of_work, of_schedules, of_workflows, of_inventories, of_notifications, of_resources,
             of_environments, of_people, of_the_system)  # fmt: skip
    return {name: some for part in parts for name, some in part().items()}


def of_work() -> dict[str, list[str]]:
    template = story.template(ask_limit_on_launch=True)
    story.template("Plain")
    runs = {"job_template": template, "unified_job_template": template}
    story.job("done", "successful", **runs)
    job = story.job("done", "failed", job_explanation="A task failed.", **runs)
    return {
        "dashboard": ["/"],
        "find": ["/find/", "/find/?q=o", "/find/?q=nothing-like-it"],
        "jobs": ["/jobs/", "/jobs/?q=nothing-like-it", "/jobs/?status=failed&kind=job&page=9",
                 "/jobs/?environment=1&digest=sha256:1"],
        "job": [f"/jobs/{job.pk}/", f"/jobs/{job.pk}/?view=matrix",
                f"/jobs/{job.pk}/?view=timeline"],
        "job-compare": [f"/jobs/{job.pk}/compare/"],
        "templates": ["/templates/", "/templates/?q=nothing-like-it"],
        "template": [f"/templates/{template.pk}/"],
        "template-add": ["/templates/add/"],
        "template-edit": [f"/templates/{template.pk}/edit/"],
        "template-launch": [f"/templates/{template.pk}/launch/"],
        "projects": ["/projects/", "/projects/?q=nothing-like-it"],
        "project": [f"/projects/{template.project_id}/"],
        "project-add": ["/projects/add/"],
        "project-edit": [f"/projects/{template.project_id}/edit/"],
        "inventories": ["/inventories/", "/inventories/?q=nothing-like-it"],
        "inventory": [f"/inventories/{template.inventory_id}/"],
    }  # fmt: skip


def of_resources() -> dict[str, list[str]]:
    kind = CredentialType.objects.get(name="Machine")
    credential = Credential.objects.create(name="Key", credential_type=kind)
    organization = story.organization()
    external = Credential.objects.create(
        name="Safe",
        credential_type=CredentialType.objects.get(name="HashiCorp Vault Secret Lookup"),
    )
    own = CredentialType.objects.create(name="Shop", kind="cloud", inputs={"fields": []})
    return {
        "credentials": ["/credentials/", "/credentials/?q=nothing-like-it"],
        "credential": [f"/credentials/{credential.pk}/"],
        "credential-add": ["/credentials/add/"],
        "credential-add-kind": [f"/credentials/add/{kind.pk}/"],
        "credential-edit": [f"/credentials/{credential.pk}/edit/"],
        "credential-test": [f"/credentials/{external.pk}/test/", f"/credentials/{external.pk}/"],
        "credential-lookup": [
            f"/credentials/{credential.pk}/lookup/password/",
            f"/credentials/{credential.pk}/lookup/password/?source={external.pk}",
        ],
        "credential-types": ["/credential-types/", "/credential-types/?q=nothing-like-it"],
        "credential-type": [f"/credential-types/{own.pk}/", f"/credential-types/{kind.pk}/"],
        "credential-type-add": ["/credential-types/add/"],
        "credential-type-edit": [f"/credential-types/{own.pk}/edit/"],
        "organizations": ["/organizations/", "/organizations/?q=nothing-like-it"],
        "organization": [f"/organizations/{organization.pk}/"],
    }


def of_schedules() -> dict[str, list[str]]:
    row = Schedule.objects.order_by("pk").first()
    assert row is not None
    months = row.dtstart or timezone.now()
    return {
        "schedules": [
            "/schedules/", "/schedules/?q=nothing-like-it",
            f"/schedules/?template={row.unified_job_template_id}",
        ],
        "schedule-calendar": ["/schedules/calendar/", f"/schedules/calendar/?month={months:%Y-%m}"],
        "schedule-add": [
            "/schedules/add/", f"/schedules/add/?template={row.unified_job_template_id}",
        ],
        "schedule": [f"/schedules/{row.pk}/"],
        "schedule-edit": [f"/schedules/{row.pk}/edit/"],
    }  # fmt: skip


def of_workflows() -> dict[str, list[str]]:
    """One with a node of each look, and its run."""
    row = workflow("Release")
    first = node(row, story.template("Build", ask_limit_on_launch=True))
    asks = node(row, approval(row), (first, "success"), all_parents_must_converge=True)
    node(row, story.template("Deploy"), (asks, "success"))
    node(row, story.template("Undo"), (asks, "failure"), (first, "always"))
    run = launch(row)
    ended(job_at(run, "Build"))
    turn()
    at = f"/workflows/{row.pk}"
    return {
        "workflows": ["/workflows/", "/workflows/?q=nothing-like-it"],
        "workflow": [f"{at}/"],
        "workflow-add": ["/workflows/add/"],
        "workflow-edit": [f"{at}/edit/"],
        "workflow-launch": [f"{at}/launch/"],
        "workflow-graph": [f"{at}/graph/?node={asks.pk}", f"{at}/graph/", f"/jobs/{run.pk}/"],
        "workflow-node-prompts": [f"/workflows/nodes/{first.pk}/"],
    }


def of_people() -> dict[str, list[str]]:
    ours, admin = story.organization(), User.objects.get(username="admin")
    team = Team.objects.create(name="Operators", organization=ours)
    mia = story.member("mia-of-the-pages")
    role_on(team, "member_role").members.add(mia)
    project = story.template("With roles").project
    assert project is not None
    role_on(project, "use_role").teams.add(team)
    application = OAuth2Application.objects.create(
        name="Dashboard", organization=ours, client_type="public",
        authorization_grant_type="password",
    )  # fmt: skip
    issue(admin, "read", application=application, description="Wall")
    return {
        "organization-add": ["/organizations/add/"],
        "organization-edit": [f"/organizations/{ours.pk}/edit/"],
        "teams": ["/teams/", "/teams/?q=nothing-like-it"],
        "team": [f"/teams/{team.pk}/"],
        "team-add": ["/teams/add/", f"/teams/add/?organization={ours.pk}"],
        "team-edit": [f"/teams/{team.pk}/edit/"],
        "users": ["/users/", "/users/?q=nothing-like-it", "/users/?kind=is_superuser"],
        "user": [f"/users/{mia.pk}/", f"/users/{admin.pk}/"],
        "user-add": ["/users/add/"],
        "user-edit": [f"/users/{mia.pk}/edit/"],
        "tokens": ["/tokens/"],
        "applications": ["/applications/", "/applications/?q=nothing-like-it"],
        "application": [f"/applications/{application.pk}/"],
        "application-add": ["/applications/add/"],
        "application-edit": [f"/applications/{application.pk}/edit/"],
        "access": [f"/access/organization/{ours.pk}/", f"/access/project/{project.pk}/",
                   f"/access/team/{team.pk}/?q=mia"],
    }  # fmt: skip


def of_the_system() -> dict[str, list[str]]:
    group = InstanceGroup.objects.get(name="default")
    now = timezone.now()
    seat, _ = Instance.objects.get_or_create(
        hostname="node1.example.com",
        defaults={"cpu": 4, "memory": 8 << 30, "capacity": 16, "most_jobs": 20, "last_seen": now,
                  "holder": uuid.uuid4()},
    )  # fmt: skip
    group.instances.add(seat)
    changed = Organization.objects.create(name="Changed", description="before")
    changed = Organization.objects.get(pk=changed.pk)
    changed.description = "after"
    changed.save()
    entry = ActivityStream.objects.filter(operation="update").latest("pk")
    return {
        "activity": ["/activity/", "/activity/?operation=update&kind=organization&user=nobody",
                     f"/activity/?about=organization:{changed.pk}&day=2026-11-24"],
        "activity-entry": [f"/activity/{entry.pk}/"],
        "instances": ["/instances/", "/instances/?q=nothing-like-it"],
        "instance": [f"/instances/{seat.pk}/"],
        "instance-groups": ["/instance-groups/", "/instance-groups/?q=nothing-like-it"],
        "instance-group": [f"/instance-groups/{group.pk}/"],
        "instance-group-add": ["/instance-groups/add/"],
        "instance-group-edit": [f"/instance-groups/{group.pk}/edit/"],
        "settings": ["/settings/", "/settings/?q=token"],
        "settings-group": ["/settings/images/", "/settings/login/"],
    }  # fmt: skip


def of_inventories() -> dict[str, list[str]]:
    row = Inventory.objects.create(name="Fleet", organization=story.organization())
    host = Host.objects.create(name="node1", inventory=row, variables="a: 1")
    HostFacts.objects.create(host=host, facts={"ansible_lsb": {"id": "Debian"}})
    group = Group.objects.create(name="all of them", inventory=row)
    group.children.add(Group.objects.create(name="some", inventory=row))
    group.hosts.add(host)
    source = InventorySource.objects.create(
        kind="inventory_source", name="Cloud", source="ec2", inventory=row
    )
    at = f"/inventories/{row.pk}"
    return {
        "inventory-add": [f"/inventories/add/{kind}" for kind in
                          ("", "?kind=smart", "?kind=constructed")],
        "inventory-edit": [f"{at}/edit/"],
        "inventory-groups": [f"{at}/groups/"],
        "inventory-group-add": [f"{at}/groups/add/"],
        "inventory-host-add": [f"{at}/hosts/add/"],
        "inventory-sources": [f"{at}/sources/"],
        "inventory-source-add": [f"{at}/sources/add/"],
        "inventory-host": [f"/hosts/{host.pk}/", f"/hosts/{host.pk}/?q=nothing-like-it", f"{at}/"],
        "inventory-host-edit": [f"/hosts/{host.pk}/edit/"],
        "inventory-group": [f"/groups/{group.pk}/"],
        "inventory-group-edit": [f"/groups/{group.pk}/edit/"],
        "inventory-source": [f"/sources/{source.pk}/"],
        "inventory-source-edit": [f"/sources/{source.pk}/edit/"],
    }  # fmt: skip


def of_notifications() -> dict[str, list[str]]:
    """And the parts of what tells them."""
    ours = story.organization()
    row = NotificationTemplate.objects.create(
        name="On call", organization=ours, notification_type="slack",
        notification_configuration={"token": "", "channels": ["#ops"]},
    )  # fmt: skip
    row.notifications.create(notification_type="slack", status="failed", error="no such channel")
    kinds = ("text", "password", "multiselect", "integer")
    spec = [{"question_name": f"Which {kind}?", "variable": kind, "type": kind, "required": True,
             "choices": "a\nb", "default": ""} for kind in kinds]  # fmt: skip
    asks = {"survey_enabled": True, "survey_spec": {"name": "", "description": "", "spec": spec}}
    template = story.template("Surveyed", webhook_service="github", **asks)
    template.webhook_deliveries.create(service="github", event="push", outcome="refused")
    flow = workflow("Surveyed too", **asks)
    assert template.project is not None
    source = InventorySource.objects.create(
        kind="inventory_source", name="Told", source="ec2", inventory=template.inventory
    )
    places = {
        "template": f"/templates/{template.pk}", "workflow": f"/workflows/{flow.pk}",
        "project": f"/projects/{template.project_id}", "organization": f"/organizations/{ours.pk}",
        "inventory-source": f"/sources/{source.pk}",
    }  # fmt: skip
    whole = ("template", "workflow")
    return {
        "notifications": ["/notifications/", "/notifications/?q=nothing-like-it"],
        "notification": [f"/notifications/{row.pk}/"],
        "notification-add": ["/notifications/add/"],
        "notification-add-kind": ["/notifications/add/email/", "/notifications/add/webhook/"],
        "notification-edit": [f"/notifications/{row.pk}/edit/"],
        **{f"{name}-notifications": [f"{at}/notifications/"] for name, at in places.items()},
        **{f"{name}-survey": [f"{places[name]}/survey/"] for name in whole},
        **{f"{name}-webhook": [f"{places[name]}/webhook/"] for name in whole},
    }  # fmt: skip


def of_environments() -> dict[str, list[str]]:
    environment = ExecutionEnvironment.objects.order_by("pk").first()
    assert environment is not None
    at = f"/environments/{environment.pk}"
    return {
        "environments": ["/environments/", "/environments/?q=nothing-like-it"],
        "environment": [f"{at}/"],
        "environment-add": ["/environments/add/"],
        "environment-edit": [f"{at}/edit/"],
        "environment-diff": ["/environments/diff/"],
        "environment-contents": [f"{at}/contents/"],
        "environment-platforms": [f"{at}/platforms/"],
        "environment-digests": [f"{at}/digests/"],
        "environment-builds": [f"{at}/build/"],
    }
