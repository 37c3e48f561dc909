"""/api/v2/notifications/ and `notifications/` of jobs and templates: what was told to whom."""

from __future__ import annotations

import json
from typing import Any

from rest_framework import serializers

from gantry.api.shape import BASE, AwxSerializer
from gantry.api.views import ListView, ReadView, SubListView
from gantry.resources.models import Notification, NotificationTemplate

# Kinds whose receivers are programs: the body is data.
DATA = ("webhook", "pagerduty", "awssns")


class NotificationSerializer(AwxSerializer):
    body = serializers.SerializerMethodField(help_text="Notification body")

    sometimes = ("subject", "body")  # by the kind of receiver
    linked = ("notification_template",)
    summarized = ("notification_template",)

    class Meta:
        model = Notification
        fields = (
            *(name for name in BASE if name not in ("name", "description")),
            "notification_template", "error", "status", "notifications_sent", "notification_type",
            "recipients", "subject", "body",
        )  # fmt: skip
        read_only_fields = fields

    def get_body(self, row: Any) -> Any:
        if row.notification_type in DATA:
            if isinstance(row.body, dict):
                return row.body.get("body", row.body)
            try:
                parsed = json.loads(row.body)
            except (ValueError, TypeError, RecursionError):
                return row.body
            return parsed if isinstance(parsed, dict) else row.body
        return row.body

    def to_representation(self, instance: Any) -> dict[str, Any]:
        shown = super().to_representation(instance)
        if instance.notification_type in ("webhook", "awssns"):
            del shown["subject"]
        if instance.notification_type not in ("email", *DATA):
            del shown["body"]
        return shown


class NotificationList(ListView):
    model = Notification
    serializer_class = NotificationSerializer


class NotificationDetail(ReadView):
    model = Notification
    serializer_class = NotificationSerializer


class NotificationTemplateNotificationList(SubListView):
    model = Notification
    serializer_class = NotificationSerializer
    parent_model = NotificationTemplate
    relationship = "notifications"


def notifications_of(model: type[Any]) -> type[SubListView]:
    """The notifications about one job."""
    return type(
        f"{model.__name__}NotificationsList",
        (SubListView,),
        {
            "model": Notification, "serializer_class": NotificationSerializer,
            "parent_model": model, "relationship": "notifications", "__module__": __name__,
        },
    )  # fmt: skip
