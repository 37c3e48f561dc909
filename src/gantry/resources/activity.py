"""The activity stream: who changed what, one row a change, in the transaction of the change.

Rows are written by activity_watch.py alone. What a row is about is named by kind and id and not by
foreign keys: a change costs one insert, and the record outlives what it is about. As in AWX nobody
but the system's administrators and auditors sees rows about what is gone (access_activity.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

OPERATIONS = [
    ("create", "Entity Created"),
    ("update", "Entity Updated"),
    ("delete", "Entity Deleted"),
    ("associate", "Entity Associated with another Entity"),
    ("disassociate", "Entity was Disassociated with another Entity"),
]


class ActivityStream(models.Model):
    """`changes` is {field: value} of what was made or deleted, {field: [before, after]} of an
    update, and the pair itself of an association; no secret is in it."""

    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    operation = models.CharField(max_length=13, choices=OPERATIONS)
    timestamp = models.DateTimeField(auto_now_add=True, db_index=True)
    changes = models.JSONField(default=dict)
    deleted_actor = models.JSONField(null=True)  # the actor's names, kept when the user goes
    action_node = models.CharField(
        max_length=512, blank=True, default="", editable=False,
        help_text="The cluster node the activity took place on.",
    )  # fmt: skip
    # "module.Class.admin_role" where a role was given, "module.Class_field" of other relations.
    object_relationship_type = models.TextField(blank=True, default="")
    object1 = models.TextField()
    object1_id = models.BigIntegerField(null=True)
    object2 = models.TextField(blank=True, default="")
    object2_id = models.BigIntegerField(null=True)
    role_id = models.BigIntegerField(null=True)
    setting = models.JSONField(default=dict, blank=True)  # {"category", "name"} of a setting

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["object1", "object1_id"], name="activity_object1"),
            models.Index(
                fields=["object2", "object2_id"], name="activity_object2",
                condition=Q(object2_id__isnull=False),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.operation} of {self.object1} {self.object1_id}"


def kind_name(model: type[models.Model]) -> str:
    """AWX's word for a kind of row: "job_template", "o_auth2_access_token"."""
    return snake(model.__name__)


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def about(kind: str, ids: Iterable[int] | Any) -> Q:
    """The entries about any of these rows, on whichever side of the change they stand."""
    one, other = Q(object1=kind, object1_id__in=ids), Q(object2=kind, object2_id__in=ids)
    return one | other
