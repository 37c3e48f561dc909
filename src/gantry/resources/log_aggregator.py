"""Where events are forwarded to, as AWX's settings LOG_AGGREGATOR_* say it, and how far that is.

The settings are kept in Installation.log_aggregator, changed ones only, the password sealed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import models, transaction

from gantry.base.crypto import is_sealed, key_ring
from gantry.resources.credentials import ENCRYPTED
from gantry.resources.jobs import Installation

KINDS = ("logstash", "splunk", "loggly", "sumologic", "other")
# AWX's three, and one of Gantry's own.
PROTOCOLS = {"https": "HTTPS/HTTP", "tcp": "TCP", "udp": "UDP", "tls": "TLS"}
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
JOB_EVENTS, ACTIVITY, FACTS, SERVICE = "job_events", "activity_stream", "system_tracking", "awx"
LOGGERS = (SERVICE, ACTIVITY, JOB_EVENTS, FACTS, "broadcast_websocket")
PASSWORD = "LOG_AGGREGATOR_PASSWORD"  # noqa: S105 - a name
_SEALED_AS = "installation:log_aggregator"
DEFAULTS: dict[str, Any] = {
    "LOG_AGGREGATOR_HOST": None,
    "LOG_AGGREGATOR_PORT": None,
    "LOG_AGGREGATOR_TYPE": None,
    "LOG_AGGREGATOR_USERNAME": "",
    PASSWORD: "",
    "LOG_AGGREGATOR_LOGGERS": list(LOGGERS),
    "LOG_AGGREGATOR_INDIVIDUAL_FACTS": False,
    "LOG_AGGREGATOR_ENABLED": False,
    "LOG_AGGREGATOR_TOWER_UUID": "",
    "LOG_AGGREGATOR_PROTOCOL": "https",
    "LOG_AGGREGATOR_TCP_TIMEOUT": 5,
    "LOG_AGGREGATOR_VERIFY_CERT": True,
    "LOG_AGGREGATOR_CA_BUNDLE": "",  # Gantry's own: PEM, beside the system's authorities
    "LOG_AGGREGATOR_LEVEL": "WARNING",
    "LOG_AGGREGATOR_ACTION_QUEUE_SIZE": 131072,
    "LOG_AGGREGATOR_ACTION_MAX_DISK_USAGE_GB": 1,
}


@dataclass(frozen=True)
class Aggregator:
    """In the clear. Never log, store or show `password`."""

    enabled: bool
    host: str
    port: int | None
    kind: str
    username: str
    password: str
    loggers: tuple[str, ...]
    individual_facts: bool
    uuid: str
    protocol: str
    timeout: int
    verify: bool
    authorities: str
    level: str
    most_lines: int
    most_bytes: int


def shown() -> dict[str, Any]:
    """All settings, the password as $encrypted$."""
    values = {**DEFAULTS, **_kept()}
    values[PASSWORD] = ENCRYPTED if values[PASSWORD] else ""
    return values


def changed() -> dict[str, Any]:
    return {name: value for name, value in shown().items() if name in _kept()}


def read() -> Aggregator:
    v = {**DEFAULTS, **_kept()}
    sealed = v[PASSWORD]
    return Aggregator(
        enabled=v["LOG_AGGREGATOR_ENABLED"], host=v["LOG_AGGREGATOR_HOST"] or "",
        port=v["LOG_AGGREGATOR_PORT"], kind=v["LOG_AGGREGATOR_TYPE"] or "other",
        username=v["LOG_AGGREGATOR_USERNAME"],
        password=key_ring().open(sealed, _SEALED_AS) if is_sealed(sealed) else "",
        loggers=tuple(v["LOG_AGGREGATOR_LOGGERS"]),
        individual_facts=v["LOG_AGGREGATOR_INDIVIDUAL_FACTS"],
        uuid=v["LOG_AGGREGATOR_TOWER_UUID"] or str(Installation.objects.get().uuid),
        protocol=v["LOG_AGGREGATOR_PROTOCOL"], timeout=v["LOG_AGGREGATOR_TCP_TIMEOUT"],
        verify=v["LOG_AGGREGATOR_VERIFY_CERT"], authorities=v["LOG_AGGREGATOR_CA_BUNDLE"],
        level=v["LOG_AGGREGATOR_LEVEL"], most_lines=v["LOG_AGGREGATOR_ACTION_QUEUE_SIZE"],
        most_bytes=v["LOG_AGGREGATOR_ACTION_MAX_DISK_USAGE_GB"] << 30,
    )  # fmt: skip


def enabled() -> bool:
    return bool(_kept().get("LOG_AGGREGATOR_ENABLED"))


@transaction.atomic
def change(values: dict[str, Any]) -> None:
    """Set some of DEFAULTS. Each is an entry of its own in the activity stream, as in AWX."""
    row = Installation.objects.select_for_update().order_by("pk")[0]
    for name, given in values.items():
        value = given
        if name == PASSWORD and value == ENCRYPTED:
            continue
        if name == PASSWORD and value:
            value = key_ring().seal(value, _SEALED_AS)
        kept = {k: v for k, v in row.log_aggregator.items() if k != name}
        row.log_aggregator = kept if value == DEFAULTS[name] else {**kept, name: value}
        row.save(update_fields=["log_aggregator"])


def reset() -> None:
    change({name: DEFAULTS[name] for name in _kept()})


def _kept() -> dict[str, Any]:
    found = Installation.objects.order_by("pk").values_list("log_aggregator", flat=True).first()
    return found or {}


class LogStream(models.Model):
    """How far one of LOGGERS is forwarded; `position` is that logger's own."""

    name = models.CharField(max_length=40, primary_key=True)
    position = models.JSONField(default=dict)
    sent = models.BigIntegerField(default=0)
    dropped = models.BigIntegerField(default=0)  # too old, or refused by the server
    waiting = models.BigIntegerField(default=0)
    problem = models.TextField(blank=True, default="")

    def __str__(self) -> str:
        return self.name


class LogProgress(models.Model):
    """How many of a job's events are forwarded. Not a column of the job, whose row the recorder
    writes with every batch."""

    job_id = models.BigIntegerField(primary_key=True)
    counter = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.job_id}: {self.counter}"


class LogLine(models.Model):
    """A line of one of Gantry's processes that waits to be forwarded."""

    created = models.DateTimeField()
    host = models.CharField(max_length=250)
    level = models.CharField(max_length=10)
    logger = models.CharField(max_length=200)
    message = models.TextField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.message[:80]
