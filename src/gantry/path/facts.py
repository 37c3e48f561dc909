"""The fact cache: what is known of hosts goes with a job, what it found out comes back.

Ansible's own jsonfile cache does the work in the pod, a file a host; the files go there as a tar
before the project's, and the new ones come back as one (pods/agent/remains.py). Rules of AWX
(awx/main/tasks/facts.py), but that a host of which nothing was known is not "cleared" when a job
gathers nothing either.
"""

from __future__ import annotations

import gzip
import io
import json
import logging
import tarfile
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db import DataError, connection, transaction
from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.utils import timezone

from gantry.base.config import settings
from gantry.resources.host_filter import hosts_of
from gantry.resources.inventories import Host, HostFacts, Inventory
from gantry.resources.jobs import Job
from gantry.resources.projects import Artifact

logger = logging.getLogger(__name__)
FACTS = "facts.tar.gz"
FOLDER = "/runner/artifacts/fact_cache"
PIECE = 1 << 20
BATCH = 100
LARGEST = 16 << 20  # bytes of one host's facts
# Since ansible-core 2.19 the file of a host is called so, and its facts are text within. Which one
# an image has is not known here: both are lent.
NEWER, PAYLOAD = "s1_", "__payload__"
# Gantry itself has left out what is too old; ansible's own limit would be a day.
ENVIRONMENT = {
    "ANSIBLE_CACHE_PLUGIN": "jsonfile",
    "ANSIBLE_CACHE_PLUGIN_CONNECTION": FOLDER,
    "ANSIBLE_CACHE_PLUGIN_TIMEOUT": "0",
}
_KEEP = """
INSERT INTO resources_hostfacts (host_id, facts)
SELECT * FROM unnest(%s::bigint[], %s::jsonb[])
ON CONFLICT (host_id) DO UPDATE SET facts = excluded.facts
"""


def lend_facts(job: Job, head: dict[str, Any]) -> tuple[bytes, ...]:
    """The pieces of the known facts, and in `head` what the pod does with them; nothing for a job
    that does not use the cache."""
    if not job.use_fact_cache or job.inventory is None:
        return ()
    head["artifacts"] = {**head["artifacts"], FACTS: FOLDER}
    return lend(head, job.inventory)


def lend(head: dict[str, Any], *inventories: Inventory) -> tuple[bytes, ...]:
    """What is known of the hosts of these, for ansible's cache in a pod."""
    pieces = known_facts(*inventories)
    head["facts"] = {"to": FOLDER, "pieces": len(pieces)}
    head["env"] = {**head["env"], **ENVIRONMENT}
    return pieces


def known_facts(*inventories: Inventory) -> tuple[bytes, ...]:
    """A tar.gz of a file for each host whose facts are not too old, in pieces."""
    buffer, some = io.BytesIO(), False
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=1) as packed,
        tarfile.open(fileobj=packed, mode="w|") as tar,
    ):
        for inventory in inventories:
            for name, text in _texts(inventory):
                wrapped = json.dumps({PAYLOAD: text}).encode()
                for file, content in ((name, text.encode()), (NEWER + name, wrapped)):
                    member = tarfile.TarInfo(file)  # of 1970: what is new in the pod shows by that
                    member.size, member.mode = len(content), 0o600
                    tar.addfile(member, io.BytesIO(content))
                some = True
    data = buffer.getvalue() if some else b""
    return tuple(data[at : at + PIECE] for at in range(0, len(data), PIECE))


def _texts(inventory: Inventory) -> Iterator[tuple[str, str]]:
    rows = HostFacts.objects.filter(host__in=_originals(inventory)).filter(_fresh())
    told = rows.annotate(text=Cast("facts", TextField())).values_list("host__name", "text")
    for name, text in told.iterator(chunk_size=BATCH):
        if _is_file(name):
            yield name, text


def _originals(inventory: Inventory) -> QuerySet[Host]:
    """Facts are of hosts themselves, not of their likenesses in a constructed inventory."""
    hosts = hosts_of(inventory)
    if inventory.kind != "constructed":
        return hosts
    ids = [int(pk) for pk in hosts.values_list("instance_id", flat=True) if pk.isdigit()]
    return Host.objects.filter(pk__in=ids)


def _fresh(at: Any = None) -> Q:
    limit = settings().fact_cache_timeout
    found = Q(host__ansible_facts_modified__isnull=False)
    if limit:
        oldest = (at or timezone.now()) - timedelta(seconds=limit)
        found &= Q(host__ansible_facts_modified__gte=oldest)
    return found


def _is_file(name: str) -> bool:
    return "/" not in name and name not in ("", ".", "..", ".names")


# -- what came back -----------------------------------------------------------------------------


def keep_facts(job: Job) -> None:
    """Take over what a job has found out, and forget what it has cleared. Facts that cannot be read
    are no reason for a job to fail: the log says so."""
    if job.inventory is not None:
        with transaction.atomic():
            try:
                _Kept(job, job.inventory).run()
            except (tarfile.TarError, OSError, EOFError, ValueError) as error:
                logger.warning("job %s: its facts cannot be read: %s", job.pk, error)
    Artifact.objects.filter(job=job, name=FACTS).delete()


class _Kept:
    def __init__(self, job: Job, inventory: Inventory) -> None:
        self.job = job
        self.hosts = dict(_originals(inventory).values_list("name", "pk"))
        self.batch: list[tuple[int, str]] = []

    def run(self) -> None:
        there: set[str] = set()
        with tarfile.open(fileobj=io.BufferedReader(_Pieces(self.job), PIECE), mode="r|gz") as tar:
            for member in tar:
                if not member.isfile() or member.size > LARGEST:
                    continue
                data = tar.extractfile(member).read()  # type: ignore[union-attr]
                if member.name == ".names":
                    there = {name for name in json.loads(data) if isinstance(name, str)}
                elif (host := self._host(member.name)) is not None:
                    self._take(host, data)
        self._flush()
        self._clear(there)

    def _host(self, file: str) -> int | None:
        return self.hosts.get(file) or self.hosts.get(file.removeprefix(NEWER))

    def _take(self, host: int, data: bytes) -> None:
        try:
            found = json.loads(data)
            if isinstance(found, dict) and isinstance(found.get(PAYLOAD), str):
                found = untagged(json.loads(found[PAYLOAD]))
        except (ValueError, RecursionError):
            return
        if isinstance(found, dict):
            # The one character that PostgreSQL takes for no text.
            text = json.dumps(found).replace("\\u0000", "\ufffd")
            self.batch.append((host, text))
        if len(self.batch) >= BATCH:
            self._flush()

    def _flush(self) -> None:
        written = [host for host, _ in self._written(self.batch)]
        Host.objects.filter(pk__in=written).update(ansible_facts_modified=timezone.now())
        self.batch = []

    def _written(self, batch: list[tuple[int, str]]) -> list[tuple[int, str]]:
        """Those that PostgreSQL took; a batch with one that it does not take goes one by one."""
        if not batch:
            return []
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(_KEEP, [[pk for pk, _ in batch], [text for _, text in batch]])
        except DataError as error:
            if len(batch) == 1:
                logger.warning("facts of host %s: %s", batch[0][0], error)
                return []
            return [row for one in batch for row in self._written([one])]
        return batch

    def _clear(self, there: set[str]) -> None:
        """Of what was lent, the files that are gone: somebody cleared these facts."""
        begun = self.job.started or timezone.now()
        lent = HostFacts.objects.filter(
            _fresh(begun), host__in=self.hosts.values(), host__ansible_facts_modified__lt=begun
        )
        gone = [
            pk for pk, name in lent.values_list("host", "host__name")
            if _is_file(name) and not {name, NEWER + name} <= there
        ]  # fmt: skip
        HostFacts.objects.filter(host__in=gone).update(facts={})
        Host.objects.filter(pk__in=gone).update(ansible_facts_modified=timezone.now())


def untagged(value: Any) -> Any:
    """Since ansible-core 2.19 a value may come with where it was written; jobs and people want the
    value."""
    if isinstance(value, list):
        return [untagged(item) for item in value]
    if not isinstance(value, dict):
        return value
    if str(value.get("__ansible_type", "")).startswith("_AnsibleTagged") and "value" in value:
        return untagged(value["value"])
    return {key: untagged(item) for key, item in value.items()}


class _Pieces(io.RawIOBase):
    """The pod's pieces as a file that is read once."""

    def __init__(self, job: Job) -> None:
        rows = Artifact.objects.filter(job=job, name=FACTS).order_by("number")
        self._numbers = iter(list(rows.values_list("number", flat=True)))
        self._rows = rows
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            number = next(self._numbers, None)
            if number is None:
                return 0
            self._rest = bytes(self._rows.get(number=number).data)
        taken = self._rest[: len(buffer)]
        buffer[: len(taken)] = taken
        self._rest = self._rest[len(taken) :]
        return len(taken)
