"""Below job and workflow templates: webhook_key/, a receiver for each service, and what AWX has
not: webhook_deliveries/ with what became of each, webhook_test/, and one more time.

AWX: awx/api/views/webhooks.py, whose answers these are. What a delivery leads to is in
triggers/webhooks.py.
"""

from __future__ import annotations

import json
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.credential_tests import EmptySerializer
from gantry.api.names import url_of
from gantry.api.shape import BASE, AwxSerializer
from gantry.api.views import AwxView, NounView, ReadView, SubListView, body_of
from gantry.base.config import settings
from gantry.base.errors import InvalidInput
from gantry.resources import access
from gantry.resources.models import CommitStatus, WebhookDelivery
from gantry.resources.webhooks import LONGEST_EVENT, SERVICES
from gantry.triggers.webhooks import receive, redeliver, send_test

_ANSWERS = {
    "launched": (202, "Job queued."),
    "repeated": (202, "Webhook previously received, aborting."),
    "ignored": (200, "Webhook ignored"),
    "filtered": (200, "Webhook ignored"),
}


class WebhookKey(NounView):
    """GET shows it to who administers the template, POST makes a new one: 201."""

    name = "Webhook Key"
    serializer_class = EmptySerializer

    def get_queryset(self) -> QuerySet[Any]:
        return self.model._default_manager.all()

    def check_object_permissions(self, request: Request, obj: Any) -> None:
        if not access.may(request.user, "change", obj):
            raise PermissionDenied

    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response({"webhook_key": self.get_object().open_webhook_key()})

    def post(self, request: Request, **kwargs: Any) -> Response:
        template = self.get_object()
        template.rotate_webhook_key()
        return Response({"webhook_key": template.open_webhook_key()}, 201)


class Receiver(AwxView):
    """POST by the service. Whoever has not the key learns nothing, not even what exists."""

    name = "Webhook Receiver"
    authentication_classes: Any = ()
    permission_classes = [AllowAny]
    http_method_names = ["post", "options"]
    model: Any = None
    service = ""

    def post(self, request: Request, pk: int, **kwargs: Any) -> Response:
        body = _body(request)
        template = (
            self.model.objects.filter(pk=pk, webhook_service=self.service)
            .exclude(webhook_key="")
            .first()
        )
        if template is None:
            raise PermissionDenied
        delivery = receive(template, request.headers, body)
        if delivery.outcome == "refused":
            if not delivery.verified:
                raise PermissionDenied
            return Response({"detail": delivery.reason}, 400)
        status, words = _ANSWERS[delivery.outcome]
        return Response({"message": words}, status)


def _body(request: Request) -> bytes:
    """Raises RequestDataTooBig, before reading where the sender says how much comes."""
    most = settings().webhook_body
    length = str(request.META.get("CONTENT_LENGTH") or "0")
    if length.isdigit() and int(length) > most:
        raise RequestDataTooBig
    body = bytes(request._request.read(most + 1))
    if len(body) > most:
        raise RequestDataTooBig
    return body


class DeliverySerializer(AwxSerializer):
    sublists = {"redeliver": "redeliver"}
    linked = ("unified_job_template", "job", "redelivery_of")
    summarized = ("unified_job_template", "job")

    class Meta:
        model = WebhookDelivery
        fields: Any = (
            *(name for name in BASE if name not in ("name", "description")),
            "unified_job_template", "service", "event", "guid", "ref", "branch", "outcome",
            "reason", "verified", "test", "redelivery_of", "job",
        )  # fmt: skip
        read_only_fields = fields

    @classmethod
    def tune(cls, queryset: Any) -> Any:
        return super().tune(queryset).defer("payload")


class DeliveryDetailSerializer(DeliverySerializer):
    """With all that was sent, and what the service was told of the job."""

    payload = serializers.SerializerMethodField()
    commit_statuses = serializers.SerializerMethodField()

    class Meta(DeliverySerializer.Meta):
        fields = (*DeliverySerializer.Meta.fields, "payload", "commit_statuses")
        read_only_fields = fields

    @classmethod
    def tune(cls, queryset: Any) -> Any:
        return super().tune(queryset).defer(None)

    def get_payload(self, row: Any) -> Any:
        return json.loads(row.payload) if row.payload else None

    def get_commit_statuses(self, row: Any) -> list[dict[str, Any]]:
        shown = ("state", "status", "error", "attempts", "created", "modified")
        rows = CommitStatus.objects.filter(unified_job=row.job_id or 0)
        return list(rows.values(*shown))


class DeliveryDetail(ReadView):
    model = WebhookDelivery
    serializer_class = DeliveryDetailSerializer


class _Sends(NounView):
    """POST makes a delivery: 202, and what became of it in the body."""

    http_method_names = ["post", "head", "options"]
    post_verb = "start"

    def answer(self, delivery: WebhookDelivery) -> Response:
        rows = DeliverySerializer.tune(WebhookDelivery.objects.all())
        row = rows.get(pk=delivery.pk)
        shown = DeliverySerializer(row, context=self.get_serializer_context()).data
        body = {"webhook_delivery": row.pk, **shown}
        return Response(body, 202, headers={"Location": url_of(row)})


class DeliveryRedeliver(_Sends):
    """The same once more, through the filter and the template as they are now."""

    name = "Webhook Redelivery"
    model = WebhookDelivery
    serializer_class = EmptySerializer

    def get_queryset(self) -> QuerySet[Any]:
        return WebhookDelivery.objects.select_related("unified_job_template")

    def post(self, request: Request, **kwargs: Any) -> Response:
        return self.answer(redeliver(self.get_object()))


class WebhookTestSerializer(serializers.Serializer[Any]):
    """Empty: the service's sample of a push."""

    event = serializers.CharField(required=False, max_length=LONGEST_EVENT)
    payload = serializers.JSONField(required=False)


class WebhookTest(_Sends):
    """As if the service had sent an event: its sample, or `event` and `payload`."""

    name = "Webhook Test"
    serializer_class = WebhookTestSerializer

    def get_queryset(self) -> QuerySet[Any]:
        return self.model._default_manager.all()

    def post(self, request: Request, **kwargs: Any) -> Response:
        template = self.get_object()
        asked = WebhookTestSerializer(data=body_of(request))
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        if "payload" in given and not isinstance(given["payload"], dict):
            raise InvalidInput("Expected an object.", field="payload")
        return self.answer(send_test(template, given.get("event", ""), given.get("payload")))


class _Deliveries(SubListView):
    model = WebhookDelivery
    serializer_class = DeliverySerializer
    relationship = "webhook_deliveries"
    ordering = ("-id",)


def webhooks_of(model: type[Any]) -> dict[str, Any]:
    """All that is below one kind of template: path -> view."""

    def view(base: type[Any], name: str = "", **told: Any) -> type[Any]:
        title = f"{model.__name__}{name or base.__name__.removeprefix('_')}"
        return type(title, (base,), {**told, "__module__": __name__})

    receivers = {
        service: view(Receiver, f"Receiver{service.title()}", model=model, service=service)
        for service, _ in SERVICES
    }
    return {
        "webhook_key": view(WebhookKey, model=model),
        **receivers,
        "webhook_deliveries": view(_Deliveries, parent_model=model),
        "webhook_test": view(WebhookTest, model=model),
    }
