"""The map of the API, in the order of AWX's own root listing. Included at /api/ by cli.urls."""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern, include, path

from gantry.api import (
    access_list,
    applications,
    auth,
    config,
    credential_types,
    credentials,
    environment_archive,
    environment_builds,
    environment_contents,
    environment_pins,
    execution_environments,
    groups,
    hosts,
    images,
    inventories,
    job_events,
    job_host_summaries,
    job_template_preflight,
    job_templates,
    jobs,
    launch,
    oauth_views,
    organization_lists,
    organizations,
    people,
    ping,
    project_updates,
    projects,
    roles,
    root,
    stdout,
    team_lists,
    teams,
    tokens,
    unified_job_templates,
    unified_jobs,
    user_lists,
    users,
)
from gantry.resources.models import (
    Credential,
    Inventory,
    JobTemplate,
    Organization,
    Project,
    Team,
    User,
)


def noun(plural: str, views: dict[str, Any], below: dict[str, Any]) -> list[URLPattern]:
    """A list, a detail, and what lies below one."""
    found = []
    if "list" in views:
        found.append(path(f"{plural}/", views["list"].as_view()))
    if "detail" in views:
        found.append(path(f"{plural}/<int:pk>/", views["detail"].as_view()))
    found += [path(f"{plural}/<int:pk>/{part}/", v.as_view()) for part, v in below.items()]
    return found


def rights(model: type[Any]) -> dict[str, Any]:
    """The lists below everything that has roles of its own."""
    return {
        "object_roles": roles.object_roles_of(model),
        "access_list": access_list.access_list_of(model),
    }


v2 = [
    path("", root.VersionTwo.as_view()),
    path("ping/", ping.Ping.as_view()),
    path("config/", config.Config.as_view()),
    path("me/", users.UserMeList.as_view()),
    *noun(
        "organizations",
        {"list": organizations.OrganizationList, "detail": organizations.OrganizationDetail},
        {
            "users": people.OrganizationUsersList,
            "admins": people.OrganizationAdminsList,
            "teams": teams.OrganizationTeamsList,
            **rights(Organization),
            "inventories": organization_lists.OrganizationInventoriesList,
            "execution_environments": organization_lists.OrganizationExecutionEnvironmentsList,
            "projects": organization_lists.OrganizationProjectsList,
            "job_templates": organization_lists.OrganizationJobTemplatesList,
            "credentials": organization_lists.OrganizationCredentialsList,
            "applications": applications.OrganizationApplicationsList,
        },
    ),
    *noun(
        "users",
        {"list": users.UserList, "detail": users.UserDetail},
        {
            "organizations": user_lists.UserOrganizationsList,
            "admin_of_organizations": user_lists.UserAdminOfOrganizationsList,
            "credentials": user_lists.UserCredentialsList,
            "applications": applications.UserApplicationsList,
            "tokens": tokens.UserTokensList,
            "personal_tokens": tokens.UserPersonalTokensList,
            "authorized_tokens": tokens.UserAuthorizedTokensList,
            "projects": user_lists.UserProjectsList,
            "teams": team_lists.UserTeamsList,
            "roles": roles.UserRolesList,
            "access_list": access_list.access_list_of(User),
        },
    ),
    *noun(
        "teams",
        {"list": teams.TeamList, "detail": teams.TeamDetail},
        {
            "users": people.TeamUsersList,
            "roles": roles.TeamRolesList,
            "projects": team_lists.TeamProjectsList,
            "credentials": team_lists.TeamCredentialsList,
            **rights(Team),
        },
    ),
    *noun(
        "roles",
        {"list": roles.RoleList, "detail": roles.RoleDetail},
        {
            "users": roles.RoleUsersList,
            "teams": roles.RoleTeamsList,
            "parents": roles.RoleParentsList,
            "children": roles.RoleChildrenList,
        },
    ),
    path("users/<str:name>/personal_tokens/", tokens.NamedPersonalTokensList.as_view()),
    *noun(
        "execution_environments",
        {
            "list": execution_environments.ExecutionEnvironmentList,
            "detail": execution_environments.ExecutionEnvironmentDetail,
        },
        {
            "unified_job_templates": execution_environments.ExecutionEnvironmentJobTemplateList,
            "copy": execution_environments.ExecutionEnvironmentCopy,
            "pin": environment_pins.Pin,
            "unpin": environment_pins.Unpin,
            "accept": environment_pins.Accept,
            "unaccept": environment_pins.Unaccept,
            "check": environment_pins.Check,
            "digests": environment_pins.EnvironmentDigestsList,
            "platforms": images.Platforms,
            "definition": environment_builds.Definition,
            "build": environment_builds.BuildEnvironment,
            "builds": environment_builds.BuildsOfEnvironmentList,
            "export": environment_archive.EnvironmentExport,
            "contents": environment_contents.EnvironmentContents,
            "sbom": environment_contents.EnvironmentSbom,
            "diff": environment_contents.EnvironmentDiff,
        },
    ),
    *noun(
        "projects",
        {"list": projects.ProjectList, "detail": projects.ProjectDetail},
        {
            "playbooks": projects.ProjectPlaybooks,
            "inventories": projects.ProjectInventories,
            "update": projects.ProjectUpdateView,
            "project_updates": projects.ProjectUpdatesList,
            "teams": team_lists.ProjectTeamsList,
            **rights(Project),
        },
    ),
    *noun(
        "project_updates",
        {
            "list": project_updates.ProjectUpdateList,
            "detail": project_updates.ProjectUpdateDetail,
        },
        {
            "cancel": project_updates.ProjectUpdateCancel,
            "stdout": stdout.ProjectUpdateStdout,
            "events": job_events.ProjectUpdateEventsList,
        },
    ),
    *noun(
        "credentials",
        {"list": credentials.CredentialList, "detail": credentials.CredentialDetail},
        {
            "owner_users": team_lists.CredentialOwnerUsersList,
            "owner_teams": team_lists.CredentialOwnerTeamsList,
            **rights(Credential),
        },
    ),
    *noun(
        "credential_types",
        {
            "list": credential_types.CredentialTypeList,
            "detail": credential_types.CredentialTypeDetail,
        },
        {"credentials": credentials.CredentialTypeCredentialList},
    ),
    *noun(
        "applications",
        {"list": applications.ApplicationList, "detail": applications.ApplicationDetail},
        {"tokens": tokens.ApplicationTokensList},
    ),
    *noun("tokens", {"list": tokens.TokenList, "detail": tokens.TokenDetail}, {}),
    *noun(
        "inventories",
        {"list": inventories.InventoryList, "detail": inventories.InventoryDetail},
        {
            "hosts": hosts.InventoryHostsList,
            "groups": groups.InventoryGroupsList,
            "root_groups": groups.InventoryRootGroupsList,
            "variable_data": inventories.InventoryVariableData,
            "script": inventories.InventoryScriptView,
            "job_templates": job_templates.InventoryJobTemplateList,
            **rights(Inventory),
        },
    ),
    *noun(
        "groups",
        {"list": groups.GroupList, "detail": groups.GroupDetail},
        {
            "children": groups.GroupChildrenList,
            "hosts": groups.GroupHostsList,
            "all_hosts": groups.GroupAllHostsList,
            "potential_children": groups.GroupPotentialChildrenList,
            "variable_data": groups.GroupVariableData,
        },
    ),
    *noun(
        "hosts",
        {"list": hosts.HostList, "detail": hosts.HostDetail},
        {
            "variable_data": hosts.HostVariableData,
            "groups": groups.HostGroupsList,
            "all_groups": groups.HostAllGroupsList,
            "job_host_summaries": job_host_summaries.HostJobHostSummariesList,
        },
    ),
    *noun(
        "job_templates",
        {"list": job_templates.JobTemplateList, "detail": job_templates.JobTemplateDetail},
        {
            "launch": launch.JobTemplateLaunch,
            "preflight": job_template_preflight.JobTemplatePreflight,
            "jobs": jobs.JobTemplateJobsList,
            "credentials": job_templates.JobTemplateCredentialsList,
            **rights(JobTemplate),
        },
    ),
    *noun(
        "jobs",
        {"list": jobs.JobList, "detail": jobs.JobDetail},
        {
            "cancel": jobs.JobCancel,
            "relaunch": jobs.JobRelaunch,
            "stdout": stdout.JobStdout,
            "job_events": job_events.JobJobEventsList,
            "job_events/children_summary": job_events.JobEventsChildrenSummary,
            "job_host_summaries": job_host_summaries.JobJobHostSummariesList,
            "credentials": jobs.JobCredentialsList,
        },
    ),
    path("images/", images.Images.as_view()),
    *noun("job_host_summaries", {"detail": job_host_summaries.JobHostSummaryDetail}, {}),
    *noun(
        "job_events",
        {"detail": job_events.JobEventDetail},
        {"children": job_events.JobEventChildrenList},
    ),
    *noun(
        "environment_builds",
        {
            "list": environment_builds.EnvironmentBuildList,
            "detail": environment_builds.EnvironmentBuildDetail,
        },
        {
            "cancel": environment_builds.EnvironmentBuildCancel,
            "stdout": environment_builds.EnvironmentBuildStdout,
            "events": environment_builds.EnvironmentBuildEventsList,
        },
    ),
    *noun("unified_job_templates", {"list": unified_job_templates.UnifiedJobTemplateList}, {}),
    *noun("unified_jobs", {"list": unified_jobs.UnifiedJobList}, {}),
]

urlpatterns: list[object] = [
    path("", root.ApiRoot.as_view()),
    path("login/", auth.login),
    path("logout/", auth.logout),
    path("o/", oauth_views.OAuthRoot.as_view()),
    path("o/authorize/", oauth_views.authorize),
    path("o/token/", oauth_views.token),
    path("o/revoke_token/", oauth_views.revoke_token),
    path("v2/", include(v2)),
]
