"""/api/v2/settings/logging/ and its test: where events are forwarded to. AWX: awx/main/conf.py."""

from __future__ import annotations

import socket
from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.views import AwxView
from gantry.record.forward.messages import ANALYTICS, Writer
from gantry.record.forward.senders import SendFailed, sender_for
from gantry.resources import access
from gantry.resources import log_aggregator as to

WORDS = "AWX Connection Test Message"


class LogSettingsSerializer(serializers.Serializer[Any]):
    """What AWX has beside these (rsyslogd's own settings) is passed over."""

    LOG_AGGREGATOR_HOST = serializers.CharField(
        required=False, allow_null=True, min_length=1, max_length=1024,
        label="Logging Aggregator", help_text="Hostname/IP where external logs will be sent to.",
    )  # fmt: skip
    LOG_AGGREGATOR_PORT = serializers.IntegerField(
        required=False, allow_null=True, min_value=0, max_value=65535,
        label="Logging Aggregator Port",
        help_text="Port on Logging Aggregator to send logs to (if required and not provided in "
        "Logging Aggregator).",
    )  # fmt: skip
    LOG_AGGREGATOR_TYPE = serializers.ChoiceField(
        to.KINDS, required=False, allow_null=True, label="Logging Aggregator Type",
        help_text="Format messages for the chosen log aggregator.",
    )  # fmt: skip
    LOG_AGGREGATOR_USERNAME = serializers.CharField(
        required=False, allow_blank=True, max_length=1024, label="Logging Aggregator Username",
        help_text="Username for external log aggregator (if required; HTTP/s only).",
    )  # fmt: skip
    LOG_AGGREGATOR_PASSWORD = serializers.CharField(
        required=False, allow_blank=True, max_length=4096, trim_whitespace=False,
        label="Logging Aggregator Password/Token",
        help_text="Password or authentication token for external log aggregator (if required; "
        "HTTP/s only).",
    )  # fmt: skip
    LOG_AGGREGATOR_LOGGERS = serializers.ListField(
        child=serializers.ChoiceField(to.LOGGERS), required=False,
        label="Loggers Sending Data to Log Aggregator Form",
        help_text="awx - service logs, activity_stream - activity stream records, job_events - "
        "callback data from Ansible job events, system_tracking - facts gathered from scan jobs",
    )  # fmt: skip
    LOG_AGGREGATOR_INDIVIDUAL_FACTS = serializers.BooleanField(
        required=False,
        label="Log System Tracking Facts Individually",
        help_text="If set, each package, service, or other item found is sent by itself.",
    )
    LOG_AGGREGATOR_ENABLED = serializers.BooleanField(
        required=False,
        label="Enable External Logging",
        help_text="Enable sending logs to external log aggregator.",
    )
    LOG_AGGREGATOR_TOWER_UUID = serializers.CharField(
        required=False, allow_blank=True, max_length=200,
        label="Cluster-wide unique identifier.",
        help_text="Useful to uniquely identify instances.",
    )  # fmt: skip
    LOG_AGGREGATOR_PROTOCOL = serializers.ChoiceField(
        list(to.PROTOCOLS.items()),
        required=False,
        label="Logging Aggregator Protocol",
        help_text="HTTPS/HTTP assumes HTTPS unless http:// is explicitly used in the Logging "
        "Aggregator hostname.",
    )
    LOG_AGGREGATOR_TCP_TIMEOUT = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=600,
        label="TCP Connection Timeout",
        help_text="Number of seconds for a connection to the log aggregator to timeout.",
    )
    LOG_AGGREGATOR_VERIFY_CERT = serializers.BooleanField(
        required=False,
        label="Enable/disable HTTPS certificate verification",
        help_text="Whether the certificate sent by the log aggregator is verified.",
    )
    LOG_AGGREGATOR_CA_BUNDLE = serializers.CharField(
        required=False, allow_blank=True, max_length=1 << 20, trim_whitespace=False,
        label="Authorities of the log aggregator's certificate",
        help_text="PEM certificates trusted beside the system's. Gantry's own setting.",
    )  # fmt: skip
    LOG_AGGREGATOR_LEVEL = serializers.ChoiceField(
        to.LEVELS,
        required=False,
        label="Logging Aggregator Level Threshold",
        help_text="Service logs less severe than this are not sent.",
    )
    LOG_AGGREGATOR_ACTION_QUEUE_SIZE = serializers.IntegerField(
        required=False, min_value=1, max_value=10_000_000,
        label="Maximum number of messages that can be stored in the log action queue",
        help_text="Service logs that may wait; beyond it the oldest are left out.",
    )  # fmt: skip
    LOG_AGGREGATOR_ACTION_MAX_DISK_USAGE_GB = serializers.IntegerField(
        required=False, min_value=1, max_value=100_000,
        label="Maximum disk persistence for rsyslogd action queuing (in GB)",
        help_text="How much of what jobs said may wait, as messages, before the oldest is left "
        "out.",
    )  # fmt: skip

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        after = {**to.shown(), **attrs}
        missing = []
        if attrs.get("LOG_AGGREGATOR_ENABLED"):
            if not after["LOG_AGGREGATOR_HOST"]:
                missing.append("Cannot enable log aggregator without providing host.")
            if not after["LOG_AGGREGATOR_TYPE"]:
                missing.append("Cannot enable log aggregator without providing type.")
        if missing:
            raise serializers.ValidationError("\n".join(missing))
        return attrs


class LoggingTest(AwxView):
    """Sends a message the way that all go, and says what became of it."""

    name = "Logging Connectivity Test"

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        if request.method == "POST" and not access.standing(request.user).superuser:
            raise PermissionDenied

    def post(self, request: Request, **kwargs: Any) -> Response:
        found = to.read()
        if not found.enabled:
            return Response({"error": "Logging not enabled"}, 409)
        first = next(iter(found.loggers), to.SERVICE)
        logger = first if first == to.SERVICE else ANALYTICS + first
        writer = Writer(found.uuid, socket.gethostname(), found.kind)
        message = writer.write(logger, WORDS, timezone.now(), {}, level="ERROR")
        try:
            sender = sender_for(found)
            try:
                refused = sender.send([message])
            finally:
                sender.close()
        except SendFailed as failed:
            return Response({"error": str(failed)}, 400)
        if refused:
            return Response({"error": "The server refuses what is sent to it."}, 400)
        return Response(status=202)
