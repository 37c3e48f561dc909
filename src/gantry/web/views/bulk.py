"""A selection of a list: first the page that says what would happen, then, if sure, it happens."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from gantry.resources.access import visible
from gantry.web.bulk import ACTS, LISTS, Act, Judged, acts_of, carry_out, chosen, judge, lost_with
from gantry.web.navigation import label_of
from gantry.web.pages import action, page, who


@action
def act(request: HttpRequest, noun: str) -> HttpResponse:
    name = request.POST.get("do", "")
    if noun not in LISTS or name not in acts_of(noun):
        raise Http404
    back, doing = _back(request, noun), ACTS[name]
    rows = chosen(visible(who(request), LISTS[noun]._default_manager.all()),
                  request.POST.getlist("id"))  # fmt: skip
    if not rows:
        messages.error(request, "Nothing is selected; tick the rows first.")
        return HttpResponseRedirect(back)
    if request.POST.get("sure") == "yes":
        _tell(request, doing, carry_out(doing, rows, who(request)))
        return HttpResponseRedirect(back)
    judged = judge(doing, rows, who(request))
    able = [one.row for one in judged if not one.why_not]
    context: dict[str, Any] = {
        "noun": noun, "label": label_of(noun), "do": name, "act": doing, "back": back,
        "able": able, "unable": [one for one in judged if one.why_not],
        "lost": lost_with(LISTS[noun], able) if name == "delete" and able else [],
    }  # fmt: skip
    return page(request, "bulk.html", context)


def _tell(request: HttpRequest, doing: Act, outcome: list[Judged]) -> None:
    done = [one.row for one in outcome if not one.why_not]
    if done:
        words = str(done[0]) if len(done) == 1 else str(len(done))
        messages.success(request, f"{words} {doing.done}.")
    for one in [one for one in outcome if one.why_not][:5]:
        messages.error(request, f"{one.row}: {one.why_not}")


def _back(request: HttpRequest, noun: str) -> str:
    """The list as it was filtered."""
    wanted = request.POST.get("back", "")
    safe = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    return wanted if safe and wanted.startswith("/") else reverse(noun)
