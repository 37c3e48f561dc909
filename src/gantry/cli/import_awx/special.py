"""Where a copy is not the same: people without passwords, credentials without their secrets."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gantry.cli.import_awx.report import Report
from gantry.cli.import_awx.source import Source
from gantry.cli.import_awx.target import Target
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
    return body


SPECIAL: dict[str, Callable[[Copying, Row, Row, Row | None], Row]] = {
    "users": user,
    "credentials": credential,
    "notification_templates": notification_template,
    "schedules": schedule,
}


def survey(source: Source, target: Target, row: Row, made: Row, report: Report) -> str:
    """Copy a template's questions. "changed" if there was something to do."""
    link = row.get("related", {}).get("survey_spec")
    spec = source.get(link, missing={}) if link else {}
    if not spec.get("spec"):
        return ""
    place = f"job_templates/{made['id']}/survey_spec"
    here = target.get(place)
    kept = {q["variable"] for q in here.get("spec", []) if q.get("default") == ENCRYPTED}
    for question in spec["spec"]:
        if question.get("default") == ENCRYPTED and question["variable"] not in kept:
            report.miss(f"survey of {row['name']}: the default of {question['variable']}")
            question["default"] = ""
    if here.get("spec") == spec["spec"]:
        return ""
    target.post(place, spec)
    return "changed"
