"""/api/v2/organizations/ and the people of one. What it owns is in organization_lists.py."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import Count

from gantry.api.shape import BASE, AwxSerializer
from gantry.api.users import UserSerializer
from gantry.api.views import AttachView, DetailView, ListCreateView
from gantry.resources.models import (
    Host,
    Inventory,
    JobTemplate,
    Organization,
    Project,
    User,
)


class OrganizationSerializer(AwxSerializer):
    sublists = {
        name: name
        for name in (
            "execution_environments", "projects", "inventories", "job_templates", "users",
            "admins", "credentials",
        )
    }  # fmt: skip
    linked = ("default_environment",)
    summarized = ("default_environment",)
    capabilities = {"edit": "change", "delete": "delete"}
    used = {"default_environment": "read"}

    class Meta:
        model = Organization
        fields = (*BASE, "max_hosts", "custom_virtualenv", "default_environment")
        read_only_fields = ("custom_virtualenv",)

    def get_summary_fields(self, row: Any) -> dict[str, Any]:
        found = super().get_summary_fields(row)
        shown = self.detail and self.context["request"].method != "POST"
        counts = self.once("counts", lambda page: _counts([r.pk for r in page], shown))
        found["related_field_counts"] = counts[row.pk]
        return found


def _counts(ids: list[int], detail: bool) -> dict[int, dict[str, int]]:
    """Of a page of organizations at once; AWX counts hosts only where one is shown."""
    found = {pk: {"teams": 0} for pk in ids}
    sources: list[tuple[str, Any, str]] = [
        ("users", Organization.users.through.objects, "organization"),
        ("admins", Organization.admins.through.objects, "organization"),
        ("inventories", Inventory.objects, "organization"),
        ("projects", Project.objects, "organization"),
        ("job_templates", JobTemplate.objects, "organization"),
    ]
    if detail:
        sources.append(("hosts", Host.objects, "inventory__organization"))
    for name, rows, path in sources:
        kept = rows.filter(**{f"{path}__in": ids}).order_by()
        counted = dict(kept.values_list(path).annotate(Count("pk")))
        for pk in ids:
            found[pk][name] = counted.get(pk, 0)
    return found


class OrganizationList(ListCreateView):
    model = Organization
    serializer_class = OrganizationSerializer


class OrganizationDetail(DetailView):
    model = Organization
    serializer_class = OrganizationSerializer


class _People(AttachView):
    model = User
    serializer_class = UserSerializer
    parent_model = Organization
    ordering: ClassVar[tuple[str, ...] | None] = ("username",)


class OrganizationUsersList(_People):
    relationship = "users"


class OrganizationAdminsList(_People):
    relationship = "admins"
