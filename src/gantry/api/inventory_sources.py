"""/api/v2/inventory_sources/: where an inventory's hosts come from. Their lists and updates are in
inventory_source_lists.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Prefetch
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied

from gantry.api.fields import VariablesField
from gantry.api.inventory_counts import inventory_extras
from gantry.api.inventory_updates import OPTIONS
from gantry.api.names import NOTIFIED, url_of
from gantry.api.shape import BASE, SUMMARIES, AwxSerializer, summary
from gantry.api.views import DetailView, ListCreateView
from gantry.resources import access
from gantry.resources.base import TEMPLATE_STATUSES
from gantry.resources.inventory_sources import BLOCKED_VARIABLES, credential_refused
from gantry.resources.models import Credential, InventorySource
from gantry.resources.variables import parse_variables

STATUSES = [
    *(pair for pair in TEMPLATE_STATUSES if pair[0] not in ("ok", "missing")),
    ("none", "No External Source"),
]
# What may be changed of the source that a constructed inventory has.
CONSTRUCTED = ("source_vars", "update_cache_timeout", "limit", "verbosity")
OF_PROJECTS = ("source_project", "source_path", "scm_branch")
UPDATE = ("id", "name", "description", "status", "failed")


class CredentialField(serializers.IntegerField):
    """AWX's old field: the one credential, by its id."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"allow_null": True, "default": None, "min_value": 1, **kwargs})

    def get_attribute(self, instance: Any) -> Any:
        found = instance.cloud_credential()
        return found.pk if found else None

    def to_internal_value(self, data: Any) -> Any:
        pk = super().to_internal_value(data)
        if not Credential.objects.filter(pk=pk).exists():
            raise serializers.ValidationError(f"Credential {pk} does not exist")
        return pk


class InventorySourceSerializer(AwxSerializer):
    source_vars = VariablesField(
        required=False, default="", allow_blank=True,
        help_text="Inventory source variables in YAML or JSON format.",
    )  # fmt: skip
    credential = CredentialField(help_text="Cloud credential to use for inventory updates.")
    status = serializers.ChoiceField(choices=STATUSES, read_only=True)
    last_update_failed = serializers.BooleanField(source="last_job_failed", read_only=True)
    last_updated = serializers.DateTimeField(source="last_job_run", read_only=True)

    sublists = {
        name: name
        for name in (
            "update",
            "inventory_updates",
            "hosts",
            "groups",
            "credentials",
            "schedules",
            *NOTIFIED,
        )
    }
    linked = (
        "inventory", "source_project", "execution_environment", "organization", "current_job",
        "last_job",
    )  # fmt: skip
    summarized = (
        "organization", "inventory", "execution_environment", "source_project", "current_job",
        "last_job",
    )  # fmt: skip
    prefetched = (
        Prefetch(
            "credentials", Credential.objects.select_related("credential_type").order_by("pk")
        ),
    )
    capabilities = {"edit": "change", "start": "start", "schedule": "start", "delete": "delete"}
    used = {"source_project": "use", "execution_environment": "read"}
    hints = {"credential": {"type": "id"}}

    class Meta:
        model = InventorySource
        fields: Any = (
            *BASE, *OPTIONS, "last_job_run", "last_job_failed", "next_job_run", "status",
            "execution_environment", "inventory", "update_on_launch", "update_cache_timeout",
            "source_project", "last_update_failed", "last_updated",
        )  # fmt: skip
        read_only_fields: Any = ("custom_virtualenv",)

    def get_extra_kwargs(self) -> Any:
        kwargs = super().get_extra_kwargs()
        if self.instance is not None and not isinstance(self.instance, list):
            kwargs["inventory"] = {"read_only": True}
        return kwargs

    def get_related(self, row: Any) -> dict[str, Any]:
        links = super().get_related(row)
        for old, name in (("current_update", "current_job"), ("last_update", "last_job")):
            if name in links:
                links[old] = links[name]
        own = row.cloud_credential() if row is not None else None
        if own is not None:
            links["credential"] = url_of(own)
        return links

    def get_summary_fields(self, row: Any) -> dict[str, Any]:
        found = super().get_summary_fields(row)
        found["inventory"] |= inventory_extras(self, row)
        for old, name in (("current_update", "current_job"), ("last_update", "last_job")):
            if name in found:
                found[old] = summary(getattr(row, name), UPDATE)
        own = row.cloud_credential()
        if own is not None:
            found["credential"] = summary(own, SUMMARIES["credential"])
        found["credentials"] = [] if own is None else [found["credential"]]
        return found

    # -- what is refused ------------------------------------------------------------------------

    def validate_source_vars(self, value: str) -> str:
        for name in parse_variables(value):
            if name in BLOCKED_VARIABLES:
                raise serializers.ValidationError(f"`{name}` is a prohibited environment variable")
        return value

    def validate_source_project(self, value: Any) -> Any:
        if value is not None and value.scm_type == "":
            raise serializers.ValidationError("Cannot use manual project for SCM-based inventory.")
        return value

    def validate_inventory(self, value: Any) -> Any:
        if value is not None and value.kind:
            raise serializers.ValidationError(
                {"detail": "Cannot create Inventory Source for Smart or Constructed Inventories"}
            )
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        given = "credential" in attrs
        credential = attrs.pop("credential", None)

        def wanted(name: str) -> Any:
            return attrs.get(name, getattr(self.instance, name, None))

        if self.instance is not None and self.instance.source == "constructed":
            self._check_constructed(attrs)
        elif wanted("source") == "scm":
            if {"source", "source_project"} & attrs.keys() and wanted("source_project") is None:
                raise _invalid("source_project", "Project required for scm type sources.")
        elif wanted("source") == "constructed":
            raise _invalid("error", "constructed not a valid source for inventory")
        else:
            self._check_no_project(attrs, wanted)
        project = wanted("source_project")
        if wanted("scm_branch") and project is not None and not project.allow_override:
            raise _invalid("scm_branch", "Project does not allow overriding branch.")
        self._check_name(attrs)
        attrs = super().validate(attrs)
        if given:
            attrs["credential"] = self._checked_credential(wanted("source"), credential)
        return attrs

    def _check_constructed(self, attrs: Mapping[str, Any]) -> None:
        for name, value in attrs.items():
            if name not in CONSTRUCTED and value != getattr(self.instance, name):
                raise _invalid(
                    "error", f"Cannot change field '{name}' on a constructed inventory source."
                )

    def _check_no_project(self, attrs: Mapping[str, Any], wanted: Any) -> None:
        redundant = [name for name in OF_PROJECTS if attrs.get(name)]
        if redundant:
            raise _invalid("detail", f"Cannot set {' '.join(redundant)} if not SCM type.")
        if wanted("source_path"):
            raise _invalid("source_path", "Cannot set source_path if not SCM type.")

    def _check_name(self, attrs: Mapping[str, Any]) -> None:
        inventory = attrs.get("inventory") or getattr(self.instance, "inventory", None)
        name = attrs.get("name", getattr(self.instance, "name", None))
        same = InventorySource.objects.filter(inventory=inventory, name=name)
        if self.instance is not None:
            same = same.exclude(pk=self.instance.pk)
        if same.exists():
            raise _invalid(
                "__all__",
                "InventorySource with this (name, inventory) combination already exists.",
            )

    def _checked_credential(self, source: str, pk: int | None) -> Credential | None:
        credential = None
        if pk is not None:
            credential = Credential.objects.select_related("credential_type").get(pk=pk)
            if not access.may(self.user, "use", credential):
                raise PermissionDenied
        refused = credential_refused(source, credential)
        if refused:
            raise _invalid("credential", refused)
        return credential

    # -- what is kept ---------------------------------------------------------------------------

    def create(self, validated_data: dict[str, Any]) -> Any:
        credential = validated_data.pop("credential", None)
        row = super().create(
            {
                **validated_data,
                "kind": "inventory_source",
                "organization": validated_data["inventory"].organization,
            }
        )
        if credential is not None:
            row.credentials.add(credential)
        return row

    def update(self, instance: Any, validated_data: dict[str, Any]) -> Any:
        given = "credential" in validated_data
        credential = validated_data.pop("credential", None)
        row = super().update(instance, validated_data)
        if given and row.cloud_credential() != credential:
            row.credentials.set([credential] if credential is not None else [])
        return row


def _invalid(field: str, sentence: str) -> serializers.ValidationError:
    return serializers.ValidationError({field: [sentence]})


class InventorySourceList(ListCreateView):
    model = InventorySource
    serializer_class = InventorySourceSerializer


class InventorySourceDetail(DetailView):
    model = InventorySource
    serializer_class = InventorySourceSerializer

    def check_change(self, row: Any, attrs: Mapping[str, Any]) -> None:
        """It stays in its inventory; what else it names is checked apart."""
