"""Below /api/v2/execution_environments/N/: pin, unpin, accept, unaccept, check, digests.

Gantry's own; the rules are images.pins's. POST answers with what the `gantry` block of the EE shows
of its pin and drift afterwards.
"""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlencode

from django.db.models import Count, Max, Min, QuerySet
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.views import NounView, SubListView, body_of, person_of
from gantry.base.errors import InvalidInput
from gantry.images import pins, tags
from gantry.images.drift import decide
from gantry.resources import access
from gantry.resources.models import EnvironmentDigest, ExecutionEnvironment, UnifiedJob


def pin_state(row: Any) -> dict[str, Any]:
    """The pin and drift of an EE, as its `gantry` block has them."""
    found = decide(row)
    return {
        "pinned_digest": row.pinned_digest,
        "wanted_digest": row.wanted_digest,
        "drift_policy": row.drift_policy,
        "accepted_digest": row.accepted_digest,
        "drift": {
            "state": found.state,
            "sentence": found.sentence,
            "moved": found.moved,
            "since": row.drifted_since,
            "registry_digest": row.registry_digest,
            "registry_checked": row.registry_checked,
            "registry_error": row.registry_error,
        },
    }


class DigestSerializer(serializers.Serializer[Any]):
    """Names what pin and accept take, for OPTIONS."""

    digest = serializers.CharField(required=False, write_only=True)


class NothingSerializer(serializers.Serializer[Any]):
    """For what takes no body."""


class PinView(NounView):
    """Base: GET shows the state, POST acts on it. Both need to change the EE but for GET."""

    model = ExecutionEnvironment
    serializer_class: Any = NothingSerializer

    def get_queryset(self) -> QuerySet[Any]:
        return ExecutionEnvironment.objects.select_related("organization", "credential")

    def check_object_permissions(self, request: Request, obj: Any) -> None:
        verb = "read" if request.method in ("GET", "HEAD", "OPTIONS") else "change"
        if not access.may(request.user, verb, obj):
            raise PermissionDenied

    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response(pin_state(self.get_object()))

    def post(self, request: Request, **kwargs: Any) -> Response:
        return Response(pin_state(self.act(self.get_object(), request)))

    def act(self, row: Any, request: Request) -> Any:
        raise NotImplementedError

    def digest(self, request: Request) -> str:
        given = body_of(request).get("digest", "")
        if not isinstance(given, str):
            raise InvalidInput("Not a valid string.", field="digest")
        return given


class Pin(PinView):
    """`{}` pins what the tag means now, `{"digest": ...}` that one."""

    serializer_class = DigestSerializer

    def act(self, row: Any, request: Request) -> Any:
        digest = self.digest(request)
        if digest:
            return pins.pin(row, digest, user=person_of(request))
        return pins.pin_to_tag(row, tags.meaning_now(row), user=person_of(request))


class Unpin(PinView):
    def act(self, row: Any, request: Request) -> Any:
        return pins.unpin(row, user=person_of(request))


class Accept(PinView):
    """`{}` accepts what the tag means as far as is known, `{"digest": ...}` that one."""

    serializer_class = DigestSerializer

    def act(self, row: Any, request: Request) -> Any:
        return pins.accept(row, user=person_of(request), digest=self.digest(request))


class Unaccept(PinView):
    """The next digest that runs is accepted instead."""

    def act(self, row: Any, request: Request) -> Any:
        return pins.unaccept(row, user=person_of(request))


class Check(PinView):
    """Asks the registry now, which may take as long as the registry does."""

    def act(self, row: Any, request: Request) -> Any:
        return tags.check_now(row)


class EnvironmentDigestSerializer(serializers.ModelSerializer[Any]):
    jobs = serializers.SerializerMethodField()
    current = serializers.SerializerMethodField()

    class Meta:
        model = EnvironmentDigest
        fields = ("id", "digest", "platform", "reference", "origin", "first_seen", "last_seen",
                  "first_run", "last_run", "current", "jobs")  # fmt: skip

    @classmethod
    def tune(cls, queryset: Any) -> Any:
        return queryset.select_related("environment")

    def get_current(self, row: Any) -> bool:
        """Whether it is what the next job is known to run."""
        environment = row.environment
        return row.digest == (environment.wanted_digest or environment.last_digest)  # type: ignore[no-any-return]

    def get_jobs(self, row: Any) -> dict[str, Any]:
        counted = self._counted(row.environment_id).get(row.digest)
        query = urlencode({"execution_environment": row.environment_id, "ee_digest": row.digest})
        return {
            "count": counted["n"] if counted else 0,
            "first": counted["first"] if counted else None,
            "last": counted["last"] if counted else None,
            "url": f"/api/v2/unified_jobs/?{query}",
        }

    def _counted(self, environment: int) -> dict[str, dict[str, Any]]:
        """Of the whole EE in one query, once a page: a page is of one EE."""
        shared = cast("dict[str, Any]", self.context)
        if "jobs_of_digests" not in shared:
            shared["jobs_of_digests"] = jobs_of_digests(environment, shared["request"].user)
        return shared["jobs_of_digests"]  # type: ignore[no-any-return]


def jobs_of_digests(environment: int, user: Any) -> dict[str, dict[str, Any]]:
    """digest -> {n, first, last} (count and ids) of those jobs of the EE that `user` may see."""
    jobs = access.visible(user, UnifiedJob.objects.filter(execution_environment=environment))
    grouped = jobs.exclude(ee_digest="").order_by().values("ee_digest")
    rows = grouped.annotate(n=Count("pk"), first=Min("pk"), last=Max("pk"))
    return {row["ee_digest"]: dict(row) for row in rows}


class EnvironmentDigestsList(SubListView):
    """The EE's history, newest first."""

    model = EnvironmentDigest
    serializer_class = EnvironmentDigestSerializer
    parent_model = ExecutionEnvironment
    relationship = "digests"
