"""The one place that writes the activity stream: it listens to every model's own signals.

A new model is recorded without doing anything; one that is not must be named in SILENT with the
reason, and a test holds that to account. Whoever makes a change (API, page, command) and whatever
function they went through, the row that Django saves, deletes or relates is what is told. Only
`QuerySet.update` and `bulk_create` pass by here: they are for the machinery.

Every save of a `base.Recorded` row is a transaction, so a change and its entry stand or fall
as one.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from typing import Any

from django.apps import AppConfig
from django.db import transaction
from django.db.models import Field, Model
from django.db.models.signals import m2m_changed, post_save, pre_delete, pre_save

from gantry.base.config import settings
from gantry.base.crypto import is_sealed
from gantry.resources.activity import ActivityStream, kind_name
from gantry.resources.activity_words import differences, picture, told_fields
from gantry.resources.actor import actor, silent
from gantry.resources.inventories import Group, Host, Inventory
from gantry.resources.jobs import Installation, UnifiedJob
from gantry.resources.organizations import Organization
from gantry.resources.roles import Role, model_of
from gantry.resources.tokens import CENSORED

_MACHINERY = "Gantry's own bookkeeping"
SILENT: dict[str, str] = {
    "ActivityStream": "the record itself",
    "UnifiedJob": "its kinds are recorded",
    "UnifiedJobTemplate": "its kinds are recorded",
    "ProjectUpdate": "not in AWX either: a sync changes nothing that people own",
    "RoleUserAssignment": "recorded as a relation, see Role",
    "RoleTeamAssignment": "recorded as a relation, see Role",
    "InventoryUpdate": "not in AWX either: what its hosts become is told by its own record",
    "WorkflowJobNode": "a part of its run; what it starts is recorded as a job",
    "WorkflowApprovalTemplate": "a part of its node",
    "HostFacts": "what ansible found out, not what people own",
    "InputInventory": "recorded as a relation of its inventory",
    "Role": "made and gone with its object; giving and taking it is recorded as a relation",
    "JobEvent": "a job's output",
    "JobHostSummary": "a job's output",
    "HostMetric": "a job's output",
    "HostMetricSummaryMonthly": "a job's output",
    "ImageContents": _MACHINERY,
    "EnvironmentDigest": _MACHINERY,
    "ProjectSnapshot": _MACHINERY,
    "InventorySnapshot": _MACHINERY,
    "Artifact": _MACHINERY,
    "LoginFailure": _MACHINERY,
    "Notification": "each is a record itself: what was told to whom, and what became of it",
    "WebhookDelivery": "each is a record itself: what came in, and what became of it",
    "CommitStatus": "each is a record itself: what a service was told of a job",
    "LogStream": _MACHINERY,
    "LogProgress": _MACHINERY,
    "LogLine": _MACHINERY,
    "OAuth2RefreshToken": "comes and goes with its access token, which is recorded",
    "OAuth2Code": "lives ten minutes and becomes a token, which is recorded",
}
# Of Django's own, on users; Gantry's roles are what gives rights.
_SILENT_RELATIONS = {"User_groups", "User_user_permissions", "UnifiedJob_dependencies"}
# Column of Installation -> the setting that it keeps, and AWX's category.
SETTINGS = {"default_environment": ("DEFAULT_EXECUTION_ENVIRONMENT", "system")}
# A column of many settings, by name, of which one is changed at a time.
SETTINGS_OF = {"log_aggregator": "logging"}


def watch(app: AppConfig) -> None:
    for model in app.get_models():
        if model.__name__ not in SILENT:
            _connect(pre_save, _before, model)
            _connect(post_save, _saved, model)
            _connect(pre_delete, _deleted, model)
        for field in model._meta.local_many_to_many:
            through = getattr(model, field.name).through
            if through.__name__ not in _SILENT_RELATIONS:
                _connect(m2m_changed, _related, through)


def _connect(signal: Any, receiver: Any, sender: Any) -> None:
    signal.connect(receiver, sender, dispatch_uid=f"activity of {sender.__name__}")


def off() -> bool:
    return silent() or not settings().activity_stream_enabled


def _before(sender: type[Model], instance: Model, **more: Any) -> None:
    """What is about to change, kept on the row until it has been saved."""
    instance.__dict__.pop("_changes", None)
    if off() or instance._state.adding or "_made" in instance.__dict__ or more.get("raw"):
        return
    wanted = more.get("update_fields")
    told: dict[str, Field[Any, Any]] = _settings(sender) or told_fields(sender)
    names = set(told) if wanted is None else set(told) & _names(told, wanted)
    if not names or isinstance(instance, UnifiedJob):
        return  # a job's further life is its own record
    old = sender._base_manager.filter(pk=instance.pk).only(*names).first()
    if old is None:
        return
    if sender is Installation:
        _keep_setting(old, instance, names)
    else:
        instance.__dict__["_changes"] = differences(old, instance, names)


def _names(told: dict[str, Field[Any, Any]], wanted: Iterable[str]) -> set[str]:
    wanted = set(wanted)
    return {name for name, field in told.items() if name in wanted or field.attname in wanted}


def _settings(sender: type[Model]) -> dict[str, Field[Any, Any]]:
    if sender is not Installation:
        return {}
    return {f.name: f for f in Installation._meta.fields if f.name in {**SETTINGS, **SETTINGS_OF}}


def _keep_setting(old: Model, new: Model, names: set[str]) -> None:
    for name in names & set(SETTINGS_OF):
        kept, now = getattr(old, name), getattr(new, name)
        for key in {k for k in {**kept, **now} if kept.get(k) != now.get(k)}:
            values = [CENSORED if is_sealed(v) else v for v in (kept.get(key), now.get(key))]
            new.__dict__["_changes"] = {"value": values}
            new.__dict__["_setting"] = {"name": key, "category": SETTINGS_OF[name]}
    for name in names & set(SETTINGS):
        before, after = (getattr(row, f"{name}_id") for row in (old, new))
        if before != after:
            new.__dict__["_changes"] = {"value": [before, after]}
            new.__dict__["_setting"] = dict(zip(("name", "category"), SETTINGS[name], strict=True))


def _saved(sender: type[Model], instance: Model, created: bool, **more: Any) -> None:
    if off() or more.get("raw"):
        return
    entry = instance.__dict__.get("_made")
    if created and sender is not Installation:
        _made(instance)
    elif entry is not None:
        # Still being made: a credential gets its inputs, a job its sealed answers.
        entry.changes = {**entry.changes, **picture(instance)}
        entry.save(update_fields=["changes"])
    elif instance.__dict__.get("_changes"):
        changes = instance.__dict__.pop("_changes")
        setting = instance.__dict__.pop("_setting", {})
        name, pk = ("setting", None) if setting else (kind_name(sender), instance.pk)
        _write("update", name, pk, changes, setting=setting).save(force_insert=True)


def _made(instance: Model) -> None:
    changes = picture(instance)
    if isinstance(instance, UnifiedJob):
        named = {f.name for f in instance._meta.many_to_many}
        changes |= {name: [] for name in ("credentials", "labels") if name in named}
    entry = _write("create", kind_name(type(instance)), instance.pk, changes, by=instance)
    entry.save(force_insert=True)
    instance.__dict__["_made"] = entry
    # Once it is there for good, what happens to it is a change.
    transaction.on_commit(lambda: instance.__dict__.pop("_made", None))


def _deleted(sender: type[Model], instance: Model, origin: Any = None, **more: Any) -> None:
    if off() or (isinstance(instance, Host | Group) and _goes_with_inventory(origin)):
        return
    changes: dict[str, Any] = {}
    if isinstance(instance, Inventory):
        changes["coalesced_data"] = {
            "hosts_deleted": instance.hosts.count(),
            "groups_deleted": instance.groups.count(),
        }
    changes |= picture(instance)
    _write("delete", kind_name(sender), instance.pk, changes).save(force_insert=True)


def _goes_with_inventory(origin: Any) -> bool:
    """An inventory's entry counts its hosts and groups, which may be tens of thousands."""
    model = origin if isinstance(origin, Model) else getattr(origin, "model", None)
    return isinstance(model, Inventory | Organization) or model in (Inventory, Organization)


def _related(sender: type[Model], instance: Model, action: str, **more: Any) -> None:
    if off():
        return
    if isinstance(instance, UnifiedJob):
        if action == "post_add":
            _told_of_job(instance)
    elif action == "post_add":
        _tell("associate", sender, instance, more["model"], more["pk_set"])
    elif action in ("pre_remove", "pre_clear"):
        present = _present(sender, instance, more["model"], more["reverse"])
        gone = present if action == "pre_clear" else present & set(more["pk_set"])
        _tell("disassociate", sender, instance, more["model"], gone)


def _told_of_job(job: Model) -> None:
    """A job's credentials and labels are a part of how it was made."""
    entry = job.__dict__.get("_made")
    if entry is None or not {"credentials", "labels"} & set(entry.changes):
        return
    rows: Any = job
    if "credentials" in entry.changes:
        entry.changes["credentials"] = [f"{c.name} ({c.pk})" for c in rows.credentials.all()]
    entry.changes["labels"] = [label.name for label in rows.labels.all()]
    entry.save(update_fields=["changes"])


def _present(through: type[Model], instance: Model, other: type[Model], reverse: bool) -> set[int]:
    field: Any = next(
        f
        for m in ((other if reverse else type(instance)),)
        for f in m._meta.many_to_many
        if getattr(m, f.name).through is through
    )
    mine, theirs = field.m2m_field_name(), field.m2m_reverse_field_name()
    if reverse:
        mine, theirs = theirs, mine
    rows = through._default_manager.filter(**{mine: instance.pk})
    return set(rows.values_list(theirs, flat=True))


def _tell(
    how: str, through: type[Model], one: Model, model: type[Model], ids: Iterable[int]
) -> None:
    if not ids:
        return
    relation = f"{through.__module__}.{through.__name__}"
    roles = _roles(one, model, ids)
    entries = []
    for pk in sorted(ids):
        role = roles.get(pk)
        object1, object1_id = _side(role if isinstance(one, Role) else None, one)
        object2, object2_id = _side(role if model is Role else None, None, model, pk)
        changes = {
            "object1": object1, "object1_pk": object1_id, "object2": object2, "object2_pk": pk,
            "action": how, "relationship": relation,
        }  # fmt: skip
        entry = _write(how, object1, object1_id, changes)
        entry.object2, entry.object2_id = object2, object2_id
        entry.object_relationship_type = relation
        if role is not None:
            about = model_of(role.kind)
            entry.role_id = role.pk
            entry.object_relationship_type = (
                f"{about.__module__}.{about.__name__}.{role.role_field}"
            )
        entries.append(entry)
    ActivityStream.objects.bulk_create(entries)


def _roles(one: Model, model: type[Model], ids: Iterable[int]) -> dict[int, Role]:
    """The role that each relation gives or takes, by the id on the far side."""
    if isinstance(one, Role):
        return dict.fromkeys(ids, one)
    return Role.objects.in_bulk(list(ids)) if model is Role else {}


def _side(
    role: Role | None, row: Model | None, model: type[Model] | None = None, pk: int = 0
) -> tuple[str, int]:
    """One side of a relation; for a role it is the object that the role is on."""
    if role is not None and role.object_id is not None:
        return kind_name(model_of(role.kind)), role.object_id
    if row is not None:
        return getattr(row, "kind", "") if _general(type(row)) else kind_name(type(row)), row.pk
    assert model is not None
    if _general(model):
        return str(model._default_manager.values_list("kind", flat=True).get(pk=pk)), pk
    return kind_name(model), pk


def _general(model: type[Model]) -> bool:
    return model.__name__ in ("UnifiedJob", "UnifiedJobTemplate")


def _write(
    operation: str,
    name: str,
    pk: int | None,
    changes: dict[str, Any],
    *,
    setting: dict[str, str] | None = None,
    by: Model | None = None,
) -> ActivityStream:
    """An entry, not yet saved. A row made for a person outside a request says whose it is."""
    who = actor() or getattr(by, "created_by", None)
    if who is not None and name == "user" and operation == "delete" and who.pk == pk:
        who = None
    names = ("username", "first_name", "last_name")
    return ActivityStream(
        actor_id=who.pk if who is not None else None,
        deleted_actor={"id": who.pk, **{n: getattr(who, n) for n in names}} if who else None,
        operation=operation, object1=name, object1_id=pk, changes=changes,
        setting=setting or {}, action_node=socket.gethostname()[:512],
    )  # fmt: skip
