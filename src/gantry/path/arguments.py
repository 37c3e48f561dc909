"""The ansible-playbook command line of a job, and its extra vars as a file.

The order and the spelling are AWX's (RunJob.build_args in awx/main/tasks/jobs.py), so that job_args
reads the same; passwords go by files, never by prompt or argument.
"""

from __future__ import annotations

import json
import re
from typing import Any

from gantry.resources.jobs import Job
from gantry.resources.variables import parse_variables

EXTRA_VARS = "/runner/env/extravars"
INVENTORY = "/runner/inventory/hosts"
_PAIR = re.compile(r"\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})")


def playbook_arguments(
    job: Job, machine: dict[str, Any], vaults: list[tuple[str, str]]
) -> list[str]:
    """`machine` are the opened inputs of the Machine credential, `vaults` pairs of id and file."""
    become = {"--become-method": "become_method", "--become-user": "become_username"}
    options: list[tuple[Any, list[str]]] = [
        (job.job_type == "check", ["--check"]),
        (True, ["-u", machine.get("username") or "root"]),
        (job.become_enabled, ["--become"]),
        (job.diff_mode, ["--diff"]),
        *((machine.get(field), [flag, str(machine.get(field))]) for flag, field in become.items()),
        *((True, ["--vault-id", f"{identity or 'default'}@{path}"]) for identity, path in vaults),
        (job.forks, [f"--forks={job.forks}"]),
        (job.force_handlers, ["--force-handlers"]),
        (job.limit, ["-l", job.limit]),
        (job.verbosity, ["-" + "v" * min(5, job.verbosity)]),
        (job.job_tags, ["-t", job.job_tags]),
        (job.skip_tags, [f"--skip-tags={job.skip_tags}"]),
        (job.start_at_task, [f"--start-at-task={job.start_at_task}"]),
    ]
    chosen = [word for wanted, words in options if wanted for word in words]
    return ["ansible-playbook", *chosen, "-i", INVENTORY, "-e", f"@{EXTRA_VARS}", job.playbook]


def meta_variables(job: Job) -> dict[str, Any]:
    """What AWX tells every playbook about its own job, under both prefixes."""
    user, project = job.created_by, job.project
    facts: dict[str, Any] = {
        "job_id": job.pk,
        "job_launch_type": job.launch_type,
        "project_revision": job.scm_revision,
        "project_scm_branch": project.scm_branch if project else "",
        "job_scm_branch": job.scm_branch,
        "job_template_id": job.job_template_id,
        "job_template_name": job.job_template.name if job.job_template else None,
        "execution_node": job.execution_node,
    }
    if user is not None:
        facts |= {
            "user_id": user.pk,
            "user_name": user.username,
            "user_email": user.email,
            "user_first_name": user.first_name,
            "user_last_name": user.last_name,
        }
    if job.inventory is not None:
        facts |= {"inventory_id": job.inventory.pk, "inventory_name": job.inventory.name}
    facts = {k: v for k, v in facts.items() if v not in (None, "")}
    return {f"{prefix}_{k}": v for k, v in facts.items() for prefix in ("tower", "awx")}


def extra_vars_file(job: Job, injected: dict[str, Any], allow_jinja: str) -> str:
    """All extra vars as YAML; what Jinja may not touch is tagged `!unsafe`.

    `template`: only values that the job template itself defines are evaluated, as in AWX.
    """
    variables = parse_variables(job.extra_vars, field="extra_vars")
    trusted: dict[str, Any] = {}
    if allow_jinja == "always":
        trusted = variables
    elif allow_jinja == "template" and job.job_template is not None:
        own = parse_variables(job.job_template.extra_vars, field="extra_vars")
        trusted = {k: v for k, v in variables.items() if k in own and own[k] == v}
    lines = [_line(k, v, k not in trusted) for k, v in variables.items()]
    lines += [_line(k, v, True) for k, v in {**injected, **meta_variables(job)}.items()]
    return "---\n" + "".join(lines) if lines else "--- {}\n"


def _line(key: str, value: Any, unsafe: bool) -> str:
    return f"{_scalar(str(key), False)}: {_flow(value, unsafe)}\n"


def _flow(value: Any, unsafe: bool) -> str:
    if isinstance(value, dict):
        pairs = (f"{_scalar(str(k), False)}: {_flow(v, unsafe)}" for k, v in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(v, unsafe) for v in value) + "]"
    return _scalar(value, unsafe)


def _scalar(value: Any, unsafe: bool) -> str:
    """JSON's scalars are YAML's, but for characters that JSON writes as a surrogate pair."""
    text = _PAIR.sub(_astral, json.dumps(value, default=str))
    return f"!unsafe {text}" if unsafe and isinstance(value, str) else text


def _astral(pair: re.Match[str]) -> str:
    high, low = int(pair[1], 16), int(pair[2], 16)
    return f"\\U{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00):08x}"
