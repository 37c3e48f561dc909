"""AWX's pages: `count, next, previous, results`, 25 a page, 200 at most, relative links."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import QuerySet
from rest_framework import pagination
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

if TYPE_CHECKING:
    Pages = Paginator[Any]  # Django's paginator is generic for mypy only
else:
    Pages = Paginator
PAGE = 25
MOST = 200


class _Uncounted(Pages):
    """For `count_disabled`: the first page of up to 200 rows, and no COUNT query."""

    @property
    def count(self) -> int:
        return MOST

    @property
    def num_pages(self) -> int:
        return 1


def rows_of(sliced: Any) -> list[Any]:
    """The rows of a page. Filters and sorts find their ids first, the row's many joins come after:
    else PostgreSQL sorts wide rows, and plans ten joins where it could plan two."""
    if not isinstance(sliced, QuerySet) or not sliced.query.select_related:
        return list(sliced)
    if sliced.query.annotations:
        return list(sliced)
    keys = list(sliced.select_related(None).prefetch_related(None).values_list("pk", flat=True))
    wide = sliced.model._default_manager.filter(pk__in=keys)
    wide.query.select_related = sliced.query.select_related
    wide.query.deferred_loading = sliced.query.deferred_loading
    wide = wide.prefetch_related(*sliced._prefetch_related_lookups)  # type: ignore[attr-defined]
    found = {row.pk: row for row in wide}
    return [found[key] for key in keys if key in found]


class AwxPagination(pagination.PageNumberPagination):
    page_size = PAGE
    max_page_size = MOST
    page_size_query_param = "page_size"
    invalid_page_message = "Invalid page."
    uncounted = False

    def paginate_queryset(
        self, queryset: Any, request: Request, view: Any = None
    ) -> list[Any] | None:
        self.request = request
        self.uncounted = "count_disabled" in request.query_params
        size = self.get_page_size(request) or PAGE
        paginator = (_Uncounted if self.uncounted else Pages)(queryset, size)
        number = request.query_params.get(self.page_query_param, "1")
        try:
            wanted = paginator.num_pages if number in self.last_page_strings else int(number)
            self.page = paginator.page(wanted)
        except Exception as error:
            raise NotFound(self.invalid_page_message) from error
        self.page.object_list = rows = rows_of(self.page.object_list)
        return rows

    def _link(self, number: int) -> str:
        """Relative, its parameters sorted, an excessive page_size cut: as AWX writes it."""
        assert self.request is not None
        query = {k: self.request.query_params.getlist(k) for k in self.request.query_params}
        query[self.page_query_param] = [str(number)]
        asked = query.get(self.page_size_query_param, ["0"])[-1]
        if asked.isdigit() and int(asked) > MOST:
            query[self.page_size_query_param] = [str(MOST)]
        return f"{self.request.path}?{urlencode(sorted(query.items()), doseq=True)}"

    def get_next_link(self) -> str | None:
        page = self.page
        return self._link(page.next_page_number()) if page and page.has_next() else None

    def get_previous_link(self) -> str | None:
        page = self.page
        return self._link(page.previous_page_number()) if page and page.has_previous() else None

    def get_paginated_response(self, data: Any) -> Response:
        if self.uncounted:
            return Response({"results": data})
        return super().get_paginated_response(data)


class EventPagination(AwxPagination):
    """With `limit=N` the first N events and nothing else, which costs no count."""

    limited = False

    def paginate_queryset(
        self, queryset: Any, request: Request, view: Any = None
    ) -> list[Any] | None:
        self.request = request
        self.limited = "limit" in request.query_params
        if not self.limited:
            return super().paginate_queryset(queryset, request, view)
        given = request.query_params["limit"]
        limit = int(given) if given.isdigit() and 0 < int(given) <= MOST else PAGE
        assert isinstance(queryset, QuerySet)
        return list(queryset[:limit])

    def get_paginated_response(self, data: Any) -> Response:
        if self.limited:
            return Response({"results": data})
        return super().get_paginated_response(data)
