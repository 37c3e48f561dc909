"""Settings: what each means, which value it has, and where that comes from. One can be changed
here; the others are told to Gantry by its environment, and shown as they are."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from gantry.base.setting_groups import GROUPS, OTHER, shown
from gantry.resources.access import standing
from gantry.resources.environments import ExecutionEnvironment
from gantry.resources.jobs import Installation
from gantry.web.ask import AskForm
from gantry.web.pages import page, signed_in, who

DEFAULT = "DEFAULT_EXECUTION_ENVIRONMENT"


class SystemForm(AskForm):
    names = {DEFAULT: "default"}
    default = forms.ModelChoiceField(
        ExecutionEnvironment.objects.all(),
        label="Global default execution environment", required=False, empty_label="None",
        help_text="For templates that name none, of projects and organizations that name none.",
    )  # fmt: skip

    def body(self) -> dict[str, object]:
        return {DEFAULT: super().body()["default"]}


@signed_in
def listing(request: HttpRequest, group: str = "server") -> HttpResponse:
    person = standing(who(request))
    if not (person.superuser or person.auditor):
        raise PermissionDenied
    rows = shown(group)
    if group not in GROUPS and not rows:
        raise Http404
    words = request.GET.get("q", "").strip().casefold()
    if words:
        everything = [row for slug in (*GROUPS, OTHER) for row in shown(slug)]
        rows = [r for r in everything if words in f"{r.variable} {r.meaning}".casefold()]
    installation = Installation.objects.select_related("default_environment").order_by("pk")[0]
    form = None
    if person.superuser:
        initial = {"default": installation.default_environment_id}
        form = SystemForm(request.POST or None, initial=initial)
        sent = request.method == "POST" and form.is_valid()
        if sent and form.send(request, "PATCH", "settings/system/") is not None:
            messages.success(request, "Saved.")
            return redirect("settings-group", "images")
    context = {
        "group": group, "rows": rows, "form": form if group == "images" and not words else None,
        "groups": [(slug, title) for slug, (title, _names) in GROUPS.items()], "words": words,
        "other": shown(OTHER),
    }  # fmt: skip
    status = 422 if form is not None and form.errors else 200
    return page(request, "settings/list.html", context, status=status)
