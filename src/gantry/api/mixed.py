"""Lists whose rows are of several kinds: each is read and shown as what it is, a kind at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.filter_fields import search_fields
from gantry.api.shape import AwxSerializer
from gantry.api.views import ListView


class MixedListView(ListView):
    kinds: ClassVar[dict[str, type[AwxSerializer]]] = {}
    types: ClassVar[tuple[str, ...]] = ()

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        self.search_fields = search_fields(self.model)  # type: ignore[misc]
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.show(page or []))

    def show(self, page: Sequence[Any]) -> Sequence[Any]:
        shown: dict[int, Any] = {}
        for kind, serializer in self.kinds.items():
            ids = [row.pk for row in page if row.kind == kind]
            if not ids:
                continue
            model = serializer.model()
            rows = list(serializer.tune(model.objects.filter(pk__in=ids)))
            data = serializer(rows, many=True, context=self.get_serializer_context()).data
            shown.update({item["id"]: item for item in data})
        return [shown[row.pk] for row in page if row.pk in shown]
