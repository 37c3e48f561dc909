"""The page of a form that the API saves: shown, sent, refused beside its fields, or saved.

`AskForm` says what is sent; this is what all such pages have in common.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.forms import ModelChoiceField
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from gantry.resources.access import within
from gantry.resources.organizations import User
from gantry.web.ask import Answer, AskForm
from gantry.web.pages import page


@dataclass(frozen=True)
class Noun:
    """`api` is the address of the list below /api/v2/; the others are names in gantry.web.urls."""

    word: Any
    api: str
    list: str
    page: str


def save(
    request: HttpRequest, noun: Noun, form: AskForm, row: Any = None, title: str = ""
) -> HttpResponse:
    """`row` is None for a new one; `title` is what it is called."""
    if request.method == "POST" and form.is_valid():
        answer = send(request, noun, form, row)
        if answer is not None:
            name = answer.data.get("name") or answer.data.get("username") or title
            messages.success(request, f"Saved {name}.")
            return redirect(noun.page, answer.pk)
    context: dict[str, Any] = {
        "form": form, "row": row, "title": title, "noun": noun.word, "back": noun.list,
        "here": noun.page,
    }  # fmt: skip
    return page(request, "form.html", context, status=422 if form.errors else 200)


def send(request: HttpRequest, noun: Noun, form: AskForm, row: Any) -> Answer | None:
    if row is None:
        return form.send(request, "POST", f"{noun.api}/")
    return form.send(request, "PATCH", f"{noun.api}/{row.pk}/")


def offer(form: AskForm, name: str, user: User, rows: QuerySet[Any], verb: str = "use") -> None:
    """The rows that may be chosen in a field: those to which this person may do `verb`."""
    field = form.fields[name]
    assert isinstance(field, ModelChoiceField)
    reach = within(user, verb, rows)
    chosen = form.initial.get(name)
    # What is chosen already stays a choice, or saving would take it away unseen.
    field.queryset = reach | rows.filter(pk=getattr(chosen, "pk", chosen)) if chosen else reach
