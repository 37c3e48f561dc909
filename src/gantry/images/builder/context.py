"""Makes what the engine builds from: ansible-builder's context, then Gantry's additions, in a tar.

ansible-builder runs as a process of its own: it keeps temporary files until it ends. A definition
may name no file outside of its folder (`definition.check_files`), so it reads nothing else here.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from gantry.base.errors import GantryError
from gantry.base.text import strip_ansi
from gantry.images.builder import containerfile
from gantry.images.builder.definition import Definition
from gantry.images.builder.host import Files

REQUIREMENTS = "_build/requirements.yml"
RECIPE = "Containerfile"
PIECE = 1 << 20
EXECUTABLE = ("pkgmgr", "_build/scripts/pip_install")


class ContextFailed(GantryError):
    """ansible-builder could not make the context."""

    code = "build_context"


@dataclass(frozen=True)
class Pins:
    """What a lock fixes, as the tools in a build take it. `key` names it for the layer cache."""

    key: str = "free"
    constraints: str = ""  # pip's
    versions: str = ""  # `name version` of system packages, a line each
    collections: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Context:
    """What all stages of a build are made from."""

    folder: Path
    added: Files
    stages: list[containerfile.Stage]

    def write(self, archive: Path, recipe: str) -> None:
        """A tar with this Containerfile."""
        added = {**self.added, RECIPE: recipe.encode()}
        with tarfile.open(archive, "w") as tar:
            for path in sorted(self.folder.rglob("*")):
                name = str(path.relative_to(self.folder))
                if not path.is_dir() and name not in added:
                    tar.add(path, name, recursive=False, filter=_plain)
            for name, content in sorted(added.items()):
                member = _plain(tarfile.TarInfo(name))
                member.mode = 0o755 if name.endswith(EXECUTABLE) else 0o644
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))


def make_context(
    file: Path,
    definition: Definition,
    folder: Path,
    *,
    images: Mapping[str, str],
    host: Files,
    pins: Pins | None = None,
) -> Context:
    """Make it in `folder`. `file` is the definition in its own folder, `images` the values of
    EE_BASE_IMAGE and EE_BUILDER_IMAGE, `host` what `host.host_files` gives.

    Raises ContextFailed.
    """
    pins = pins or Pins()
    _create(file, folder)
    text = (folder / RECIPE).read_text()
    text = containerfile.rewrite(text, images=images, key=pins.key)
    if pins.collections and (folder / REQUIREMENTS).is_file():
        path = folder / REQUIREMENTS
        path.write_text(pin_collections(path.read_text(), pins.collections))
    return Context(folder, _additions(definition, host, pins), containerfile.stages(text))


def _create(file: Path, folder: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "ansible_builder", "create"),
            *("--file", str(file), "--context", str(folder)),
            *("--output-filename", RECIPE),
        ],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    if done.returncode:
        said = strip_ansi(done.stderr.strip() or done.stdout.strip())
        said = said.replace(f"{file.parent}/", "")
        raise ContextFailed(
            f"ansible-builder could not make the build context: {said[-1000:]}",
            cure="Mend the definition as it says.",
        )


def _additions(definition: Definition, host: Files, pins: Pins) -> Files:
    scripts = resources.files("gantry.images.builder.scripts")
    options = definition.data.get("options") or {}
    manager = str(options.get("package_manager_path") or "")
    shim = (scripts / "pkgmgr.sh").read_text().replace("@PACKAGE_MANAGER@", manager)
    bound = {**host, "pkgmgr": shim.encode()}
    if pins.constraints:
        bound["constraints.txt"] = pins.constraints.encode()
    if pins.versions:
        bound["versions.txt"] = pins.versions.encode()
        pairs = (line.split(" ", 1) for line in pins.versions.splitlines())
        preferences = "\n".join(
            f"Package: {name}\nPin: version {version}\nPin-Priority: 1001\n"
            for name, version in pairs
        )
        bound["apt/preferences"] = preferences.encode()
        line = f'Dir::Etc::preferences "{containerfile.TARGET}/apt/preferences";\n'.encode()
        for name in ("apt/settings", "apt/settings-and-sources"):
            if name in bound:
                bound[name] += line
    return {
        **{f"{containerfile.SOURCE}/{name}": content for name, content in bound.items()},
        "_build/scripts/pip_install": (scripts / "pip_install.sh").read_bytes(),
        # `COPY .` in somebody's own step must not take it along; a bind mount does not ask here.
        ".containerignore": f"{containerfile.SOURCE}\n.containerignore\n".encode(),
    }


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """The same content is the same context, for the layer cache."""
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    member.mtime = 0
    return member


def pin_collections(requirements: str, versions: Mapping[str, str]) -> str:
    """The requirements with each collection of a Galaxy server at its locked version, those that
    only others need included. What comes from Git, a URL or a file stays as it is written."""
    data = yaml.safe_load(requirements) or {}
    whole: dict[str, Any] = data if isinstance(data, dict) else {"roles": data}
    entries = [e if isinstance(e, dict) else {"name": e} for e in whole.get("collections") or []]
    left = dict(versions)
    for entry in entries:
        name = str(entry.get("name", "")).partition(":")[0]
        if name in left and entry.get("type", "galaxy") == "galaxy":
            entry |= {"name": name, "version": f"=={left.pop(name)}"}
    more = [{"name": name, "version": f"=={version}"} for name, version in sorted(left.items())]
    return yaml.safe_dump({**whole, "collections": [*entries, *more]}, sort_keys=False)


async def pieces(archive: Path) -> AsyncIterator[bytes]:
    with archive.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece
