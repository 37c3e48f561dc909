"""`copy/` below projects, inventories, credentials and job templates: GET whether, POST {"name"}.

A copy is made by the same serializer, and so under the same checks, as a new object of its kind;
what a serializer does not take (relations, secrets, an inventory's hosts) follows in the same
transaction. AWX: CopyAPIView, and FIELDS_TO_PRESERVE_AT_COPY of the models.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.core.exceptions import FieldDoesNotExist
from django.db import transaction
from django.shortcuts import get_object_or_404
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.credentials import CredentialCreateSerializer, CredentialSerializer
from gantry.api.execution_environments import CopySerializer
from gantry.api.inventories import InventorySerializer
from gantry.api.job_templates import JobTemplateCreate, JobTemplateSerializer
from gantry.api.names import url_of
from gantry.api.projects import ProjectCreate, ProjectSerializer
from gantry.api.views import ListCreateView
from gantry.api.webhook_fields import filters_of
from gantry.base.crypto import is_sealed, key_ring
from gantry.resources import access
from gantry.resources.actor import silently
from gantry.resources.granting import give_to_creator
from gantry.resources.instances import in_order
from gantry.resources.inventories import Group, Host
from gantry.resources.models import Credential, Inventory, JobTemplate, Project
from gantry.resources.surveys import default_of, set_survey

_RELATIONS = ("labels", "credentials")


class CopyView(ListCreateView):
    serializer_class = CopySerializer
    makes: ClassVar[Any]  # the serializer of a new one
    shows: ClassVar[Any]
    left_out: ClassVar[tuple[str, ...]] = ()

    def check_permissions(self, request: Request) -> None:
        super(ListCreateView, self).check_permissions(request)

    def original(self) -> Any:
        row = get_object_or_404(self.model, pk=self.kwargs["pk"])
        if not access.may(self.request.user, "read", row):
            raise PermissionDenied
        return row

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        original = self.original()
        try:
            self._checked(original, _any_name(original))
        except (PermissionDenied, serializers.ValidationError):
            return Response({"can_copy": False})
        return Response({"can_copy": True})

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        original = self.original()
        asked = CopySerializer(data=request.data, context={"original": original})
        named = asked.is_valid()
        # Who may is told before what the name lacks.
        made = self._checked(
            original, asked.validated_data["name"] if named else _any_name(original)
        )
        if not named:
            raise serializers.ValidationError(asked.errors)
        with transaction.atomic():
            row = self.save(made)
            with silently():  # told by the entry of its making, as in AWX
                self.fill(original, row)
            give_to_creator(request.user, row)
        fresh = self.shows.tune(self.model._default_manager.all()).get(pk=row.pk)
        shown = self.shows(fresh, context=self.get_serializer_context())
        return Response(shown.data, 201, headers={"Location": url_of(row)})

    def _checked(self, original: Any, name: str) -> Any:
        self.check_related(original)
        data = {**self.data_of(original), "name": name}
        made = self.makes(data=data, context=self.get_serializer_context())
        made.is_valid(raise_exception=True)
        self.check_add(made.validated_data)
        return made

    def data_of(self, original: Any) -> dict[str, Any]:
        """What a person would send to make the same anew."""
        found = {}
        for name, field in self.makes(context=self.get_serializer_context()).fields.items():
            if field.read_only or field.write_only or name in self.left_out:
                continue
            try:
                column = self.model._meta.get_field(name)
            except FieldDoesNotExist:
                continue
            if not column.many_to_many:
                found[name] = getattr(original, column.attname)  # type: ignore[union-attr]
        return found

    def check_related(self, original: Any) -> None:
        return None

    def fill(self, original: Any, row: Any) -> None:
        names = {f.name for f in self.model._meta.many_to_many}
        for name in names.intersection(_RELATIONS):
            getattr(row, name).add(*getattr(original, name).all())
        if "instance_groups" in names:
            for group in in_order(original):
                row.instance_groups.add(group)


def _any_name(original: Any) -> str:
    return f"{original.name[:480]} copy of {original.pk}"


class ProjectCopy(ProjectCreate, CopyView):
    model = Project
    makes = shows = ProjectSerializer
    left_out = ("local_path",)


class CredentialCopy(CopyView):
    model = Credential
    makes = CredentialCreateSerializer
    shows = CredentialSerializer

    def data_of(self, original: Any) -> dict[str, Any]:
        """Its secrets go along, sealed anew for the copy. One without organization becomes the
        copier's own."""
        found = super().data_of(original)
        found["inputs"] = {
            name: key_ring().open(value, original._context(name)) if is_sealed(value) else value
            for name, value in original.inputs.items()
        }
        if original.organization_id is None:
            found["user"] = self.request.user.pk
        return found

    def check_add(self, attrs: Mapping[str, Any]) -> None:
        if attrs.get("owner") is None:
            super().check_add(attrs)

    def check_related(self, original: Any) -> None:
        """Nobody comes by the use of another's credential by copying it."""
        own = original.organization_id is None
        if own and not access.may(self.request.user, "change", original):
            raise PermissionDenied
        for source in original.input_sources.select_related("source_credential"):
            if not access.may(self.request.user, "use", source.source_credential):
                raise PermissionDenied

    def fill(self, original: Any, row: Any) -> None:
        super().fill(original, row)
        for source in original.input_sources.all():
            row.input_sources.create(
                source_credential_id=source.source_credential_id, metadata=source.metadata,
                input_field_name=source.input_field_name, created_by=self.request.user,
                modified_by=self.request.user,
            )  # fmt: skip


class JobTemplateCopy(JobTemplateCreate, CopyView):
    model = JobTemplate
    makes = shows = JobTemplateSerializer

    def data_of(self, original: Any) -> dict[str, Any]:
        return {**super().data_of(original), **filters_of(original)}

    def check_related(self, original: Any) -> None:
        if original.project is None:
            raise PermissionDenied
        for credential in original.credentials.all():
            if not access.may(self.request.user, "use", credential):
                raise PermissionDenied("Insufficient access to Job Template credentials.")

    def fill(self, original: Any, row: Any) -> None:
        super().fill(original, row)
        if original.survey_spec.get("spec"):
            survey = {**original.survey_spec, "spec": [
                {**q, "default": default_of(original, q)} if "default" in q else q
                for q in original.survey_spec["spec"]
            ]}  # fmt: skip
            set_survey(row, survey)
            row.save(update_fields=["survey_spec"])


class InventoryCopy(CopyView):
    model = Inventory
    makes = shows = InventorySerializer

    def fill(self, original: Any, row: Any) -> None:
        """Its hosts and groups too, and which is in which; nothing that jobs left on a host."""
        super().fill(original, row)
        by = {"created_by": self.request.user, "modified_by": self.request.user, "inventory": row}
        hosts = _copied(original.hosts.all(), Host, ("enabled", "instance_id"), by)
        groups = _copied(original.groups.all(), Group, (), by)
        _relate(Group.hosts.through, ("group_id", groups), ("host_id", hosts))
        children: Any = Group.children.through
        _relate(children, ("from_group_id", groups), ("to_group_id", groups))


def _copied(rows: Any, model: Any, more: tuple[str, ...], by: dict[str, Any]) -> dict[int, int]:
    """The id of each row -> that of its copy."""
    names = ("name", "description", "variables", *more)
    old = list(rows)
    new = model.objects.bulk_create(
        model(**{name: getattr(row, name) for name in names}, **by) for row in old
    )
    return {row.pk: made.pk for row, made in zip(old, new, strict=True)}


def _relate(
    through: Any, one: tuple[str, dict[int, int]], other: tuple[str, dict[int, int]]
) -> None:
    rows = through.objects.filter(**{f"{one[0]}__in": one[1]}).values_list(one[0], other[0])
    through.objects.bulk_create(
        through(**{one[0]: one[1][a], other[0]: other[1][b]}) for a, b in rows if b in other[1]
    )
