"""Follows a playbook through its project's tree, from file to file, and gathers its names."""

from __future__ import annotations

import posixpath
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from gantry.images.preflight import jinja, keywords, plain_yaml
from gantry.images.preflight.needs import Names, Need, Needs, Place
from gantry.images.preflight.requirements import Requirements
from gantry.images.preflight.roles import find_role
from gantry.images.preflight.tree import Tree

MOST_STEPS = 20_000  # files, each time in another role or manner
ENDINGS = ("", ".yml", ".yaml")


def read_needs(tree: Tree, playbook: str, *, synced: bool = True) -> Needs:
    """Never raises for what a project holds. `synced`: the tree has what its requirements files
    name, as a sync installs it; without, these count as being there."""
    needs = Needs(playbook)
    requirements = Requirements(tree)
    reader = _Reader(tree, needs, requirements)
    reader.playbook(f"project/{playbook}", "load")
    reader.run()
    if tree.cut:
        needs.doubt(tree.cut)
    requirements.complete(needs, synced=synced)
    return needs


class _Reader:
    def __init__(self, tree: Tree, needs: Needs, requirements: Requirements) -> None:
        self._tree, self._needs, self._requirements = tree, needs, requirements
        self._names = Names(tree, needs)
        self._queue: deque[Callable[[], None]] = deque()
        self._seen: set[Any] = set()
        self._documents: dict[str, Any] = {}

    def run(self) -> None:
        steps = 0
        while self._queue:
            steps += 1
            if steps > MOST_STEPS:
                self._needs.doubt("The playbook includes too many files to be followed to the end.")
                return
            self._queue.popleft()()

    def _once(self, key: Any, step: Callable[[], None]) -> None:
        if key not in self._seen:
            self._seen.add(key)
            self._queue.append(step)

    def _document(self, path: str) -> Any:
        """Parsed once; None for what is not there or cannot be read, which is told."""
        if path not in self._documents:
            self._documents[path] = None
            found = self._tree.find(path)
            if not found:
                self._needs.doubt(f"{path.removeprefix('project/')} is not in the project.")
                return None
            self._needs.files += 1
            try:
                self._documents[path] = plain_yaml.load(self._tree.texts[found])
            except plain_yaml.UnreadableYaml as error:
                self._needs.doubt(f"{path.removeprefix('project/')} {error}.")
        return self._documents[path]

    # -- plays ----------------------------------------------------------------------------------

    def playbook(self, path: str, when: Any) -> None:
        place = Place(path.removeprefix("project/"), when, posixpath.dirname(path))
        self._once(("playbook", path), lambda: self._plays(self._document(path), place))

    def _plays(self, document: Any, place: Place) -> None:
        for play in _dicts(document):
            entry = next((k for k in play if keywords.plain(k) in keywords.PLAYBOOK_ENTRIES), None)
            if entry is not None:
                self._import_playbook(_text(play[entry]), place)
            else:
                self._play(play, place)

    def _import_playbook(self, named: str, place: Place) -> None:
        name = named.split(" ")[0] if "{{" not in named else named
        if "{{" in name:
            self._needs.doubt(f"{place.file} makes a name by Jinja: {name[:80]}")
        elif name.count(".") == 2 and "/" not in name and not name.endswith((".yml", ".yaml")):
            collection, _, short = name.rpartition(".")
            self._needs.add(Need("collection", collection, "", "load", place.file, [name]))
            folder = self._requirements.folder_of(collection)
            for ending in ENDINGS[1:] if folder else ():
                if self._tree.find(f"{folder}/playbooks/{short}{ending}"):
                    self.playbook(f"{folder}/playbooks/{short}{ending}", "load")
        else:
            self.playbook(posixpath.normpath(f"{place.playbook_folder}/{name}"), "load")

    def _play(self, play: dict[str, Any], place: Place) -> None:
        place = replace(place, collections=tuple(_texts(play.get("collections"))))
        self._plugins_of(play, place)
        self._expressions(play.get("vars"), place)
        for part in ("pre_tasks", "tasks", "post_tasks", "handlers"):
            self._tasks(play.get(part), place)
        for each in _list(play.get("roles")):
            self._role(each, place)

    def _plugins_of(self, keyed: dict[str, Any], place: Place) -> None:
        """Of a play, a block or a task."""
        for key, kind in (("connection", "connection"), ("become_method", "become")):
            if value := _text(keyed.get(key)):
                self._names.take(kind, value, replace(place, when="run"))  # type: ignore[arg-type]

    # -- tasks ----------------------------------------------------------------------------------

    def _tasks(self, tasks: Any, place: Place) -> None:
        for task in _dicts(tasks):
            own = tuple(_texts(task.get("collections")))
            at = replace(place, collections=own + place.collections) if own else place
            self._plugins_of(task, at)
            if "block" in task:
                for part in ("block", "rescue", "always"):
                    self._tasks(task.get(part), at)
                rest = {k: v for k, v in task.items() if k not in ("block", "rescue", "always")}
                self._expressions(rest, at)
            else:
                self._task(task, at)

    def _task(self, task: dict[str, Any], place: Place) -> None:
        self._expressions(task, place)
        for key in task:
            if key.startswith("with_"):
                self._names.take("lookup", key.removeprefix("with_"), replace(place, when="run"))
        name, arguments = _action(task)
        short = keywords.plain(name)
        when = place.when if short in keywords.STATIC else "run"
        if short in keywords.TASKS:
            self._include(arguments, replace(place, when=when))
        elif short in keywords.ROLES:
            self._role(arguments, replace(place, when=when), included=True)
        elif name:
            self._names.take("modules", name, place)

    def _include(self, arguments: Any, place: Place) -> None:
        named = arguments.get("file") if isinstance(arguments, dict) else arguments
        name = _text(named)
        if "{{" in name or not name:
            self._needs.doubt(f"{place.file} includes a file named by Jinja: {name[:80]}")
            return
        name = name.split(" ")[0].removeprefix("file=")
        here = posixpath.dirname(_whole(place.file))
        folders = [here, f"{place.role}/tasks", f"{place.role}/handlers"] if place.role else [here]
        paths = [f"{folder}/{name}" for folder in [*folders, place.playbook_folder]]
        path = next((p for p in paths if self._tree.find(p)), paths[0])
        self._file(posixpath.normpath(path), place)

    def _file(self, path: str, place: Place) -> None:
        at = replace(place, file=path.removeprefix("project/"))
        self._once(("tasks", path, at), lambda: self._tasks(self._document(path), at))

    # -- roles ----------------------------------------------------------------------------------

    def _role(self, entry: Any, place: Place, *, included: bool = False) -> None:
        named = entry
        if isinstance(entry, dict):
            named = entry.get("name") if included else entry.get("role") or entry.get("name")
            self._expressions(entry, place)
        # `include_role: name=x`
        name = _text(named).strip()
        if "=" in name and "{{" not in name:
            name = next((w[5:] for w in name.split() if w.startswith("name=")), name)
        if "{{" in name or not name:
            self._needs.doubt(f"{place.file} uses a role named by Jinja: {name[:80]}")
            return
        role = find_role(self._tree, self._requirements, name, place)
        if role.collection and role.collection != place.collection:
            self._needs.add(
                Need("collection", role.collection, "", place.when, place.file, [name])
            )  # fmt: skip
        if role.folder:
            inside = replace(place, role=role.folder, collection=role.collection)
            self._enter(inside, entry if isinstance(entry, dict) else {})
        elif name in self._requirements.roles:
            self._needs.doubt(f"Role {name} comes by the project's requirements and is not read.")
        elif not role.collection:
            self._needs.add(Need("role", name, "", place.when, place.file, []))

    def _enter(self, place: Place, entry: dict[str, Any]) -> None:
        """A role's files: those that ansible loads, and those that this entry names instead."""
        role = place.role
        meta = self._optional(f"{role}/meta/main")
        if isinstance(meta, dict):
            place = replace(place, collections=tuple(_texts(meta.get("collections"))))
            self._once(("meta", place), lambda: self._meta(meta, place))
        else:
            place = replace(place, collections=())
        for part in ("tasks", "handlers"):
            wanted = _text(entry.get(f"{part}_from")) or "main"
            if "{{" in wanted:
                self._needs.doubt(f"{role} is entered at a file named by Jinja: {wanted[:80]}")
                continue
            if path := self._path(f"{role}/{part}/{wanted}"):
                self._file(path, place)
        for part in ("defaults", "vars"):
            values = self._optional(f"{role}/{part}/main")
            at = replace(place, file=f"{role.removeprefix('project/')}/{part}/main.yml")
            self._once((part, at), lambda values=values, at=at: self._expressions(values, at))  # type: ignore[misc]

    def _meta(self, meta: dict[str, Any], place: Place) -> None:
        place = replace(place, file=f"{place.role}/meta/main.yml".removeprefix("project/"))
        for each in _list(meta.get("dependencies")):
            self._role(each, place)
        info = meta.get("galaxy_info")
        oldest = _text(info.get("min_ansible_version")) if isinstance(info, dict) else ""
        if oldest:
            self._requirements.oldest_core(self._needs, oldest, place.file)

    def _path(self, base: str) -> str:
        return next((base + e for e in ENDINGS if self._tree.find(base + e)), "")

    def _optional(self, base: str) -> Any:
        path = self._path(base)
        return self._document(path) if path else None

    # -- expressions ----------------------------------------------------------------------------

    def _expressions(self, value: Any, place: Place) -> None:
        at = replace(place, when="run")
        for text, bare in _strings(value, bare=False):
            for kind, name in jinja.names_in(text, bare=bare):
                self._names.take(kind, name, at)


def _action(task: dict[str, Any]) -> tuple[str, Any]:
    """The module of a task and its arguments; "" for none that can be told."""
    for key in ("action", "local_action"):
        if key in task:
            value = task[key]
            if isinstance(value, dict):
                rest = {k: v for k, v in value.items() if k != "module"}
                return _text(value.get("module")), rest
            name, _, rest_text = _text(value).strip().partition(" ")
            return ("", None) if "{{" in name else (name, rest_text)
    for key, value in task.items():
        if key not in keywords.TASK_KEYWORDS and not key.startswith("with_"):
            return key, value if value not in ("", None) else task.get("args")
    return "", None


def _strings(value: Any, *, bare: bool) -> Iterator[tuple[str, bool]]:
    if isinstance(value, str):
        yield value, bare
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _strings(inner, bare=key in keywords.BARE)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner, bare=bare)


def _whole(file: str) -> str:
    return file if file.startswith(("project/", "requirements_")) else f"project/{file}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _texts(value: Any) -> list[str]:
    return [each for each in _list(value) if isinstance(each, str)]


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [each for each in _list(value) if isinstance(each, dict)]
