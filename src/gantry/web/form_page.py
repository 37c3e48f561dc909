"""One page for the forms that the API saves: where one is, the fields, what Save and Cancel do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from gantry.web.ask import Answer, AskForm, ask, refused, sentences
from gantry.web.pages import page

Crumb = tuple[str, str]  # address, words


@dataclass
class FormPage:
    """`crumbs` lead to the page, the last of them is where Cancel goes."""

    title: str
    crumbs: Sequence[Crumb]
    lead: str = ""
    save: str = "Save"

    def show(self, request: HttpRequest, form: Any, **more: Any) -> HttpResponse:
        context = {"form": form, "at": self, "cancel": self.crumbs[-1][0], **more}
        return page(request, "ask_form.html", context, status=422 if form.errors else 200)


def crumb(words: Any, name: str, *args: Any) -> Crumb:
    return reverse(name, args=args), str(words)


def sent(request: HttpRequest, form: AskForm, method: str, address: str) -> Answer | None:
    """Save what a form says, once it was sent and is right; None shows it again."""
    if request.method != "POST" or not form.is_valid():
        return None
    try:
        return form.send(request, method, address)
    except PermissionDenied as error:
        form.add_error(None, str(error) or "You do not have permission to save this.")
        return None


def kept(
    request: HttpRequest, form: forms.BaseForm, noun: str, pk: int | None, body: dict[str, Any],
    names: dict[str, str] | None = None,
) -> Answer | None:  # fmt: skip
    """Save a form of another kind that was found right: a new row, or the one of this id."""
    method, address = ("PATCH", f"{noun}/{pk}/") if pk else ("POST", f"{noun}/")
    try:
        answer = ask(request, method, address, body)
    except PermissionDenied as error:
        form.add_error(None, str(error) or "You do not have permission to save this.")
        return None
    if answer.ok:
        return answer
    refused(form, answer.data, names)
    return None


def done(request: HttpRequest, words: str, name: str, *args: Any) -> HttpResponse:
    messages.success(request, words)
    return redirect(name, *args)


def tried(
    request: HttpRequest, method: str, address: str, body: Any = None, words: str = ""
) -> Any:
    """Ask the API for something that needs no form; a refusal is shown on the next page. The
    answer's data, or None."""
    answer = ask(request, method, address, body)
    if not answer.ok:
        messages.error(request, sentences(answer.data))
        return None
    if words:
        messages.success(request, words)
    return answer.data or {}
