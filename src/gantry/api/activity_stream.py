"""/api/v2/activity_stream/, and what concerns one object below it: read only, in AWX's shape.

What an entry is about is read for a whole page at once, one query a kind. AWX:
ActivityStreamSerializer, and the lists `activity_stream/` of awx/api/views.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import URLPattern, path
from rest_framework import serializers

from gantry.api.inventory_counts import counts_of
from gantry.api.names import HISTORIES, NAMES, ROOT, url_of
from gantry.api.shape import PERSON, SUMMARIES, AwxSerializer, summary
from gantry.api.views import ListView, ReadView, SubListView
from gantry.resources.activity import about, snake
from gantry.resources.models import (
    ActivityStream,
    Group,
    Host,
    Inventory,
    Project,
    Role,
    Team,
    UnifiedJob,
    UnifiedJobTemplate,
    User,
)

_NAMED = ("id", "name", "description")
# What is shown of a kind where it is not what every other summary shows.
SHOWN: dict[str, tuple[str, ...]] = {
    "team": _NAMED,
    "group": (*_NAMED, "inventory_id"),
    "job": (*_NAMED, "status", "failed", "elapsed", "canceled_on"),
    "role": ("id", "role_field"),
    "label": ("id", "name", "organization_id"),
    "o_auth2_access_token": ("id", "user_id", "description", "application_id", "scope"),
    "o_auth2_application": _NAMED,
    "credential_type": (*_NAMED, "kind", "managed"),
    "ad_hoc_command": ("id", "name", "status", "limit"),
    "instance": ("id", "hostname"),
    "instance_group": ("id", "name", "is_container_group"),
    "inventory_source": ("id", "name", "source", "last_updated", "status"),
    "notification": ("id", "status", "notification_type", "notification_template_id"),
    "schedule": (*_NAMED, "next_run"),
    "workflow_job_template_node": ("id", "unified_job_template_id"),
}
MODELS = {
    kind: model
    for model, (kind, _) in NAMES.items()
    if model not in (UnifiedJob, UnifiedJobTemplate)
}
_JOINED = {"credential": ("credential_type",), "job": ("job_template",)}


class ActivityStreamSerializer(AwxSerializer):
    object_association = serializers.SerializerMethodField(
        help_text="When present, shows the field name of the role or relationship that changed."
    )
    object_type = serializers.SerializerMethodField(
        help_text="When present, shows the model on which the role or relationship was defined."
    )
    selected = ("actor",)
    hints = {
        "changes": {
            "type": "field",
            "help_text": "A summary of the new and changed values when an object is created, "
            "updated, or deleted",
        },
        "object_association": {"type": "field"},
        "object_type": {"type": "field"},
    }

    class Meta:
        model = ActivityStream
        fields = (
            "id", "type", "url", "related", "summary_fields", "timestamp", "operation", "changes",
            "object1", "object2", "object_association", "action_node", "object_type",
        )  # fmt: skip
        extra_kwargs = {
            "operation": {"help_text": "The action taken with respect to the given object(s)."},
            "object1": {
                "help_text": "For create, update, and delete events this is the object type that "
                "was affected. For associate and disassociate events this is the object type "
                "associated or disassociated with object2."
            },
            "object2": {
                "help_text": "Unpopulated for create, update, and delete events. For associate "
                "and disassociate events this is the object type that object1 is being associated "
                "with."
            },
        }

    def get_object_association(self, row: ActivityStream) -> str:
        relation = row.object_relationship_type
        if row.role_id is not None:
            return "role"
        return relation.rpartition(".")[2].partition("_")[2]

    def get_object_type(self, row: ActivityStream) -> str:
        """Of roles alone: of other relations AWX says nothing here."""
        if row.role_id is None:
            return ""
        return snake(row.object_relationship_type.split(".")[-2])

    def get_related(self, row: Any) -> dict[str, Any]:
        links: dict[str, Any] = {}
        if row is None:
            return links
        if row.actor is not None:
            links["actor"] = url_of(row.actor)
        for kind, things in self._things(row).items():
            links[kind] = [url_of(thing) for thing in things]
        if row.setting:
            links["setting"] = f"{ROOT}settings/{row.setting['category']}/"
        return links

    def get_summary_fields(self, row: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if row is None:
            return found
        for kind, things in self._things(row).items():
            found[kind] = [self._summary(kind, thing) for thing in things]
            if kind == "job":
                templates = [j.job_template for j in things if j.job_template is not None]
                if templates:
                    found["job_template"] = [summary(t, _NAMED) for t in templates]
        if row.actor is not None:
            found["actor"] = summary(row.actor, PERSON)
        elif row.deleted_actor:
            found["actor"] = {**row.deleted_actor, "id": None}
        if row.setting:
            found["setting"] = [row.setting]
        return found

    def _summary(self, kind: str, thing: Any) -> dict[str, Any]:
        if kind in SHOWN:  # columns alone
            named = ((name, getattr(thing, name, None)) for name in SHOWN[kind])
            return {name: value for name, value in named if value is not None}
        found = summary(thing, SUMMARIES.get(kind, _NAMED))
        if kind == "inventory":
            counts = self.once("counts", self._counts)[thing.pk]
            found |= {**counts, "organization_id": thing.organization_id, "kind": thing.kind}
        return found

    def _counts(self, page: list[Any]) -> dict[int, dict[str, Any]]:
        return counts_of(pk for kind, pk in self._read() if kind == "inventory")

    def _things(self, row: ActivityStream) -> dict[str, list[Any]]:
        """What an entry is about and is still there, by kind."""
        read = self._read()
        found: dict[str, list[Any]] = defaultdict(list)
        for kind, pk in _pointers(row):
            thing = read.get((kind, pk))
            if thing is not None and thing not in found[kind]:
                found[kind].append(thing)
        return {kind: things for kind, things in found.items() if things}

    def _read(self) -> dict[tuple[str, int], Any]:
        read: dict[tuple[str, int], Any] = self.once("things", _things_of)
        return read


def _pointers(row: ActivityStream) -> list[tuple[str, int]]:
    found = [(row.object1, row.object1_id), (row.object2, row.object2_id)]
    if "user" in (row.object1, row.object2):
        found.append(("role", row.role_id))
    return [(kind, pk) for kind, pk in found if pk is not None]


def _things_of(page: list[Any]) -> dict[tuple[str, int], Any]:
    wanted: dict[str, set[int]] = defaultdict(set)
    for row in page:
        for kind, pk in _pointers(row):
            wanted[kind].add(pk)
    read: dict[tuple[str, int], Any] = {}
    for kind, ids in wanted.items():
        if kind in MODELS:
            rows = MODELS[kind]._default_manager.select_related(*_JOINED.get(kind, ()))
            read |= {(kind, pk): row for pk, row in rows.in_bulk(ids).items()}
    return read


class ActivityStreamList(ListView):
    model = ActivityStream
    serializer_class = ActivityStreamSerializer


class ActivityStreamDetail(ReadView):
    model = ActivityStream
    serializer_class = ActivityStreamSerializer


def _of_project(project: Any) -> Q:
    own = about("project", [project.pk])
    credential = project.credential_id
    return own | about("credential", [credential]) if credential is not None else own


def _of_team(team: Any) -> Q:
    """What it was given roles on, beside the team itself."""
    q = about("team", [team.pk])
    for kind in ("project", "credential"):
        given = Role.objects.filter(kind=kind, teams=team)
        q |= about(kind, given.order_by().values("object_id"))
    return q


def _of_inventory(inventory: Any) -> Q:
    q = about("inventory", [inventory.pk])
    q |= about("host", inventory.hosts.order_by().values("pk"))
    return q | about("group", inventory.groups.order_by().values("pk"))


# Where more concerns an object than what names it.
CONCERNS: dict[Any, Callable[[Any], Q]] = {
    User: lambda user: Q(actor=user) | about("user", [user.pk]),
    Project: _of_project,
    Team: _of_team,
    Inventory: _of_inventory,
    Host: lambda host: about("host", [host.pk]) | about("inventory", [host.inventory_id]),
    Group: lambda group: (
        about("group", [group.pk]) | about("host", group.hosts.order_by().values("pk"))
    ),
}


class HistoryList(SubListView):
    """A subclass for each kind is made by `below_objects`."""

    model = ActivityStream
    serializer_class = ActivityStreamSerializer

    def children(self, parent: Any) -> QuerySet[Any]:
        kind = NAMES[self.parent_model][0]
        concerns = CONCERNS.get(self.parent_model, lambda row: about(kind, [row.pk]))
        return ActivityStream.objects.filter(concerns(parent))


def _list_of(model: Any) -> type[HistoryList]:
    return type(f"{model.__name__}ActivityStreamList", (HistoryList,), {"parent_model": model})


def below_objects() -> list[URLPattern]:
    return [
        path(f"{plural}/<int:pk>/activity_stream/", _list_of(model).as_view())
        for model, (kind, plural) in NAMES.items()
        if kind in HISTORIES
    ]
