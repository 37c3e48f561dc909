"""Prompts that are saved for later (schedules): what a template refuses of them, and the launch
that they stand for.

A launch of the moment ignores what its template does not ask for; what is saved is refused, in
AWX's words (_accept_or_ignore_job_kwargs), since nobody will be there to see it ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gantry.path.launch import passwords_needed
from gantry.path.prompts import LISTS, credential_slot
from gantry.resources.credentials import Credential
from gantry.resources.instances import in_order
from gantry.resources.launch_configs import OPTIONS, LaunchConfig
from gantry.resources.surveys import questions, wrong_answers
from gantry.resources.system_jobs import SystemJobTemplate
from gantry.resources.templates import PROMPTS, JobTemplate, UnifiedJobTemplate
from gantry.resources.variables import parse_variables
from gantry.resources.workflows import WORKFLOW_PROMPTS, WorkflowJobTemplate

ANOTHER_KIND = "Field is not allowed on launch."
NOT_ASKED = "Field is not configured to prompt on launch."
CLEANUP_VARIABLES = ("days", "older_than", "granularity")
Errors = dict[str, Any]


def whole(template: UnifiedJobTemplate) -> Any:
    """The row of its own kind."""
    return getattr(template, f"as_{template.kind}", template)


def prompts_of(config: LaunchConfig, variables: Mapping[str, Any]) -> dict[str, Any]:
    """What is set, as {launch field: value}; rows as rows. `variables` are those in the clear."""
    found: dict[str, Any] = {}
    for name in OPTIONS:
        value = config.char_prompts.get(name)
        if value is not None and not (name == "job_type" and value == ""):
            found[name] = value
    for name in ("inventory", "execution_environment"):
        if getattr(config, name) is not None:
            found[name] = getattr(config, name)
    for name in LISTS:
        rows = list(_rows(config, name)) if config.pk else []
        if rows:
            found[name] = rows
    if variables:
        found["extra_vars"] = dict(variables)
    return found


def _rows(config: LaunchConfig, name: str) -> Any:
    rows = getattr(config, name).all()
    return in_order(config) if name == "instance_groups" and rows else rows


def saved_errors(
    template: UnifiedJobTemplate, prompts: Mapping[str, Any], *, whole: bool = True
) -> Errors:
    """What is wrong with saved prompts, by field; empty when a launch would take them. Not `whole`:
    required answers may still come, as a workflow's node gets them when its turn comes."""
    if isinstance(template, JobTemplate):
        return _job_template_errors(template, prompts, whole)
    if isinstance(template, WorkflowJobTemplate):
        return _workflow_errors(template, prompts, whole)
    variables = prompts.get("extra_vars", {})
    errors: Errors = {
        name: [ANOTHER_KIND]
        for name in prompts
        if name != "extra_vars" or not isinstance(template, SystemJobTemplate)
    }
    if isinstance(template, SystemJobTemplate):
        wrong = cleanup_errors(template.job_type, variables)
        if wrong:
            errors["extra_vars"] = wrong
    return errors


def cleanup_errors(
    job_type: str, variables: Mapping[str, Any], allowed: tuple[str, ...] = CLEANUP_VARIABLES
) -> list[str]:
    """What is wrong with the variables of a system job."""
    wrong = []
    others = [name for name in variables if name not in allowed]
    if others:
        wrong.append(f"Variables {', '.join(others)} are not allowed for system jobs.")
    dated = job_type in ("cleanup_jobs", "cleanup_activitystream")
    if dated and "days" in variables and days_of(variables) is None:
        wrong.append("days must be a positive integer.")
    return wrong


def days_of(variables: Mapping[str, Any]) -> int | None:
    """A whole number of days, given as a number or as its text; None for anything else."""
    given = variables.get("days")
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        return None
    try:
        if float(given) != int(given) or not 0 <= int(given) < 10**6:
            return None
        return int(given)
    except (ValueError, OverflowError):
        return None


def _workflow_errors(
    template: WorkflowJobTemplate, prompts: Mapping[str, Any], whole: bool
) -> Errors:
    """AWX ignores what a workflow cannot ask for."""
    errors = _variable_errors(template, prompts.get("extra_vars", {}), whole)
    for name, flag in WORKFLOW_PROMPTS.items():
        if name not in prompts or name in ("extra_vars", "labels"):
            continue
        if not getattr(template, flag) and getattr(template, name) != prompts[name]:
            errors[name] = NOT_ASKED
    return errors


def _job_template_errors(template: JobTemplate, prompts: Mapping[str, Any], whole: bool) -> Errors:
    errors = _variable_errors(template, prompts.get("extra_vars", {}), whole)
    for name, flag in PROMPTS.items():
        if name == "extra_vars" or name not in prompts or _same(template, name, prompts[name]):
            continue
        if not getattr(template, flag):
            errors[name] = NOT_ASKED
        elif name == "scm_branch":
            project = template.project
            if project is None:
                errors[name] = "Project is missing."
            elif not project.allow_override and prompts[name] != project.scm_branch:
                errors[name] = "Project does not allow override of branch."
    own = list(template.credentials.select_related("credential_type"))
    if not template.ask_credential_on_launch and passwords_needed(own):
        errors["passwords_needed_to_start"] = (
            "Saved launch configurations cannot provide passwords needed to start."
        )
    missing = [
        f"Job Template {name} is missing or undefined."
        for name in ("project", "inventory")
        if getattr(template, f"{name}_id") is None
        and not (name in prompts and template.ask_inventory_on_launch)
    ]
    if missing:
        errors["resources_needed_to_start"] = missing
    return errors


def _same(template: JobTemplate, name: str, value: Any) -> bool:
    """AWX takes a value that is the template's own, asked for or not."""
    if name == "credentials":
        return {c.pk for c in value} <= set(template.credentials.values_list("pk", flat=True))
    if name in LISTS:
        rows = getattr(template, name, None)
        return rows is not None and {r.pk for r in value} == set(rows.values_list("pk", flat=True))
    branch = template.project.scm_branch if template.project else None
    if name == "scm_branch" and not template.scm_branch and value == branch:
        return True
    return bool(getattr(template, name) == value)


def _variable_errors(
    template: JobTemplate | WorkflowJobTemplate, given: Mapping[str, Any], whole: bool
) -> Errors:
    errors: Errors = {}
    asked = questions(template)
    if not whole:
        asked = [{**question, "required": False} for question in asked]
    wrong = [words for question in asked for words in wrong_answers(question, dict(given))]
    if wrong:
        errors["variables_needed_to_start"] = wrong
    if template.ask_variables_on_launch:
        return errors
    answers = {question["variable"] for question in asked}
    own = parse_variables(template.extra_vars, field="extra_vars")
    others = [k for k, v in given.items() if k not in answers and (k not in own or own[k] != v)]
    if others:
        errors["extra_vars"] = [
            f"Variables {', '.join(others)} are not allowed on launch. Check the Prompt on Launch "
            f"setting on the {str(template._meta.verbose_name).title()} to include Extra Variables."
        ]
    return errors


def launch_body(
    template: JobTemplate | WorkflowJobTemplate, prompts: Mapping[str, Any]
) -> dict[str, Any]:
    """A launch request's body that says the same. Saved credentials come to the template's, whose
    place they take where they are of the same type."""
    body = dict(prompts)
    for name in ("inventory", "execution_environment"):
        if name in body:
            body[name] = body[name].pk
    for name in LISTS:
        if name in body:
            body[name] = [row.pk for row in body[name]]
    if "credentials" in prompts and isinstance(template, JobTemplate):
        body["credentials"] = [c.pk for c in _together(template, prompts["credentials"])]
    return body


def _together(template: JobTemplate, chosen: list[Credential]) -> list[Credential]:
    taken = {credential_slot(c) for c in chosen}
    own = template.credentials.select_related("credential_type")
    return [*(c for c in own if credential_slot(c) not in taken), *chosen]
