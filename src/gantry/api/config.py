"""/api/v2/config/: what this installation is. Licences mean nothing here: always the open one."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.headers import VERSION
from gantry.api.views import AwxView, body_of
from gantry.resources import access

BECOME_METHODS = [
    ("sudo", "Sudo"), ("su", "Su"), ("pbrun", "Pbrun"), ("pfexec", "Pfexec"), ("dzdo", "DZDO"),
    ("pmrun", "Pmrun"), ("runas", "Runas"), ("enable", "Enable"), ("doas", "Doas"),
    ("ksu", "Ksu"), ("machinectl", "Machinectl"), ("sesu", "Sesu"),
]  # fmt: skip


class Config(AwxView):
    name = "Configuration"

    def get(self, request: Request, **kwargs: Any) -> Response:
        body: dict[str, Any] = {
            "time_zone": "UTC",
            "license_info": {
                "license_type": "open",
                "valid_key": True,
                "subscription_name": "OPEN",
                "product_name": "AWX",
            },
            "version": VERSION,
            "eula": "",
            "analytics_status": "off",
            "analytics_collectors": {},
            "become_methods": BECOME_METHODS,
            "ui_next": True,
        }
        who = access.standing(request.user)
        if who.superuser or who.auditor or who.admin_of:
            # Gantry keeps no project on its own disk.
            body |= {"project_base_dir": "", "project_local_paths": [], "custom_virtualenvs": []}
        return Response(body)

    def post(self, request: Request, **kwargs: Any) -> Response:
        """AWX takes a subscription here; there is none to give."""
        if not request.user.is_superuser:
            raise PermissionDenied
        return Response({"error": "Gantry needs no license."}, 400)

    def delete(self, request: Request, **kwargs: Any) -> Response:
        if not request.user.is_superuser:
            raise PermissionDenied
        return Response(status=204)


class OfSubscriptions(AwxView):
    """As an AWX that was given no subscription: there is nobody to ask for one."""

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        if request.method not in ("HEAD", "OPTIONS") and not request.user.is_superuser:
            raise PermissionDenied


class Subscriptions(OfSubscriptions):
    name = "Subscriptions"

    def post(self, request: Request, **kwargs: Any) -> Response:
        given = body_of(request)
        if not (given.get("subscriptions_username") and given.get("subscriptions_password")):
            return Response({"error": "subscriptions_username is required"}, 400)
        return Response({"error": "Could not connect to subscription service."}, 400)


class AttachSubscription(OfSubscriptions):
    name = "Attach Subscription"

    def post(self, request: Request, **kwargs: Any) -> Response:
        if not body_of(request).get("pool_id"):
            return Response({"error": "No subscription pool ID provided."}, 400)
        return Response({"error": "Error processing subscription metadata."}, 400)
