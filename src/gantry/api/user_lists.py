"""What belongs to a user: /users/N/organizations/, admin_of_organizations/, credentials/."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from gantry.api.credentials import CredentialCreateSerializer
from gantry.api.organizations import OrganizationSerializer
from gantry.api.projects import ProjectSerializer
from gantry.api.views import SubListCreateView, SubListView
from gantry.resources.access import visible
from gantry.resources.models import Credential, Organization, Project, User


class UserOrganizationsList(SubListView):
    model = Organization
    serializer_class = OrganizationSerializer
    parent_model = User
    relationship = "organizations"


class UserAdminOfOrganizationsList(SubListView):
    model = Organization
    serializer_class = OrganizationSerializer
    parent_model = User
    relationship = "admin_of_organizations"


class UserProjectsList(SubListView):
    """What both that person and whoever asks may read."""

    model = Project
    serializer_class = ProjectSerializer
    parent_model = User

    def children(self, parent: Any) -> QuerySet[Any]:
        return visible(parent, Project.objects.all())


class UserCredentialsList(SubListCreateView):
    model = Credential
    serializer_class = CredentialCreateSerializer
    parent_model = User
    parent_key = "user"

    def children(self, parent: Any) -> QuerySet[Any]:
        roles = parent.roles.filter(kind="credential", role_field__in=("admin_role", "use_role"))
        return Credential.objects.filter(pk__in=roles.order_by().values("object_id"))
