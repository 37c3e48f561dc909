"""The generic views under every noun: who may, what is found, AWX's headers, attach and detach.

AWX: awx/api/generics.py. A noun's own module subclasses these; nothing else does.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Mapping
from io import BytesIO
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from rest_framework import generics, permissions, status
from rest_framework import views as drf
from rest_framework.exceptions import AuthenticationFailed, ParseError, PermissionDenied
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings

from gantry.api.auth import may_write
from gantry.api.headers import product_headers
from gantry.api.names import url_of
from gantry.resources import access
from gantry.resources.granting import give_to_creator
from gantry.resources.models import User
from gantry.resources.removal import remove


class ObjectParser(JSONParser):
    """A body is a JSON object, or nothing."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        assert most is not None
        body = stream.read(most + 1)
        if len(body) > most:
            raise RequestDataTooBig
        if not body:
            return {}
        try:
            parsed = super().parse(BytesIO(body), media_type, parser_context)
            whole = _is_text(parsed)
        except ParseError as error:
            raise ParseError(f"{error}\nPossible cause: trailing comma.") from error
        except RecursionError as error:
            raise ParseError("JSON parse error - nested too deeply") from error
        if parsed is not None and not isinstance(parsed, dict):
            raise ParseError("JSON parse error - not a JSON object")
        if not whole:
            raise ParseError("JSON parse error - Surrogate characters are not allowed.")
        return parsed or {}


def _is_text(parsed: Any) -> bool:
    """Not when there is half a character in it, which no table and no answer can hold."""
    try:
        json.dumps(parsed, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def body_of(request: Request) -> dict[str, Any]:
    """What was sent; ObjectParser has seen to it that it is an object."""
    assert isinstance(request.data, dict)
    return request.data


def person_of(request: Request) -> User:
    """Who asks, on a view that lets in nobody unknown."""
    assert isinstance(request.user, User)
    return request.user


class AwxView(drf.APIView):
    """Base of everything below /api/. `name` is the title that AWX shows."""

    parser_classes = [ObjectParser]
    name: str | None = None

    def initialize_request(self, request: Any, *args: Any, **kwargs: Any) -> Request:
        self.started = time.monotonic()
        return super().initialize_request(request, *args, **kwargs)

    def perform_authentication(self, request: Request) -> None:
        """A wrong password is nobody, as in AWX: open pages stay open, the rest answers 401."""
        with contextlib.suppress(AuthenticationFailed):
            super().perform_authentication(request)

    def check_permissions(self, request: Request) -> None:
        """A token that is for reading only reads, whoever's it is."""
        if request.method not in permissions.SAFE_METHODS and not may_write(request.user):
            raise PermissionDenied
        super().check_permissions(request)

    def get_authenticate_header(self, request: Request) -> str:
        # Never Basic: a browser would keep the password and send it with every forged request.
        return "Bearer realm=api authorization_url=/api/o/authorize/"

    def finalize_response(
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> Response:
        final = super().finalize_response(request, response, *args, **kwargs)
        user = getattr(request, "user", None) if hasattr(request, "_user") else None
        for name, value in product_headers(bool(user and user.is_authenticated)).items():
            final[name] = value
        taken = f"{time.monotonic() - self.started:.3f}s"
        final["X-API-Time"] = final["X-API-Total-Time"] = taken
        return final


class OpenView(AwxView):
    permission_classes = [permissions.AllowAny]


class NounView(AwxView, generics.GenericAPIView[Any]):
    """Has a model. Lists show what a person may read; an object that is not theirs is a 403."""

    model: ClassVar[type[Model]]
    filter_backends: Any = ()  # a query string chooses among many, it does not hide one
    ordering: ClassVar[tuple[str, ...] | None] = None
    search_fields: ClassVar[Any] = None
    post_verb: ClassVar[str] = "read"  # what a POST to an object asks for

    def get_queryset(self) -> QuerySet[Any]:
        return self.serializer().tune(self.model._default_manager.all())  # type: ignore[no-any-return]

    def serializer(self) -> Any:
        return self.get_serializer_class()

    def check_object_permissions(self, request: Request, obj: Any) -> None:
        super().check_object_permissions(request, obj)
        verbs = {"PUT": "change", "PATCH": "change", "DELETE": "delete", "POST": self.post_verb}
        verb = verbs.get(request.method or "GET", "read")
        if not access.may(request.user, verb, obj):
            raise PermissionDenied


class ListView(NounView, generics.ListAPIView[Any]):
    filter_backends: Any = api_settings.DEFAULT_FILTER_BACKENDS

    def get_queryset(self) -> QuerySet[Any]:
        return access.visible(self.request.user, super().get_queryset())

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        from gantry.api.filter_fields import search_fields

        self.search_fields = search_fields(self.model)  # type: ignore[misc]
        return super().list(request, *args, **kwargs)


class ListCreateView(ListView, generics.ListCreateAPIView[Any]):
    """POST asks twice: may this person add any such row, and may they add this one."""

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        if request.method == "POST" and not access.may_add(request.user, self.model):
            raise PermissionDenied

    def given(self, request: Request) -> Mapping[str, Any]:
        return body_of(request)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(data=self.given(request))
        serializer.is_valid(raise_exception=True)
        self.check_add(serializer.validated_data)
        with transaction.atomic():
            row = self.save(serializer)
            give_to_creator(request.user, row)
        # Read back with everything that its shape needs.
        shown = self.get_serializer(self.reread(row))
        return Response(shown.data, status.HTTP_201_CREATED, headers={"Location": url_of(row)})

    def check_add(self, attrs: Mapping[str, Any]) -> None:
        columns = {f.name for f in self.model._meta.fields}
        row = self.model(**{k: v for k, v in attrs.items() if k in columns})
        if not access.may(self.request.user, "add", row):
            raise PermissionDenied

    def save(self, serializer: Any) -> Any:
        return serializer.save()

    def reread(self, row: Any) -> Any:
        return self.serializer().tune(self.model._default_manager.all()).get(pk=row.pk)


class DetailView(NounView, generics.RetrieveUpdateDestroyAPIView[Any]):
    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        row = self.get_object()
        partial = bool(kwargs.get("partial"))
        serializer = self.get_serializer(row, data=request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        self.check_change(row, serializer.validated_data)
        with transaction.atomic():
            self.save(serializer)
        fresh = self.serializer().tune(self.model._default_manager.all()).get(pk=row.pk)
        return Response(self.get_serializer(fresh).data)

    def save(self, serializer: Any) -> Any:
        return serializer.save()

    def check_change(self, row: Any, attrs: Mapping[str, Any]) -> None:
        """A row may not be moved to where the person could not have made it."""
        if "organization" in attrs and attrs["organization"] != row.organization:
            moved = self.model(organization=attrs["organization"])
            if not access.may(self.request.user, "add", moved):
                raise PermissionDenied

    def perform_destroy(self, instance: Any) -> None:
        remove(instance, by=person_of(self.request))


class ReadView(NounView, generics.RetrieveAPIView[Any]):
    pass


class Parented(NounView):
    """A list below an object, e.g. /groups/3/hosts/."""

    parent_model: ClassVar[type[Model]]
    relationship: ClassVar[str] = ""
    parent_key: ClassVar[str | None] = None  # the foreign key to the parent, when there is one
    parent_verb: ClassVar[str] = "change"  # needed to attach and detach

    def parent(self) -> Any:
        if not hasattr(self, "_parent"):
            row = get_object_or_404(self.parent_model, pk=self.kwargs["pk"])
            if not access.may(self.request.user, "read", row):
                raise PermissionDenied
            self._parent = row
        return self._parent


class SubListView(Parented, ListView):
    def get_queryset(self) -> QuerySet[Any]:
        rows = self.children(self.parent())
        return access.visible(self.request.user, self.serializer().tune(rows))

    def children(self, parent: Any) -> QuerySet[Any]:
        if self.parent_key:
            return self.model._default_manager.filter(**{self.parent_key: parent})
        rows: QuerySet[Any] = getattr(parent, self.relationship).all()
        return rows

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        self.parent()


class SubListCreateView(SubListView, ListCreateView):
    """POST makes a row that belongs to the parent."""

    def given(self, request: Request) -> Mapping[str, Any]:
        data = dict(request.data)
        if self.parent_key:
            data[self.parent_key] = self.parent().pk
        return data


class AttachView(SubListCreateView):
    """POST with an id attaches, with `disassociate` detaches, with a whole object makes it."""

    creates: ClassVar[bool] = True

    def check_permissions(self, request: Request) -> None:
        super(ListCreateView, self).check_permissions(request)

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        given = body_of(request)
        wanted, detach = given.get("id"), bool(given.get("disassociate"))
        if wanted is None and (detach or not self.creates):
            return Response({"msg": self._missing(detach)}, 400)
        if wanted is None:
            return self._create(request)
        if isinstance(wanted, bool) or not isinstance(wanted, int):
            return Response({"msg": '"id" field must be an integer.'}, 400)
        parent = self.parent()
        if not access.may(request.user, self.parent_verb, parent):
            raise PermissionDenied
        row = self.model._default_manager.filter(pk=wanted).first()
        if row is None:
            return Response(
                {"detail": f"{self.model._meta.object_name} matching query does not exist."}, 400
            )
        with transaction.atomic():
            refused = self.detach(parent, row) if detach else self.attach(parent, row)
        if refused is not None:
            return Response(refused, 400)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _missing(self, detach: bool) -> str:
        if detach:
            return '"id" is required to disassociate'
        return f"{str(self.model._meta.verbose_name).title()} 'id' field is missing."

    def _create(self, request: Request) -> Response:
        if not access.may_add(request.user, self.model):
            raise PermissionDenied
        parent = self.parent()
        if not access.may(request.user, self.parent_verb, parent):
            raise PermissionDenied
        with transaction.atomic():
            response = self.create(request)
            row = self.model._default_manager.get(pk=response.data["id"])
            refused = self.attach(parent, row, created=True)
            if refused is not None:
                transaction.set_rollback(True)
                return Response(refused, 400)
        return response

    def attach(self, parent: Any, row: Any, *, created: bool = False) -> Any:
        """None when done; otherwise the body of a 400."""
        if not created and not access.may(self.request.user, self.attach_verb(), row):
            raise PermissionDenied
        refused = self.refuse(parent, row)
        if refused is None:
            getattr(parent, self.relationship).add(row)
        return refused

    def attach_verb(self) -> str:
        return "read"

    def refuse(self, parent: Any, row: Any) -> Any:
        return None

    def detach(self, parent: Any, row: Any) -> Any:
        if self.parent_key:
            if not access.may(self.request.user, "delete", row):
                raise PermissionDenied
            if not getattr(parent, self.relationship).filter(pk=row.pk).exists():
                raise Http404
            remove(row, by=person_of(self.request))
        else:
            getattr(parent, self.relationship).remove(row)
        return None
