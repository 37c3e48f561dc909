"""What AWX's websocket says of events and of jobs' states, key by key.

AWX: emit_event_detail in awx/main/models/events.py, _websocket_emit_status in unified_jobs.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from django.db.models import F

from gantry.api.names import ROOT
from gantry.base.bridge import in_thread, waiting_for_database
from gantry.record.tail import TailEvent
from gantry.resources.events import event_id
from gantry.resources.jobs import FINISHED
from gantry.resources.models import JobEvent, Organization, UnifiedJob

STATUS_CHANGED, SUMMARY = "jobs-status_changed", "jobs-summary"
INVENTORIES = "inventories-status_changed"
WORKFLOW_EVENTS = "workflow_events"
# Events that AWX sends although they print nothing; the others without output it leaves out.
ALWAYS = ("playbook_on_play_start", "playbook_on_task_start", "playbook_on_stats")
HAVE_PAGES = ("job", "ad_hoc_command")  # kinds whose single events have a URL
# kind -> what its states tell besides: key -> path from the job's row.
MORE: dict[str, dict[str, str]] = {
    "project_update": {"project_id": "as_project_update__project_id"},
    "inventory_update": {
        "inventory_source_id": "as_inventory_update__inventory_source_id",
        "inventory_id": "as_inventory_update__inventory_id",
    },
}


@dataclass(frozen=True)
class WatchedJob:
    """A job whose events somebody follows."""

    id: int
    kind: str
    created: datetime

    @property
    def group(self) -> str:
        return f"{self.kind}_events"


@dataclass(frozen=True)
class Told:
    """One message for everybody in a group who may read the row that it is about."""

    group: str
    model: Any
    pk: int
    text: str


def worth_telling(event: TailEvent) -> bool:
    return event.event in ALWAYS or event.stdout != "" or event.start_line != event.end_line


@in_thread
def event_messages(job: WatchedJob, events: list[TailEvent]) -> list[str]:
    """The events' messages, in order; what the Tail does not carry is read in one query."""
    first, last = (event_id(job.id, events[at].counter) for at in (0, -1))
    rows = JobEvent.objects.filter(
        job_id=job.id, job_created=job.created, pk__gte=first, pk__lte=last
    ).values("counter", "uuid", "parent_uuid", "event_data", "event_level", "role")
    found = waiting_for_database(lambda: {row["counter"]: row for row in rows.all()})
    return [
        _event_message(job, event, found[event.counter])
        for event in events
        if event.counter in found  # retention may have come between
    ]


def _event_message(job: WatchedJob, event: TailEvent, row: Mapping[str, Any]) -> str:
    number = event_id(job.id, event.counter)
    moment = event.created.isoformat()
    message = {
        "id": number,
        job.kind: job.id,
        "created": moment,
        "modified": moment,
        "group_name": job.group,
        "url": f"{ROOT}{job.group}/{number}" if job.kind in HAVE_PAGES else "",
        "stdout": event.stdout,
        "counter": event.counter,
        "uuid": row["uuid"],
        "parent_uuid": row["parent_uuid"],
        "start_line": event.start_line,
        "end_line": event.end_line,
        "event": event.event,
        "event_data": orjson.Fragment(row["event_data"]),
        "failed": event.failed,
        "changed": event.changed,
        "event_level": row["event_level"],
        "play": event.play,
        "role": row["role"],
        "task": event.task,
    }
    return orjson.dumps(message).decode()


def status_messages(changes: Iterable[tuple[int, str]]) -> list[Told]:
    """For each (job, status), in that order; a row that has gone says nothing more. In a thread."""
    changes = list(changes)
    rows = {row["id"]: row for row in _rows({job for job, _ in changes})}
    told = []
    for job, status in changes:
        row = rows.get(job)
        if row is None:
            continue
        if status in FINISHED:
            told.append(_told(SUMMARY, job, {
                "group_name": "jobs", "unified_job_id": job, "final_counter": row["emitted_events"],
            }))  # fmt: skip
        message = _status(row, status)
        told.append(_told(STATUS_CHANGED, job, message))
        if workflow := row["workflow_job"]:
            told.append(_told(f"{WORKFLOW_EVENTS}-{workflow}", job, _in_workflow(row, message)))
    return told


def _in_workflow(row: dict[str, Any], message: dict[str, Any]) -> dict[str, Any]:
    """The same to those who follow the workflow that the job is a node of; its template's id goes
    by AWX's odd name."""
    template = row["unified_job_template_id"]
    more = {"workflow_job_template_id": template} if template else {}
    return {**message, "group_name": WORKFLOW_EVENTS, **more}


def _told(group: str, job: int, message: dict[str, Any]) -> Told:
    return Told(group, UnifiedJob, job, orjson.dumps(message).decode())


def _rows(ids: set[int]) -> list[dict[str, Any]]:
    more = {f"of_{key}": F(path) for fields in MORE.values() for key, path in fields.items()}
    columns = ("id", "kind", "finished", "unified_job_template_id", "emitted_events")
    more |= {
        "workflow_node": F("unified_job_node__id"),
        "workflow_job": F("unified_job_node__workflow_job_id"),
    }
    groups = ("instance_group__name",) if _has_instance_groups() else ()
    return list(UnifiedJob.objects.filter(pk__in=ids).values(*columns, *groups, **more))


def _has_instance_groups() -> bool:
    return any(f.name == "instance_group" for f in UnifiedJob._meta.fields)


def _status(row: dict[str, Any], status: str) -> dict[str, Any]:
    message: dict[str, Any] = {"unified_job_id": row["id"], "status": status}
    if status == "running":
        message["instance_group_name"] = row.get("instance_group__name")
    elif status in ("successful", "failed", "canceled") and row["finished"]:
        message["finished"] = row["finished"].strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if row["kind"] != "system_job":
        message["type"] = row["kind"]
        if row["workflow_job"]:
            message["workflow_job_id"] = row["workflow_job"]
            message["workflow_node_id"] = row["workflow_node"]
    for key in MORE.get(row["kind"], ()):
        message[key] = row[f"of_{key}"]
    message["group_name"] = "jobs"
    if row["unified_job_template_id"]:
        message["unified_job_template_id"] = row["unified_job_template_id"]
    return message


def changed_messages(changes: Iterable[tuple[str, int]]) -> list[Told]:
    """For each (type of row, id): AWX's group "schedules-changed" and those like it."""
    from gantry.api.names import NAMES

    models = {kind: (model, plural) for model, (kind, plural) in NAMES.items()}
    told = []
    for kind, pk in changes:
        if kind in models:
            model, plural = models[kind]
            body = orjson.dumps({"id": pk, "group_name": plural}).decode()
            told.append(Told(f"{plural}-changed", model, pk, body))
    return told


def gone_messages(gone: Iterable[tuple[int, int]]) -> list[Told]:
    """For each (inventory, organization) that is no more. AWX deletes later and says so before;
    here both come at once. Who may read the organization may know."""
    return [
        Told(INVENTORIES, Organization, organization, orjson.dumps(message).decode())
        for inventory, organization in gone
        for status in ("pending_deletion", "deleted")
        for message in [{"group_name": "inventories", "inventory_id": inventory, "status": status}]
    ]
