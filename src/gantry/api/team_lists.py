"""What teams have and whose they are: /teams/N/projects/, /users/N/teams/, /projects/N/teams/."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from gantry.api.credentials import CredentialCreateSerializer
from gantry.api.projects import ProjectSerializer
from gantry.api.teams import TeamSerializer
from gantry.api.users import UserSerializer
from gantry.api.views import SubListCreateView, SubListView
from gantry.resources.models import Credential, Project, Role, Team, User
from gantry.resources.roles import role_on


def _given(team: Team, kind: str) -> QuerySet[Any]:
    """The ids of objects of a kind on which a team was given a role."""
    return Role.objects.filter(teams=team, kind=kind).order_by().values("object_id")


class TeamProjectsList(SubListView):
    model = Project
    serializer_class = ProjectSerializer
    parent_model = Team

    def children(self, parent: Any) -> QuerySet[Any]:
        # Those of an organization of which the team was given a role that shows its projects, too.
        organizations = Role.objects.filter(
            teams=parent, kind="organization",
            role_field__in=("project_admin_role", "auditor_role"),
        )  # fmt: skip
        return Project.objects.filter(
            Q(pk__in=_given(parent, "project"))
            | Q(organization__in=organizations.order_by().values("object_id"))
        )


class TeamCredentialsList(SubListCreateView):
    model = Credential
    serializer_class = CredentialCreateSerializer
    parent_model = Team
    parent_key = "team"

    def children(self, parent: Any) -> QuerySet[Any]:
        return Credential.objects.filter(pk__in=_given(parent, "credential"))


class ProjectTeamsList(SubListView):
    model = Team
    serializer_class = TeamSerializer
    parent_model = Project

    def children(self, parent: Any) -> QuerySet[Any]:
        roles = Role.objects.filter(kind="project", object_id=parent.pk)
        return Team.objects.filter(pk__in=roles.order_by().values("teams"))


class UserTeamsList(SubListView):
    model = Team
    serializer_class = TeamSerializer
    parent_model = User

    def children(self, parent: Any) -> QuerySet[Any]:
        held = Role.objects.filter(
            kind="team", role_field__in=("member_role", "admin_role"), members=parent
        )
        return Team.objects.filter(pk__in=held.order_by().values("object_id"))


class CredentialOwnerUsersList(SubListView):
    model = User
    serializer_class = UserSerializer
    parent_model = Credential

    def children(self, parent: Any) -> QuerySet[Any]:
        members: QuerySet[Any] = role_on(parent, "admin_role").members.all()
        return members


class CredentialOwnerTeamsList(SubListView):
    model = Team
    serializer_class = TeamSerializer
    parent_model = Credential

    def children(self, parent: Any) -> QuerySet[Any]:
        held = Role.objects.filter(
            kind="credential", role_field__in=("admin_role", "use_role"), object_id=parent.pk
        )
        return Team.objects.filter(pk__in=held.order_by().values("teams"))
