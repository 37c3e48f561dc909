"""How a row's columns read in the activity stream, as in AWX; and which of them are told at all.

AWX tells the fields that its serializers take. Here it is every column that a person can set, so
that a new one is told without being named; a column that may hold a secret is never shown, and a
sealed value is masked wherever it stands.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from functools import cache
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Field, ForeignKey, Model

from gantry.base.crypto import is_sealed, without_sealed
from gantry.resources.credentials import ENCRYPTED
from gantry.resources.jobs import UnifiedJob
from gantry.resources.tokens import CENSORED

HIDDEN = "hidden"
# By its name a column may hold a secret, whatever model has it.
_MAY_BE_SECRET = re.compile(
    r"password|secret|token(?!s$)|private|_hash$|(config|webhook|api|access|encryption)_key$"
)
SECRET = {("credential", "inputs")}
# Not for a form to set, but for a person to decide.
_DECIDED = {("executionenvironment", "accepted_digest")}
# A kind whose fields are not all the columns that are editable.
FIELDS: dict[str, tuple[str, ...]] = {
    "user": (
        "username", "first_name", "last_name", "email", "is_superuser", "is_system_auditor",
        "is_active", "password",
    ),
    "oauth2accesstoken": ("description", "application", "scope"),
    "installation": (),  # settings: activity_watch.py
}  # fmt: skip
# What a job row is given by its launch or on its way rather than by a person.
_OF_THE_PATH = {
    "scm_revision", "project_snapshot", "project_update", "inventory_snapshot", "repeats",
    "preflight", "artifacts", "files", "lock", "lock_used", "base_digest", "result_digest",
    "result_image_id", "pushed", "become_enabled",
}  # fmt: skip
_OF_EVERY_JOB = ("name", "description", "execution_environment")


@cache
def told_fields(model: type[Model]) -> dict[str, Field[Any, Any]]:
    """The columns of a kind of row that its changes tell, by name."""
    columns = {f.name: f for f in model._meta.fields}
    name = model._meta.model_name or ""
    if name in FIELDS:
        return {n: columns[n] for n in FIELDS[name]}
    told = {n: f for n, f in columns.items() if _told(f)}
    if issubclass(model, UnifiedJob):
        general = {f.name for f in UnifiedJob._meta.fields} - set(_OF_EVERY_JOB)
        told = {n: f for n, f in told.items() if n not in general | _OF_THE_PATH}
    return told


def _told(field: Field[Any, Any]) -> bool:
    link = field.remote_field is not None and getattr(field.remote_field, "parent_link", False)
    if (field.model._meta.model_name or "", field.name) in _DECIDED:
        return True
    return bool(field.editable and not field.primary_key and not link)


def secret(field: Field[Any, Any]) -> bool:
    # A relation holds an id, and its name may well be "webhook_credential".
    owner = field.model._meta.model_name or ""
    return (owner, field.name) in SECRET or (
        not field.is_relation and _MAY_BE_SECRET.search(field.name) is not None
    )


def shown(row: Model, field: Field[Any, Any]) -> Any:
    """The value of a column as a number, a truth or a text."""
    value = getattr(row, field.attname)
    if secret(field) or is_sealed(value):
        return HIDDEN
    if isinstance(field, ForeignKey):
        return _label(row, field) if value is not None else None
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False, default=str)
    if value is None or isinstance(value, bool | int):
        return value
    text = str(value.normalize() if isinstance(value, Decimal) else value)
    return without_sealed(text, ENCRYPTED).replace("\x00", "")


def _label(row: Model, field: ForeignKey[Any, Any]) -> str:
    """What a foreign key leads to: "name-id"."""
    try:
        target = getattr(row, field.name)
    except ObjectDoesNotExist:
        target = None
    pk = getattr(row, field.attname)
    if target is None:
        return f"<missing {field.related_model._meta.verbose_name}>-{pk}"
    name = getattr(target, "name", None)
    return f"{name}-{pk}" if name else str(target)


def picture(row: Model) -> dict[str, Any]:
    """A whole row, as its making and its deletion tell it."""
    found = {name: shown(row, field) for name, field in told_fields(type(row)).items()}
    found["id"] = row.pk
    if row._meta.model_name == "oauth2accesstoken":
        found["token"] = CENSORED
    return found


def differences(old: Model, new: Model, names: set[str]) -> dict[str, list[Any]]:
    """{field: [before, after]} of those columns that differ."""
    found = {}
    for name in names:
        field = told_fields(type(new))[name]
        before, after = getattr(old, field.attname), getattr(new, field.attname)
        if before != after and before != field.to_python(after):
            found[name] = [shown(old, field), shown(new, field)]
    return found
