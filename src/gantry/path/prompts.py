"""Merges a launch request into its template: what the template lets a launch change, is changed.

AWX's rules (awx/main/models/jobs.py, awx/api/serializers.py JobLaunchSerializer): a field that is
not prompted for is no error but is reported as ignored; a value equal to the template's is neither.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Model

from gantry.base.errors import Forbidden, InvalidInput
from gantry.resources import access
from gantry.resources.base import JOB_TYPES, VERBOSITIES
from gantry.resources.credentials import ENCRYPTED, Credential
from gantry.resources.environments import ExecutionEnvironment
from gantry.resources.instances import InstanceGroup, in_order
from gantry.resources.inventories import Inventory
from gantry.resources.labels import Label
from gantry.resources.organizations import User
from gantry.resources.surveys import default_of, password_variables, questions, wrong_answers
from gantry.resources.templates import PROMPTS, JobTemplate, LaunchOptions
from gantry.resources.variables import parse_variables
from gantry.resources.workflows import WorkflowJobTemplate

COUNTS = ("forks", "job_slice_count", "verbosity")
ROWS = {"inventory": Inventory, "execution_environment": ExecutionEnvironment}
LISTS = {"credentials": Credential, "labels": Label, "instance_groups": InstanceGroup}
TEXTS = ("scm_branch", "job_tags", "skip_tags", "limit")


Surveyed = JobTemplate | WorkflowJobTemplate
LARGEST_NUMBER = 2**31 - 1
LONGEST_BRANCH = 256


@dataclass
class Prompted:
    """The launch options of the job to be, its credentials and labels, and what was not taken."""

    values: dict[str, Any]
    credentials: list[Credential]
    labels: list[Label]
    groups: list[InstanceGroup] | None = None  # those of the launch, where it names some
    # Answers of the survey that are kept sealed; `values` does not have them.
    passwords: dict[str, str] = field(default_factory=dict)
    environment_prompted: bool = False
    ignored: dict[str, Any] = field(default_factory=dict)
    # What the launch said and the template asks for, variables apart: launch field -> value.
    taken: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Handed:
    """What a workflow gives to a job at a node beyond its prompts: variables that the template need
    not ask for, and which of them are kept sealed."""

    variables: Mapping[str, Any] = field(default_factory=dict)
    secret: frozenset[str] = frozenset()


def merge_prompts(template: JobTemplate, prompts: Mapping[str, Any], user: User | None) -> Prompted:
    """Raises InvalidInput with the field's name."""
    values = {f.name: getattr(template, f.name) for f in LaunchOptions._meta.fields}
    values["execution_environment"] = template.execution_environment
    credentials = list(template.credentials.select_related("credential_type"))
    merged = Prompted(values, credentials, list(template.labels.all()))
    for name, flag in PROMPTS.items():
        if name == "extra_vars":
            merge_variables(template, merged, prompts.get(name))
            continue
        if name not in prompts or prompts[name] is None:
            continue
        asked = getattr(template, flag)
        value = checked(name, prompts[name], user)
        if not asked:
            if not _same(template, merged, name, value):
                merged.ignored[name] = prompts[name]
            continue
        if name == "credentials":
            merged.credentials = _merge_credentials(merged.credentials, value)
        elif name == "labels":
            merged.labels += value  # the launch's come to the template's
        elif name == "instance_groups":
            merged.groups = value or None
        else:
            values[name] = value
            merged.environment_prompted |= name == "execution_environment"
        merged.taken[name] = value
    _check_branch(template, values)
    if user is not None:
        _check_use(template, merged, user)
    return merged


def _check_use(template: JobTemplate, merged: Prompted, user: User) -> None:
    """What a launch brings along must be its person's to use; what the template has need not."""
    brought = brought_along(template, merged.values["inventory"], merged.credentials)
    if merged.groups:
        own = set(in_order(template))
        brought += [group for group in merged.groups if group not in own]
    if not all(access.may(user, "use", row) for row in brought):
        raise Forbidden("You do not have permission to perform this action.")


def brought_along(
    template: JobTemplate, inventory: Inventory | None, credentials: list[Credential]
) -> list[Model]:
    """The inventory and the credentials of a job that its template does not have."""
    own = set(template.credentials.values_list("pk", flat=True))
    brought: list[Model] = [c for c in credentials if c.pk not in own]
    if inventory is not None and inventory.pk != template.inventory_id:
        brought.append(inventory)
    return brought


def _same(template: JobTemplate, merged: Prompted, name: str, value: Any) -> bool:
    if name == "credentials":
        return {c.pk for c in value} == {c.pk for c in merged.credentials}
    if name == "instance_groups":
        return list(value) == list(in_order(template))
    return bool(merged.values.get(name) == value)


def _check_branch(template: JobTemplate, values: dict[str, Any]) -> None:
    branch = values["scm_branch"]
    project = template.project
    if branch and project is not None and not project.allow_override:
        if branch != project.scm_branch:
            raise InvalidInput("Project does not allow override of branch.", field="scm_branch")
        values["scm_branch"] = ""


def merge_variables(template: Surveyed, merged: Prompted, given: Any) -> None:
    """The template's, then the survey's defaults, then what the launch gives and may give."""
    variables = parse_variables(given, field="extra_vars")
    asked = questions(template)
    if not variables and not asked:
        return
    own = parse_variables(template.extra_vars, field="extra_vars")
    _check_answers(asked, variables)
    answers = {q["variable"] for q in asked}
    ignored = {k: v for k, v in variables.items() if k not in answers}
    if not template.ask_variables_on_launch:
        variables = {k: v for k, v in variables.items() if k in answers}
        ignored = {k: v for k, v in ignored.items() if k not in own or own[k] != v}
        if ignored:
            merged.ignored["extra_vars"] = ignored
    secret = password_variables(template)
    variables = {k: v for k, v in variables.items() if k not in secret or v != ENCRYPTED}
    if not variables and not asked:
        return
    final = {**own, **_defaults(template, asked), **variables}
    sealed = [k for k in secret if final.get(k) and isinstance(final[k], str)]
    merged.passwords = {k: final.pop(k) for k in sealed}
    merged.values["extra_vars"] = dump_variables(final)


def _check_answers(asked: list[dict[str, Any]], answers: dict[str, Any]) -> None:
    wrong = [sentence for question in asked for sentence in wrong_answers(question, answers)]
    if wrong:
        error = InvalidInput(" ".join(wrong), field="variables_needed_to_start")
        error.values = wrong
        raise error


def _defaults(template: Surveyed, asked: list[dict[str, Any]]) -> dict[str, Any]:
    """Only those that would be right as answers, so an empty one is left out where it is not."""
    found = {q["variable"]: default_of(template, q) for q in asked if q.get("default") is not None}
    return {
        q["variable"]: found[q["variable"]]
        for q in asked
        if q["variable"] in found and not any(wrong_answers(q, found))
    }


def _merge_credentials(own: list[Credential], chosen: list[Credential]) -> list[Credential]:
    """Those of the launch replace the template's of the same type; AWX refuses to drop one."""
    kinds = [credential_slot(c) for c in chosen]
    for kind in kinds:
        if kinds.count(kind) > 1:
            name = next(c for c in chosen if credential_slot(c) == kind).credential_type.name
            raise InvalidInput(f"Cannot assign multiple {name} credentials.", field="credentials")
    for credential in chosen:
        if credential.credential_type.kind in ("registry", "scm", "galaxy"):
            raise InvalidInput(
                f"Cannot assign a Credential of kind `{credential.credential_type.kind}`",
                field="credentials",
            )
    missing = [c for c in own if credential_slot(c) not in kinds]
    if missing:
        names = ", ".join(c.credential_type.name for c in missing)
        raise InvalidInput(
            f"Removing {names} credential at launch time without replacement is not supported. "
            f"Provided list lacked credential(s): {names}.",
            field="credentials",
        )
    return chosen


def credential_slot(credential: Credential) -> tuple[int, str]:
    """One credential of a type, but several vaults with different ids."""
    identity = credential.inputs.get("vault_id") or ""
    vault = credential.credential_type.kind == "vault"
    return credential.credential_type_id, identity if vault else ""


def checked(name: str, value: Any, user: User | None) -> Any:
    """The value as the job takes it: a number, a row, a list of rows. Raises InvalidInput."""
    if name in COUNTS or name == "timeout":
        return _number(name, value)
    if name in ROWS:
        return _row(ROWS[name], value, name, user)
    if name in LISTS:
        _expect(isinstance(value, list), _not_a_list(value), name)
        return [_row(LISTS[name], pk, name, user) for pk in value]
    if name in TEXTS:
        _check_text(name, value)
    elif name == "diff_mode":
        _expect(isinstance(value, bool), "Must be a valid boolean.", name)
    elif name == "job_type":
        _expect(value in list(dict(JOB_TYPES)), f'"{value}" is not a valid choice.', name)
    return value


def _expect(right: bool, sentence: str, field: str) -> None:
    if not right:
        raise InvalidInput(sentence, field=field)


def _check_text(name: str, value: Any) -> None:
    """What PostgreSQL could not store is refused here, with DRF's words."""
    _expect(isinstance(value, str), "Not a valid string.", name)
    _expect("\0" not in value, "Null characters are not allowed.", name)
    _expect(not any("\ud800" <= c <= "\udfff" for c in value), "Not a valid string.", name)
    if name == "scm_branch":
        sentence = f"Ensure this field has no more than {LONGEST_BRANCH} characters."
        _expect(len(value) <= LONGEST_BRANCH, sentence, name)


def _not_a_list(value: Any) -> str:
    return f'Expected a list of items but got type "{type(value).__name__}".'


def _number(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidInput("A valid integer is required.", field=name)
    if name in COUNTS and value < 0:
        raise InvalidInput("Ensure this value is greater than or equal to 0.", field=name)
    sentence = f"Ensure this value is less than or equal to {LARGEST_NUMBER}."
    _expect(abs(value) <= LARGEST_NUMBER, sentence, name)
    if name == "verbosity" and value not in dict(VERBOSITIES):
        raise InvalidInput(f'"{value}" is not a valid choice.', field=name)
    return value


def _row(model: Any, pk: Any, name: str, user: User | None) -> Any:
    if isinstance(pk, bool) or not isinstance(pk, int):
        raise InvalidInput(
            f"Incorrect type. Expected pk value, received {type(pk).__name__}.", field=name
        )
    rows = model.objects.all() if user is None else access.visible(user, model.objects.all())
    row = rows.filter(pk=pk).first()
    if row is None:
        raise InvalidInput(f'Invalid pk "{pk}" - object does not exist.', field=name)
    return row


def dump_variables(variables: dict[str, Any]) -> str:
    """JSON text, as AWX stores a job's extra vars; dates that YAML made become text."""
    return json.dumps(variables, default=str)


def hand_on(values: dict[str, Any], handed: Handed | None) -> dict[str, str]:
    """Put what is handed on into the launch options; what is secret is returned instead."""
    if handed is None or not handed.variables:
        return {}
    secret = {
        name: value
        for name, value in handed.variables.items()
        if name in handed.secret and isinstance(value, str) and value
    }
    own = parse_variables(values["extra_vars"], field="extra_vars")
    both = {**own, **handed.variables}
    values["extra_vars"] = dump_variables({k: v for k, v in both.items() if k not in secret})
    return secret
