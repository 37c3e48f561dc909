"""The buttons of an EE's page: pin, unpin, accept, the drift policy, and asking the registry."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from gantry.base.errors import GantryError
from gantry.images import pins
from gantry.images.drift import decide
from gantry.images.tags import check_now, meaning_now
from gantry.resources.environments import ExecutionEnvironment
from gantry.web.pages import action, found, tell, who

Change = Callable[[ExecutionEnvironment], ExecutionEnvironment]


@action
def pin(request: HttpRequest, pk: int) -> HttpResponse:
    """To `digest`; with `now` to what the tag means now, which its registry is asked for."""
    if "now" in request.POST:
        return _change(
            request, pk, lambda row: pins.pin_to_tag(row, meaning_now(row), user=who(request))
        )
    digest = request.POST.get("digest", "").strip()
    return _change(request, pk, lambda row: pins.pin(row, digest, user=who(request)))


@action
def unpin(request: HttpRequest, pk: int) -> HttpResponse:
    return _change(request, pk, lambda row: pins.unpin(row, user=who(request)))


@action
def accept(request: HttpRequest, pk: int) -> HttpResponse:
    digest = request.POST.get("digest", "").strip()
    return _change(request, pk, lambda row: pins.accept(row, user=who(request), digest=digest))


@action
def policy(request: HttpRequest, pk: int) -> HttpResponse:
    chosen = request.POST.get("drift_policy", "")
    return _change(request, pk, lambda row: pins.set_policy(row, chosen, user=who(request)))


@action
def check(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask the registry what the tag means, now instead of at its turn."""
    return _change(request, pk, check_now)


def _change(request: HttpRequest, pk: int, change: Change) -> HttpResponse:
    row = found(request, ExecutionEnvironment.objects.all(), pk, "change")
    try:
        changed = change(row)
    except GantryError as error:
        tell(request, error)
    else:
        messages.success(request, decide(changed).sentence)
    return redirect("environment", pk)
