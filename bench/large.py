"""A large installation: rows as a company of 20 teams leaves them after a year.

100,000 jobs of 1,000 templates with 10 million events, 10,000 hosts; one job has a million lines.
Made in SQL from one row of each kind that the models made, so that every column has what the
product puts there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

TEAMS, PROJECTS, INVENTORIES, TEMPLATES, HOSTS, GROUPS = 20, 200, 50, 1000, 10_000, 500
PEOPLE, CREDENTIALS = 500, 300


@dataclass(frozen=True)
class Large:
    """What the lists are asked for: some ids, and two people."""

    million: int
    template: int
    inventory: int
    project: int
    organization: int
    admin: str = "bench"
    member: str = "person-1"


def copies(table: str, pk: int, count: int, **columns: str) -> None:
    """Repeat a row `count` times; `columns` are SQL of `n` (from 1), or of the row, `r`."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = %s "
            "AND is_generated = 'NEVER' ORDER BY ordinal_position", [table],
        )  # fmt: skip
        names = [name for (name,) in cursor.fetchall()]
        key = "id" if "id" in names else next(n for n in names if n.endswith("_ptr_id"))
        sources = [columns.get(name, f'r."{name}"') for name in names]
        sources[names.index(key)] = columns.get(key, f'r."{key}" + n')
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(map(_quoted, names))}) SELECT {', '.join(sources)} "
            f"FROM {table} r, generate_series(1, {count}) n WHERE r.{key} = {pk}"
        )


def _quoted(name: str) -> str:
    return f'"{name}"'


def fill(jobs: int, events: int) -> Large:
    """Needs an empty installation; takes about a minute for each two million events."""
    first = _first()
    _content(first)
    _jobs(first, jobs)
    million = _events(first, jobs, events)
    _analyze()
    return Large(million, first["template"] + 5, first["inventory"] + 3, first["project"] + 7,
                 first["organization"] + 2)  # fmt: skip


def _first() -> dict[str, int]:
    """One of each kind, made by the models."""
    from gantry.resources import models as m
    from gantry.resources.seeds import seed

    seed()
    admin = m.User.objects.create(username="bench", is_superuser=True)
    organization = m.Organization.objects.create(name="Team 0")
    person = m.User.objects.create(username="person-0")
    project = m.Project.objects.create(
        kind="project", name="Project 0", organization=organization, scm_type="git",
        scm_url="https://git.example.com/project.git", status="successful",
    )  # fmt: skip
    inventory = m.Inventory.objects.create(name="Inventory 0", organization=organization)
    credential = m.Credential.objects.create(
        name="Credential 0", organization=organization,
        credential_type=m.CredentialType.objects.get(namespace="ssh"),
    )  # fmt: skip
    template = m.JobTemplate.objects.create(
        kind="job_template", name="Template 0", organization=organization, project=project,
        inventory=inventory, playbook="site.yml", extra_vars='{"release": "24.6"}',
    )  # fmt: skip
    job = m.Job.objects.create(
        kind="job", name="Template 0", job_template=template, unified_job_template=template,
        organization=organization, inventory=inventory, project=project, status="successful",
        stage="done", created_by=admin, playbook="site.yml", started=datetime.now(UTC),
        finished=datetime.now(UTC), elapsed=12.5, lines=100, emitted_events=100,
    )  # fmt: skip
    host = m.Host.objects.create(name="host-0", inventory=inventory, variables="a: 1")
    group = m.Group.objects.create(name="group-0", inventory=inventory)
    return {
        "admin": admin.pk, "organization": organization.pk, "person": person.pk,
        "project": project.pk, "inventory": inventory.pk, "credential": credential.pk,
        "template": template.pk, "job": job.pk, "host": host.pk, "group": group.pk,
    }  # fmt: skip


def _content(first: dict[str, int]) -> None:
    """Everything but jobs. A template's and a project's rows share the ids of one table."""
    organization = f"{first['organization']} + n % {TEAMS}"
    copies("resources_organization", first["organization"], TEAMS, name="'Team ' || n")
    copies("resources_user", first["person"], PEOPLE, username="'person-' || n")
    copies("resources_inventory", first["inventory"], INVENTORIES, name="'Inventory ' || n",
           organization_id=organization)  # fmt: skip
    copies("resources_credential", first["credential"], CREDENTIALS, name="'Credential ' || n",
           organization_id=organization)  # fmt: skip
    inventory = f"{first['inventory']} + n % {INVENTORIES}"
    copies("resources_host", first["host"], HOSTS, name="'host-' || n", inventory_id=inventory)
    copies("resources_group", first["group"], GROUPS, name="'group-' || n", inventory_id=inventory)
    _members(first)
    # Projects first: their ids end where the templates' would begin.
    base = 1_000_000
    for kind, count in (("project", PROJECTS), ("template", TEMPLATES)):
        shift = f"{base} + n"
        more = {
            "id": shift,
            "organization_id": organization,
            "name": f"'{kind.title()} ' || n",
            "created": "r.created - n * interval '1 hour'",
        }
        copies("resources_unifiedjobtemplate", first[kind], count, **more)
        own = {"unifiedjobtemplate_ptr_id": shift}
        if kind == "template":
            own |= {
                "project_id": f"{first['project']} + 1 + n % {PROJECTS}",
                "inventory_id": inventory,
            }
        table = {"project": "resources_project", "template": "resources_jobtemplate"}[kind]
        copies(table, first[kind], count, **own)
        first[kind] = base
        base += 10_000


def _members(first: dict[str, int]) -> None:
    """Hosts in groups of their inventories, people in teams' organizations."""
    from django.db import connection

    from gantry.resources import models as m

    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO resources_group_hosts (group_id, host_id) SELECT g.id, h.id FROM "
            "resources_group g JOIN resources_host h ON h.inventory_id = g.inventory_id "
            "WHERE h.id % 10 = g.id % 10"
        )
    for organization in m.Organization.objects.filter(name__startswith="Team "):
        people = m.User.objects.filter(
            username__startswith="person-", pk__gt=0
        ).order_by("pk")[organization.pk % TEAMS :: TEAMS]  # fmt: skip
        organization.users.add(*people)
    first["person"] += 1
    m.Organization.objects.get(pk=first["organization"] + 2).admins.add(
        m.User.objects.get(username="person-1")
    )


def _jobs(first: dict[str, int], count: int) -> None:
    template = f"{first['template']} + 1 + n % {TEMPLATES}"
    age = f"r.created - ({count} - n) * interval '5 minutes'"
    states = "(ARRAY['successful','successful','successful','failed','error','canceled'])"
    organization = f"{first['organization']} + (n % {TEMPLATES} + 1) % {TEAMS}"
    copies(
        "resources_unifiedjob", first["job"], count, name=f"'Template ' || (1 + n % {TEMPLATES})",
        created=age, modified=age, started=age, finished=age,
        status=f"{states}[1 + n % 6]", failed="n % 6 IN (3, 4, 5)",
        unified_job_template_id=template, organization_id=organization,
    )  # fmt: skip
    copies(
        "resources_job", first["job"], count, job_template_id=template,
        project_id=f"{first['project']} + 1 + n % {PROJECTS}",
        inventory_id=f"{first['inventory']} + n % {INVENTORIES}",
    )  # fmt: skip
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO resources_jobhostsummary (job_id, host_id, host_name, changed, dark, "
            "failures, ok, processed, skipped, failed, ignored, rescued, created, modified) "
            "SELECT j.id, h.id, h.name, 1, 0, 0, 7, 1, 0, false, 0, 0, j.created, j.created "
            "FROM resources_unifiedjob j JOIN resources_host h ON h.id = %s + j.id %% %s "
            "WHERE j.kind = 'job'", [first["host"], HOSTS],
        )  # fmt: skip


def _events(first: dict[str, int], jobs: int, events: int) -> int:
    """A million for one job, the rest evenly. The id of that one."""
    from django.db import connection

    from gantry.record.partitions import ensure_partitions
    from gantry.resources.jobs import Job

    million = first["job"] + jobs
    lines = min(1_000_000, events // 2)
    each = (events - lines) // jobs
    rows: list[Any] = list(Job.objects.dates("created", "month"))
    for month in rows:
        ensure_partitions(connection, datetime(month.year, month.month, 15, tzinfo=UTC))
    with connection.cursor() as cursor:
        for sign, count in (("<", each), ("=", lines)):
            cursor.execute(EVENTS.format(condition=f"j.id {sign} {million}", count=count))
        cursor.execute(
            "UPDATE resources_unifiedjob SET lines = %s, emitted_events = %s WHERE id = %s",
            [lines, lines, million],
        )
    return million


EVENTS = """
INSERT INTO resources_jobevent (id, job_id, job_created, counter, event, event_data, created, uuid,
    parent_uuid, failed, changed, event_level, host_name, playbook, play, task, role, stdout,
    start_line, end_line, verbosity)
SELECT (j.id::bigint << 26) | n, j.id, j.created, n, 'runner_on_ok',
    '{{"play":"Web servers","task":"Install","host":"host-' || n % 50 || '","res":{{"changed":'
    'false,"msg":"' || repeat('lorem ipsum ', 20) || '"}}}}',
    j.created, 'u-' || n, 't-' || n / 50, false, n % 7 = 0, 3, 'host-' || n % 50, 'site.yml',
    'Web servers', 'Install', 'web', E'\\x1b[0;32mok: [host-' || n % 50 || E']\\x1b[0m', n - 1, n, 0
FROM resources_unifiedjob j, generate_series(1, {count}) n
WHERE j.kind = 'job' AND {condition} ORDER BY j.created
"""


def _analyze() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
            "WHERE c.relkind = 'r' AND c.relname LIKE 'resources_%%' AND a.attname = 'id' "
            "AND a.attidentity <> ''"
        )
        for table, column in cursor.fetchall():
            cursor.execute(
                f"SELECT setval(pg_get_serial_sequence(%s, %s), "
                f"(SELECT coalesce(max({column}), 0) + 1 FROM {table}))", [table, column],
            )  # fmt: skip
        cursor.execute("VACUUM ANALYZE")
