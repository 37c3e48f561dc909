"""Surveys: the questions that a launch asks, as AWX keeps them: {name, description, spec: [...]}.

What may be asked (`check_survey`), what is a right answer (`wrong_answers`), and how answers that
are passwords are kept: sealed, in the default of a question and in the variables of a job. Rules
and words are AWX's (awx/main/models/mixins.py, JobTemplateSurveySpec in awx/api/views).
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from gantry.base.crypto import is_sealed, key_ring
from gantry.resources.credentials import ENCRYPTED
from gantry.resources.variables import parse_variables

if TYPE_CHECKING:
    from gantry.resources.jobs import Job
    from gantry.resources.templates import JobTemplate
    from gantry.resources.workflows import WorkflowJob, WorkflowJobTemplate

    Template = JobTemplate | WorkflowJobTemplate
    Run = Job | WorkflowJob

TYPES: dict[str, Any] = {
    "text": str, "textarea": str, "password": str, "multiplechoice": str, "multiselect": str,
    "integer": int, "float": (float, int),
}  # fmt: skip
_PARTS = (("name", str, "string"), ("description", str, "string"), ("spec", list, "list of items"))
Question = dict[str, Any]


def questions(template: Template) -> list[Question]:
    """Those that a launch asks; none where the survey is switched off."""
    return list(template.survey_spec.get("spec", [])) if template.survey_enabled else []


def password_variables(template: Template) -> list[str]:
    return [q["variable"] for q in questions(template) if q["type"] == "password"]


def shown_survey(template: Template) -> dict[str, Any]:
    shown: dict[str, Any] = copy.deepcopy(template.survey_spec)
    for question in shown.get("spec", []):
        if question["type"] == "password" and question.get("default"):
            question["default"] = ENCRYPTED
    return shown


def set_survey(template: Template, survey: dict[str, Any]) -> str:
    """Take a person's survey, its password defaults sealed; the sentence that refuses it, or ""."""
    survey = copy.deepcopy(survey)
    for refused in _wrong_survey(survey):
        return refused
    old = {q["variable"]: q for q in template.survey_spec.get("spec", [])}
    for number, question in enumerate(survey["spec"]):
        default = question.get("default")
        if isinstance(default, str) and default.startswith(ENCRYPTED):
            kept = old.get(question["variable"], {}).get("default")
            if question["type"] != "password":
                return (
                    "$encrypted$ is a reserved keyword for password question defaults, survey "
                    f"question {number} is type {question['type']}."
                )
            if not (kept == "" or is_sealed(kept)):
                return (
                    "$encrypted$ is a reserved keyword, may not be used for new default in "
                    f"position {number}."
                )
            question["default"] = kept
        elif question["type"] == "password" and default:
            question["default"] = key_ring().seal(default, _place(template, question["variable"]))
    template.survey_spec = survey
    return ""


def _place(row: Template | Run, variable: str) -> str:
    return f"{row.kind}:{row.pk}:survey:{variable}"


def default_of(template: Template, question: Question) -> Any:
    """In the clear."""
    default = question.get("default")
    if question["type"] == "password" and is_sealed(default):
        return key_ring().open(str(default), _place(template, question["variable"]))
    return default


def _wrong_survey(survey: dict[str, Any]) -> Iterator[str]:
    # Of several things that are wrong AWX tells the last.
    for name, kind, label in reversed(_PARTS):
        if name == "spec" and survey.get("spec") == []:
            yield "'spec' doesn't contain any items."
        if name not in survey:
            yield f"Field '{name}' is missing from survey spec."
        elif not isinstance(survey[name], kind):
            given = type(survey[name]).__name__
            yield f"Expected {label} for field '{name}', received {given} type."
    seen: set[str] = set()
    for number, question in enumerate(survey["spec"]):
        yield from _wrong_question(number, question)
        if question["variable"] in seen:
            variable = question["variable"]
            yield f"'variable' '{variable}' duplicated in survey question {number}."
        seen.add(question["variable"])
        yield from _wrong_kind(number, question)


def _wrong_question(number: int, question: Any) -> Iterator[str]:
    if not isinstance(question, dict):
        yield f"Survey question {number} is not a json object."
    for name in ("type", "question_name", "variable", "required"):
        kind, label = (bool, "boolean") if name == "required" else (str, "string")
        if name not in question:
            yield f"'{name}' missing from survey question {number}"
        elif not isinstance(question[name], kind):
            yield f"'{name}' in survey question {number} expected to be {label}."


def _wrong_kind(number: int, question: Question) -> Iterator[str]:
    kind = question["type"]
    if kind not in TYPES:
        allowed = ", ".join(TYPES)
        yield (
            f"'{kind}' in survey question {number} is not one of '{allowed}' allowed question "
            "types."
        )
    default = question.get("default", "")
    if default != "" and not (isinstance(default, TYPES[kind]) and _is_text(default)):
        label = kind if kind in ("integer", "float") else "string"
        yield f"Default value {default} in survey question {number} expected to be {label}."
    for name in ("min", "max"):
        if not isinstance(question.get(name), int | None):
            yield f"The {name} limit in survey question {number} expected to be integer."
    if kind in ("multiselect", "multiplechoice"):
        yield from _wrong_choices(number, question)


def _wrong_choices(number: int, question: Question) -> Iterator[str]:
    if not isinstance(question.get("choices"), str | list):
        yield f"Survey question {number} of type {question['type']} must specify choices."
    if isinstance(question["choices"], str):
        question["choices"] = "\n".join(_lines(question["choices"]))
    if "default" not in question:
        return
    defaults = _lines(question["default"])
    question["default"] = "\n".join(defaults)
    if question["type"] == "multiplechoice" and len(defaults) > 1:
        yield "Multiple Choice (Single Select) can only have one default value."
    if any(default not in choices_of(question) for default in defaults):
        yield "Default choice must be answered from the choices listed."


def _is_text(value: Any) -> bool:
    """A lone surrogate is no character: nothing can store it."""
    return not isinstance(value, str) or not any("\ud800" <= c <= "\udfff" for c in value)


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def choices_of(question: Question) -> list[Any]:
    choices = question["choices"]
    return _lines(choices) if isinstance(choices, str) else list(choices)


def wrong_answers(question: Question, answers: dict[str, Any]) -> Iterator[str]:
    """What is wrong with the answer to one question among `answers`, in AWX's words."""
    name, kind = question["variable"], question["type"]
    if name not in answers:
        if question["required"]:
            yield f"'{name}' value missing"
        return
    answer = answers[name]
    if kind == "password" and answer == ENCRYPTED:
        if question.get("default") is None and question["required"]:
            yield f"'{name}' value missing"
    elif kind in ("multiselect", "multiplechoice"):
        yield from _wrong_choice(question, answer)
    elif kind in ("integer", "float"):
        right = type(answer) is int or (kind == "float" and type(answer) is float)
        label = "an integer" if kind == "integer" else "a numeric type"
        yield from (
            _bounded(question, answer, answer)
            if right
            else [f"Value {answer} for '{name}' expected to be {label}."]
        )
    elif isinstance(answer, str) and _is_text(answer):
        yield from _bounded(question, answer, len(answer))
    else:
        shown = ascii(answer) if isinstance(answer, str) else answer
        yield f"Value {shown} for '{name}' expected to be a string."


def _bounded(question: Question, answer: Any, size: float) -> Iterator[str]:
    name, least, most = question["variable"], question.get("min"), question.get("max")
    shown = ENCRYPTED if question["type"] == "password" else answer
    length = f"length is {size} " if isinstance(answer, str) else ""
    if least is not None and size < least:
        yield f"'{name}' value {shown} is too small ({length}must be at least {least})."
    if most is not None and size > most:
        yield f"'{name}' value {shown} is too large (must be no more than {most})."


def _wrong_choice(question: Question, answer: Any) -> Iterator[str]:
    name, choices = question["variable"], choices_of(question)
    if question["type"] == "multiselect" and not isinstance(answer, list):
        yield f"'{name}' value is expected to be a list."
        return
    for one in answer if question["type"] == "multiselect" else [answer]:
        if one not in choices:
            yield f"Value {one} for '{name}' expected to be one of {choices}."


def seal_answers(job: Run, answers: dict[str, str]) -> None:
    """Put the passwords into a job's variables. The job must have an id, and be saved after."""
    variables = parse_variables(job.extra_vars, field="extra_vars")
    for name, answer in answers.items():
        variables[name] = key_ring().seal(answer, _place(job, name))
    job.extra_vars = json.dumps(variables, default=str)


def open_answers(job: Run) -> dict[str, str]:
    """Never log, store or show the result."""
    if not job.survey_passwords:
        return {}
    variables = parse_variables(job.extra_vars, field="extra_vars")
    return {
        name: key_ring().open(variables[name], _place(job, name))
        for name in job.survey_passwords
        if is_sealed(variables.get(name))
    }


def shown_variables(job: Run) -> str:
    if not job.survey_passwords:
        return job.extra_vars
    variables = parse_variables(job.extra_vars, field="extra_vars")
    masked = {name: ENCRYPTED for name in job.survey_passwords if name in variables}
    return json.dumps({**variables, **masked}, default=str)
