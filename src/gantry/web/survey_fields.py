"""A survey's questions as fields of the launch form, and what was typed as answers.

Django checks shapes (a number is a number); what is a right answer, resources/surveys.py says, in
the words that the API uses.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django import forms

from gantry.resources.credentials import ENCRYPTED
from gantry.resources.surveys import Question, choices_of, default_of, questions, wrong_answers
from gantry.resources.templates import JobTemplate
from gantry.resources.workflows import WorkflowJobTemplate
from gantry.web.forms import Wide

Template = JobTemplate | WorkflowJobTemplate
PREFIX = "survey:"


def survey_fields(template: Template) -> dict[str, forms.Field]:
    """{"survey:VARIABLE": field}, in the survey's order."""
    return {PREFIX + q["variable"]: _field(template, q) for q in questions(template)}


def answers_of(form: forms.Form, template: Template, kept: Collection[str] = ()) -> dict[str, Any]:
    """{variable: answer} of a form that was cleaned. Wrong ones are put beside their fields.
    `kept`: passwords that have an answer already; left empty, it goes on."""
    given: dict[str, Any] = {}
    for question in questions(template):
        name = PREFIX + question["variable"]
        if name in form.errors:
            continue
        typed = form.cleaned_data.get(name)
        if not typed and question["variable"] in kept:
            given[question["variable"]] = ENCRYPTED
            continue
        answer = _answer(question, typed)
        if answer is not None:
            given[question["variable"]] = answer
        for sentence in wrong_answers(question, given):
            form.add_error(name, sentence)
    return given


def without_answers(cleaned: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in cleaned.items() if not name.startswith(PREFIX)}


def _answer(question: Question, typed: Any) -> Any:
    """None for a question that is left open: its default counts, if it has one."""
    if question["type"] == "password" and not typed:
        return ENCRYPTED if question.get("default") else None
    if question["type"] in ("text", "textarea"):
        # Emptied on purpose is an answer, where it may be one.
        empty = {question["variable"]: ""}
        right = not question["required"] and not any(wrong_answers(question, empty))
        # A browser ends the lines of a text area as mail does.
        return typed.replace("\r\n", "\n") if typed or right else None
    return None if typed in (None, "", []) else typed


def _field(template: Template, question: Question) -> forms.Field:
    common: dict[str, Any] = {
        "label": question["question_name"],
        "required": question["required"],
        "help_text": question.get("question_description") or "",
    }
    kind = question["type"]
    if kind == "password":
        return _password(question, common)
    common["initial"] = default_of(template, question)
    if kind in ("integer", "float"):
        number = forms.IntegerField if kind == "integer" else forms.FloatField
        return number(**common)
    if kind == "multiselect":
        return _several(question, common)
    if kind == "multiplechoice":
        choices = [(str(c), str(c)) for c in choices_of(question)]
        open_one = [] if common["required"] and common["initial"] else [("", "Choose …")]
        return forms.ChoiceField(choices=open_one + choices, **common)
    widget = Wide(5) if kind == "textarea" else forms.TextInput()
    return forms.CharField(strip=False, widget=widget, **common)


def _several(question: Question, common: dict[str, Any]) -> forms.Field:
    common["initial"] = str(common["initial"] or "").splitlines()
    return forms.MultipleChoiceField(
        choices=[(str(c), str(c)) for c in choices_of(question)],
        widget=forms.CheckboxSelectMultiple(), **common,
    )  # fmt: skip


def _password(question: Question, common: dict[str, Any]) -> forms.Field:
    attributes = {"autocomplete": "off"}
    if question.get("default"):
        common["required"] = False
        attributes["placeholder"] = "Left empty: the survey's own default"
    return forms.CharField(strip=False, widget=forms.PasswordInput(attributes), **common)
