"""/api/v2/organizations/. Its people are in people.py, what it owns in organization_lists.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cryptography import x509
from django.db.models import Count
from rest_framework import serializers

from gantry.api.fields import limit_of
from gantry.api.names import NOTIFIED
from gantry.api.shape import BASE, AwxSerializer
from gantry.api.views import DetailView, ListCreateView
from gantry.base.errors import InvalidInput
from gantry.images.allowed import check_registries
from gantry.images.public_keys import load_keys
from gantry.resources.base import PREFLIGHT_POLICIES
from gantry.resources.models import (
    Host,
    Inventory,
    JobTemplate,
    Organization,
    Project,
    Role,
    Team,
)


def _keys(value: Any) -> str:
    text = _text("signature_keys", value)
    load_keys(text)
    return text


def _authorities(value: Any) -> str:
    text = _text("ca_bundle", value)
    try:
        if text.strip():
            x509.load_pem_x509_certificates(text.encode())
    except ValueError as error:
        raise InvalidInput("This is no PEM text of certificates.", field="ca_bundle") from error
    return text


def _preflight(value: Any) -> str:
    if value not in dict(PREFLIGHT_POLICIES):
        raise InvalidInput(f'"{value}" is not a valid choice.', field="preflight")
    return str(value)


def _text(field: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidInput("Not a valid string.", field=field)
    return value


# A field of the `gantry` block -> what makes of a given value one to keep. Raises InvalidInput.
RULES: dict[str, Callable[[Any], Any]] = {
    "allowed_registries": check_registries,
    "signature_keys": _keys,
    "ca_bundle": _authorities,
    "preflight": _preflight,
    "max_concurrent_jobs": limit_of("max_concurrent_jobs"),
    "max_forks": limit_of("max_forks"),
}


class OrganizationSerializer(AwxSerializer):
    gantry = serializers.SerializerMethodField()

    sublists = {
        name: name
        for name in (
            "execution_environments", "projects", "inventories", "job_templates",
            "workflow_job_templates", "users",
            "admins", "teams", "credentials", "applications", "object_roles", "access_list",
            "instance_groups", "galaxy_credentials", "notification_templates", *NOTIFIED,
            "notification_templates_approvals",
        )
    }  # fmt: skip
    linked = ("default_environment",)
    summarized = ("default_environment",)
    capabilities = {"edit": "change", "delete": "delete"}
    used = {"default_environment": "read"}

    class Meta:
        model = Organization
        fields = (*BASE, "max_hosts", "custom_virtualenv", "default_environment", "gantry")
        read_only_fields = ("custom_virtualenv",)

    def get_gantry(self, row: Any) -> dict[str, Any]:
        """What AWX's organizations do not have: their rules for images, their limits."""
        return {name: getattr(row, name) for name in RULES}

    def create(self, validated_data: dict[str, Any]) -> Any:
        return super().create({**validated_data, **self._rules()})

    def update(self, instance: Any, validated_data: dict[str, Any]) -> Any:
        return super().update(instance, {**validated_data, **self._rules()})

    def _rules(self) -> dict[str, Any]:
        """Of the `gantry` block of a POST or PATCH: a client of AWX that sends a whole object back
        by PUT must not undo a rule that was made meanwhile."""
        whole = self.instance is not None and not self.partial
        given = {} if whole else self.initial_data.get("gantry") or {}
        if not isinstance(given, dict):
            raise serializers.ValidationError({"gantry": ["Expected an object."]})
        return {name: check(given[name]) for name, check in RULES.items() if name in given}

    def get_summary_fields(self, row: Any) -> dict[str, Any]:
        found = super().get_summary_fields(row)
        shown = self.detail and self.context["request"].method != "POST"
        counts = self.once("counts", lambda page: _counts([r.pk for r in page], shown))
        found["related_field_counts"] = counts[row.pk]
        return found


def _counts(ids: list[int], detail: bool) -> dict[int, dict[str, int]]:
    """Of a page of organizations at once; AWX counts hosts only where one is shown."""
    found: dict[int, dict[str, int]] = {pk: {} for pk in ids}
    people = Role.members.through.objects.filter(role__kind="organization")
    sources: list[tuple[str, Any, str]] = [
        ("users", people.filter(role__role_field="member_role"), "role__object_id"),
        ("admins", people.filter(role__role_field="admin_role"), "role__object_id"),
        ("teams", Team.objects, "organization"),
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
