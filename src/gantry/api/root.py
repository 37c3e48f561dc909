"""/api/ and /api/v2/: open to everybody, because awxkit reads them before it logs in."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.middleware.csrf import get_token
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.names import ROOT
from gantry.api.views import AwxView, OpenView

# In AWX's order and only what exists: awxkit makes a command of every key.
LISTING = {
    "ping": "ping",
    "instances": "instances",
    "instance_groups": "instance_groups",
    "receptor_addresses": "receptor_addresses",
    "config": "config",
    "settings": "settings",
    "me": "me",
    "dashboard": "dashboard",
    "organizations": "organizations",
    "users": "users",
    "execution_environments": "execution_environments",
    "projects": "projects",
    "project_updates": "project_updates",
    "teams": "teams",
    "credentials": "credentials",
    "credential_types": "credential_types",
    "credential_input_sources": "credential_input_sources",
    "applications": "applications",
    "tokens": "tokens",
    "metrics": "metrics",
    "inventory": "inventories",
    "constructed_inventory": "constructed_inventories",
    "inventory_sources": "inventory_sources",
    "inventory_updates": "inventory_updates",
    "groups": "groups",
    "hosts": "hosts",
    "host_metrics": "host_metrics",
    "host_metric_summary_monthly": "host_metric_summary_monthly",
    "roles": "roles",
    "job_templates": "job_templates",
    "jobs": "jobs",
    "system_job_templates": "system_job_templates",
    "system_jobs": "system_jobs",
    "schedules": "schedules",
    "ad_hoc_commands": "ad_hoc_commands",
    "notification_templates": "notification_templates",
    "notifications": "notifications",
    "labels": "labels",
    "workflow_job_templates": "workflow_job_templates",
    "workflow_jobs": "workflow_jobs",
    "workflow_approvals": "workflow_approvals",
    "workflow_job_template_nodes": "workflow_job_template_nodes",
    "workflow_job_nodes": "workflow_job_nodes",
    "mesh_visualizer": "mesh_visualizer",
    "unified_job_templates": "unified_job_templates",
    "unified_jobs": "unified_jobs",
    "activity_stream": "activity_stream",
    "role_definitions": "role_definitions",
    "role_user_assignments": "role_user_assignments",
    "role_team_assignments": "role_team_assignments",
    "bulk": "bulk",
}


class ApiRoot(OpenView):
    name = "REST API"

    def get(self, request: Request, **kwargs: Any) -> Response:
        get_token(request._request)  # sets the cookie that awxkit sends back when it logs in
        return Response(
            {
                "description": "AWX REST API",
                "current_version": ROOT,
                "available_versions": {"v2": ROOT},
                "oauth2": "/api/o/",
                "custom_logo": "",
                "custom_login_info": "",
                "login_redirect_override": "",
            }
        )


class VersionTwo(OpenView):
    name = "Version 2"

    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response({name: f"{ROOT}{part}/" for name, part in LISTING.items()})


class SingleSignOn(OpenView):
    """The other ways to log in: none."""

    name = "Auth"
    authentication_classes = ()

    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response({})


class Analytics(AwxView):
    """AWX sends what it counted to its maker."""

    name = "Analytics"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        raise Http404("Gantry sends nothing home: it has no analytics.")
