"""What an organization owns: /organizations/N/execution_environments/ and its like."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework.exceptions import PermissionDenied

from gantry.api.credentials import CredentialCreateSerializer, CredentialSerializer
from gantry.api.execution_environments import ExecutionEnvironmentSerializer
from gantry.api.inventories import InventorySerializer
from gantry.api.job_templates import JobTemplateCreate, JobTemplateSerializer
from gantry.api.projects import ProjectCreate, ProjectSerializer
from gantry.api.views import AttachView, SubListCreateView, SubListView
from gantry.resources import access
from gantry.resources.base import in_order_of_attaching
from gantry.resources.models import (
    Credential,
    ExecutionEnvironment,
    Inventory,
    JobTemplate,
    Organization,
    Project,
)


class OrganizationExecutionEnvironmentsList(SubListCreateView):
    model = ExecutionEnvironment
    serializer_class = ExecutionEnvironmentSerializer
    parent_model = Organization
    parent_key = "organization"


class OrganizationProjectsList(ProjectCreate, SubListCreateView):
    model = Project
    serializer_class = ProjectSerializer
    parent_model = Organization
    parent_key = "organization"


class OrganizationInventoriesList(SubListView):
    model = Inventory
    serializer_class = InventorySerializer
    parent_model = Organization
    relationship = "inventories"


class OrganizationJobTemplatesList(JobTemplateCreate, SubListCreateView):
    model = JobTemplate
    serializer_class = JobTemplateSerializer
    parent_model = Organization
    parent_key = "organization"


class OrganizationCredentialsList(SubListCreateView):
    model = Credential
    serializer_class = CredentialCreateSerializer
    parent_model = Organization
    parent_key = "organization"


class OrganizationGalaxyCredentialsList(AttachView):
    """Where its projects' roles and collections come from, in the order in which they are asked.
    Whoever may see the organization sees them all, as in AWX."""

    model = Credential
    serializer_class = CredentialSerializer
    parent_model = Organization
    relationship = "galaxy_credentials"
    creates = False
    ordering: ClassVar[tuple[str, ...] | None] = ("attached",)

    def get_queryset(self) -> QuerySet[Any]:
        rows = in_order_of_attaching(self.parent(), self.relationship)
        tuned: QuerySet[Any] = CredentialSerializer.tune(rows)
        return tuned

    def refuse(self, parent: Any, row: Any) -> Any:
        kind = row.credential_type
        if kind.namespace != "galaxy_api_token" or not kind.managed:
            return {"msg": f"Credential must be a Galaxy credential, not {kind.name}."}
        return None

    def detach(self, parent: Any, row: Any) -> Any:
        if not access.may(self.request.user, self.attach_verb(), row):
            raise PermissionDenied
        return super().detach(parent, row)
