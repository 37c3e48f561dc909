"""What an organization owns: /organizations/N/execution_environments/ and its like."""

from __future__ import annotations

from gantry.api.credentials import CredentialCreateSerializer
from gantry.api.execution_environments import ExecutionEnvironmentSerializer
from gantry.api.inventories import InventorySerializer
from gantry.api.job_templates import JobTemplateCreate, JobTemplateSerializer
from gantry.api.projects import ProjectCreate, ProjectSerializer
from gantry.api.views import SubListCreateView, SubListView
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
