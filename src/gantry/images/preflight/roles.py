"""Where a role lies in a project's tree."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from gantry.images.preflight.needs import Place
from gantry.images.preflight.requirements import Requirements
from gantry.images.preflight.tree import Tree


@dataclass(frozen=True)
class FoundRole:
    """`folder` "" where it is not in the tree; `collection` that it is of, "" for none."""

    folder: str
    collection: str


def find_role(tree: Tree, requirements: Requirements, name: str, place: Place) -> FoundRole:
    """In the collection it stands in, `roles/` beside the playbook, the paths of roles, beside the
    role that depends on it, beside the playbook, in the play's `collections:`."""
    if name.count(".") == 2 and "/" not in name:
        collection, _, short = name.rpartition(".")
        return FoundRole(_in_collection(tree, requirements, collection, short), collection)
    own = _in_collection(tree, requirements, place.collection, name)
    if own:
        return FoundRole(own, place.collection)
    for path in _paths(name, place):
        if tree.has_folder(path):
            return FoundRole(posixpath.normpath(path), "")
    # Ansible asks these before the paths; a role that lies there needs no collection either way.
    for collection in place.collections:
        if folder := _in_collection(tree, requirements, collection, name):
            return FoundRole(folder, collection)
    return FoundRole("", "")


def _paths(name: str, place: Place) -> Iterator[str]:
    yield f"{place.playbook_folder}/roles/{name}"
    yield f"requirements_roles/{name}"
    yield f"project/roles/{name}"
    if place.role:
        yield f"{posixpath.dirname(place.role)}/{name}"
    yield f"{place.playbook_folder}/{name}"


def _in_collection(tree: Tree, requirements: Requirements, collection: str, role: str) -> str:
    home = requirements.folder_of(collection) if collection else ""
    folder = f"{home}/roles/{role}"
    return folder if home and tree.has_folder(folder) else ""
