"""/api/v2/ad_hoc_commands/: one module on hosts of an inventory; and the same below an inventory, a
group and a host. Their events are in a module beside; the rules are path.ad_hoc's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers, status
from rest_framework.exceptions import ParseError, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.delete_job import DeleteJob
from gantry.api.fields import refuse
from gantry.api.inventory_counts import inventory_extras
from gantry.api.names import url_of
from gantry.api.stdout import UnifiedJobStdout
from gantry.api.unified import COMMON, DETAIL, UnifiedJobCancel, UnifiedJobSerializer, passwords_of
from gantry.api.views import (
    ListCreateView,
    NounView,
    Parented,
    ReadView,
    body_of,
    person_of,
)
from gantry.base.config import settings
from gantry.base.errors import InvalidInput
from gantry.path.ad_hoc import FIELDS as TAKEN
from gantry.path.ad_hoc import problems, prohibited_variables, relaunch_ad_hoc, run_ad_hoc
from gantry.path.launch import passwords_needed
from gantry.record.summarize import status_counts
from gantry.resources import access
from gantry.resources.group_tree import hosts_below
from gantry.resources.models import AdHocCommand, Credential, Group, Host, Inventory, JobEvent

FIELDS = (
    *(name for name in COMMON if name not in ("description", "unified_job_template")),
    "controller_node", "job_type", "inventory", "limit", "credential", "module_name",
    "module_args", "forks", "verbosity", "extra_vars", "become_enabled", "diff_mode",
)  # fmt: skip


class ModuleField(serializers.ChoiceField):
    """One of the modules that the settings allow now."""

    def __init__(self, **kwargs: Any) -> None:
        modules = settings().ad_hoc_commands
        if "command" in modules:
            kwargs.setdefault("default", "command")
        super().__init__(choices=[(name, name) for name in modules], **kwargs)

    def to_representation(self, value: Any) -> Any:
        return value


class AdHocCommandListSerializer(UnifiedJobSerializer):
    # Made anew for each, since the settings may allow other modules than before.
    def get_fields(self) -> Any:
        fields = super().get_fields()
        return {k: ModuleField() if k == "module_name" else f for k, f in fields.items()}

    sublists = {
        "stdout": "stdout", "events": "events", "cancel": "cancel", "relaunch": "relaunch",
        "notifications": "notifications",
    }  # fmt: skip
    linked = ("execution_environment", "inventory", "credential")
    summarized = ("execution_environment", "inventory", "credential")
    selected = ("credential__credential_type",)

    class Meta:
        model = AdHocCommand
        fields: Any = FIELDS
        read_only_fields = tuple(name for name in FIELDS if name not in TAKEN)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        # AWX shows the module alone as the name, as its pages want it.
        return {**super().to_representation(instance), "name": instance.module_name}

    def get_summary_fields(self, row: Any) -> dict[str, Any]:
        found = super().get_summary_fields(row)
        if row is not None and row.inventory is not None:
            found["inventory"] |= inventory_extras(self, row)
        return found

    def validate_extra_vars(self, value: str) -> str:
        try:
            prohibited = prohibited_variables(value)
        except InvalidInput as error:
            raise serializers.ValidationError(str(error)) from error
        if prohibited:
            raise serializers.ValidationError(prohibited)
        return value

    @property
    def _checked_fields(self) -> set[str]:
        # That of a job is filled in on its way: the model does not know that it may be left out.
        return super()._checked_fields - {"execution_environment"}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        found = problems(AdHocCommand(**{k: v for k, v in attrs.items() if k in TAKEN}))
        if found:
            raise serializers.ValidationError({field: [words] for field, words in found.items()})
        return attrs


class AdHocCommandSerializer(AdHocCommandListSerializer):
    class Meta(AdHocCommandListSerializer.Meta):
        fields: Any = (*FIELDS, *DETAIL)
        read_only_fields = tuple(name for name in fields if name not in TAKEN)


class AdHocCommandDetailSerializer(AdHocCommandSerializer):
    host_status_counts = serializers.SerializerMethodField()

    class Meta(AdHocCommandSerializer.Meta):
        fields: Any = (*FIELDS, *DETAIL, "host_status_counts")
        read_only_fields = tuple(name for name in fields if name not in TAKEN)

    def get_host_status_counts(self, row: Any) -> dict[str, int]:
        events = JobEvent.objects.filter(job_id=row.pk, job_created=row.created)
        stats = events.filter(event="playbook_on_stats").values_list("event_data", flat=True)
        return status_counts(json.loads(stats[0])) if stats else {}


class AdHocCommandList(ListCreateView):
    model = AdHocCommand
    serializer_class: Any = AdHocCommandListSerializer

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        given = self.given(request)
        needed = self._passwords_needed(given.get("credential"))
        passwords = passwords_of(dict(given))
        if not all(passwords.get(name) for name in needed):
            # AWX asks for them before it looks at anything else.
            return Response({"passwords_needed_to_start": needed}, status.HTTP_400_BAD_REQUEST)
        serializer = self.get_serializer(data=given)
        serializer.is_valid(raise_exception=True)
        try:
            command = run_ad_hoc(
                serializer.validated_data, user=person_of(request), passwords=passwords
            )
        except InvalidInput as error:
            raise refuse(error) from error
        shown = self.get_serializer(self.reread(command))
        return Response(shown.data, status.HTTP_201_CREATED, headers={"Location": url_of(command)})

    def _passwords_needed(self, credential: Any) -> list[str]:
        if not credential or isinstance(credential, bool) or not str(credential).isdecimal():
            return []
        row = Credential.objects.select_related("credential_type").filter(pk=credential).first()
        if row is None:
            raise ParseError("Credential matching query does not exist.")
        # Whose it is not, for them it asks for nothing; the launch refuses it.
        return passwords_needed([row]) if access.may(self.request.user, "use", row) else []


class _Below(Parented, AdHocCommandList):
    """A command that is made here runs on its parent."""

    def get_queryset(self) -> QuerySet[Any]:
        rows = self.serializer().tune(self.children(self.parent()))
        return access.visible(self.request.user, rows)

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        self.parent()

    def children(self, parent: Any) -> QuerySet[Any]:
        rows: QuerySet[Any] = parent.ad_hoc_commands.all()
        return rows


class InventoryAdHocCommandsList(_Below):
    parent_model = Inventory

    def given(self, request: Request) -> Mapping[str, Any]:
        return {**body_of(request), "inventory": self.parent().pk}


class _OnHosts(_Below):
    def given(self, request: Request) -> Mapping[str, Any]:
        parent = self.parent()
        return {**body_of(request), "inventory": parent.inventory_id, "limit": parent.name}


class HostAdHocCommandsList(_OnHosts):
    parent_model = Host


class GroupAdHocCommandsList(_OnHosts):
    parent_model = Group

    def children(self, parent: Any) -> QuerySet[Any]:
        return AdHocCommand.objects.filter(hosts__in=hosts_below(parent)).distinct()


class AdHocCommandDetail(DeleteJob, ReadView):
    model = AdHocCommand
    serializer_class = AdHocCommandDetailSerializer


class AdHocCommandCancel(UnifiedJobCancel):
    model = AdHocCommand
    serializer_class = AdHocCommandSerializer


class AdHocCommandStdout(UnifiedJobStdout):
    model = AdHocCommand


class RelaunchSerializer(serializers.Serializer[Any]):
    """Names what a relaunch takes, for OPTIONS."""

    credential_passwords = serializers.DictField(write_only=True, required=False)


class AdHocCommandRelaunch(NounView):
    model = AdHocCommand
    serializer_class = RelaunchSerializer

    def get_queryset(self) -> Any:
        return AdHocCommand.objects.select_related("inventory", "credential__credential_type")

    def check_object_permissions(self, request: Request, obj: Any) -> None:
        usable = obj.credential is None or access.may(request.user, "use", obj.credential)
        if not (usable and access.may(request.user, "start", obj)):
            raise PermissionDenied

    def get(self, request: Request, **kwargs: Any) -> Response:
        credential = self.get_object().credential
        needed = passwords_needed([credential]) if credential is not None else []
        return Response({"passwords_needed_to_start": needed})

    def post(self, request: Request, **kwargs: Any) -> Response:
        again = relaunch_ad_hoc(
            self.get_object(), user=person_of(request), passwords=passwords_of(body_of(request))
        )
        row = AdHocCommandSerializer.tune(AdHocCommand.objects.all()).get(pk=again.pk)
        shown = AdHocCommandSerializer(row, context=self.get_serializer_context()).data
        body = {**shown, "ad_hoc_command": row.pk}
        return Response(body, status.HTTP_201_CREATED, headers={"Location": url_of(row)})
