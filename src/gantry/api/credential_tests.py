"""The test button of external credentials: whether the service answers, never what it answers."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.views import NounView, body_of
from gantry.resources import access
from gantry.resources.credentials import ENCRYPTED, find_with, look_up
from gantry.resources.lookups import LookupFailed
from gantry.resources.models import Credential, CredentialType


class EmptySerializer(serializers.Serializer[Any]):
    pass


class _Test(NounView):
    """POST with `inputs` and `metadata`: 202, or 400 with why not. GET answers nothing."""

    serializer_class = EmptySerializer

    def get_queryset(self) -> Any:
        return self.model._default_manager.all()

    def get(self, request: Request, **kwargs: Any) -> Response:
        self.get_object()
        return Response({})

    def post(self, request: Request, **kwargs: Any) -> Response:
        row = self.get_object()
        given = {name: body_of(request).get(name) or {} for name in ("inputs", "metadata")}
        for name, values in given.items():
            if not isinstance(values, dict):
                words = f"{type(values).__name__} provided, expected dict"
                return Response({name: [words]}, 400)
        try:
            self.find(row, given["inputs"], given["metadata"])
        except LookupFailed as error:
            told = f"HTTP {error.status}" if error.status else error.reason
            return Response({"inputs": told}, 400)
        return Response({}, 202)

    def find(self, row: Any, inputs: dict[str, Any], metadata: dict[str, Any]) -> None:
        raise NotImplementedError


class CredentialTest(_Test):
    name = "External Credential Test"
    model = Credential
    post_verb = "use"

    def check_object_permissions(self, request: Request, obj: Any) -> None:
        super().check_object_permissions(request, obj)
        if request.method == "POST" and not access.may(request.user, "change", obj):
            # Who only uses it could have its secrets sent to an address of their own.
            inputs = body_of(request).get("inputs")
            if isinstance(inputs, dict) and any(v != ENCRYPTED for v in inputs.values()):
                raise PermissionDenied

    def find(self, row: Any, inputs: dict[str, Any], metadata: dict[str, Any]) -> None:
        look_up(row, metadata, {k: v for k, v in inputs.items() if v != ENCRYPTED})


class CredentialTypeTest(_Test):
    name = "External Credential Type Test"
    model = CredentialType

    def check_object_permissions(self, request: Request, obj: Any) -> None:
        """Whoever may make credentials may try one: AWX lets anybody."""
        if not access.may(request.user, "read", obj):
            raise PermissionDenied

    def find(self, row: Any, inputs: dict[str, Any], metadata: dict[str, Any]) -> None:
        find_with(row, {**inputs, **metadata})
