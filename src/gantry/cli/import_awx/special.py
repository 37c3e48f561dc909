"""Where a copy is not the same: people without passwords, credentials without their secrets; what
stands beside a row: its survey, the question of an approval."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gantry.resources.credentials import ENCRYPTED

if TYPE_CHECKING:
    from gantry.cli.import_awx.copying import Copying

Row = dict[str, Any]


def computed(row: Row) -> bool:
    """An inventory whose hosts follow from others."""
    return row.get("type") == "inventory" and row.get("kind") in ("smart", "constructed")


def user(copying: Copying, row: Row, body: Row, here: Row | None) -> Row:
    body.pop("password", None)
    if here is not None:
        # An administrator here stays one, whatever the same name is over there.
        return {
            k: v for k, v in body.items() if k not in ("is_superuser", "is_system_auditor") or v
        }
    copying.report.miss(
        f"the password of {row['username']}"
        + (" (comes from LDAP)" if row.get("ldap_dn") else "")
        + ": nobody knows the one they have now; set another"
    )
    return body | {"password": secrets.token_urlsafe(24)}


def credential(copying: Copying, row: Row, body: Row, here: Row | None) -> Row:
    """What is secret is `$encrypted$` in an answer: it is entered here by a person."""
    inputs = {k: v for k, v in row.get("inputs", {}).items() if v != ENCRYPTED}
    secret = sorted(set(row.get("inputs", {})) - set(inputs))
    kept = here.get("inputs", {}) if here else {}
    lacking = [name for name in secret if name not in kept]
    if lacking:
        copying.report.miss(f"credential {row['name']}: {', '.join(lacking)}")
    body["inputs"] = {k: v for k, v in kept.items() if v == ENCRYPTED} | inputs
    if here is None and row.get("organization") is None:
        body |= _owner(copying, row)
    return body


def _owner(copying: Copying, row: Row) -> Row:
    for owner in row.get("summary_fields", {}).get("owners", []):
        plural = {"user": "users", "team": "teams"}.get(owner.get("type"), "")
        if (found := copying.ids.get((plural, owner.get("id", 0)))) is not None:
            return {owner["type"]: found}
    return {}


def notification_template(copying: Copying, row: Row, body: Row, here: Row | None) -> Row:
    """What is secret stays `$encrypted$`: sending says so until a person enters it."""
    given = row.get("notification_configuration", {})
    kept = (here or {}).get("notification_configuration", {})
    lacking = sorted(k for k, v in given.items() if v == ENCRYPTED and kept.get(k) != ENCRYPTED)
    if lacking:
        copying.report.miss(f"notification template {row['name']}: {', '.join(lacking)}")
    return body


def schedule(copying: Copying, row: Row, body: Row, here: Row | None) -> Row:
    if here is not None:
        body.pop("unified_job_template", None)
    return _answered(copying, row, body, f"schedule {row['name']}")


def node(copying: Copying, row: Row, body: Row, here: Row | None) -> Row:
    if here is not None:
        body.pop("workflow_job_template", None)
    workflow = row["summary_fields"]["workflow_job_template"]["name"]
    return _answered(copying, row, body, f"workflow {workflow}, node {row['identifier']}")


def _answered(copying: Copying, row: Row, body: Row, where: str) -> Row:
    """Without the saved answers to a survey that are secret."""
    answers = row.get("extra_data") or {}
    for variable in (name for name, value in answers.items() if value == ENCRYPTED):
        copying.report.miss(f"{where}: the answer to {variable}")
    if ENCRYPTED in answers.values():
        body["extra_data"] = {k: v for k, v in answers.items() if v != ENCRYPTED}
    return body


def template(copying: Copying, row: Row, body: Row, here: Row | None) -> Row:
    """A webhook's address has the template's new number, and its key is made anew."""
    if row.get("webhook_service"):
        copying.report.miss(
            f"webhook of {row['name']}: enter its new address and key at {row['webhook_service']}"
        )
    return body


SPECIAL: dict[str, Callable[[Copying, Row, Row, Row | None], Row]] = {
    "users": user,
    "credentials": credential,
    "notification_templates": notification_template,
    "schedules": schedule,
    "job_templates": template,
    "workflow_job_templates": template,
    "workflow_job_template_nodes": node,
}


def asks(row: Row) -> bool:
    """A node of a workflow where people are asked."""
    asked = row.get("summary_fields", {}).get("unified_job_template") or {}
    return bool(asked.get("unified_job_type") == "workflow_approval")


def approval(copying: Copying, row: Row, made: Row) -> str:
    """What people are asked at a node. "changed" if there was something to change."""
    question = copying.source.get(row["related"]["unified_job_template"])
    wanted = {name: question[name] for name in ("name", "description", "timeout")}
    link = made["related"].get("unified_job_template") if asks(made) else None
    if link is None:
        place = f"workflow_job_template_nodes/{made['id']}/create_approval_template"
        copying.target.post(place, wanted)
        return ""
    here = copying.target.get(link)
    differing = {name: value for name, value in wanted.items() if here[name] != value}
    if not differing:
        return ""
    copying.target.patch(f"workflow_approval_templates/{here['id']}", differing)
    return "changed"


def survey(copying: Copying, plural: str, row: Row, made: Row) -> str:
    """Copy a template's questions. "changed" if there was something to do."""
    link = row.get("related", {}).get("survey_spec")
    spec = copying.source.get(link, missing={}) if link else {}
    if not spec.get("spec"):
        return ""
    place = f"{plural}/{made['id']}/survey_spec"
    here = copying.target.get(place)
    kept = {q["variable"] for q in here.get("spec", []) if q.get("default") == ENCRYPTED}
    for question in spec["spec"]:
        if question.get("default") == ENCRYPTED and question["variable"] not in kept:
            copying.report.miss(f"survey of {row['name']}: the default of {question['variable']}")
            question["default"] = ""
    if here.get("spec") == spec["spec"]:
        return ""
    copying.target.post(place, spec)
    return "changed"
