"""Activity: who changed what, filtered by the address, each change with its before and after."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from gantry.resources.access import visible
from gantry.resources.activity import OPERATIONS, ActivityStream, about
from gantry.resources.organizations import User
from gantry.web.activity_page import LOOKS, lines, models_by_kind
from gantry.web.pages import found, page, signed_in, who
from gantry.web.zone import zone_info

SIZE = 50


@signed_in
def listing(request: HttpRequest) -> HttpResponse:
    """Pages go by the last id, since counting what a person may see of all changes costs much."""
    rows = _filtered(request, visible(who(request), ActivityStream.objects.all()))
    before = request.GET.get("before", "")
    if before.isdecimal() and len(before) < 18:
        rows = rows.filter(pk__lt=int(before))
    shown = list(rows.select_related("actor").order_by("-pk")[: SIZE + 1])
    more = len(shown) > SIZE
    context: dict[str, Any] = {
        "lines": lines(shown[:SIZE]), "older": shown[SIZE - 1].pk if more else None,
        "operations": [(name, LOOKS[name][2]) for name, _word in OPERATIONS],
        "kinds": sorted(models_by_kind()),
        "actor": _actor(request), "filtered": any(request.GET.get(k) for k in FILTERS),
    }  # fmt: skip
    return page(request, "activity/list.html", context)


FILTERS = ("operation", "kind", "about", "actor", "user", "day")


def _filtered(request: HttpRequest, rows: QuerySet[ActivityStream]) -> QuerySet[ActivityStream]:
    given = {name: request.GET.get(name, "").replace("\0", "") for name in FILTERS}
    if given["operation"] in LOOKS:
        rows = rows.filter(operation=given["operation"])
    if given["kind"]:
        rows = rows.filter(object1=given["kind"]) | rows.filter(object2=given["kind"])
    kind, _colon, pk = given["about"].partition(":")
    if kind and pk.isdecimal() and len(pk) < 18:
        rows = rows.filter(about(kind, [int(pk)]))
    if given["actor"].isdecimal() and len(given["actor"]) < 18:
        rows = rows.filter(actor=int(given["actor"]))
    if given["user"]:
        rows = rows.filter(actor__username=given["user"])
    if day := _day(request, given["day"]):
        rows = rows.filter(timestamp__gte=day, timestamp__lt=day + timedelta(days=1))
    return rows


def _day(request: HttpRequest, text: str) -> datetime | None:
    try:
        day = datetime.strptime(text, "%Y-%m-%d")
    except ValueError:
        return None
    return day.replace(tzinfo=zone_info(request)) if 1970 < day.year < 9999 else None


def _actor(request: HttpRequest) -> User | None:
    actor = request.GET.get("actor", "")
    if not actor.isdecimal() or len(actor) > 17:
        return None
    return visible(who(request), User.objects.filter(pk=int(actor))).first()


@signed_in
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    row = found(request, ActivityStream.objects.select_related("actor"), pk)
    [line] = lines([row], changes=True)
    return page(request, "activity/detail.html", {"line": line, "row": row})
