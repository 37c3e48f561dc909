"""/api/v2/teams/: people of an organization who are given roles together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework.exceptions import PermissionDenied

from gantry.api.shape import BASE, AwxSerializer
from gantry.api.views import DetailView, ListCreateView, SubListCreateView, SubListView
from gantry.resources.models import Organization, Team


class TeamSerializer(AwxSerializer):
    sublists = {
        name: name
        for name in ("projects", "users", "credentials", "roles", "object_roles", "access_list")
    }
    linked = ("organization",)
    summarized = ("organization",)
    capabilities = {"edit": "change", "delete": "delete"}

    class Meta:
        model = Team
        fields = (*BASE, "organization")


class TeamList(ListCreateView):
    model = Team
    serializer_class = TeamSerializer


class TeamDetail(DetailView):
    model = Team
    serializer_class = TeamSerializer

    def check_change(self, row: Any, attrs: Mapping[str, Any]) -> None:
        organization = attrs.get("organization")
        if organization is not None and organization.pk != row.organization_id:
            raise PermissionDenied("Unable to change organization on a team.")


class OrganizationTeamsList(SubListCreateView):
    model = Team
    serializer_class = TeamSerializer
    parent_model = Organization
    parent_key = "organization"


class TeamsWithRoles(SubListView):
    """The teams that were given a role on an object."""

    model = Team
    serializer_class = TeamSerializer
