"""What is sent, message by message: the JSON of AWX's LogstashFormatter."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from gantry.record.event_names import display_of
from gantry.resources.activity import ActivityStream
from gantry.resources.log_aggregator import ACTIVITY, FACTS, JOB_EVENTS, LogLine

ANALYTICS = "awx.analytics."
# What AWX's event of each kind of job calls its job.
EVENT = (
    "id", "created", "uuid", "parent_uuid", "event", "event_data", "failed", "changed", "playbook",
    "play", "role", "task", "counter", "stdout", "verbosity", "start_line", "end_line", "host_id",
    "host_name", "job_id", "job_created",
)  # fmt: skip
# What AWX calls the job of each kind of event.
JOB_FIELD = {"job": "job", "project_update": "project_update", "ad_hoc_command": "ad_hoc_command",
             "inventory_update": "inventory_update", "system_job": "system_job"}  # fmt: skip


@dataclass(frozen=True)
class Writer:
    """What is the same in all messages of one installation."""

    uuid: str
    node: str
    kind: str = "other"

    def write(
        self, logger: str, words: str, moment: datetime, fields: Mapping[str, Any], **more: Any
    ) -> bytes:
        message = {
            "@timestamp": moment.astimezone(UTC), "message": words, "host": self.node,
            "level": "INFO", "logger_name": logger, **fields,
            "cluster_host_id": self.node, "tower_uuid": self.uuid, **more,
        }  # fmt: skip
        if self.kind == "splunk":  # its collector looks for a time nowhere else
            message = {"time": moment.timestamp(), "event": message}
        return _dumps(message)

    def of_event(self, row: dict[str, Any], kind: str) -> bytes:
        """`row`: the values of EVENT."""
        fields = {
            **row, "modified": row["created"], "host": row["host_id"],
            # As the record has it: it was read and written there, once is enough.
            "event_data": orjson.Fragment(row["event_data"] or "{}"),
            JOB_FIELD.get(kind, "job"): row["job_id"],
            "event_display": display_of(row["event"], row["play"], row["task"], row["role"]),
        }  # fmt: skip
        del fields["host_id"], fields["job_id"]
        return self.write(ANALYTICS + JOB_EVENTS, "Event data saved.", row["created"], fields)

    def of_activity(self, row: ActivityStream) -> bytes:
        actor = row.actor.username if row.actor is not None else None
        about = {
            kind: [{"id": pk}]
            for kind, pk in ((row.object1, row.object1_id), (row.object2, row.object2_id))
            if kind and pk is not None
        }
        fields = {
            "changes": row.changes, "relationship": row.object_relationship_type, "actor": actor,
            "operation": row.operation, "object1": row.object1, "object2": row.object2,
            "summary_fields": about, "setting": row.setting,
        }  # fmt: skip
        words = f"Activity Stream update entry for {row.object1}"
        return self.write(ANALYTICS + ACTIVITY, words, row.timestamp, fields)

    def of_facts(self, host: Any, facts: dict[str, Any], *, apart: bool) -> Iterator[bytes]:
        """`apart`: each package, service and other finding by itself."""
        words = f"New fact for inventory {host.inventory.name} host {host.name}"
        moment = host.ansible_facts_modified
        for found in _findings(facts) if apart else [_without_versions(facts)]:
            fields = {
                "ansible_facts": found, "ansible_facts_modified": moment.isoformat(),
                "inventory_id": host.inventory_id, "host_name": host.name,
                "job_id": host.last_job_id,
            }  # fmt: skip
            yield self.write(ANALYTICS + FACTS, words, moment, fields)

    def of_line(self, row: LogLine) -> bytes:
        more = {"host": row.host, "level": row.level, "cluster_host_id": row.host}
        return self.write(row.logger, row.message, row.created, {}, **more)


def _without_versions(facts: dict[str, Any]) -> dict[str, Any]:
    """AWX leaves out what Elasticsearch takes for another type on every other host."""
    found = {k: v for k, v in facts.items() if k != "ansible_python_version"}
    python = found.get("ansible_python")
    if isinstance(python, dict):
        found["ansible_python"] = {k: v for k, v in python.items() if k != "version_info"}
    return found


def _findings(facts: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name, value in _without_versions(facts).items():
        if name in ("packages", "services", "ansible_packages", "ansible_services", "files"):
            items = value.items() if isinstance(value, dict) else enumerate(value or ())
            yield from ({name: {str(key): item}} for key, item in items)
        else:
            yield {name: value}


def _dumps(message: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(message, option=orjson.OPT_UTC_Z)
    except TypeError:  # integers beyond 64 bits
        return json.dumps(message, default=str).encode()
