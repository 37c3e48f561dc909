"""What belongs to a user: /users/N/organizations/, admin_of_organizations/, credentials/."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from gantry.api.credentials import CredentialCreateSerializer
from gantry.api.organizations import OrganizationSerializer
from gantry.api.views import SubListCreateView, SubListView
from gantry.resources.models import Credential, Organization, User


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


class UserCredentialsList(SubListCreateView):
    model = Credential
    serializer_class = CredentialCreateSerializer
    parent_model = User
    parent_key = "user"

    def children(self, parent: Any) -> QuerySet[Any]:
        return Credential.objects.filter(owner=parent)
