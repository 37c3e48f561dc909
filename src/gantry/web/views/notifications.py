"""Notification templates: whom to tell and how, their test, and what became of each message."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from gantry.resources.access import may, may_add, visible
from gantry.resources.credentials import ENCRYPTED
from gantry.resources.notification_kinds import KINDS
from gantry.resources.notifications import NotificationTemplate
from gantry.resources.organizations import Organization
from gantry.resources.templates import UnifiedJobTemplate
from gantry.web.form_page import crumb, done, sent, tried
from gantry.web.notification_form import LABELS, OCCASIONS, NotificationForm
from gantry.web.pages import action, adding, found, page, paged, signed_in, who
from gantry.web.places import page_of, word_of

OWN = ("started", "success", "error")


@signed_in
def listing(request: HttpRequest) -> HttpResponse:
    rows = visible(who(request), NotificationTemplate.objects.select_related("organization"))
    if words := request.GET.get("q", "").strip():
        rows = rows.filter(name__icontains=words)
    shown = paged(request, rows.order_by("name", "pk"))
    lines = [(row, row.notifications.order_by("-pk").first()) for row in shown]
    context = {
        "rows": shown,
        "lines": lines,
        "can_add": may_add(who(request), NotificationTemplate),
    }
    return page(request, "notifications/list.html", context)


@signed_in
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    row = found(request, NotificationTemplate.objects.select_related("organization"), pk)
    shown = row.shown_configuration()
    fields = [
        (LABELS.get(name, told["label"]), _lines(shown[name]), shown[name] == ENCRYPTED)
        for name, told in row.kind.fields.items()
        if shown.get(name) not in (None, "", [], {})
    ]
    history = row.notifications.select_related("unified_job").order_by("-pk")
    return page(
        request,
        "notifications/detail.html",
        {
            "row": row, "fields": fields, "kind": row.kind.label, "history": history[:25],
            "waits": history.filter(status="pending").exists(), "occasions": OCCASIONS,
            "used": _followers(request, row),
            "can_change": may(who(request), "change", row),
            "can_test": may(who(request), "start", row),
        },
    )  # fmt: skip


def _lines(value: Any) -> list[str]:
    if isinstance(value, bool):
        return ["yes" if value else "no"]
    if isinstance(value, dict):
        return [f"{name}: {one}" for name, one in value.items()]
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def _followers(request: HttpRequest, row: NotificationTemplate) -> list[dict[str, Any]]:
    """What tells it something, and when."""
    found_ones: dict[tuple[str, int], dict[str, Any]] = {}
    for occasion in (*OWN, "approvals"):
        name = f"notification_templates_{occasion}"
        rows: list[Any] = list(
            visible(who(request), UnifiedJobTemplate.objects.filter(**{name: row}))
        )
        if occasion != "approvals":
            rows += visible(who(request), Organization.objects.filter(**{name: row}))
        for one in rows:
            template = isinstance(one, UnifiedJobTemplate)
            at = found_ones.setdefault((type(one).__name__, one.pk), {
                "row": one, "when": [],
                "page": page_of(one) if template else f"/organizations/{one.pk}/",
                "word": word_of(one) if template else "Organization",
            })  # fmt: skip
            at["when"].append(occasion)
    return sorted(found_ones.values(), key=lambda one: str(one["row"]))


@signed_in
def choose(request: HttpRequest) -> HttpResponse:
    adding(request, NotificationTemplate)
    kinds = [(name, kind.label) for name, kind in sorted(KINDS.items())]
    return page(request, "notifications/choose.html", {"kinds": kinds})


@signed_in
def add(request: HttpRequest, kind: str) -> HttpResponse:
    adding(request, NotificationTemplate)
    if kind not in KINDS:
        raise Http404
    return _form(request, kind, None)


@signed_in
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    row = found(request, NotificationTemplate.objects.all(), pk, "change")
    return _form(request, row.notification_type, row)


def _form(request: HttpRequest, kind: str, row: NotificationTemplate | None) -> HttpResponse:
    form = NotificationForm(request.POST or None, kind=kind, row=row, user=who(request))
    method, address = ("PATCH", f"{row.pk}/") if row else ("POST", "")
    answer = sent(request, form, method, f"notification_templates/{address}")
    if answer is not None:
        words = f"Saved {answer.data['name']}. Send a test to see that it arrives."
        return done(request, words, "notification", answer.pk)
    crumbs = [crumb("Notifications", "notifications")]
    if row is not None:
        crumbs.append(crumb(row.name, "notification", row.pk))
    context = {"form": form, "row": row, "kind": KINDS[kind].label, "crumbs": crumbs}
    return page(request, "notifications/form.html", context, status=422 if form.errors else 200)


@action
def test(request: HttpRequest, pk: int) -> HttpResponse:
    found(request, NotificationTemplate.objects.all(), pk, "start")
    words = "A test is on its way; what became of it is in the history."
    tried(request, "POST", f"notification_templates/{pk}/test/", words=words)
    return redirect("notification", pk)
