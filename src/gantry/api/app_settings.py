"""/api/v2/settings/: AWX's settings by category, those that mean something in Gantry.

Gantry is told its settings by its environment (docs/settings.md), so they are shown and not set,
as AWX does with what its settings files say. Kept in the database and changed here are
DEFAULT_EXECUTION_ENVIRONMENT and those of the log server (log_settings.py).
"""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api import named_urls
from gantry.api.log_settings import LogSettingsSerializer
from gantry.api.names import ROOT
from gantry.api.views import AwxView
from gantry.base.config import settings
from gantry.resources import access, log_aggregator
from gantry.resources.jobs import Installation
from gantry.resources.models import ExecutionEnvironment

CATEGORIES = {
    "all": "All", "authentication": "Authentication", "bulk": "Bulk Actions", "changed": "Changed",
    "jobs": "Jobs", "logging": "Logging", "named-url": "Named URL", "system": "System",
}  # fmt: skip


class SettingsSerializer(serializers.Serializer[Any]):
    """Anything else that is sent is passed over, as AWX does with what is read-only or unknown."""

    DEFAULT_EXECUTION_ENVIRONMENT = serializers.PrimaryKeyRelatedField(
        queryset=ExecutionEnvironment.objects.all(),
        allow_null=True,
        required=False,
        label="Global default execution environment",
        help_text="The Execution Environment to be used when one has not been configured for a job "
        "template.",
    )


def _installation() -> Installation:
    return Installation.objects.order_by("pk")[0]


def values_of(category: str) -> dict[str, Any]:
    s = settings()
    installation = _installation()
    default = {"DEFAULT_EXECUTION_ENVIRONMENT": installation.default_environment_id}
    if category == "changed":
        own = default if installation.default_environment_id is not None else {}
        return {**log_aggregator.changed(), **own}
    shown: dict[str, dict[str, Any]] = {
        "authentication": {
            "SESSION_COOKIE_AGE": s.session_cookie_age,
            "AUTH_BASIC_ENABLED": True,
            "OAUTH2_PROVIDER": {
                "ACCESS_TOKEN_EXPIRE_SECONDS": s.access_token_expires,
                "AUTHORIZATION_CODE_EXPIRE_SECONDS": s.authorization_code_expires,
                "REFRESH_TOKEN_EXPIRE_SECONDS": s.refresh_token_expires,
            },
            "LOCAL_PASSWORD_MIN_LENGTH": s.local_password_min_length,
            "LOCAL_PASSWORD_MIN_DIGITS": s.local_password_min_digits,
            "LOCAL_PASSWORD_MIN_UPPER": s.local_password_min_upper,
            "LOCAL_PASSWORD_MIN_SPECIAL": s.local_password_min_special,
        },
        "bulk": {
            "BULK_JOB_MAX_LAUNCH": s.bulk_job_max_launch,
            "BULK_HOST_MAX_CREATE": s.bulk_host_max_create,
            "BULK_HOST_MAX_DELETE": s.bulk_host_max_delete,
        },
        "logging": log_aggregator.shown(),
        "named-url": {
            "NAMED_URL_FORMATS": named_urls.formats(),
            "NAMED_URL_GRAPH_NODES": named_urls.graph(),
        },
        "jobs": {
            "AD_HOC_COMMANDS": list(s.ad_hoc_commands),
            "ALLOW_JINJA_IN_EXTRA_VARS": s.allow_jinja_in_extra_vars,
            "AWX_ROLES_ENABLED": s.roles_enabled,
            "AWX_COLLECTIONS_ENABLED": s.collections_enabled,
            "GALAXY_IGNORE_CERTS": s.galaxy_ignore_certs,
            "GALAXY_TASK_ENV": dict(
                pair.split("=", 1) for pair in s.galaxy_task_env if "=" in pair
            ),
            "DEFAULT_JOB_TIMEOUT": s.default_job_timeout,
            "ANSIBLE_FACT_CACHE_TIMEOUT": s.fact_cache_timeout,
        },
        "system": {
            **default,
            "ACTIVITY_STREAM_ENABLED": s.activity_stream_enabled,
            "INSTALL_UUID": str(installation.uuid),
            "ORG_ADMINS_CAN_SEE_ALL_USERS": True,
            "TOWER_URL_BASE": s.public_url,
        },
    }
    if category == "all":
        return {key: value for group in shown.values() for key, value in group.items()}
    return shown[category]


class SettingsView(AwxView):
    """For the administrator of the system to change, for auditors to read."""

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        who = access.standing(request.user)
        if not (who.superuser or (who.auditor and request.method in ("GET", "HEAD", "OPTIONS"))):
            raise PermissionDenied


class SettingCategories(SettingsView):
    name = "Setting Categories"

    def get(self, request: Request, **kwargs: Any) -> Response:
        rows = [
            {"url": f"{ROOT}settings/{slug}/", "slug": slug, "name": name}
            for slug, name in CATEGORIES.items()
        ]
        return Response({"count": len(rows), "next": None, "previous": None, "results": rows})


class SettingsOfCategory(SettingsView):
    name = "Setting Detail"
    category: ClassVar[str] = "all"

    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response(values_of(self.category))

    def put(self, request: Request, **kwargs: Any) -> Response:
        serializer = SettingsSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        key = "DEFAULT_EXECUTION_ENVIRONMENT"
        logging = LogSettingsSerializer(data=request.data if self._has_logging() else {})
        logging.is_valid(raise_exception=True)
        if key in serializer.validated_data and self._has_default():
            _set_default(serializer.validated_data[key])
        log_aggregator.change(logging.validated_data)
        return Response(values_of(self.category))

    patch = put

    def delete(self, request: Request, **kwargs: Any) -> Response:
        """Back to how they came."""
        if self._has_default():
            _set_default(None)
        if self._has_logging():
            log_aggregator.reset()
        return Response(status=204)

    def _has_default(self) -> bool:
        return self.category in ("all", "changed", "system")

    def _has_logging(self) -> bool:
        return self.category in ("all", "changed", "logging")


def _set_default(environment: ExecutionEnvironment | None) -> None:
    installation = _installation()
    installation.default_environment = environment
    installation.save(update_fields=["default_environment"])
