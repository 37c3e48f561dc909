"""The ansible-playbook or ansible command line of a job, and its extra vars as a file.

The order and the spelling are AWX's (build_args of RunJob and RunAdHocCommand in
awx/main/tasks/jobs.py), so that job_args reads the same; passwords go by files, never by prompt or
argument.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from gantry.base.config import settings
from gantry.base.errors import JobFailure
from gantry.resources.ad_hoc import AdHocCommand
from gantry.resources.jobs import Job
from gantry.resources.surveys import open_answers
from gantry.resources.variables import parse_variables
from gantry.resources.workflows import WorkflowJob

EXTRA_VARS = "/runner/env/extravars"
INVENTORY = "/runner/inventory/hosts"
Option = tuple[Any, list[str]]  # the words, where the first is true
_JINJA = re.compile(r"\{\{[^}]+\}\}|\{%[^%]+%\}")
# What YAML takes for no character of a text, or for the end of a line.
_ESCAPED = re.compile("[\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_LONGEST_KEY = 900  # YAML wants `? ` before a key of more than 1024 characters


def playbook_arguments(
    job: Job, machine: dict[str, Any], vaults: list[tuple[str, str]]
) -> list[str]:
    """`machine` are the opened inputs of the Machine credential, `vaults` pairs of id and file."""
    options: list[Option] = [
        (job.job_type == "check", ["--check"]),
        (True, ["-u", machine.get("username") or "root"]),
        (job.become_enabled, ["--become"]),
        (job.diff_mode, ["--diff"]),
        *_become(machine),
        *((True, ["--vault-id", f"{identity or 'default'}@{path}"]) for identity, path in vaults),
        (job.forks, [f"--forks={job.forks}"]),
        (job.force_handlers, ["--force-handlers"]),
        (job.limit, ["-l", job.limit]),
        (job.verbosity, ["-" + "v" * min(5, job.verbosity)]),
        (job.job_tags, ["-t", job.job_tags]),
        (job.skip_tags, [f"--skip-tags={job.skip_tags}"]),
        (job.start_at_task, [f"--start-at-task={job.start_at_task}"]),
    ]
    return [
        "ansible-playbook", *_chosen(options), "-i", INVENTORY, "-e", f"@{EXTRA_VARS}",
        job.playbook,
    ]  # fmt: skip


def ad_hoc_arguments(command: AdHocCommand, machine: dict[str, Any]) -> list[str]:
    """`machine` are the opened inputs of the Machine credential."""
    pattern = command.limit or "all"
    options: list[Option] = [
        (command.job_type == "check", ["--check"]),
        (True, ["-u", machine.get("username") or "root"]),
        (command.become_enabled, ["--become"]),
        *_become(machine),
        (command.forks, [f"--forks={command.forks}"]),
        (command.diff_mode, ["--diff"]),
        (command.verbosity, ["-" + "v" * min(5, command.verbosity)]),
        (not pattern.startswith("-"), [pattern]),
        (True, ["-i", INVENTORY, "-e", f"@{EXTRA_VARS}", "-m", command.module_name]),
        (command.module_args, _argument("-a", "--args", command.module_args)),
        # Hosts that look like an option are hosts all the same, and choose no other module.
        (pattern.startswith("-"), ["--", pattern]),
    ]
    return ["ansible", *_chosen(options)]


def _argument(short: str, long: str, value: str) -> list[str]:
    """An option with a value that may itself begin with a dash."""
    return [f"{long}={value}"] if value.startswith("-") else [short, value]


def _become(machine: dict[str, Any]) -> Iterator[Option]:
    become = {"--become-method": "become_method", "--become-user": "become_username"}
    for flag, field in become.items():
        yield machine.get(field), [flag, str(machine.get(field))]


def _chosen(options: list[Option]) -> list[str]:
    return [word for wanted, words in options if wanted for word in words]


def check_no_jinja(command: AdHocCommand) -> None:
    """Raises JobFailure for arguments with Jinja in them, unless the installation allows it."""
    if settings().allow_jinja_in_extra_vars != "always" and _JINJA.search(command.module_args):
        raise JobFailure(
            "Inline Jinja variables are not allowed.",
            cure="Leave the braces out of the module's arguments, or have the administrator set "
            "GANTRY_ALLOW_JINJA_IN_EXTRA_VARS to `always`.",
            code="jinja_refused",
        )


def meta_variables(job: Job | AdHocCommand) -> dict[str, Any]:
    """What AWX tells everything that runs about its own job, under both prefixes."""
    facts: dict[str, Any] = {
        "job_id": job.pk,
        "job_launch_type": job.launch_type,
        **_of_workflow(job),
        **_of_person(job),
    }
    if job.inventory is not None:
        facts |= {"inventory_id": job.inventory.pk, "inventory_name": job.inventory.name}
    if isinstance(job, Job):
        facts |= _of_templates(job)
    if job.execution_node:
        facts["execution_node"] = job.execution_node
    return {f"{prefix}_{k}": v for k, v in facts.items() for prefix in ("tower", "awx")}


def _of_workflow(job: Job | AdHocCommand) -> dict[str, Any]:
    """The run that the job is a node of."""
    run = WorkflowJob.objects.filter(workflow_job_nodes__job=job.pk).first()
    if run is None:
        return {}
    facts: dict[str, Any] = {
        "workflow_job_id": run.pk,
        "workflow_job_name": run.name,
        "workflow_job_launch_type": run.launch_type,
    }
    if (schedule := run.schedule) is not None:
        facts |= {"parent_job_schedule_id": schedule.pk, "parent_job_schedule_name": schedule.name}
    return facts


def _of_person(job: Job | AdHocCommand) -> dict[str, Any]:
    user = job.created_by
    if user is not None:
        return {
            "user_id": user.pk,
            "user_name": user.username,
            "user_email": user.email,
            "user_first_name": user.first_name,
            "user_last_name": user.last_name,
        }
    schedule = job.schedule
    return {"schedule_id": schedule.pk, "schedule_name": schedule.name} if schedule else {}


def _of_templates(job: Job) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if job.project is not None:
        facts |= {
            "project_revision": job.scm_revision,
            "project_scm_branch": job.project.scm_branch,
        }
    if job.scm_branch:
        facts["job_scm_branch"] = job.scm_branch
    if job.job_template is not None:
        facts |= {
            "job_template_id": job.job_template.pk,
            "job_template_name": job.job_template.name,
        }
    return facts


def extra_vars_file(job: Job, injected: dict[str, Any], allow_jinja: str) -> str:
    """All extra vars as YAML; what Jinja may not touch is tagged `!unsafe`.

    `template`: only values that the job template itself defines are evaluated, as in AWX.
    """
    variables = parse_variables(job.extra_vars, field="extra_vars") | open_answers(job)
    trusted: dict[str, Any] = {}
    if allow_jinja == "always":
        trusted = variables
    elif allow_jinja == "template" and job.job_template is not None:
        own = parse_variables(job.job_template.extra_vars, field="extra_vars")
        trusted = {k: v for k, v in variables.items() if k in own and own[k] == v}
    return _file(variables, trusted, {**injected, **meta_variables(job)})


def ad_hoc_variables_file(command: AdHocCommand) -> str:
    """As above; nothing in them is evaluated, as in AWX."""
    variables = parse_variables(command.extra_vars, field="extra_vars")
    return _file(variables, {}, meta_variables(command))


def _file(variables: dict[str, Any], trusted: dict[str, Any], ours: dict[str, Any]) -> str:
    lines = [_line(k, v, k not in trusted) for k, v in variables.items() if k not in ours]
    lines += [_line(k, v, True) for k, v in ours.items()]
    return "---\n" + "".join(lines) if lines else "--- {}\n"


def _line(key: str, value: Any, unsafe: bool) -> str:
    name = _scalar(str(key), False)
    if len(name) > _LONGEST_KEY:
        return f"? {name}\n: {_flow(value, unsafe)}\n"
    return f"{name}: {_flow(value, unsafe)}\n"


def _flow(value: Any, unsafe: bool) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(_pair(k, v, unsafe) for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(v, unsafe) for v in value) + "]"
    return _scalar(value, unsafe)


def _pair(key: Any, value: Any, unsafe: bool) -> str:
    name = _scalar(str(key), False)
    return f"{'? ' if len(name) > _LONGEST_KEY else ''}{name}: {_flow(value, unsafe)}"


def _scalar(value: Any, unsafe: bool) -> str:
    """JSON's scalars are YAML's, but for some characters, and numbers that JSON writes 1e+16."""
    text = json.dumps(value, default=str, ensure_ascii=False)
    if isinstance(value, float):
        mantissa, e, exponent = text.partition("e")
        return text if not e or "." in mantissa else f"{mantissa}.0e{exponent}"
    # A lone surrogate is no character: PostgreSQL, libyaml and ansible all refuse it.
    text = _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)
    text = _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    return f"!unsafe {text}" if unsafe and isinstance(value, str) else text
