"""What a project's own files ask for: requirements.yml, and the metadata of the collections and
roles that lie in its tree."""

from __future__ import annotations

import re
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from gantry.images.preflight import plain_yaml
from gantry.images.preflight.needs import Need, Needs
from gantry.images.preflight.tree import Tree

# What a sync installs from (pods/agent/sync/requirements.py).
FILES = tuple(
    f"project/{folder}requirements.{ending}"
    for folder in ("", "roles/", "collections/")
    for ending in ("yml", "yaml")
)
_VERSION = re.compile(r"\d+(\.\d+)*")
_FIRST_PACKAGE = 3  # `ansible` went from 2.10 to 3, ansible-core stays at 2


class Requirements:
    """`collections` maps a name to its wanted range ("" for any); `roles` are their names."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self.collections: dict[str, str] = {}
        self.roles: set[str] = set()
        self._folders: dict[str, str] = {}
        for file in FILES:
            if file in tree.texts:
                self._take(self._load(file))
        self._find_folders()

    def folder_of(self, collection: str) -> str:
        """Where it lies in the tree; "" where it does not. What a sync installed comes first."""
        return self._folders.get(collection, "")

    def _find_folders(self) -> None:
        for path in sorted(self._tree.texts, reverse=True):
            head, mark, rest = path.partition("ansible_collections/")
            parts = rest.split("/")
            if mark and len(parts) > 2:
                name = f"{parts[0]}.{parts[1]}"
                self._folders.setdefault(name, f"{head}{mark}{parts[0]}/{parts[1]}")

    def _load(self, path: str) -> Any:
        try:
            return plain_yaml.load(self._tree.texts.get(path, b""))
        except plain_yaml.UnreadableYaml:
            return None

    def _take(self, document: Any) -> None:
        listed = document if isinstance(document, dict) else {"roles": document}
        for each in listed.get("collections") or []:
            name = each if isinstance(each, str) else _get(each, "name")
            name, _, inline = name.partition(":") if "/" not in name else (name, "", "")
            if re.fullmatch(r"\w+\.\w+", name):
                self.collections[name] = "" if inline == "*" else inline or _version(each)
        for each in listed.get("roles") or []:
            name = each if isinstance(each, str) else _get(each, "name") or _get(each, "src")
            if name:
                self.roles.add(name.split(",")[0].rsplit("/", 1)[-1].removesuffix(".git"))

    # -- after the playbook was followed -----------------------------------------------------------

    def complete(self, needs: Needs, *, synced: bool) -> None:
        """Add what the collections that are used, and lie in the tree, ask for themselves."""
        needs.here = sorted({*self._tree.collections, *(() if synced else self.collections)})
        waiting = [n.name for n in needs.found.values() if n.kind == "collection"]
        done: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name in done or not (folder := self.folder_of(name)):
                continue
            done.add(name)
            waiting += self._of_collection(needs, name, folder)
        for need in needs.found.values():
            if need.kind == "collection" and not need.wanted:
                need.wanted = self.collections.get(need.name, "")

    def _of_collection(self, needs: Needs, name: str, folder: str) -> list[str]:
        core = _get(self._load(f"{folder}/meta/runtime.yml"), "requires_ansible")
        if core:
            needs.add(Need("ansible-core", name, core, "run", f"{folder}/meta/runtime.yml"))
        for line in self._python(folder):
            try:
                wanted = Requirement(line)
            except InvalidRequirement:
                continue
            if wanted.marker is None or wanted.marker.evaluate():
                needs.add(Need("python", wanted.name, str(wanted.specifier), "run", name))
        manifest = self._load(f"{folder}/MANIFEST.json")
        info = manifest.get("collection_info") if isinstance(manifest, dict) else None
        others = info.get("dependencies") if isinstance(info, dict) else None
        found = []
        for other, wanted_range in others.items() if isinstance(others, dict) else ():
            if re.fullmatch(r"\w+\.\w+", other) and isinstance(wanted_range, str):
                range_ = "" if wanted_range == "*" else wanted_range
                needs.add(Need("collection", other, range_, "run", folder, [name]))
                found.append(other)
        return found

    def _python(self, folder: str) -> list[str]:
        """By meta/execution-environment.yml, or requirements.txt, as ansible-builder looks."""
        meta = self._load(f"{folder}/meta/execution-environment.yml")
        dependencies = meta.get("dependencies") if isinstance(meta, dict) else None
        python = dependencies.get("python") if isinstance(dependencies, dict) else None
        if isinstance(python, list):
            return [line for line in python if isinstance(line, str)]
        if meta and not python:
            return []
        file = f"{folder}/{python if isinstance(python, str) else 'requirements.txt'}"
        text = self._tree.texts.get(file, b"").decode("utf-8", "replace")
        lines = (line.split(" #")[0].strip() for line in text.splitlines())
        return [line for line in lines if line and not line.startswith(("#", "-"))]

    @staticmethod
    def oldest_core(needs: Needs, oldest: str, where: str) -> None:
        """A role's min_ansible_version; one of the `ansible` package says nothing of ansible-core.
        Ansible itself does not insist on it."""
        found = _VERSION.search(oldest)
        if found and int(found[0].split(".")[0][:9]) < _FIRST_PACKAGE:
            needs.add(Need("ansible-core", "ansible-core", f">={found[0]}", "run", where))


def _get(value: Any, key: str) -> str:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


def _version(each: Any) -> str:
    wanted = _get(each, "version")
    return "" if wanted in ("*", "") or not re.match(r"[<>=!~]|\d", wanted) else wanted
