"""What becomes of an inventory's update: its hosts and groups are taken over, all or nothing.

The pod has sent a line for each (pods/agent/inventory.py). They go through a temporary table, so
that neither their number nor their size is this process's trouble; what exists already is compared
a thousand rows at a time. What is overwritten, merged and removed is AWX's
(awx/main/management/commands/inventory_import.py).
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from django.db import IntegrityError, connection, transaction

from gantry.base.errors import InvalidInput, JobFailure
from gantry.path import inventory_sql as sql
from gantry.path.inventory_lines import garbage, line_of, pieces, row_of, text_of
from gantry.path.inventory_payload import LINES
from gantry.resources.actor import silently
from gantry.resources.inventories import Group, Host, Inventory
from gantry.resources.inventory_sources import InventoryUpdate
from gantry.resources.projects import Artifact
from gantry.resources.variables import parse_variables

BATCH = 1000
TRIES = 3


def take_over(update: InventoryUpdate) -> dict[str, Any]:
    """Bring what the update's pod sent into its inventory, once; says how much that was, and in how
    many `seconds`. Raises JobFailure, and has then changed nothing."""
    try:
        return _in_turns(update)
    except JobFailure:
        Artifact.objects.filter(job=update, name=LINES).delete()  # nobody needs it again
        raise


def _in_turns(update: InventoryUpdate) -> dict[str, Any]:
    for left in reversed(range(TRIES)):
        try:
            with transaction.atomic(), silently():
                return _Import(update).run()
        except IntegrityError as error:
            # Somebody made a host of that name just now; the next turn finds it.
            if not left:
                raise _taken(error) from error
        except InvalidInput as error:
            raise JobFailure(
                error.sentence, cure=error.cure or "Mend these variables.", code="inventory_broken"
            ) from error  # fmt: skip
    raise AssertionError("unreachable")  # pragma: no cover


def _taken(error: IntegrityError) -> JobFailure:
    words = str(error).partition("DETAIL:")[2].strip() or str(error)
    return JobFailure(
        f"A host or group cannot take its name, since another has it: {words}",
        cure="Rename or remove the one that was made by hand.", code="inventory_name_taken",
    )  # fmt: skip


class _Import:
    def __init__(self, update: InventoryUpdate) -> None:
        self.row = update
        self.source = update.inventory_source_id
        self.counts = dict.fromkeys(
            ("hosts", "groups", "hosts_added", "hosts_changed", "hosts_removed", "groups_added",
             "groups_changed", "groups_removed"), 0,
        )  # fmt: skip
        self.all_vars: dict[str, Any] = {}

    def run(self) -> dict[str, Any]:
        # One at a time, and none twice; launches and edits of the inventory go on meanwhile.
        of = self.row.inventory_id or 0
        inventory = Inventory.objects.select_for_update(no_key=True).get(pk=of)
        kept = InventoryUpdate.objects.values_list("imported", flat=True).get(pk=self.row.pk)
        if kept is not None:
            return dict(kept)
        self.inventory, began = inventory, time.monotonic()
        self._load()
        self._match()
        if self.row.overwrite:
            self._remove()
        self._inventory_variables()
        self._groups()
        self._hosts()
        self._ties()
        told = {**self.counts, "seconds": round(time.monotonic() - began, 2)}
        InventoryUpdate.objects.filter(pk=self.row.pk).update(imported=told)
        Artifact.objects.filter(job=self.row, name=LINES).delete()
        return told

    def _sql(self, statement: str, **more: Any) -> int:
        with connection.cursor() as cursor:
            cursor.execute(
                statement, {"inventory": self.inventory.pk, "source": self.source, **more}
            )
            return int(cursor.rowcount)

    def _ids(self, query: str) -> list[int]:
        with connection.cursor() as cursor:
            cursor.execute(query, {"source": self.source})
            return [row[0] for row in cursor.fetchall()]

    # -- into the temporary table ---------------------------------------------------------------

    def _load(self) -> None:
        self._sql(sql.BROUGHT)
        expected = None
        for lines in pieces(self.row):
            rows = []
            for line in map(line_of, lines):
                if "all" in line:
                    self.all_vars = parse_variables(text_of(line, "all"))
                elif "end" in line:
                    expected = line["end"]
                else:
                    rows.append(row_of(line, "group" in line))
            self._copy(rows)
        if expected != self.counts["groups"] + self.counts["hosts"]:
            raise garbage("it is not whole")
        self._sql("CREATE UNIQUE INDEX ON brought (is_group, name)")
        self._sql("CREATE INDEX ON brought (id)")
        self._sql("ANALYZE brought")

    def _copy(self, rows: list[tuple[Any, ...]]) -> None:
        with connection.cursor() as cursor, cursor.copy(sql.COPY) as copy:
            copy.set_types(["bool", "text", "text", "text", "bool", "text", "text[]"])
            for row in rows:
                copy.write_row(row)
        groups = sum(row[0] for row in rows)
        self.counts["groups"] += groups
        self.counts["hosts"] += len(rows) - groups

    def _match(self) -> None:
        self._sql(sql.BY_INSTANCE)
        self._sql(sql.BY_NAME)
        self._sql(sql.GROUPS_BY_NAME)

    # -- what goes ------------------------------------------------------------------------------

    def _remove(self) -> None:
        hosts, groups = self._ids(sql.HOSTS_GONE), self._ids(sql.GROUPS_GONE)
        for at in range(0, len(hosts), BATCH):
            Host.objects.filter(pk__in=hosts[at : at + BATCH]).delete()
        Group.objects.filter(pk__in=groups).delete()
        self.counts |= {"hosts_removed": len(hosts), "groups_removed": len(groups)}
        self._sql(sql.UNTIE_GROUPS)
        self._sql(sql.UNTIE_HOSTS)

    # -- what comes and changes -----------------------------------------------------------------

    def _inventory_variables(self) -> None:
        """Merged whatever `overwrite_vars` says, as in AWX: they may be of several sources."""
        known = parse_variables(self.inventory.variables)
        replace = self.inventory.kind == "constructed" and self.row.overwrite_vars
        merged = self.all_vars if replace else {**known, **self.all_vars}
        if merged != known:
            Inventory.objects.filter(pk=self.inventory.pk).update(variables=json.dumps(merged))

    def _merged(self, known: str, brought: str, whose: str) -> str:
        """The variables that a row is to have; `known` itself where nothing changes."""
        if known == brought:
            return known
        before, new = _parsed(known, whose), _parsed(brought, whose)
        merged = new if self.row.overwrite_vars else {**before, **new}
        return known if merged == before else json.dumps(merged, sort_keys=True)

    def _groups(self) -> None:
        for batch in _batches(
            "SELECT g.id, g.name, g.variables, b.vars FROM brought b"
            " JOIN resources_group g ON g.id = b.id WHERE b.is_group AND g.id > %s"
        ):
            merged = [(pk, known, self._merged(known, new, f"group {name}"))
                      for pk, name, known, new in batch]  # fmt: skip
            changed = [(pk, text) for pk, known, text in merged if text is not known]
            self.counts["groups_changed"] += len(changed)
            _change(sql.CHANGE_GROUPS, changed)
        fresh = self._new(Group, True, ("variables", "description"))
        self.counts["groups_added"] = fresh
        self._sql(sql.GROUPS_BY_NAME)

    def _hosts(self) -> None:
        self._sql(sql.STEP_ASIDE)
        for batch in _batches(
            "SELECT h.id, h.name, h.variables, h.enabled, h.instance_id, b.name, b.vars, b.enabled,"
            " b.instance_id FROM brought b JOIN resources_host h ON h.id = b.id"
            " WHERE NOT b.is_group AND h.id > %s"
        ):
            changed = [row for known in batch if (row := self._changed_host(known)) is not None]
            self.counts["hosts_changed"] += len(changed)
            _change(sql.CHANGE_HOSTS, changed)
        fresh = self._new(Host, False, ("variables", "description", "enabled", "instance_id"))
        self.counts["hosts_added"] = fresh
        self._sql(sql.BY_NAME)

    def _changed_host(self, known: tuple[Any, ...]) -> tuple[Any, ...] | None:
        pk, name, variables, enabled, instance, new_name, new_vars, new_enabled, new_instance = (
            known
        )
        fresh = (
            new_name, self._merged(variables, new_vars, f"host {new_name}"),
            enabled if new_enabled is None else new_enabled, new_instance or instance,
        )  # fmt: skip
        return None if fresh == (name, variables, enabled, instance) else (pk, *fresh)

    def _new(self, model: Any, is_group: bool, columns: tuple[str, ...]) -> int:
        """Rows for what is not there yet; made by Django, which knows all columns."""
        made, after = 0, ""
        while True:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT name, vars, description, enabled, instance_id FROM brought"
                    " WHERE is_group = %s AND id IS NULL AND name > %s ORDER BY name LIMIT %s",
                    [is_group, after, BATCH],
                )
                rows = cursor.fetchall()
            if not rows:
                return made
            names = ("variables", "description", "enabled", "instance_id")
            model.objects.bulk_create(
                model(
                    inventory=self.inventory, name=name,
                    **{k: v for k, v in zip(names, values, strict=True)
                       if k in columns and v is not None},
                )
                for name, *values in rows
            )  # fmt: skip
            made, after = made + len(rows), rows[-1][0]

    # -- who belongs where ----------------------------------------------------------------------

    def _ties(self) -> None:
        self._sql(sql.TIE_GROUPS)
        self._sql(sql.TIE_HOSTS)
        self._sql(sql.OWN.format(kind="group"), is_group=True)
        self._sql(sql.OWN.format(kind="host"), is_group=False)
        circle = find_circle(
            Group.children.through.objects.filter(from_group__inventory=self.inventory).values_list(
                "from_group__name", "to_group__name"
            )
        )
        if circle:
            raise JobFailure(
                f"The groups would hold each other in a circle: {' > '.join(circle)}.",
                cure="Mend the children of these groups, in the source or in the inventory.",
                code="inventory_circle",
            )


def find_circle(edges: Any) -> list[str]:
    """A circle in parent-child pairs, or nothing. Without recursion: groups may nest deeply."""
    below: dict[str, list[str]] = {}
    for parent, child in edges:
        below.setdefault(parent, []).append(child)
    done: set[str] = set()
    for start in below:
        path, steps = [start], [iter(below[start])]
        on_path = {start}
        while steps and start not in done:
            child = next(steps[-1], None)
            if child is None:
                steps.pop()
                on_path.discard(path[-1])
                done.add(path.pop())
            elif child in on_path:
                return [*path[path.index(child) :], child]
            elif child not in done:
                path.append(child)
                on_path.add(child)
                steps.append(iter(below.get(child, ())))
    return []


def _batches(query: str) -> Iterator[list[tuple[Any, ...]]]:
    """Rows by their id, some at a time; the rows before may be changed meanwhile."""
    after = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(f"{query} ORDER BY 1 LIMIT {BATCH}", [after])
            rows = cursor.fetchall()
        if not rows:
            return
        yield rows
        after = rows[-1][0]


def _change(statement: str, rows: list[tuple[Any, ...]]) -> None:
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(statement, [list(column) for column in zip(*rows, strict=True)])


def _parsed(text: str, whose: str) -> dict[str, Any]:
    try:
        return parse_variables(text)
    except InvalidInput as error:
        raise InvalidInput(
            f"The variables of {whose} cannot be read: {error.sentence}",
            cure=f"Mend the variables of {whose}; they must be a mapping in YAML or JSON.",
        ) from error
