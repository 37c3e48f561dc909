"""What belongs to a user: /users/N/organizations/, admin_of_organizations/, credentials/."""

from __future__ import annotations

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
    relationship = "owned_credentials"
    parent_key = "user"
