"""Trees for the tests: a dict of files, packed as a sync packs them."""

from __future__ import annotations

import io
import tarfile
import textwrap

from gantry.images.preflight.needs import Needs
from gantry.images.preflight.read import read_needs
from gantry.images.preflight.tree import Tree, read_archive

COLLECTIONS = "requirements_collections/ansible_collections"


def packed(files: dict[str, str], links: dict[str, str] | None = None) -> bytes:
    """`files` of the project; names that begin with `requirements_` stand beside it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, target in (links or {}).items():
            member = tarfile.TarInfo(f"project/{name}")
            member.type, member.linkname = tarfile.SYMTYPE, target
            archive.addfile(member)
        for name, text in files.items():
            beside = name.startswith(("requirements_roles", "requirements_collections"))
            data = textwrap.dedent(text).encode()
            member = tarfile.TarInfo(name if beside else f"project/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def grown(files: dict[str, str], links: dict[str, str] | None = None) -> Tree:
    data = packed(files, links)
    return read_archive(data[at : at + 100] for at in range(0, len(data), 100))


def needs(
    files: dict[str, str] | str, links: dict[str, str] | None = None, *, synced: bool = True
) -> Needs:
    tree = grown({"site.yml": files} if isinstance(files, str) else files, links)
    return read_needs(tree, "site.yml", synced=synced)


def collections(found: Needs) -> dict[str, str]:
    """name -> when"""
    return {n.name: n.when for n in found.found.values() if n.kind == "collection"}
