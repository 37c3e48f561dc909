"""The editor of a survey: its questions as forms that are added, moved and removed before they are
saved together. What a right survey is, gantry.resources.surveys says by the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import QueryDict

from gantry.resources.credentials import ENCRYPTED
from gantry.resources.surveys import TYPES, Question
from gantry.web.forms import Wide

KINDS = {
    "text": "Text", "textarea": "Text of many lines", "password": "Password",
    "multiplechoice": "One of several", "multiselect": "Several of several",
    "integer": "Whole number", "float": "Number",
}  # fmt: skip
assert KINDS.keys() == TYPES.keys()
LIMITED = "text,textarea,password,integer,float"
CHOSEN = "multiplechoice,multiselect"
MOST = 200


class QuestionForm(forms.Form):
    question_name = forms.CharField(label="Question", max_length=1024)
    question_description = forms.CharField(label="Explanation", required=False)
    variable = forms.CharField(label="Variable", max_length=1024)
    type = forms.ChoiceField(label="Answer", choices=list(KINDS.items()))
    choices = forms.CharField(
        label="Choices", required=False, widget=Wide(4), help_text="One a line."
    )
    default = forms.CharField(
        label="Answer unless said otherwise", required=False, strip=False, widget=Wide(1)
    )
    min = forms.IntegerField(label="At least", required=False)
    max = forms.IntegerField(label="At most", required=False)
    required = forms.BooleanField(label="Must be answered", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        at = f"{self.prefix}-type"
        for name, kinds in (("choices", CHOSEN), ("min", LIMITED), ("max", LIMITED)):
            self.fields[name].when = f"{at}={kinds}"  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        kind, text = cleaned.get("type"), cleaned.get("default", "").strip("\r\n")
        cleaned["default"] = text
        if kind in ("integer", "float") and text:
            try:
                cleaned["default"] = int(text) if kind == "integer" else float(text)
            except ValueError:
                self.add_error("default", "This is no number of that kind.")
        if kind in CHOSEN.split(",") and not cleaned.get("choices", "").strip():
            self.add_error("choices", "Among what may one choose?")
        return cleaned

    def question(self) -> Question:
        given = self.cleaned_data
        names = ("question_name", "question_description", "variable", "type", "required")
        found = {name: given[name] for name in names}
        limited = given["type"] in LIMITED.split(",")
        found |= {name: given[name] if limited else None for name in ("min", "max")}
        chosen = given["type"] in CHOSEN.split(",")
        found["choices"] = given["choices"].replace("\r\n", "\n") if chosen else ""
        text = given["default"]
        found["default"] = text.replace("\r\n", "\n") if isinstance(text, str) else text
        return found


def of_survey(spec: list[Question]) -> list[QuestionForm]:
    return [QuestionForm(initial=_shown(q), prefix=f"q{n}") for n, q in enumerate(spec)]


def _shown(question: Question) -> dict[str, Any]:
    choices = question.get("choices") or ""
    text = choices if isinstance(choices, str) else "\n".join(map(str, choices))
    default = question.get("default")
    shown = ENCRYPTED if question["type"] == "password" and default else default
    return {**question, "choices": text, "default": "" if shown is None else shown}


def typed(data: QueryDict) -> list[dict[str, Any]]:
    """What was typed for each question, in order."""
    found: list[dict[str, Any]] = []
    while len(found) < MOST and f"q{len(found)}-type" in data:
        prefix = f"q{len(found)}-"
        values: dict[str, Any] = {k.removeprefix(prefix): v for k, v in data.items()
                                  if k.startswith(prefix)}  # fmt: skip
        values["required"] = "required" in values
        found.append(values)
    return found


def arranged(given: list[dict[str, Any]], what: str) -> list[dict[str, Any]]:
    """After "add", "remove:N", "up:N" or "down:N"."""
    verb, _, place = what.partition(":")
    at = int(place) if place.isdecimal() and int(place) < len(given) else None
    if verb == "add":
        given.append({"type": "text", "required": True})
    elif at is not None and verb == "remove":
        del given[at]
    elif at is not None and verb in ("up", "down"):
        to = max(at - 1, 0) if verb == "up" else min(at + 1, len(given) - 1)
        given.insert(to, given.pop(at))
    return given


def forms_of(given: list[Mapping[str, Any]] | list[dict[str, Any]]) -> list[QuestionForm]:
    return [QuestionForm(initial=dict(one), prefix=f"q{n}") for n, one in enumerate(given)]
