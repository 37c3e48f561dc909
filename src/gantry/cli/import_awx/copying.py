"""Copies row after row: each finds its likeness here by what names it, or is made."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from gantry.cli.import_awx.nouns import LEFT, NOUNS, TEMPLATES, WITH_ROLES, WITH_SURVEY, Noun
from gantry.cli.import_awx.report import Report
from gantry.cli.import_awx.source import Source
from gantry.cli.import_awx.special import SPECIAL, approval, asks, computed, survey
from gantry.cli.import_awx.target import Refused, Target

Row = dict[str, Any]
Key = tuple[Any, ...]


def copy_installation(source: Source, target: Target, report: Report) -> None:
    copying = Copying(source, target, report)
    for noun in NOUNS:
        if noun.plural in target.nouns:
            copying.noun(noun)
    for noun in NOUNS:
        if noun.late:
            copying.late(noun)
    for plural in ("users", "teams"):
        copying.roles(plural)
    copying.assignments()
    for plural, words in LEFT.items():
        if any(True for _ in source.rows(plural, page_size="1")):
            report.miss(words)


class Copying:
    """`ids` maps rows of the source to those here; what was refused is not in it."""

    def __init__(self, source: Source, target: Target, report: Report) -> None:
        self.source, self.target, self.report = source, target, report
        self.ids: dict[tuple[str, int], int] = {}
        self.seen: dict[str, list[Row]] = {}
        self._roles: dict[tuple[str, int], dict[str, int]] = {}
        likeness = Noun("system_job_templates", key=("job_type",))
        self._match(likeness, list(source.rows(likeness.plural)))

    def noun(self, noun: Noun) -> None:
        self.report.say(f"{noun.plural.replace('_', ' ')} …")
        # A group's hosts and a constructed inventory's inputs come after what they are made of.
        rows = sorted(self.source.rows(noun.plural, **noun.only), key=computed)
        self.seen[noun.plural] = rows
        here = self._match(noun, rows)
        for row in rows:
            if not self._skipped(row):
                self._row(noun, row, here.get(self._key(noun, row)))

    def _match(self, noun: Noun, rows: list[Row]) -> dict[Key, Row]:
        """The rows here by their keys; those of the source that are among them get their ids."""
        if noun.plural not in self.target.nouns:
            return {}
        here = {tuple(r.get(f) for f in noun.key): r for r in self.target.rows(noun.plural)}
        for row in rows:
            if like := here.get(self._key(noun, row)):
                self.ids[noun.plural, row["id"]] = like["id"]
        return here

    def _key(self, noun: Noun, row: Row) -> Key:
        return tuple(self._points(noun, name, row) for name in noun.key)

    def _points(self, noun: Noun, name: str, row: Row) -> Any:
        """A field's value here: of one that points to a row, that row's id; None for one that has
        none here."""
        value = row.get(name)
        plural = noun.refs.get(name)
        if name == "unified_job_template":
            kind = row["summary_fields"].get(name, {}).get("unified_job_type", "")
            plural = TEMPLATES.get(kind, kind)
        if plural is None or value is None:
            return value
        return self.ids.get((plural, value))

    def _skipped(self, row: Row) -> bool:
        """What a smart or constructed inventory holds is found again here."""
        return row.get("type") in ("host", "group") and row["inventory"] in self._computed

    @cached_property
    def _computed(self) -> set[int]:
        return {row["id"] for row in self.seen["inventories"] if computed(row)}

    def _row(self, noun: Noun, row: Row, here: Row | None) -> None:
        name = str(row.get("name") or row.get("username") or row["id"])
        if row.get("managed") and here is not None:
            return
        try:
            state, made = self._write(noun, row, here)
            self.ids[noun.plural, row["id"]] = made["id"]
            state = self._lists(noun, row, state, late=False)
            if noun.plural in WITH_SURVEY:
                state = survey(self, noun.plural, row, made) or state
            if asks(row):
                state = approval(self, row, made) or state
        except Refused as error:
            self.report.refuse(noun.plural, name, str(error))
        else:
            self.report.count(noun.plural, state)

    def _write(self, noun: Noun, row: Row, here: Row | None) -> tuple[str, Row]:
        body = self._body(noun, row, here)
        if here is None:
            made_elsewhere = computed(row) and row["kind"] == "constructed"
            place = "constructed_inventories" if made_elsewhere else noun.plural
            return "new", self.target.post(place, body)
        differing = {k: v for k, v in body.items() if (v or None) != (here.get(k) or None)}
        if not differing:
            return "as it was", here
        return "changed", self.target.patch(f"{noun.plural}/{here['id']}", differing)

    def _body(self, noun: Noun, row: Row, here: Row | None) -> Row:
        body: Row = {}
        for name in sorted(self.target.fields(noun.plural) & set(row) - set(noun.late)):
            value = self._points(noun, name, row)
            if name == "unified_job_template" and asks(row):
                continue
            if value is None and row[name] is not None:
                raise Refused(f"its {name.replace('_', ' ')} did not come")
            if value is not None or here is not None:
                body[name] = value
        return SPECIAL.get(noun.plural, _as_it_is)(self, row, body, here)

    def late(self, noun: Noun) -> None:
        for row in self.seen.get(noun.plural, []):
            here = self.ids.get((noun.plural, row["id"]))
            if here is None or row.get("managed") or self._skipped(row):
                continue
            points = {f: self._points(noun, f, row) for f in noun.late if f in noun.refs}
            try:
                points = {f: v for f, v in points.items() if v is not None}
                if points:
                    self.target.patch(f"{noun.plural}/{here}", points)
                self._lists(noun, row, "", late=True)
            except Refused as error:
                self.report.refuse(noun.plural, str(row.get("name")), str(error))

    def _lists(self, noun: Noun, row: Row, state: str, *, late: bool) -> str:
        """Bring the members of the lists below a row along; members that are here already stay."""
        lists = dict(noun.lists)
        if row.get("kind") == "constructed":
            lists["input_inventories"] = "inventories"
        for name, plural in lists.items():
            link = row.get("related", {}).get(name)
            if link is None or (name in noun.late) != late:
                continue
            wanted = [self.ids.get((plural, member["id"])) for member in self.source.rows(link)]
            if not any(wanted):
                continue
            here = f"{noun.plural}/{self.ids[noun.plural, row['id']]}/{name}"
            present = {member["id"] for member in self.target.rows(here)}
            for member in wanted:
                if member is not None and member not in present:
                    self.target.post(here, {"id": member})
                    state = "changed" if state == "as it was" else state
        return state

    def roles(self, plural: str) -> None:
        """Who may do what: the roles that people and teams hold on objects."""
        self.report.say(f"roles of {plural} …")
        for row in self.seen[plural]:
            here = self.ids.get((plural, row["id"]))
            if here is None:
                continue
            held = {role["id"] for role in self.target.rows(f"{plural}/{here}/roles")}
            for role in self.source.rows(row["related"]["roles"]):
                self._role(f"{plural}/{here}/roles", role, held)

    def assignments(self) -> None:
        """What people and teams hold by roles that were defined there; managed ones came above."""
        own = {
            row["id"]: row["name"] for row in self.seen["role_definitions"] if not row["managed"]
        }
        for holder in ("user", "team"):
            plural = f"role_{holder}_assignments"
            held = {_assignment(row, holder) for row in self.target.rows(plural)}
            for row in self.source.rows(plural):
                if row["role_definition"] in own:
                    self._assign(holder, row, own[row["role_definition"]], held)

    def _assign(self, holder: str, row: Row, name: str, held: set[Key]) -> None:
        body = {
            "role_definition": self.ids.get(("role_definitions", row["role_definition"])),
            holder: self.ids.get((f"{holder}s", row[holder])),
            "object_id": str(self.ids.get((_kind(row["content_type"]), int(row["object_id"])))),
        }
        if _assignment(body, holder) in held:
            self.report.count("roles", "as it was")
            return
        try:
            self.target.post(f"role_{holder}_assignments", body)
            self.report.count("roles", "new")
        except Refused as error:
            self.report.refuse("roles", name, str(error))

    def _role(self, place: str, role: Row, held: set[int]) -> None:
        about = role["summary_fields"]
        plural = WITH_ROLES.get(about.get("resource_type", ""), "")
        on = self.ids.get((plural, about.get("resource_id", 0)))
        if on is None:
            return  # a system role, which a person's own fields say, or of what is not here
        known = self._roles.setdefault((plural, on), {})
        if not known:
            rows = self.target.rows(f"{plural}/{on}/object_roles")
            known.update({r["name"]: r["id"] for r in rows})
        wanted = known.get(role["name"])
        if wanted is None or wanted in held:
            self.report.count("roles", "as it was" if wanted else "refused")
            return
        try:
            self.target.post(place, {"id": wanted})
            self.report.count("roles", "new")
        except Refused as error:
            self.report.refuse(
                "roles", f"{role['name']} of {about.get('resource_name')}", str(error)
            )


def _as_it_is(copying: Copying, row: Row, body: Row, here: Row | None) -> Row:
    return body


def _assignment(row: Row, holder: str) -> Key:
    return row["role_definition"], row[holder], str(row["object_id"])


def _kind(content_type: str) -> str:
    """`awx.jobtemplate` as the noun that it is."""
    word = content_type.rpartition(".")[2]
    return next((p for kind, p in WITH_ROLES.items() if kind.replace("_", "") == word), "")
