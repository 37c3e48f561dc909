"""What every object of the API has: id, type, url, related, summary_fields, created, modified.

A noun's serializer says as data which sublists it has, which foreign keys it links and summarizes
and what a user may do with it; this module turns that into AWX's shape (awx/api/serializers.py,
BaseSerializer). Rows that a page needs beside its own are read once a page, never once a row.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django.core.exceptions import ObjectDoesNotExist
from django.core.exceptions import ValidationError as ModelInvalid
from django.db.models import BooleanField, CharField, ForeignKey, Model, TextField
from django.utils.text import capfirst
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.utils.field_mapping import get_field_kwargs
from rest_framework.validators import UniqueValidator

from gantry.api.auth import may_write
from gantry.api.fields import CharNullField, ChoiceNullField, NullableBooleanField
from gantry.api.named_urls import named_url
from gantry.api.names import COPIED, HISTORIES, type_of, url_of
from gantry.resources.access import may
from gantry.resources.jobs import UnifiedJob
from gantry.resources.organizations import Organization, User
from gantry.resources.roles import kind_of, roles_of
from gantry.resources.templates import UnifiedJobTemplate

BASE = (
    "id", "type", "url", "related", "summary_fields", "created", "modified", "name", "description",
)  # fmt: skip
_NAMED = ("id", "name", "description")
PERSON = ("id", "username", "first_name", "last_name")
# Foreign key -> what its summary shows. AWX: SUMMARIZABLE_FK_FIELDS.
SUMMARIES: dict[str, tuple[str, ...]] = {
    "organization": _NAMED,
    "inventory": _NAMED,  # and its counts, see `extra_summaries`
    "host": _NAMED,
    "default_environment": (*_NAMED, "image"),
    "execution_environment": (*_NAMED, "image"),
    "project": (*_NAMED, "status", "scm_type", "allow_override"),
    "source_project": (*_NAMED, "status", "scm_type", "allow_override"),
    "inventory_source": ("id", "name", "source", "last_updated", "status"),
    "project_update": (*_NAMED, "status", "failed"),
    "credential": (*_NAMED, "kind", "cloud", "kubernetes", "credential_type_id"),
    "signature_validation_credential": (*_NAMED, "kind", "credential_type_id"),
    "source_credential": (*_NAMED, "kind", "cloud", "credential_type_id"),
    "target_credential": (*_NAMED, "kind", "cloud", "credential_type_id"),
    "webhook_credential": (*_NAMED, "kind", "cloud", "credential_type_id"),
    "credential_type": _NAMED,
    "job": (*_NAMED, "status", "failed", "elapsed", "type", "canceled_on"),
    "job_template": _NAMED,
    "notification_template": _NAMED,
    "workflow_job_template": _NAMED,
    "workflow_job": _NAMED,
    "workflow_approval_template": (*_NAMED, "timeout"),
    "approved_or_denied_by": PERSON,
    "unified_job_template": (*_NAMED, "unified_job_type"),
    "last_job": (*_NAMED, "finished", "status", "failed", "canceled_on"),
    "last_update": (*_NAMED, "status", "failed"),
    "current_job": (*_NAMED, "status", "failed"),
    "current_update": (*_NAMED, "status", "failed"),
    "schedule": (*_NAMED, "next_run"),
    "instance_group": ("id", "name", "is_container_group"),
    "user": PERSON,
    "application": ("id", "name"),
    "created_by": PERSON,
    "modified_by": PERSON,
}
# What each kind of template makes, where it is no job of a playbook.
JOB_TYPES = {"project": "project_update", "system_job_template": "system_job",
             "inventory_source": "inventory_update", "workflow_job_template": "workflow_job",
             "workflow_approval_template": "workflow_approval"}  # fmt: skip
# Names that no column has.
COMPUTED: dict[str, Callable[[Any], Any]] = {
    "kind": lambda row: row.credential_type.namespace,
    "cloud": lambda row: row.credential_type.kind == "cloud",
    "kubernetes": lambda row: row.credential_type.kind == "kubernetes",
    "type": type_of,
    "elapsed": lambda row: row.seconds(),
    "unified_job_type": lambda row: JOB_TYPES.get(row.kind, "job"),
    "last_updated": lambda row: row.last_job_run,
}


def summary(row: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """AWX leaves out what is null."""
    found = {}
    for name in names:
        value = COMPUTED[name](row) if name in COMPUTED else getattr(row, name, None)
        if value is not None:
            found[name] = value
    return found


class AwxSerializer(serializers.ModelSerializer[Any]):
    """Base of all nouns. `sublists`: key -> path below the object's own URL."""

    type = serializers.SerializerMethodField()
    url = serializers.SerializerMethodField()
    related = serializers.SerializerMethodField()
    summary_fields = serializers.SerializerMethodField()

    sublists: ClassVar[Mapping[str, str]] = {}
    linked: ClassVar[tuple[str, ...]] = ()
    summarized: ClassVar[tuple[str, ...]] = ()
    capabilities: ClassVar[Mapping[str, str]] = {}
    used: ClassVar[Mapping[str, str]] = {}  # foreign key -> verb needed on what is put there
    hints: ClassVar[Mapping[str, Mapping[str, Any]]] = {}  # what OPTIONS cannot see by itself
    selected: ClassVar[tuple[str, ...]] = ()
    prefetched: ClassVar[tuple[Any, ...]] = ()

    @classmethod
    def tune(cls, queryset: Any) -> Any:
        """Join what the shape of a row needs, so that a page costs a fixed number of queries."""
        model = queryset.model
        columns = {f.name for f in model._meta.fields}
        wanted = [f for f in (*cls.summarized, "created_by", "modified_by") if f in columns]
        queryset = queryset.select_related(*wanted, *cls.selected)
        return queryset.prefetch_related(*cls.prefetched) if cls.prefetched else queryset

    def page(self) -> list[Any]:
        """All rows that are being shown together with this one."""
        parent = self.parent
        shown = parent.instance if isinstance(parent, serializers.ListSerializer) else self.instance
        if shown is None:
            return []
        return [shown] if isinstance(shown, Model) else list(shown)

    def once(self, key: str, make: Callable[[list[Any]], Any]) -> Any:
        """`make(page)`, remembered for the page."""
        root = self.parent if isinstance(self.parent, serializers.ListSerializer) else self
        kept = root.__dict__.setdefault("_gantry_page", {})
        if key not in kept:
            kept[key] = make(self.page())
        return kept[key]

    @property
    def detail(self) -> bool:
        """Whether one object is shown rather than a page of them."""
        return not isinstance(self.parent, serializers.ListSerializer)

    @property
    def user(self) -> Any:
        return self.context["request"].user

    def get_type(self, row: Any) -> str:
        return type_of(row)

    def get_url(self, row: Any) -> str:
        return url_of(row)

    def get_related(self, row: Any) -> dict[str, Any]:
        if row is None:
            return {}
        links: dict[str, Any] = {}
        if self._shows_name() and (named := named_url(row, url_of(row))) is not None:
            links["named_url"] = named
        for key in ("created_by", "modified_by", *self.linked):
            target = url_of_foreign(row, key)
            if target is not None:
                links[key] = target
        base = url_of(row)
        links.update({key: f"{base}{path}/" for key, path in self.sublists.items()})
        if type_of(row) in HISTORIES:
            links["activity_stream"] = f"{base}activity_stream/"
        if type_of(row) in COPIED:
            links["copy"] = f"{base}copy/"
        return links

    def _shows_name(self) -> bool:
        """AWX tells it of one object that is read or was just made."""
        view = self.context.get("view")
        return view is not None and (hasattr(view, "retrieve") or view.request.method == "POST")

    def get_summary_fields(self, row: Any) -> dict[str, Any]:
        if row is None:
            return {}
        found: dict[str, Any] = {}
        for key in (*self.summarized, "created_by", "modified_by"):
            target = _foreign(row, key)
            if target is not None:
                found[key] = summary(target, SUMMARIES[key])
        if kind_of(type(row)) is not None:
            found["object_roles"] = self._object_roles(row)
        if self.capabilities:
            found["user_capabilities"] = {
                name: may_write(self.user) and self.capable(verb, row)
                for name, verb in self.capabilities.items()
            }
        return found

    def _object_roles(self, row: Any) -> dict[str, dict[str, Any]]:
        roles = self.once("object_roles", roles_of)[row.pk]
        return {
            name: {"description": role.description, "name": role.name, "id": role.pk}
            | ({"user_only": True} if role.user_only else {})
            for name, role in roles.items()
        }

    def capable(self, verb: str, row: Any) -> bool:
        return may(self.user, verb, row)

    # What follows makes DRF's model fields take and refuse what AWX's take and refuse.

    def build_standard_field(self, field_name: str, model_field: Any) -> Any:
        field_class, kwargs = super().build_standard_field(field_name, model_field)
        if model_field.choices and not model_field.editable:
            # Choices are worth showing on a field that only Gantry sets.
            field_class = serializers.ChoiceField
            kwargs = {**get_field_kwargs(field_name, model_field), "choices": model_field.choices}
            for name in ("validators", "model_field"):
                kwargs.pop(name, None)
            kwargs["read_only"] = True
        if kwargs.get("read_only"):
            return field_class, kwargs
        if model_field.has_default():
            kwargs["default"] = kwargs["initial"] = model_field.get_default()
            kwargs.pop("required", None)
        if isinstance(model_field, BooleanField):
            field_class = NullableBooleanField
            kwargs.pop("allow_null", None)
        elif isinstance(model_field, CharField | TextField):
            field_class = ChoiceNullField if "choices" in kwargs else CharNullField
            if not model_field.null:
                kwargs.pop("allow_null", None)
        for validator in kwargs.get("validators", []):
            if isinstance(validator, UniqueValidator):
                validator.message = self._taken(model_field)
        return field_class, kwargs

    def _taken(self, model_field: Any) -> str:
        words = model_field.error_messages.get("unique", "")
        return str(words) % {
            "model_name": capfirst(self.model()._meta.verbose_name),
            "field_label": capfirst(model_field.verbose_name),
        }

    def get_unique_together_validators(self) -> list[Any]:
        return []  # the model's own check has AWX's words

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        self._check_use(attrs)
        self._check_model(attrs)
        return attrs

    def _check_use(self, attrs: dict[str, Any]) -> None:
        """What a row refers to must be a user's to use, or anybody could borrow a credential."""
        for name, verb in self.used.items():
            target = attrs.get(name)
            if target is None or (self.instance and _foreign(self.instance, name) == target):
                continue
            if not may(self.user, verb, target):
                raise PermissionDenied

    @classmethod
    def model(cls) -> Any:
        return cls.Meta.model

    def _check_model(self, attrs: dict[str, Any]) -> None:
        model = self.model()
        row = copy.copy(self.instance) if self.instance is not None else model()
        columns = {f.name for f in model._meta.fields}
        for name, value in attrs.items():
            if name in columns:
                setattr(row, name, value)
        skipped = columns - self._checked_fields
        try:
            row.full_clean(exclude=skipped)
        except ModelInvalid as error:
            raise serializers.ValidationError(error.message_dict) from error

    @property
    def _checked_fields(self) -> set[str]:
        return {name for name, f in self.fields.items() if not f.read_only}

    def create(self, validated_data: dict[str, Any]) -> Any:
        return super().create({**self._signed("created_by"), **validated_data})

    def update(self, instance: Any, validated_data: dict[str, Any]) -> Any:
        return super().update(instance, {**self._signed(), **validated_data})

    def _signed(self, *more: str) -> dict[str, Any]:
        columns = {f.name for f in self.model()._meta.fields}
        return {name: self.user for name in (*more, "modified_by") if name in columns}


def _foreign(row: Any, key: str) -> Any:
    try:
        return getattr(row, key, None)
    except ObjectDoesNotExist:  # pragma: no cover - a constraint keeps this from happening
        return None


def url_of_foreign(row: Any, key: str) -> str | None:
    """The URL behind a foreign key; without reading its row where the id is enough."""
    if key in ("created_by", "modified_by", "organization"):
        pk = getattr(row, f"{key}_id", None)
        model: type[Model] = Organization if key == "organization" else User
        return url_of(model(pk=pk)) if pk else None
    field = row._meta.get_field(key)
    if isinstance(field, ForeignKey):
        pk = getattr(row, f"{key}_id")
        if pk is None:
            return None
        if field.related_model not in (UnifiedJob, UnifiedJobTemplate):  # of which kind?
            return url_of(field.related_model(pk=pk))
    target = _foreign(row, key)
    return None if target is None else url_of(target)
