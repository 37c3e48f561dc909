"""/api/v2/notification_templates/: whom to tell, and how. What was told is in notifications.py."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.copies import CopyView
from gantry.api.credential_tests import EmptySerializer
from gantry.api.names import url_of
from gantry.api.notification_validation import configuration_problems, merged, message_problems
from gantry.api.notifications import NotificationSerializer
from gantry.api.shape import BASE, AwxSerializer
from gantry.api.views import AttachView, DetailView, ListCreateView, NounView
from gantry.path.notify import send_test
from gantry.resources import access
from gantry.resources.models import Notification, NotificationTemplate, Organization
from gantry.resources.notification_kinds import KINDS
from gantry.resources.removal import Telling

RECENT = 5


class NotificationTemplateSerializer(AwxSerializer):
    organization = serializers.PrimaryKeyRelatedField(queryset=Organization.objects.all())

    sublists = {"test": "test", "notifications": "notifications"}
    linked = ("organization",)
    summarized = ("organization",)
    capabilities = {"edit": "change", "delete": "delete", "copy": "add"}
    hints = {
        "notification_configuration": {name: kind.fields for name, kind in KINDS.items()},
        "messages": {name: kind.messages for name, kind in KINDS.items()},
    }

    class Meta:
        model = NotificationTemplate
        fields = (
            *BASE, "organization", "notification_type", "notification_configuration", "messages",
        )  # fmt: skip

    def to_representation(self, instance: Any) -> dict[str, Any]:
        shown = super().to_representation(instance)
        shown["notification_configuration"] = instance.shown_configuration()
        return shown

    def get_summary_fields(self, row: Any) -> dict[str, Any]:
        found = super().get_summary_fields(row)
        if row is not None:
            found["recent_notifications"] = self.once("recent", _recent)[row.pk]
        return found

    def validate_messages(self, value: Any) -> Any:
        problems = [] if value is None else message_problems(value)
        if problems:
            raise serializers.ValidationError(problems)
        return value

    def validate_notification_configuration(self, value: Any) -> Any:
        if not isinstance(value, dict):
            words = f"{type(value).__name__} provided, expected dict"
            raise serializers.ValidationError(words)
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        before: str = getattr(self.instance, "notification_type", "")
        kind = KINDS[attrs.get("notification_type", before)]
        given = attrs.get("notification_configuration")
        if given is None and attrs.get("notification_type", before) != before:
            given = {}  # what another kind was sent with is of no use to this one
        if given is not None:
            given = {**kind.defaults(), **given}
            problems = configuration_problems(kind, given)
            if problems:
                raise serializers.ValidationError(problems)
            attrs["notification_configuration"] = given
        return super().validate(attrs)

    def create(self, validated_data: dict[str, Any]) -> Any:
        given = validated_data.pop("notification_configuration")
        row = super().create(validated_data)
        return _store(row, given)

    def update(self, instance: Any, validated_data: dict[str, Any]) -> Any:
        given = validated_data.pop("notification_configuration", None)
        if "messages" in validated_data:
            validated_data["messages"] = merged(instance.messages, validated_data["messages"])
        row = super().update(instance, validated_data)
        return row if given is None else _store(row, given)


def _store(row: NotificationTemplate, given: dict[str, Any]) -> NotificationTemplate:
    row.set_configuration(given)
    row.save(update_fields=["notification_configuration"])
    return row


def _recent(page: list[Any]) -> dict[int, list[dict[str, Any]]]:
    """The last five of each template, in one query."""
    from django.db.models import F, Window
    from django.db.models.functions import RowNumber

    found: dict[int, list[dict[str, Any]]] = {row.pk: [] for row in page}
    place = Window(
        RowNumber(), partition_by=F("notification_template"), order_by=F("created").desc()
    )
    rows = Notification.objects.filter(notification_template__in=found).annotate(place=place)
    for row in rows.filter(place__lte=RECENT).order_by("-created"):
        found[row.notification_template_id].append(
            {"id": row.pk, "status": row.status, "created": row.created, "error": row.error}
        )
    return found


class NotificationTemplateList(ListCreateView):
    model = NotificationTemplate
    serializer_class = NotificationTemplateSerializer


class NotificationTemplateDetail(DetailView):
    model = NotificationTemplate
    serializer_class = NotificationTemplateSerializer

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        try:
            return super().destroy(request, *args, **kwargs)
        except Telling as error:
            return Response({"error": str(error)}, 405)


class NotificationTemplateTest(NounView):
    """POST sends a message that says it is a test; 202, and what became of it is in the history."""

    name = "Notification Template Test"
    model = NotificationTemplate
    serializer_class = EmptySerializer
    http_method_names = ["post", "head", "options"]

    def get_queryset(self) -> Any:
        return NotificationTemplate.objects.all()

    def check_object_permissions(self, request: Request, obj: Any) -> None:
        if not access.may(request.user, "start", obj):
            raise PermissionDenied

    def post(self, request: Request, **kwargs: Any) -> Response:
        row = send_test(self.get_object())
        shown = NotificationSerializer(row, context=self.get_serializer_context()).data
        body = {"notification": row.pk, **shown}
        return Response(body, 202, headers={"Location": url_of(row)})


class NotificationTemplateCopy(CopyView):
    model = NotificationTemplate
    makes = shows = NotificationTemplateSerializer

    def data_of(self, original: Any) -> dict[str, Any]:
        """Its secrets go along, sealed anew for the copy."""
        found = super().data_of(original)
        return {**found, "notification_configuration": original.open_configuration()}


class OrganizationNotificationTemplatesList(AttachView):
    model = NotificationTemplate
    serializer_class = NotificationTemplateSerializer
    parent_model = Organization
    relationship = "notification_templates"
    parent_key = "organization"
    parent_verb = "read"

    def attach_verb(self) -> str:
        return "change"

    def refuse(self, parent: Any, row: Any) -> Any:
        moved = NotificationTemplate(organization=parent)
        if not access.may(self.request.user, "add", moved):
            raise PermissionDenied
        return None


class NotifiedView(AttachView):
    """Those to be told of one occasion; a subclass for each kind and occasion is made below. Who
    administers the notification template and may read what it is put on may do so."""

    model = NotificationTemplate
    serializer_class = NotificationTemplateSerializer

    def attach_verb(self) -> str:
        return "change"

    def detach(self, parent: Any, row: Any) -> Any:
        if not access.may(self.request.user, "change", row):
            raise PermissionDenied
        return super().detach(parent, row)


class _OfOrganization(NotifiedView):
    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        if request.method == "POST" and not any(
            access.holds(request.user, role, self.parent())
            for role in ("admin_role", "auditor_role")
        ):
            raise PermissionDenied


def notified_of(model: type[Any], *more: str) -> dict[str, Any]:
    """The lists below what can be followed: path -> view. `more` beside AWX's three: approvals."""
    base: type[NotifiedView] = NotifiedView
    verb = "read"
    if model is Organization:
        base = _OfOrganization
    elif model.__name__ == "Project":
        verb = "change"
    views = {}
    for occasion in ("started", "success", "error", *more):
        path = f"notification_templates_{occasion}"
        title = f"{model.__name__}NotificationTemplates{occasion.title()}List"
        told = {"parent_model": model, "relationship": path, "parent_verb": verb}
        views[path] = type(title, (base,), {**told, "__module__": __name__})
    return views
